/*
 * Copying what is needed of a segment: some hundred kilobytes of its ninety megabytes. See parts.h.
 *
 * The copy has the segment's layout, in memory of ours that costs only what is filled. The service goes on meanwhile. What
 * it has made known it does not take away, so the order matters: the index of the series before the series. Cells are read
 * in whole words, each once, so a counter does not go down from one copy to the next.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "event/owners.h"
#include "parts.h"

enum { TRIES = 8 };

#define METRICS(member) (OCTO_SEGMENT_PAGE + offsetof(struct octo_metrics, member))
#define SIZE_OF(member) sizeof(((struct octo_metrics *)0)->member)

struct copying {
    const struct source *from;
    struct octo_segment *to;
    struct octo_metrics *m; /* of the copy; may not be ready */
    over_fn *over;
    bool dead[OCTO_OWNERS]; /* has left what is to be counted */
};

static void fetch(const struct copying *c, size_t offset, size_t bytes)
{
    if (!source_read(c->from, offset, (char *)c->to + offset, bytes))
        source_failed(c->from);
}

/* The used bytes of a part that has room for so many, and of which so many are populated. */
static void fetch_used(const struct copying *c, size_t offset, size_t used, size_t there, size_t room)
{
    used = used < there ? used : there;
    fetch(c, offset, used < room ? used : room);
}

static void check_head(const struct copying *c)
{
    const struct octo_segment *head = c->to;
    const pid_t pid = c->from->pid;

    if (!source_read(c->from, 0, c->to, offsetof(struct octo_segment, service)) && errno != ENODATA)
        source_failed(c->from);
    if (head->magic != OCTO_SEGMENT_MAGIC)
        give_up(pid,
                "foreign segment file: what it has mapped under the name of octoshim's is not octoshim's; look "
                "in /proc/%d/maps",
                (int)pid);
    if (head->version != OCTO_SEGMENT_VERSION || head->size != octo_segment_bytes)
        give_up(pid,
                "its shared memory is of another version of octoshim (%u with %zu bytes; this one reads %u with "
                "%zu); use the octoshim-run that was installed with its liboctoshim.so",
                (unsigned)head->version, (size_t)head->size, OCTO_SEGMENT_VERSION, octo_segment_bytes);
}

/* ── the parts ─────────────────────────────────────────────────────────────────────────────────────── */

static void fetch_owners(struct copying *c)
{
    for (unsigned i = 0; i < OCTO_OWNERS; i++) {
        const struct octo_owner *owner = &c->m->owner[i];
        uint32_t pid = owner->pid, number = pid & INT32_MAX;

        c->dead[i] = c->over != NULL && pid != 0 && (pid != number || c->over(number, owner->since_ns));
        if (c->dead[i])
            fetch(c, METRICS(pending[i]), SIZE_OF(pending[i]));
        for (unsigned lane = 0; pid == number && pid != 0 && lane < c->m->share_lanes; lane++)
            fetch_used(c, METRICS(share[i][lane]), c->m->shares * sizeof(int32_t), SIZE_OF(share[i][lane]),
                       SIZE_OF(share[i][lane]));
    }
}

static void fetch_metrics(struct copying *c)
{
    struct octo_metrics *m = c->m;

    fetch(c, METRICS(ready), offsetof(struct octo_metrics, series));
    if (!m->ready)
        return;
    if (m->lanes > OCTO_LANES || m->share_lanes > OCTO_SHARE_LANES)
        give_up(c->from->pid, "its shared memory is damaged: more lanes than there can be; restart the service");
    /* How much is used of the parts, now that the index is here. */
    fetch(c, METRICS(minted), offsetof(struct octo_metrics, labels) - offsetof(struct octo_metrics, minted));
    fetch_used(c, METRICS(series), m->minted * sizeof(m->series[0]), m->series_there, sizeof(m->series));
    fetch_used(c, METRICS(text), m->texts, m->texts_there, sizeof(m->text));
    fetch(c, METRICS(exemplar), sizeof(m->exemplar));
    fetch_owners(c);
    for (unsigned lane = 0; lane < m->lanes; lane++)
        fetch_used(c, METRICS(lane[lane]), m->words * sizeof(uint64_t), m->words_there, sizeof(m->lane[lane]));
}

/* Of each ring its head, which says how much was dropped. */
static void fetch_rings(const struct copying *c)
{
    for (unsigned i = 0; i < OCTO_SEGMENT_RINGS; i++) {
        if ((i < OCTO_SEGMENT_SLOTS ? c->to->slot[i].ready : c->to->spare[i - OCTO_SEGMENT_SLOTS].ready) != 1)
            continue;
        fetch(c, octo_segment_ring_offset(i), sizeof(struct octo_ring));
        if (octo_segment_ring(c->to, i) == NULL)
            give_up(c->from->pid, "its shared memory is damaged: a ring of the wrong size; restart the service");
    }
}

/* True unless somebody has counted meanwhile what a dead process had left: then it may be in the copy twice, or not. */
static bool is_settled(const struct copying *c)
{
    struct octo_pending pending[OCTO_PENDING];
    struct octo_owner owner;

    for (unsigned i = 0; i < OCTO_OWNERS; i++) {
        if (!c->dead[i])
            continue;
        if (!source_read(c->from, METRICS(owner[i]), &owner, sizeof(owner)) ||
            !source_read(c->from, METRICS(pending[i]), pending, sizeof(pending)))
            source_failed(c->from);
        if (memcmp(&owner, &c->m->owner[i], sizeof(owner)) != 0 ||
            memcmp(pending, c->m->pending[i], sizeof(pending)) != 0)
            return false;
    }
    return true;
}

struct octo_segment *segment_copy(const struct source *s, over_fn *over)
{
    struct octo_segment *to =
        mmap(NULL, octo_segment_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct copying c = {s, to, (struct octo_metrics *)((char *)to + OCTO_SEGMENT_PAGE), over, {false}};
    const char *flaw;
    int tries = 0;

    if (to == MAP_FAILED)
        give_up(s->pid, "no room for a copy of its shared memory: %s; raise `ulimit -v`", strerror(errno));
    check_head(&c);
    do {
        fetch(&c, 0, OCTO_SEGMENT_PAGE);
        fetch_metrics(&c);
    } while (!is_settled(&c) && ++tries < TRIES);
    fetch_rings(&c);
    flaw = segment_flaw(to);
    if (flaw != NULL)
        give_up(s->pid, "its shared memory is damaged: %s; restart the service", flaw);
    return to;
}
