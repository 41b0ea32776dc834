/* What the editors tell, by who made the connection: see ops.h. Both tables are constant, so these calls are direct ones. */
#include "conn/ops.h"

#define TELL(side, op, ...)                                                                                       \
    (__builtin_expect(((struct octo_conn *)owner)->link != NULL, 0) ? octo_client_##side##_ops.op(__VA_ARGS__)    \
                                                                    : octo_server_##side##_ops.op(__VA_ARGS__))

#define BOTH_SIDES(X) X(in) X(out)

#define SIDE(side)                                                                                                \
    static void side##_begin(void *owner, struct octo_framer *f)                                                  \
    {                                                                                                             \
        TELL(side, begin, owner, f);                                                                              \
    }                                                                                                             \
    static void side##_head(void *owner, const struct octo_framer *f, bool inserted)                              \
    {                                                                                                             \
        TELL(side, head, owner, f, inserted);                                                                     \
    }                                                                                                             \
    static const char *side##_insertion(void *owner, const struct octo_framer *f, size_t *len)                    \
    {                                                                                                             \
        return TELL(side, insertion, owner, f, len);                                                              \
    }                                                                                                             \
    static void side##_end(void *owner, const struct octo_framer *f)                                              \
    {                                                                                                             \
        TELL(side, end, owner, f);                                                                                \
    }                                                                                                             \
    static void side##_opaque(void *owner, const struct octo_framer *f)                                           \
    {                                                                                                             \
        TELL(side, opaque, owner, f);                                                                             \
    }                                                                                                             \
    static void side##_tap(void *owner, const uint8_t *p, uint64_t n)                                             \
    {                                                                                                             \
        TELL(side, tap, owner, p, n);                                                                             \
    }
BOTH_SIDES(SIDE)

static void out_intend(void *owner, const struct octo_framer *f, uint64_t bytes)
{
    TELL(out, intend, owner, f, bytes);
}

static void out_forgo(void *owner)
{
    TELL(out, forgo, owner);
}

const struct octo_edit_ops octo_conn_in_ops = {in_begin,  in_insertion, in_head, in_end,
                                               in_opaque, NULL,         NULL,    in_tap};
const struct octo_edit_ops octo_conn_out_ops = {out_begin,  out_insertion, out_head,  out_end,
                                                out_opaque, out_intend,    out_forgo, out_tap};
