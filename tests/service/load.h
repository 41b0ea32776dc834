/*
 * What the two files of the counting client share. See load.c.
 */
#ifndef TEST_SERVICE_LOAD_H
#define TEST_SERVICE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum { BUF = 1 << 17, ID_MAX = 128, NUMBER_DIGITS = 8 };
enum state { HEAD, COUNTED, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER, UNTIL_CLOSE };

struct conn {
    int fd;
    bool close_after; /* the server said Connection: close */
    enum state state;
    unsigned sent, got;  /* requests of this batch sent, answered */
    unsigned first;      /* number of the batch's first request */
    unsigned served;     /* responses on this connection */
    size_t out, out_end; /* bytes of the batch written, to write */
    char *batch;         /* request bytes: shared by all, or own (-i) */
    uint64_t left;       /* of a counted body or chunk */
    uint64_t hash, body;
    char id[ID_MAX + 1]; /* of the response that is being read: counts once that is complete */
    uint64_t start_ns;
    size_t have;
    char buf[BUF];
};

struct options {
    const char *host, *target, *method, *extra[8], *id_prefix, *id_file;
    unsigned conns, requests, pipeline, status, extras;
    size_t body;
    bool once, http10, chunked, bare, vary, again;
    int seconds, cpu;
};

struct counts {
    uint64_t done, issued, number, interim, wrong_status, wrong_framing, wrong_body, lost, retried, connections;
    uint64_t id_missing, id_repeated, id_malformed, id_other, id_unwanted, bytes;
    uint64_t first_hash, first_body;
    bool have_first;
    unsigned last_status;
    char why[200];
};

extern struct options opt;
extern struct counts count;
extern uint32_t *latency_ns; /* of each response, by number */
extern FILE *ids;            /* -o */

uint64_t now_ns(void);

/* Counts what is wrong and keeps the first reason. */
void wrong(uint64_t *counter, const char *why);

/* The next bytes of c are the start of a response. */
void begin_response(struct conn *c);

/* The response that is being read is complete. */
void end_response(struct conn *c);

/* Consumes what can be consumed of p[0..n); returns how much, or -1 if it is malformed. */
ssize_t take(struct conn *c, const char *p, size_t n);

#endif
