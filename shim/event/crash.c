/* A crash: see crash.h. */
#include "event/crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

static const struct {
    int signal;
    const char *name;
} deaths[OCTO_DEATH_KINDS] = {
#define DEATH(signal, name) {signal, name},
    OCTO_DEATH_SIGNALS(DEATH){0, "killed"},
#undef DEATH
};

unsigned octo_death_kind(int signal)
{
    unsigned kind = 0;

    while (kind < OCTO_DEATH_SILENT && deaths[kind].signal != signal)
        kind++;
    return kind;
}

const char *octo_death_name(unsigned kind)
{
    return deaths[kind].name;
}

/* In the order of their age, by their numbers, which are given in that order. */
static void insert(struct octo_crash *crash, const struct octo_board_entry *entry, uint64_t number)
{
    uint32_t n = crash->listed, i = n;

    while (i > 0 && crash->request[i - 1].number > number)
        i--;
    if (i == OCTO_CRASH_REQUESTS)
        return;
    if (n == OCTO_CRASH_REQUESTS)
        n--;
    memmove(crash->request + i + 1, crash->request + i, (n - i) * sizeof(*entry));
    memcpy(crash->request + i, entry, sizeof(*entry));
    atomic_store_explicit(&crash->request[i].number, number, memory_order_relaxed);
    crash->listed = n + 1;
}

/* The one that the thread was on, in the place of the youngest that is told, if it is younger than they. */
static void have_own(struct octo_crash *crash, const struct octo_board *board)
{
    struct octo_board_entry *last = &crash->request[OCTO_CRASH_REQUESTS - 1];

    if (crash->number == 0 || crash->listed < OCTO_CRASH_REQUESTS || crash->number <= last->number)
        return;
    for (unsigned i = 0; i < OCTO_BOARD_ENTRIES; i++)
        if (atomic_load_explicit(&board->entry[i].number, memory_order_acquire) == crash->number) {
            memcpy(last, &board->entry[i], sizeof(*last));
            return;
        }
}

void octo_crash_list(struct octo_crash *crash, const struct octo_board *board)
{
    crash->requests = atomic_load_explicit(&board->beyond, memory_order_relaxed);
    crash->listed = 0;
    for (unsigned i = 0; i < OCTO_BOARD_ENTRIES; i++) {
        uint64_t number = atomic_load_explicit(&board->entry[i].number, memory_order_acquire);

        if (number == 0)
            continue;
        crash->requests++;
        insert(crash, &board->entry[i], number);
    }
    have_own(crash, board);
}
