/*
 * What an editor is measured by: the same stream framed in one piece, and a witness of what it reports.
 *
 * For: read_model.h and write_model.h. An includer defines CHECK(condition) first.
 *
 *      ideal       the stream with every wanted insertion at its place
 *      witness     the `owner` of the ops: answers begin() and insertion(), and notes head(), end(), opaque()
 */
#ifndef OCTO_TESTS_EDIT_MODEL_H
#define OCTO_TESTS_EDIT_MODEL_H

#include "proto/edit.h"
#include "stream_gen.h"

#include <errno.h>

enum { HEADS_MAX = 600, NOTES_MAX = 2000, LINE_MAX_LEN = 150 };

struct head_at {
    size_t offset;    /* of the blank line's CR */
    uint32_t message; /* counted from 0, 1xx included */
    bool wanted;      /* an insertion belongs here */
};

/* 'H' head, 'I' head with insertion, 'E' end, 'O' opaque; detail: id state, or the reason. */
struct report {
    char kind;
    uint8_t detail;
};

struct witness {
    const struct stream_text *stream;
    enum octo_role role;
    uint32_t salt;     /* varies the lengths of the lines */
    uint32_t refuse;   /* begin() refuses this message */
    uint32_t ended;    /* messages */
    uint32_t answered; /* messages but 1xx */
    struct octo_head_text text[2];
    char line[LINE_MAX_LEN];
    struct report report[NOTES_MAX];
    size_t reports;
    size_t heads_of_call; /* the models reset it */
    bool intended;        /* the present message's end has been told in advance */
    size_t foretold;      /* ends that were */
};

/* The line for a message: its length depends on the message, the salt on all of them. */
static inline size_t line_for(const struct witness *w, uint32_t message, char out[LINE_MAX_LEN])
{
    size_t id = 1 + (w->salt * 7 + message * 31) % 100;

    if (w->salt % 3 == 0)
        id = 20;
    memcpy(out, "X-Request-ID: ", 14);
    for (size_t i = 0; i < id; i++)
        out[14 + i] = (char)('a' + (i + message) % 26);
    memcpy(out + 14 + id, "\r\n", 2);
    return id + 16;
}

static inline bool is_wanted(const struct octo_framer *f)
{
    return f->id_state == OCTO_ID_ABSENT && (f->role == OCTO_REQUEST || f->status >= 200);
}

static inline void on_begin(void *owner, struct octo_framer *f)
{
    struct witness *w = owner;

    CHECK(octo_framer_at_start(f) && !octo_framer_is_opaque(f));
    if (w->ended == w->refuse)
        octo_framer_opaque(f, OCTO_OPAQUE_UNSOLICITED);
    else if (w->role == OCTO_REQUEST)
        f->text = &w->text[w->ended % 2];
    else
        f->method = w->stream->methods[w->answered % STREAM_MESSAGES];
}

static inline const char *on_insertion(void *owner, const struct octo_framer *f, size_t *len)
{
    struct witness *w = owner;

    if (!is_wanted(f)) {
        *len = 0;
        return NULL;
    }
    *len = line_for(w, w->ended, w->line);
    return w->line;
}

static inline void note_report(struct witness *w, char kind, uint8_t detail)
{
    CHECK(w->reports < NOTES_MAX);
    w->report[w->reports++] = (struct report){kind, detail};
}

static inline void on_head(void *owner, const struct octo_framer *f, bool inserted)
{
    struct witness *w = owner;

    w->heads_of_call++;
    note_report(w, inserted ? 'I' : 'H', f->id_state);
}

static inline void on_end(void *owner, const struct octo_framer *f)
{
    struct witness *w = owner;

    w->foretold += w->intended;
    w->intended = false;
    w->ended++;
    if (f->role == OCTO_REQUEST || f->status >= 200)
        w->answered++;
    note_report(w, 'E', 0);
}

static inline void on_opaque(void *owner, const struct octo_framer *f)
{
    note_report(owner, 'O', f->reason);
}

static inline void on_intend(void *owner, const struct octo_framer *f, uint64_t bytes)
{
    struct witness *w = owner;

    CHECK(!w->intended && (f->role == OCTO_REQUEST || f->status >= 100));
    w->intended = true;
    (void)bytes; /* the models look at where the stream is once they have passed */
}

static inline void on_forgo(void *owner)
{
    ((struct witness *)owner)->intended = false;
}

static const struct octo_edit_ops witness_ops = {on_begin,  on_insertion, on_head, on_end,
                                                 on_opaque, on_intend,    on_forgo};

/* The stream framed in one piece. */
struct ideal {
    struct head_at head[HEADS_MAX];
    size_t heads;
    struct witness witness; /* what should be reported; insertions as wanted */
};

