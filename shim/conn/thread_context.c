/* The thread context: see thread_context.h. */
#include "conn/thread_context.h"

#include <stdatomic.h>
#include <string.h>

enum { USUAL = 32 }; /* bytes that are copied at once */
enum { ID_KEY = 0 }; /* its place in threadlocal.attribute_key_map: see export/process_context.c */

_Static_assert(offsetof(struct octo_thread_record, attribute) == 28, "the place that readers know");
_Static_assert(offsetof(struct octo_thread_record, attribute.value) == 30, "the same");
_Static_assert(offsetof(struct octo_exchange, record) % 2 == 0, "the alignment that they expect");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "put64() turns it round");

/* The name is what readers look for. */
extern __attribute__((visibility("default"))) __thread const void *otel_thread_ctx_v1;
__thread const void *otel_thread_ctx_v1;

static void put64(uint8_t *to, uint64_t value)
{
    uint64_t wire = __builtin_bswap64(value);

    memcpy(to, &wire, sizeof(wire));
}

int64_t octo_thread_context_offset(void)
{
    return (char *)&otel_thread_ctx_v1 - (char *)__builtin_thread_pointer();
}

void octo_thread_context_make(struct octo_exchange *x)
{
    struct octo_thread_record *r = &x->record;

    put64(r->trace_id, x->trace.id[0]);
    put64(r->trace_id + 8, x->trace.id[1]);
    put64(r->span_id, x->trace.span);
    r->trace_flags = x->trace.flags;
    r->attribute.key = ID_KEY;
    r->attribute.length = x->id_len;
    if (__builtin_expect(x->id_len <= USUAL, 1))
        memcpy(r->attribute.value, octo_exchange_id(x), USUAL);
    else
        memcpy(r->attribute.value, octo_exchange_id(x), x->id_len);
    r->attributes_size = (uint16_t)(2 + x->id_len);
    atomic_signal_fence(memory_order_seq_cst);
    r->valid = 1;
}

void octo_thread_context_end(struct octo_exchange *x)
{
    x->record.valid = 0;
}

void octo_thread_context_attach(const struct octo_exchange *x)
{
    if (otel_thread_ctx_v1 == NULL)
        otel_thread_ctx_v1 = &x->record;
}

void octo_thread_context_detach(const struct octo_exchange *x)
{
    if (otel_thread_ctx_v1 == &x->record)
        otel_thread_ctx_v1 = NULL;
}
