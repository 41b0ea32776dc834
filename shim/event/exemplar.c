/* Exemplars: see exemplar.h. Each place is guarded by two counters: a reader that sees them differ, or change, leaves it. */
#include "event/exemplar.h"

#include "base/clock.h"

#include <string.h>

#define FRESH_NS OCTO_NS_PER_S /* an exemplar is replaced when it is that old */
#define STALE_NS (5 * OCTO_NS_PER_S)

static unsigned place_of(uint32_t word)
{
    return (word * 0x9e3779b1u) >> 22; /* ten bits */
}
_Static_assert(OCTO_EXEMPLARS == 1 << 10, "place_of() gives as many");

void octo_exemplar_offer(struct octo_metrics *m, uint32_t word, uint64_t value, uint64_t now_ns, const char *id,
                         size_t id_len)
{
    struct octo_exemplar *e = &m->exemplar[place_of(word)];
    uint64_t then = atomic_load_explicit(&e->mono_ns, memory_order_relaxed);
    uint32_t begun;

    if (__builtin_expect(now_ns < then + FRESH_NS, 1) || id_len > OCTO_EXEMPLAR_ID_MAX)
        return;
    begun = atomic_load_explicit(&e->begun, memory_order_acquire);
    /* Who began and never ended is dead. */
    if (begun != atomic_load_explicit(&e->ended, memory_order_acquire) && now_ns < then + STALE_NS)
        return;
    if (!atomic_compare_exchange_strong(&e->begun, &begun, begun + 1))
        return;
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&e->mono_ns, now_ns, memory_order_relaxed);
    e->word = word;
    e->length = (uint32_t)id_len;
    e->value = value;
    e->real_ns = octo_clock_real_ns();
    memcpy(e->id, id, id_len);
    atomic_store_explicit(&e->ended, begun + 1, memory_order_release);
}

bool octo_exemplar_of(const struct octo_metrics *m, uint32_t word, struct octo_exemplar *copy)
{
    const struct octo_exemplar *e = &m->exemplar[place_of(word)];
    uint32_t ended = atomic_load_explicit(&e->ended, memory_order_acquire);

    if (ended == 0)
        return false;
    memcpy(copy, e, sizeof(*copy));
    atomic_thread_fence(memory_order_acquire);
    return copy->word == word && copy->length <= OCTO_EXEMPLAR_ID_MAX && copy->ended == ended &&
           atomic_load_explicit(&e->begun, memory_order_relaxed) == ended;
}
