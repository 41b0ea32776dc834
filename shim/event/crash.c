/* A crash: see crash.h. */
#include "event/crash.h"

#include <stdatomic.h>
#include <string.h>

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
}
