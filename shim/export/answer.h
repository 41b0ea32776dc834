/*
 * Answers: the bodies that scrapers are sent, each made once for all who asked before it was made.
 *
 * For: the exposer, and octoprobe. Context: one thread. A body is shared by the connections that are being sent it, and there are few of
 * them, so that neither many scrapers nor slow ones take much memory; and making them takes at most a tenth of a
 * processor, however many ask (the others wait for the next). Owns its mappings.
 */
#ifndef OCTO_EXPORT_ANSWER_H
#define OCTO_EXPORT_ANSWER_H

#include "export/bulk.h"
#include "export/exposition.h"

#include <stdint.h>

enum {
    OCTO_ANSWERS = 8,
    OCTO_ANSWER_MAX = 32 << 20, /* bytes of the largest body */
};

enum octo_answer_kind { OCTO_ANSWER_OPEN = 1, OCTO_ANSWER_GZIP = 2, OCTO_ANSWER_KINDS = 4 };

struct octo_answer {
    struct octo_bulk body;
    uint64_t made_ns; /* monotonic: when its making began */
    unsigned users;   /* connections that are being sent it */
    uint8_t kind;     /* enum octo_answer_kind, or'ed */
};

struct octo_answers {
    /* Writes one of the subject's into b, in place of what was there; b->cut if it did not fit. */
    void (*write)(struct octo_bulk *b, void *subject, enum octo_exposition format, uint64_t last_ns);
    void *subject;
    uint64_t not_before_ns; /* no new one is made before */
    uint64_t last_ns;       /* how long the last one took */
    struct octo_bulk plain; /* what is being compressed */
    struct octo_answer answer[OCTO_ANSWERS];
};

/*
 * An answer of that kind which was begun after asked_ns, for one more user. NULL: not now; *wait_ns: ask again after that
 * long (0: when somebody has let go of one).
 */
struct octo_answer *octo_answer_get(struct octo_answers *a, unsigned kind, uint64_t asked_ns, uint64_t *wait_ns);

/* One user less. */
void octo_answer_put(struct octo_answer *answer);

/* Gives all memory back. */
void octo_answers_end(struct octo_answers *a);

#endif
