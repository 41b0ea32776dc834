/*
 * The incoming editor against a model of a socket: one random case a call, every law checked at every step.
 *
 * For: test_edit_read.c and fuzz_edit_read.c. An includer defines CHECK(condition) first.
 */
#ifndef OCTO_TESTS_READ_MODEL_H
#define OCTO_TESTS_READ_MODEL_H

#include "edit_model.h"

/* A socket's receive queue: stream[taken..arrived). */
struct queue {
    struct octo_io io; /* first: the editor is given this */
    struct choices *c;
    const struct stream_text *stream;
    const struct octo_stream *edited;
    size_t taken, arrived;
    bool blocking;
    bool peeking;                    /* the service itself peeks */
    size_t seen_dry;                 /* at the last call that got less than it asked: where the queue ended */
    bool dry;                        /* there has been such a call in the service's present call */
    size_t taken_before, inj_before; /* at the start of the service's call */
};

static inline void arrive(struct queue *q)
{
    uint32_t most = choose(q->c, 2) ? 40 : 3000;
    size_t n = most - choose(q->c, most);

    q->arrived = q->arrived + n < q->stream->len ? q->arrived + n : q->stream->len;
}

static inline ssize_t queue_call(struct octo_io *io, const struct iovec *iov, int iovcnt, enum octo_io_mode mode)
{
    struct queue *q = (struct queue *)io;
    bool peek = mode == OCTO_IO_PEEK || mode == OCTO_IO_PEEK_DONTWAIT;
    bool wait = q->blocking && (mode == OCTO_IO_PLAIN || mode == OCTO_IO_PEEK);
    size_t asked = 0, given = 0;

    CHECK(iovcnt > 0);
    CHECK(io->can_peek || mode == (q->peeking ? OCTO_IO_PEEK : OCTO_IO_PLAIN));
    if (rarely(q->c, 4)) /* meanwhile */
        arrive(q);
    if (q->taken == q->arrived && q->arrived < q->stream->len && wait) {
        /* It must not wait with something in hand. */
        CHECK(q->taken == q->taken_before && q->edited->inj_done == q->inj_before);
        if (rarely(q->c, 5))
            return -EINTR;
        arrive(q);
    }
    for (int i = 0; i < iovcnt; i++) {
        size_t n = q->arrived - q->taken - given;

        asked += iov[i].iov_len;
        n = n < iov[i].iov_len ? n : iov[i].iov_len;
        memcpy(iov[i].iov_base, q->stream->bytes + q->taken + given, n);
        given += n;
    }
    CHECK(asked > 0);
    if (given < asked) {
        q->seen_dry = q->arrived;
        q->dry = true;
    }
    if (given == 0)
        return q->arrived == q->stream->len ? 0 : -EAGAIN;
    if (!peek)
        q->taken += given;
    return (ssize_t)given;
}

static inline bool queue_nonblocking(struct octo_io *io)
{
    return !((struct queue *)io)->blocking;
}

/* The service peeks: it must see what it would read next, and nothing may advance. */
static inline void check_peek(struct queue *q, struct octo_stream *s, struct witness *w, const struct ideal *ideal,
                              const bool *flags, const uint8_t *sofar, size_t n_sofar)
{
    static uint8_t seen[ASK_MAX], all[EDITED_MAX];
    static struct buffers b;
    struct octo_stream before = *s;
    size_t n = ask(q->c), reports = w->reports, taken = q->taken;
    bool every[HEADS_MAX], open = octo_edit_open(s);
    ssize_t k;

    cut(q->c, &b, n);
    q->peeking = true;
    k = octo_edit_peek(s, &witness_ops, w, b.v, b.count, n, &q->io);
    q->peeking = false;
    CHECK(w->reports == reports && q->taken == taken && s->inj_done == before.inj_done);
    CHECK(memcmp(&s->framer, &before.framer, sizeof(s->framer)) == 0);
    CHECK(k <= (ssize_t)n);
    if (k < 0)
        CHECK(k == -EAGAIN ? !q->blocking : k == -EINTR);
    if (k == 0)
        CHECK(q->taken == q->stream->len);
    if (k <= 0)
        return;
    gather(&b, seen, (size_t)k);
    if ((!q->io.can_peek && !open) || s->quiet) {
        CHECK(memcmp(q->stream->bytes + q->taken, seen, (size_t)k) == 0);
        return;
    }
    for (size_t i = 0; i < ideal->heads; i++) /* what was given was, what will be given has insertions */
        every[i] = ideal->head[i].offset >= q->taken || flags[i];
    expected_bytes(ideal, q->stream, q->stream->len, SIZE_MAX, every, all);
    CHECK(memcmp(all, sofar, n_sofar) == 0);
    CHECK(memcmp(all + n_sofar, seen, (size_t)k) == 0);
}