static inline void make_ideal(struct ideal *ideal, const struct stream_text *stream, enum octo_role role,
                              uint32_t salt, uint32_t refuse)
{
    struct octo_framer f;
    struct witness *w = &ideal->witness;
    size_t at = 0;

    memset(w, 0, sizeof(*w));
    w->stream = stream;
    w->role = role;
    w->salt = salt;
    w->refuse = refuse;
    ideal->heads = 0;
    octo_framer_init(&f, role);
    while (at < stream->len && !octo_framer_is_opaque(&f)) {
        enum octo_verdict verdict;

        if (octo_framer_at_start(&f))
            on_begin(w, &f);
        at += octo_framer_feed(&f, stream->bytes + at, stream->len - at, &verdict);
        if (verdict == OCTO_AT_BLANK) {
            CHECK(ideal->heads < HEADS_MAX);
            ideal->head[ideal->heads++] = (struct head_at){at, w->ended, is_wanted(&f)};
            on_head(w, &f, is_wanted(&f));
        } else if (verdict == OCTO_AT_END) {
            on_end(w, &f);
        }
    }
    if (octo_framer_is_opaque(&f))
        on_opaque(w, &f);
}

/* Compares what was reported with the ideal. `exact`: heads must have been given their insertions. */
static inline void check_reports(const struct ideal *ideal, const struct witness *w, bool exact)
{
    const struct witness *wanted = &ideal->witness;

    CHECK(w->reports == wanted->reports);
    for (size_t i = 0; i < w->reports; i++) {
        char kind = w->report[i].kind;

        CHECK(w->report[i].detail == wanted->report[i].detail);
        CHECK(kind == wanted->report[i].kind || (!exact && kind == 'H' && wanted->report[i].kind == 'I'));
    }
}

/*
 * Builds into out what the reader should have got once the first `taken` bytes of the stream have passed and
 * `inj_done` bytes of an insertion at that point; flags[i] tells whether head i got its insertion. Returns the
 * length.
 */
static inline size_t expected_bytes(const struct ideal *ideal, const struct stream_text *stream, size_t taken,
                                    size_t inj_done, const bool *flags, uint8_t *out)
{
    char line[LINE_MAX_LEN];
    size_t at = 0, n = 0;

    for (size_t i = 0; i < ideal->heads && ideal->head[i].offset <= taken; i++) {
        const struct head_at *h = &ideal->head[i];
        size_t len = line_for(&ideal->witness, h->message, line);

        memcpy(out + n, stream->bytes + at, h->offset - at);
        n += h->offset - at;
        at = h->offset;
        if (h->offset == taken)
            len = inj_done < len ? inj_done : len;
        else if (!flags[i])
            len = 0;
        memcpy(out + n, line, h->wanted ? len : 0);
        n += h->wanted ? len : 0;
    }
    memcpy(out + n, stream->bytes + at, taken - at);
    return n + taken - at;
}

enum { EDITED_MAX = STREAM_MAX + HEADS_MAX * LINE_MAX_LEN, ASK_MAX = 8192, IOVS_MAX = 90, GAP = 5 };

/* The service's buffers: apart from each other, some of them empty. */
struct buffers {
    uint8_t bytes[ASK_MAX + IOVS_MAX * GAP];
    struct iovec v[IOVS_MAX];
    int count;
};

/* Cuts room for n bytes into buffers. */
static inline void cut(struct choices *c, struct buffers *b, size_t n)
{
    static const uint32_t counts[] = {1, 1, 1, 2, 3, 5, IOVS_MAX};
    uint8_t *p = b->bytes;

    memset(b->bytes, 0xa5, n + IOVS_MAX * GAP);
    b->count = (int)counts[choose(c, 7)];
    for (int i = 0; i < b->count; i++) {
        size_t len = i == b->count - 1 ? n : choose(c, (uint32_t)(2 * n / (size_t)(b->count - i)) + 1);

        len = len < n ? len : n;
        b->v[i] = (struct iovec){p, len};
        p += len + GAP;
        n -= len;
    }
}

/* Puts p[0..) into the buffers. */
static inline void fill(struct buffers *b, const uint8_t *p)
{
    for (int i = 0; i < b->count; p += b->v[i++].iov_len)
        memcpy(b->v[i].iov_base, p, b->v[i].iov_len);
}

/* Takes the first n bytes out of the buffers; nothing may have been written between them. */
static inline void gather(const struct buffers *b, uint8_t *out, size_t n)
{
    for (int i = 0; i < b->count; i++) {
        const uint8_t *p = b->v[i].iov_base;
        size_t len = b->v[i].iov_len;

        for (size_t gap = 0; gap < GAP; gap++)
            CHECK(p[len + gap] == 0xa5);
        len = len < n ? len : n;
        memcpy(out, p, len);
        out += len;
        n -= len;
    }
    CHECK(n == 0);
}

/* How many bytes the service asks for at once. */
static inline size_t ask(struct choices *c)
{
    switch (choose(c, 8)) {
    case 0:
        return 512 + choose(c, 2000);
    case 1:
        return ASK_MAX;
    case 2:
        return 1;
    case 3:
    case 4:
        return 1 + choose(c, 20);
    default:
        return 1 + choose(c, 700);
    }
}

#endif
