/*
 * Runs of the picker: a document in pieces, each flush against a guard page, and all that it says in the end.
 *
 * For: the tests of the picker, which compare runs that must not differ.
 */
#ifndef OCTO_TESTS_PICK_RUN_H
#define OCTO_TESTS_PICK_RUN_H

#include "choices.h"
#include "guard.h"
#include "proto/pick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A path that no document here has, for either kind of document: so a picker reads it to its end. */
#define NOWHERE "no-such-key", "[77777777]"

enum { RUN_PIECE_MAX = 1 << 16, RUN_BUFFER_MAX = OCTO_PICK_PATHS_MAX * OCTO_PICK_VALUE_MAX };

struct pick_run {
    struct octo_pick p;
    size_t fed;      /* bytes until the state was no longer MORE, as far as the pieces tell */
    uint8_t *buffer; /* its end is a guard page */
};

struct pick_rig {
    struct guard piece, buffer;
    struct octo_pick_set set;
    uint64_t limit;
    size_t buffer_size;
    bool unended; /* no octo_pick_end() */
};

static inline struct pick_rig pick_rig_new(void)
{
    return (struct pick_rig){.piece = guard_new(RUN_PIECE_MAX),
                             .buffer = guard_new(RUN_BUFFER_MAX),
                             .limit = UINT64_MAX,
                             .buffer_size = RUN_BUFFER_MAX};
}

static inline void pick_run_begin(struct pick_rig *rig, struct pick_run *run)
{
    memset(run, 0xa5, sizeof(*run)); /* what is left unset would show */
    run->fed = 0;
    run->buffer = rig->buffer.end - rig->buffer_size;
    memset(rig->buffer.front, 'x', (size_t)(rig->buffer.end - rig->buffer.front));
    octo_pick_begin(&run->p, &rig->set, (char *)run->buffer, rig->buffer_size, rig->limit);
}

static inline void pick_run_feed(struct pick_rig *rig, struct pick_run *run, const void *bytes, size_t n)
{
    bool goes_on = run->p.state == OCTO_PICK_MORE;
    const uint8_t *at =
        (run->fed + n) % 3 == 0 ? guard_front(&rig->piece, bytes, n) : guard_tail(&rig->piece, bytes, n);

    if (octo_pick_feed(&run->p, at, n) != run->p.state)
        abort();
    if (goes_on)
        run->fed += n;
    memset((uint8_t *)at, '"', n); /* it is not read again */
}

static inline void pick_run_end(struct pick_rig *rig, struct pick_run *run)
{
    if (!rig->unended && (octo_pick_end(&run->p) != run->p.state || run->p.state == OCTO_PICK_MORE))
        abort();
}

/* The document in pieces of `step` bytes. */
static inline void pick_run_steps(struct pick_rig *rig, struct pick_run *run, const void *doc, size_t n,
                                  size_t step)
{
    pick_run_begin(rig, run);
    for (size_t at = 0; at < n; at += step)
        pick_run_feed(rig, run, (const uint8_t *)doc + at, n - at < step ? n - at : step);
    pick_run_end(rig, run);
}

/* The document in two pieces. */
static inline void pick_run_split(struct pick_rig *rig, struct pick_run *run, const void *doc, size_t n,
                                  size_t split)
{
    pick_run_begin(rig, run);
    pick_run_feed(rig, run, doc, split);
    pick_run_feed(rig, run, (const uint8_t *)doc + split, n - split);
    pick_run_end(rig, run);
}

/* A value is kept by copy, since the next run has the same buffer. */
struct pick_kept {
    enum octo_pick_state state;
    struct octo_pick_value value[OCTO_PICK_PATHS_MAX];
    char text[OCTO_PICK_PATHS_MAX][OCTO_PICK_VALUE_MAX];
};

static inline void pick_keep(const struct pick_run *run, struct pick_kept *kept)
{
    memset(kept, 0, sizeof(*kept));
    kept->state = (enum octo_pick_state)run->p.state;
    for (size_t i = 0; i < run->p.set->paths; i++) {
        kept->value[i] = octo_pick_get(&run->p, i);
        if (kept->value[i].len > OCTO_PICK_VALUE_MAX)
            abort();
        memcpy(kept->text[i], kept->value[i].text, kept->value[i].len);
    }
}

static inline bool pick_same_value(const struct octo_pick_value *a, const struct octo_pick_value *b)
{
    return a->kind == b->kind && a->truth == b->truth && a->cut == b->cut && a->exact == b->exact &&
           a->millionths == b->millionths && a->len == b->len;
}

/* SIZE_MAX if the run says what has been kept; else the path of which it does not (or all of them: the state). */
static inline size_t pick_differs(const struct pick_run *run, const struct pick_kept *kept)
{
    if (run->p.state != kept->state)
        return run->p.set->paths;
    for (size_t i = 0; i < run->p.set->paths; i++) {
        struct octo_pick_value v = octo_pick_get(&run->p, i);

        if (!pick_same_value(&v, &kept->value[i]) || memcmp(v.text, kept->text[i], v.len) != 0)
            return i;
    }
    return SIZE_MAX;
}

static inline struct octo_pick_set set_of(const char *const *paths, size_t n)
{
    struct octo_pick_set set = {0};

    for (size_t i = 0; i < n; i++) {
        const char *why = "";
        size_t column = 0;

        if (octo_pick_set_add(&set, paths[i], strlen(paths[i]), &column, &why) != (int)i)
            fail_msg("%s: %s at %zu", paths[i], why, column);
    }
    return set;
}

/* Every split, and steps of 1 to 3: never another result. The first run is kept. */
static inline void run_all_ways(struct pick_rig *rig, const char *doc, size_t n, struct pick_kept *kept)
{
    struct pick_run run;
    size_t differs;

    pick_run_steps(rig, &run, doc, n, n + 1);
    pick_keep(&run, kept);
    for (size_t split = 0; split <= n; split++) {
        pick_run_split(rig, &run, doc, n, split);
        differs = pick_differs(&run, kept);
        if (differs != SIZE_MAX)
            fail_msg("%s: path %zu differs when split at %zu", doc, differs, split);
    }
    for (size_t step = 1; step <= 3; step++) {
        pick_run_steps(rig, &run, doc, n, step);
        differs = pick_differs(&run, kept);
        if (differs != SIZE_MAX)
            fail_msg("%s: path %zu differs in steps of %zu", doc, differs, step);
    }
}

#endif