/* Brings flags[] up to date with what has been reported. */
static inline void read_flags(const struct witness *w, const struct ideal *ideal, bool *flags)
{
    size_t head = 0;

    for (size_t i = 0; i < w->reports; i++)
        if (w->report[i].kind == 'H' || w->report[i].kind == 'I')
            flags[head++] = w->report[i].kind == 'I';
    CHECK(head <= ideal->heads);
}

/* A read as the hooks make it: the usual one without the editor's loop, if it can be. */
static inline ssize_t model_read(struct queue *q, struct octo_stream *s, struct witness *w, struct buffers *b,
                                 size_t n)
{
    size_t asked = b->count == 1 && choose(q->c, 2) ? octo_edit_ask(s, n) : 0, given;
    uint8_t *p = b->v[0].iov_base;
    ssize_t k;

    if (asked == 0)
        return octo_edit_read(s, &witness_ops, w, b->v, b->count, n, &q->io);
    k = q->io.call(&q->io, &(struct iovec){p, asked}, 1, OCTO_IO_PLAIN);
    if (k <= 0)
        return k;
    given = octo_edit_took(s, &witness_ops, w, p, (size_t)k, n - (size_t)k);
    if ((size_t)k < asked || given == n)
        return (ssize_t)given;
    return octo_edit_read_on(s, &witness_ops, w, b->v, b->count, n, given, &q->io);
}

/* Reads the whole stream. quiet and can_peek as the editor knows them. */
static inline void read_model(struct choices *c, const struct stream_text *stream, enum octo_role role)
{
    static struct ideal ideal;
    static struct witness w;
    static uint8_t got[EDITED_MAX], want[EDITED_MAX];
    static bool flags[HEADS_MAX];
    static struct buffers b;
    struct octo_stream s = {0};
    struct queue q = {{queue_call, queue_nonblocking, true}, .c = c, .stream = stream, .edited = &s};
    uint32_t salt = choose(c, 50), refuse = rarely(c, 10) ? choose(c, 4) : UINT32_MAX;
    size_t n_got = 0;
    bool always_first; /* the first head of a call has room for its line */

    q.blocking = choose(c, 2);
    q.io.can_peek = !rarely(c, 8);
    s.quiet = rarely(c, 12);
    s.reserve = (uint16_t)(rarely(c, 3) ? 36 : LINE_MAX_LEN);
    octo_framer_init(&s.framer, role);
    make_ideal(&ideal, stream, role, salt, refuse);
    memset(&w, 0, sizeof(w));
    memset(flags, 0, sizeof(flags));
    w.stream = stream;
    w.role = role;
    w.salt = salt;
    w.refuse = refuse;
    always_first = salt % 3 == 0 || s.reserve == LINE_MAX_LEN;

    for (;;) {
        size_t n = ask(c), head_before = 0, head_after = 0;
        size_t reports = w.reports;
        ssize_t k;

        if (rarely(c, 6)) {
            q.taken_before = q.taken;
            q.inj_before = s.inj_done;
            check_peek(&q, &s, &w, &ideal, flags, got, n_got);
        }
        cut(c, &b, n);
        q.taken_before = q.taken;
        q.inj_before = s.inj_done;
        q.dry = false;
        w.heads_of_call = 0;
        k = model_read(&q, &s, &w, &b, n);
        CHECK(k <= (ssize_t)n);
        if (k == 0) {
            CHECK(q.taken == stream->len && q.arrived == stream->len);
            break;
        }
        if (k < 0) {
            CHECK(k == -EAGAIN ? !q.blocking : k == -EINTR);
            CHECK(q.taken == q.taken_before && s.inj_done == q.inj_before);
            arrive(&q);
            continue;
        }
        if ((size_t)k < n && (q.io.can_peek || !q.blocking))
            CHECK(q.dry && q.taken >= q.seen_dry);

        /* Every byte given is the stream's, with whole insertions, or the part of one that is open. */
        CHECK(n_got + (size_t)k <= sizeof(got));
        gather(&b, got + n_got, (size_t)k);
        CHECK(octo_framer_is_opaque(&s.framer) ? s.passed <= q.taken : s.passed == q.taken);
        n_got += (size_t)k;
        read_flags(&w, &ideal, flags);
        CHECK(expected_bytes(&ideal, stream, q.taken, s.inj_done, flags, want) == n_got);
        CHECK(memcmp(want, got, n_got) == 0);

        /* Heads go without only where there was no room, or nobody was to look. */
        for (size_t i = 0; i < reports; i++)
            head_before += w.report[i].kind == 'H' || w.report[i].kind == 'I';
        head_after = head_before + w.heads_of_call;
        for (size_t i = head_before; i < head_after; i++) {
            if (s.quiet)
                CHECK(!flags[i]);
            else if (q.io.can_peek && ideal.head[i].wanted && (n < 512 || (always_first && i == head_before)))
                CHECK(flags[i]);
            if (!ideal.head[i].wanted)
                CHECK(!flags[i]);
        }
    }
    check_reports(&ideal, &w, false);
}

#endif
