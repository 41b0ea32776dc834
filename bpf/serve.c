/* Metrics over HTTP: see serve.h. */
#include "serve.h"

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "options.h"

void serve_begin(struct serve *s, const struct octo_listen *where,
                 void (*write)(struct octo_bulk *, void *, enum octo_exposition, uint64_t), void *subject)
{
    char text[OCTO_LISTEN_TEXT_MAX];
    uint16_t port = where->port;

    memset(s, 0, sizeof *s);
    s->where = where;
    s->listener = -1;
    s->answers.write = write;
    s->answers.subject = subject;
    for (unsigned i = 0; i < SERVE_CONNECTIONS; i++)
        s->connection[i].fd = -1;
    if (where->kind == OCTO_LISTEN_OFF)
        return;
    s->listener = octo_listen_open(where, &port);
    octo_listen_text(where, port, text);
    if (s->listener < 0)
        errx(EXIT_TROUBLE, "metrics cannot be served at %s: %s", text, strerror(-s->listener));
    if (where->port == 0 && where->kind != OCTO_LISTEN_UNIX)
        fprintf(stderr, "octoprobe: metrics are served at %s\n", text);
}

static int place(const struct serve *s)
{
    for (int i = 0; i < SERVE_CONNECTIONS; i++)
        if (s->connection[i].state == OCTO_SCRAPE_CLOSED)
            return i;
    return -1;
}

void serve_poll(const struct serve *s, struct pollfd *fds)
{
    fds[0] = (struct pollfd){.fd = place(s) >= 0 ? s->listener : -1, .events = POLLIN};
    for (unsigned i = 0; i < SERVE_CONNECTIONS; i++) {
        const struct octo_scrape *c = &s->connection[i];

        fds[1 + i] = (struct pollfd){.fd = -1};
        if (c->state != OCTO_SCRAPE_CLOSED)
            fds[1 + i] = (struct pollfd){.fd = c->fd, .events = octo_scrape_events(c)};
    }
}

void serve_step(struct serve *s, const struct pollfd *fds)
{
    int fd, i;

    if (s->listener < 0)
        return;
    for (i = 0; i < SERVE_CONNECTIONS; i++)
        if (s->connection[i].state != OCTO_SCRAPE_CLOSED)
            octo_scrape_go_on(&s->connection[i], &s->answers, fds[1 + i].revents != 0, octo_clock_mono_ns());
    while ((i = place(s)) >= 0 && (fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        octo_scrape_begin(&s->connection[i], fd, octo_clock_mono_ns());
        octo_scrape_go_on(&s->connection[i], &s->answers, true, octo_clock_mono_ns());
    }
}

void serve_end(struct serve *s)
{
    if (s->listener < 0)
        return;
    for (unsigned i = 0; i < SERVE_CONNECTIONS; i++)
        if (s->connection[i].state != OCTO_SCRAPE_CLOSED)
            octo_scrape_close(&s->connection[i]);
    octo_listen_close(s->where, s->listener);
    octo_answers_end(&s->answers);
}
