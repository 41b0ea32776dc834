/*
 * The outgoing editor against a model of a socket: one random case a call, every law checked at every step.
 *
 * For: test_edit_write.c and fuzz_edit_write.c. An includer defines CHECK(condition) first.
 */
#ifndef OCTO_TESTS_WRITE_MODEL_H
#define OCTO_TESTS_WRITE_MODEL_H

#include "edit_model.h"

/* A socket's send queue, and all that it has ever taken. */
struct sink {
    struct octo_io io; /* first: the editor is given this */
    struct choices *c;
    uint8_t *bytes;
    size_t len;
    bool blocking;
    bool refused; /* a real call took less than offered, or nothing, in the service's present call */
    bool hung_up; /* the peer is gone: -EPIPE from now on */
};

static inline ssize_t sink_call(struct octo_io *io, const struct iovec *iov, int iovcnt, enum octo_io_mode mode)
{
    struct sink *k = (struct sink *)io;
    size_t asked = 0, room;

    CHECK(mode == OCTO_IO_PLAIN);
    CHECK(iovcnt > 0 && iovcnt <= 1024);
    CHECK(!k->refused || k->blocking); /* a full queue is not asked again in one call */
    for (int i = 0; i < iovcnt; i++)
        asked += iov[i].iov_len;
    CHECK(asked > 0);
    k->refused = true;
    if (rarely(k->c, 400))
        k->hung_up = true;
    if (k->hung_up)
        return -EPIPE;
    if (rarely(k->c, k->blocking ? 20 : 5))
        return k->blocking ? -EINTR : -EAGAIN;
    room = rarely(k->c, k->blocking ? 10 : 3) ? 1 + choose(k->c, (uint32_t)asked) : asked;
    k->refused = room < asked;
    CHECK(k->len + room <= EDITED_MAX);
    asked = room;
    for (int i = 0; i < iovcnt && room > 0; i++) {
        size_t n = iov[i].iov_len < room ? iov[i].iov_len : room;

        if (n > 0)
            memcpy(k->bytes + k->len, iov[i].iov_base, n);
        k->len += n;
        room -= n;
    }
    return (ssize_t)asked;
}

static inline bool sink_nonblocking(struct octo_io *io)
{
    return !((struct sink *)io)->blocking;
}

/* Writes the whole stream, as a service does that goes on after a short write. */
static inline void write_model(struct choices *c, const struct stream_text *stream, enum octo_role role)
{
    static struct ideal ideal;
    static struct witness w;
    static uint8_t sent[EDITED_MAX], want[EDITED_MAX];
    static bool flags[HEADS_MAX];
    static struct buffers b;
    struct octo_stream s = {0};
    struct sink sink = {{sink_call, sink_nonblocking, true}, .c = c, .bytes = sent};
    uint32_t salt = choose(c, 50), refuse = rarely(c, 10) ? choose(c, 4) : UINT32_MAX;
    size_t done = 0;

    sink.blocking = choose(c, 2);
    s.quiet = rarely(c, 12);
    octo_framer_init(&s.framer, role);
    make_ideal(&ideal, stream, role, salt, refuse);
    memset(&w, 0, sizeof(w));
    w.stream = stream;
    w.role = role;
    w.salt = salt;
    w.refuse = refuse;
    memset(flags, !s.quiet, sizeof(flags));

    while (done < stream->len) {
        size_t n = rarely(c, 3) ? stream->len : ask(c), before = sink.len;
        size_t inj_before = s.inj_done;
        ssize_t k;

        n = n < stream->len - done ? n : stream->len - done;
        cut(c, &b, n);
        fill(&b, stream->bytes + done);
        sink.refused = false;
        k = octo_edit_write(&s, &witness_ops, &w, b.v, b.count, n, &sink.io);
        gather(&b, want, n); /* the service's buffers are its own */
        CHECK(memcmp(want, stream->bytes + done, n) == 0);
        CHECK(k != 0 && k <= (ssize_t)n);
        if (k > 0)
            done += (size_t)k;
        else if (k == -EPIPE)
            CHECK(sink.hung_up);
        else
            CHECK(k == (sink.blocking ? -EINTR : -EAGAIN));
        if (k < (ssize_t)n)
            CHECK(sink.refused);
        CHECK(!w.intended);
        CHECK(octo_framer_is_opaque(&s.framer) ? s.passed <= done : s.passed == done);
        if (k < 0 && !sink.blocking) /* a line may have gone out in part, of the service's bytes none */
            CHECK(sink.len - before == s.inj_done - inj_before);

        /* What has gone out is what the service was told, and the lines. */
        CHECK(expected_bytes(&ideal, stream, done, s.inj_done, flags, want) == sink.len);
        CHECK(memcmp(want, sent, sink.len) == 0);
        if (k == -EPIPE)
            return;
    }
    check_reports(&ideal, &w, !s.quiet);
    CHECK(s.quiet ? w.foretold <= w.ended : w.foretold == w.ended); /* no end comes without warning */
}

#endif
