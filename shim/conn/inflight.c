/* In flight: see inflight.h. */
#include "conn/inflight.h"
#include "conn/emit.h"
#include "conn/process.h"
#include "base/lone.h"
#include "base/sys.h"
#include "export/writer.h"

#include <stdatomic.h>
#include <string.h>

/* A free place, taken; from 1 on, 0: there is none. */
static unsigned take_place(struct octo_process *process)
{
    for (unsigned word = 0; word < 2; word++) {
        uint64_t taken = atomic_load_explicit(&process->places[word], memory_order_relaxed);

        while (~taken != 0) {
            unsigned place = word * 64 + (unsigned)__builtin_ctzll(~taken) + 1;

            if (place > OCTO_BOARD_ENTRIES)
                return 0;
            if (octo_lone_exchange(&process->places[word], &taken, taken | (taken + 1)))
                return place;
        }
    }
    return 0;
}

/* After the entry's last store: who takes the place next comes behind it. */
static void give_place(struct octo_process *process, unsigned place)
{
    _Atomic uint64_t *word = &process->places[(place - 1) / 64];
    uint64_t taken = atomic_load_explicit(word, memory_order_relaxed);

    while (!octo_lone_exchange(word, &taken, taken & ~(UINT64_C(1) << (place - 1) % 64)))
        ;
}

/* What x has on the board of this process; NULL: nothing, or it is on a parent's. */
static struct octo_board_entry *entry_of(const struct octo_process *process, const struct octo_exchange *x)
{
    struct octo_board *board = atomic_load_explicit(&process->board, memory_order_acquire);

    return board && x->shown == process->pid && x->place != 0 ? &board->entry[x->place - 1] : NULL;
}

/* The host goes first, which is not told, then the end of the target. */
static void shorten(struct octo_board_entry *e, const struct octo_exchange *x)
{
    size_t before = (size_t)x->id_len + x->method_len,
           room = before < OCTO_BOARD_TEXT ? OCTO_BOARD_TEXT - before : 0;

    e->host_len = 0;
    if (x->target_len > room) {
        e->target_len = (uint16_t)room;
        e->cut = 1;
    }
    if (room == 0)
        e->method_len = (uint8_t)(OCTO_BOARD_TEXT - x->id_len);
    memcpy(e->text + OCTO_BOARD_TEXT - room, x->words + before + x->host_len, e->target_len);
}

void octo_inflight_begin(struct octo_exchange *x)
{
    struct octo_process *process = octo_process();
    struct octo_board *board;
    struct octo_board_entry *e;

    if (!process)
        return;
    if (__builtin_expect(!process->outlet.ring, 0))
        octo_emit_prepare(); /* the board comes with the ring */
    board = atomic_load_explicit(&process->board, memory_order_acquire);
    if (!board)
        return;
    x->shown = process->pid;
    x->place = (uint8_t)take_place(process);
    if (x->place == 0) {
        atomic_fetch_add_explicit(&board->beyond, 1, memory_order_relaxed);
        return;
    }
    e = &board->entry[x->place - 1];
    atomic_store_explicit(&e->tid, 0, memory_order_relaxed);
    e->head_ns = x->head_ns;
    e->trace[0] = x->trace.id[0];
    e->trace[1] = x->trace.id[1];
    e->span = x->trace.span;
    e->id_len = x->id_len;
    e->method_len = x->method_len;
    e->host_len = x->host_len;
    e->target_len = x->target_len;
    e->cut = x->target_cut;
    /* No more than the words: behind them is the query, and the file may outlive the process. */
    memcpy(e->text, x->words, x->words_len < OCTO_BOARD_TEXT ? x->words_len : OCTO_BOARD_TEXT);
    if (__builtin_expect(x->words_len > OCTO_BOARD_TEXT, 0))
        shorten(e, x);
    atomic_store_explicit(&e->number, x->number, memory_order_release);
    if (__builtin_expect(octo_service.settings.stacks & OCTO_STACKS_SLOW, 0) && !octo_service.sandboxed)
        octo_writer_ensure(&octo_service.settings, octo_service.segment); /* it looks at those that last */
}

void octo_inflight_end(struct octo_exchange *x)
{
    struct octo_process *process = octo_process();
    struct octo_board_entry *e;

    if (!process || x->shown != process->pid) /* not shown, or by a parent */
        return;
    e = entry_of(process, x);
    x->shown = 0;
    if (!e) {
        atomic_fetch_sub_explicit(&process->board->beyond, 1, memory_order_relaxed);
        return;
    }
    atomic_store_explicit(&e->number, 0, memory_order_release);
    give_place(process, x->place);
}

void octo_inflight_mark_held(const struct octo_exchange *x, bool held)
{
    struct octo_process *process = octo_process();
    struct octo_board_entry *e = process ? entry_of(process, x) : NULL;
    uint32_t self;

    if (!e || octo_service.sandboxed || atomic_load_explicit(&e->number, memory_order_relaxed) != x->number)
        return;
    self = (uint32_t)octo_sys(SYS_gettid);
    if (held)
        atomic_store_explicit(&e->tid, self, memory_order_relaxed);
    else
        atomic_compare_exchange_strong(&e->tid, &self, 0);
}
