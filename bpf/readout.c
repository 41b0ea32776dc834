/* Reading the kernel's counters: see readout.h. */
#include "readout.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

enum { ROOM = 64, FEW = 1024 };

static int by_key(const void *a, const void *b)
{
    const struct octo_call_key *x = a, *y = b;

    if (x->serial != y->serial)
        return x->serial < y->serial ? -1 : 1;
    if (x->nr != y->nr)
        return x->nr < y->nr ? -1 : 1;
    if (x->flags != y->flags)
        return x->flags < y->flags ? -1 : 1;
    return x->processor < y->processor ? -1 : x->processor > y->processor;
}

static int by_serial(const void *a, const void *b)
{
    const unsigned *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

/* What begins like what is looked for: it, or a new one, all zero behind that. */
static void *have(void **tree, const void *key, size_t key_size, size_t size,
                  int (*compare)(const void *, const void *), bool *fresh)
{
    void **at = must(tsearch(key, tree, compare));

    *fresh = *at == key;
    if (*fresh) {
        *at = must(calloc(1, size));
        memcpy(*at, key, key_size);
    }
    return *at;
}

/* Room for n of a batch. */
static void make_room(struct readout *r, unsigned n)
{
    r->keys_read = must(realloc(r->keys_read, n * sizeof(struct octo_call_key)));
    r->values = must(realloc(r->values, n * sizeof(struct octo_calls)));
    r->room = n;
}

void readout_begin(struct readout *r, struct session *session)
{
    *r = (struct readout){.session = session, .former = {{.name = "(others)"}}, .formers = 1};
    make_room(r, ROOM);
}

/* All of a map, batch by batch. */
static int read_map(struct readout *r, int map, void (*take)(struct readout *r, unsigned count))
{
    unsigned place, count;
    void *from = NULL;
    int error;

    do {
        count = r->room;
        error = bpf_map_lookup_batch(map, from, &place, r->keys_read, r->values, &count, NULL);
        if (error == -ENOSPC) { /* more have the same hash than there is room for */
            make_room(r, 2 * r->room);
            continue;
        }
        if (error != 0 && error != -ENOENT)
            return error;
        take(r, count);
        from = &place;
    } while (error != -ENOENT);
    return 0;
}

static struct readout_process *take_process(struct readout *r, unsigned serial, const struct octo_process *value)
{
    bool fresh;
    struct readout_process *p = have(&r->processes, &serial, sizeof serial, sizeof *p, by_serial, &fresh);

    p->pid = value->pid;
    memcpy(p->name, value->name, sizeof p->name - 1);
    return p;
}

void readout_serve(struct readout *r, unsigned serial, const char *service)
{
    bool fresh;
    struct readout_process *p = have(&r->processes, &serial, sizeof serial, sizeof *p, by_serial, &fresh);

    snprintf(p->service, sizeof p->service, "%s", service);
}

const char *readout_service(const struct readout *r, unsigned serial)
{
    void *found = serial != 0 ? tfind(&serial, &r->processes, by_serial) : NULL;

    return found != NULL ? (*(struct readout_process **)found)->service : "";
}

static void take_processes(struct readout *r, unsigned count)
{
    const unsigned *serials = r->keys_read;
    const struct octo_process *values = r->values;

    for (unsigned i = 0; i < count; i++)
        take_process(r, serials[i], &values[i])->ended = values[i].ended != 0;
    r->known += count;
}

/* One that is newer than this update's look at the processes is asked for; it has not ended for us until the next look. */
static const struct readout_process *process_of(struct readout *r, unsigned serial)
{
    void *found = serial != 0 ? tfind(&serial, &r->processes, by_serial) : NULL;
    struct octo_process value;

    if (found != NULL)
        return *(struct readout_process **)found;
    if (serial != 0 && bpf_map_lookup_elem(r->session->processes, &serial, &value) == 0)
        return take_process(r, serial, &value);
    return &r->former[0];
}

static struct readout_entry *entry_of(struct readout *r, const struct octo_call_key *of)
{
    struct octo_call_key key = {.serial = of->serial, .nr = of->nr, .flags = of->flags};
    struct readout_entry *e;
    bool fresh;

    return have(&r->entries, &key, sizeof key, sizeof *e, by_key, &fresh);
}

/* What is new in the kernel's counters. */
static void take_news(struct readout *r, struct readout_counters *c, const struct octo_calls *now)
{
    struct readout_entry *e = c->entry;

    if (e->process == NULL || e->process == &r->former[0])
        e->process = process_of(r, e->key.serial);
    for (unsigned k = 0; k < OCTO_SLOTS; k++)
        e->all.slot[k] += now->slot[k] - c->raw.slot[k]; /* modulo 2^32 */
    e->all.sum_ns += now->sum_ns - c->raw.sum_ns;
    e->all.failed += now->failed - c->raw.failed;
    e->all.interrupted += now->interrupted - c->raw.interrupted;
    e->all.max_ns = now->max_ns > e->all.max_ns ? now->max_ns : e->all.max_ns;
    c->raw = *now;
}

static void take_calls(struct readout *r, unsigned count)
{
    const struct octo_call_key *keys = r->keys_read;
    const struct octo_calls *values = r->values;

    for (unsigned i = 0; i < count; i++) {
        bool fresh;
        struct readout_counters *c = have(&r->counters, &keys[i], sizeof *keys, sizeof *c, by_key, &fresh);

        if (fresh)
            c->entry = entry_of(r, &keys[i]);
        take_news(r, c, &values[i]);
    }
    r->counted += count;
}

static void take_again(const void *node, VISIT order, void *arg)
{
    struct readout_counters *c = *(struct readout_counters *const *)node;
    struct readout *r = arg;
    struct octo_calls now;

    if ((order == postorder || order == leaf) && bpf_map_lookup_elem(r->session->calls, &c->key, &now) == 0)
        take_news(r, c, &now);
}

/* Where no key is new, those that are known are asked for one by one, unless they are many: to go through a map is to look into each of its
 * tens of thousands of buckets. */
static int update_calls(struct readout *r)
{
    uint64_t keys = session_keys(r->session);

    if (keys == r->keys && r->counted <= FEW) {
        twalk_r(r->counters, take_again, r);
        return 0;
    }
    r->keys = keys;
    r->counted = 0;
    return read_map(r, r->session->calls, take_calls);
}

static int update_processes(struct readout *r)
{
    uint64_t changes = session_changes(r->session);

    if (changes == r->changes)
        return 0;
    r->changes = changes;
    r->known = 0;
    return read_map(r, r->session->processes, take_processes);
}

struct walk {
    void (*each)(const struct readout_entry *e, void *arg);
    void *arg;
};

static void visit(const void *node, VISIT order, void *arg)
{
    const struct walk *walk = arg;

    if (order == postorder || order == leaf)
        walk->each(*(struct readout_entry *const *)node, walk->arg);
}

void readout_each(const struct readout *r, void (*each)(const struct readout_entry *e, void *arg), void *arg)
{
    twalk_r(r->entries, visit, &(struct walk){each, arg});
}

/* ── processes that have ended ─────────────────────────────────────────────────────────────────────── */

/* A list of them, or of what they have counted. */
struct ended {
    void **at;
    unsigned count, room;
};

static void note(struct ended *ended, void *item)
{
    if (ended->count == ended->room)
        ended->at = must(realloc(ended->at, (ended->room = 2 * ended->room + 16) * sizeof *ended->at));
    ended->at[ended->count++] = item;
}

static bool has_ended(const struct readout_entry *e)
{
    return e->process->pid != 0 && e->process->ended;
}

static void note_entry(const struct readout_entry *e, void *ended)
{
    if (has_ended(e))
        note(ended, (void *)e);
}

static void note_counters(const void *node, VISIT order, void *ended)
{
    struct readout_counters *c = *(struct readout_counters *const *)node;

    if ((order == postorder || order == leaf) && has_ended(c->entry))
        note(ended, c);
}

static void note_process(const void *node, VISIT order, void *ended)
{
    struct readout_process *p = *(struct readout_process *const *)node;

    if ((order == postorder || order == leaf) && p->ended)
        note(ended, p);
}

/* Who stands for the processes of this name that have ended. */
static const struct readout_process *former_of(struct readout *r, const struct readout_process *ended)
{
    for (unsigned i = 1; i < r->formers; i++)
        if (strcmp(r->former[i].name, ended->name) == 0 && strcmp(r->former[i].service, ended->service) == 0)
            return &r->former[i];
    if (r->formers == READOUT_FORMER)
        return &r->former[0];
    r->former[r->formers].serial = ~r->formers;
    strcpy(r->former[r->formers].name, ended->name);
    strcpy(r->former[r->formers].service, ended->service);
    return &r->former[r->formers++];
}

/* Makes room for others: what those have counted goes on under their name. */
static void forget_ended(struct readout *r)
{
    struct ended counters = {NULL, 0, 0}, entries = {NULL, 0, 0}, processes = {NULL, 0, 0};

    twalk_r(r->counters, note_counters, &counters);
    readout_each(r, note_entry, &entries);
    twalk_r(r->processes, note_process, &processes);
    for (unsigned i = 0; i < counters.count; i++) {
        struct readout_counters *c = counters.at[i];

        bpf_map_delete_elem(r->session->calls, &c->key);
        r->counted--;
        tdelete(c, &r->counters, by_key);
        free(c);
    }
    for (unsigned i = 0; i < entries.count; i++) {
        struct readout_entry *e = entries.at[i], *to;
        const struct readout_process *former = former_of(r, e->process);
        struct octo_call_key key = {.serial = former->serial, .nr = e->key.nr, .flags = e->key.flags};

        to = entry_of(r, &key);
        to->process = former;
        octo_tally_add(&to->all, &e->all);
        octo_tally_add(&to->shown, &e->shown);
        tdelete(e, &r->entries, by_key);
        free(e);
    }
    for (unsigned i = 0; i < processes.count; i++) {
        struct readout_process *p = processes.at[i];

        bpf_map_delete_elem(r->session->processes, &p->serial);
        r->known--;
        tdelete(p, &r->processes, by_serial);
        free(p);
    }
    free(counters.at);
    free(entries.at);
    free(processes.at);
}

int readout_update(struct readout *r)
{
    /* In this order: who has ended before the calls are read has counted all of them. */
    int error = update_processes(r);

    if (error == 0)
        error = update_calls(r);
    if (error == 0 && (r->known > OCTO_PROCESSES / 2 || r->counted > OCTO_KEYS / 2))
        forget_ended(r);
    return error;
}

static void settle(const struct readout_entry *e, void *arg)
{
    (void)arg;
    ((struct readout_entry *)e)->shown = e->all;
}

void readout_shown(struct readout *r)
{
    readout_each(r, settle, NULL);
    forget_ended(r);
}

void readout_end(struct readout *r)
{
    tdestroy(r->counters, free);
    tdestroy(r->entries, free);
    tdestroy(r->processes, free);
    free(r->keys_read);
    free(r->values);
}
