/*
 * One connection of a scraper: read a request, answer it, and again.
 *
 * For: the exposer. Context: its thread; non-blocking. GET and HEAD of /metrics and /healthz, 404 for other paths, 405 for
 * other methods, 400 for what is no HTTP/1, 503 when no answer can be made. A request has to come, and an answer to be
 * taken, within OCTO_SCRAPE_MS.
 */
#ifndef OCTO_EXPORT_SCRAPE_H
#define OCTO_EXPORT_SCRAPE_H

#include "export/answer.h"
#include "export/http_request.h"

enum {
    OCTO_SCRAPE_MS = 5000,
    OCTO_SCRAPE_IDLE_MS = 130000, /* between two requests: scrapers come each minute, or more often */
};

enum octo_scrape_state {
    OCTO_SCRAPE_CLOSED,
    OCTO_SCRAPE_IDLE,    /* nothing of a request has come */
    OCTO_SCRAPE_READING, /* a part of one has */
    OCTO_SCRAPE_WAITING, /* for an answer to be made */
    OCTO_SCRAPE_SENDING,
    OCTO_SCRAPE_LINGERING, /* answered for the last time; reads what still comes, so that no reset takes the answer along */
};

struct octo_scrape {
    int fd;
    enum octo_scrape_state state;
    uint64_t deadline_ns;
    uint64_t asked_ns;          /* when the request was whole */
    bool last;                  /* close after this answer */
    bool head_only;             /* HEAD */
    unsigned kind;              /* enum octo_answer_kind, of /metrics */
    struct octo_answer *answer; /* being sent; NULL: the short text in head is all */
    size_t sent;                /* bytes of head and body */
    size_t head_len;
    char head[512];
    struct octo_ask ask;
};

/* A new connection, non-blocking. */
void octo_scrape_begin(struct octo_scrape *s, int fd, uint64_t now_ns);

/* Does what can be done without waiting. ready: the descriptor can be read (or written, when sending). Returns the
 * time after which to come again if it waits for an answer to be made, nanoseconds; else 0. */
uint64_t octo_scrape_go_on(struct octo_scrape *s, struct octo_answers *answers, bool ready, uint64_t now_ns);

/* The poll(2) events it waits for. */
short octo_scrape_events(const struct octo_scrape *s);

void octo_scrape_close(struct octo_scrape *s);

#endif
