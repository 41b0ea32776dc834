/*
 * Serve: metrics over HTTP, by the shim's own server of them. One thread.
 */
#ifndef OCTO_BPF_SERVE_H
#define OCTO_BPF_SERVE_H

#include <poll.h>

#include "export/listen.h"
#include "export/scrape.h"

enum { SERVE_CONNECTIONS = 8, SERVE_POLLS = SERVE_CONNECTIONS + 1 };

struct serve {
    const struct octo_listen *where;
    int listener; /* -1: nothing is served */
    struct octo_scrape connection[SERVE_CONNECTIONS];
    struct octo_answers answers;
};

/* Listens, if anywhere; ends the program with a message where that cannot be. */
void serve_begin(struct serve *s, const struct octo_listen *where,
                 void (*write)(struct octo_bulk *, void *, enum octo_exposition, uint64_t), void *subject);
/* What is to be polled: SERVE_POLLS of them. */
void serve_poll(const struct serve *s, struct pollfd *fds);
/* Does what can be done. */
void serve_step(struct serve *s, const struct pollfd *fds);
void serve_end(struct serve *s);

#endif
