/* Samples: see samples.h. */
#include "event/samples.h"

#include "event/segment.h"

#include <stdatomic.h>
#include <string.h>

enum { INDEX_BITS = 6 };
_Static_assert(OCTO_SAMPLES == 1 << INDEX_BITS, "a serial number says which one");

const size_t octo_samples_head_bytes = offsetof(struct octo_samples, sample);

static bool sample_ready(struct octo_samples *s, uint32_t i)
{
    if (atomic_load(&s->head[i].ready))
        return true;
    if (!octo_segment_populate(&s->sample[i], sizeof(s->sample[i]), false))
        return false;
    atomic_store(&s->head[i].ready, 1);
    return true;
}

struct octo_sample *octo_sample_take(struct octo_samples *s, uint32_t pid, uint64_t now_ns)
{
    uint32_t turn = atomic_fetch_add_explicit(&s->takings, 1, memory_order_relaxed) + 1;

    for (uint32_t n = 0; n < OCTO_SAMPLES; n++) {
        uint32_t i = (turn + n) % OCTO_SAMPLES, nobody = 0;
        struct octo_sample_head *head = &s->head[i];

        if (!atomic_compare_exchange_strong(&head->owner, &nobody, pid))
            continue;
        head->serial = (uint64_t)turn << INDEX_BITS | i;
        head->taken_ns = now_ns;
        if (sample_ready(s, i)) {
            s->sample[i].answered = OCTO_SAMPLE_FILLING;
            s->sample[i].again = 0;
            return &s->sample[i];
        }
        octo_sample_give(s, &s->sample[i]);
        break;
    }
    atomic_fetch_add_explicit(&s->missed, 1, memory_order_relaxed);
    return NULL;
}

void octo_sample_give(struct octo_samples *s, const struct octo_sample *sample)
{
    atomic_store_explicit(&s->head[sample - s->sample].owner, 0, memory_order_release);
}

struct octo_sample *octo_sample_of(struct octo_samples *s, uint64_t serial, uint32_t *pid)
{
    struct octo_sample_head *head = &s->head[serial % OCTO_SAMPLES];

    if (serial == 0 || (*pid = atomic_load(&head->owner)) == 0 || head->serial != serial)
        return NULL;
    return &s->sample[serial % OCTO_SAMPLES];
}

/* Whether each word is where the place has it. */
static bool same(const struct octo_place *place, const struct octo_sample *sample)
{
    uint32_t words = place->words;

    if (words > OCTO_STACK_FRAMES_MAX)
        return false;
    for (uint32_t i = 0; i < words; i++) {
        uint64_t offset = place->word[i].offset, word;

        if (sample->stack_bytes < sizeof(word) || offset > sample->stack_bytes - sizeof(word))
            return false;
        memcpy(&word, sample->stack + offset, sizeof(word));
        if (word != place->word[i].value)
            return false;
    }
    return true;
}

enum octo_place_answer octo_place_find(struct octo_samples *s, const struct octo_sample *sample, unsigned pc,
                                       uint64_t now_ns, uint64_t *id)
{
    for (uint32_t i = 0; i < OCTO_PLACES; i++) {
        struct octo_place *place = &s->place[i];
        uint64_t told_ns = atomic_load_explicit(&place->told_ns, memory_order_acquire);
        uint32_t turn = atomic_load_explicit(&place->turn, memory_order_acquire);
        bool found;

        if (told_ns == 0 || turn % 2 != 0 || place->pc != sample->registers[pc])
            continue;
        found = same(place, sample);
        *id = place->id;
        /* Adding nothing keeps the reads above it. */
        if (!found || atomic_fetch_add_explicit(&place->turn, 0, memory_order_acq_rel) != turn)
            continue;
        if (now_ns - told_ns < OCTO_PLACE_TOLD_S * UINT64_C(1000000000))
            return OCTO_PLACE_KNOWN;
        /* The first one after that looks again; the others go on meanwhile. */
        return atomic_compare_exchange_strong(&place->told_ns, &told_ns, now_ns) ? OCTO_PLACE_DUE
                                                                                 : OCTO_PLACE_KNOWN;
    }
    return OCTO_PLACE_UNKNOWN;
}

/* The one that has the same words, which is learnt again; else one that is free, or the oldest. */
static struct octo_place *room_for(struct octo_samples *s, uint64_t pc, const struct octo_stack_place *word,
                                   uint32_t words)
{
    struct octo_place *oldest = &s->place[0];

    for (uint32_t i = 0; i < OCTO_PLACES; i++) {
        struct octo_place *place = &s->place[i];

        if (place->told_ns != 0 && place->pc == pc && place->words == words &&
            memcmp(place->word, word, words * sizeof(*word)) == 0)
            return place;
        if (place->told_ns < oldest->told_ns)
            oldest = place;
    }
    return oldest;
}

void octo_place_learn(struct octo_samples *s, uint64_t pc, const struct octo_stack_place *word, uint32_t words,
                      uint64_t id, uint64_t now_ns)
{
    struct octo_place *place = room_for(s, pc, word, words);
    uint32_t turn = atomic_load(&place->turn) | 1;

    atomic_exchange(&place->turn, turn);
    place->pc = pc;
    place->id = id;
    place->words = words;
    memcpy(place->word, word, words * sizeof(*word));
    atomic_store_explicit(&place->turn, turn + 1, memory_order_release);
    atomic_store_explicit(&place->told_ns, now_ns, memory_order_release);
}

void octo_samples_reap(struct octo_samples *s, uint64_t before_ns)
{
    for (uint32_t i = 0; i < OCTO_SAMPLES; i++) {
        if (atomic_load(&s->head[i].owner) != 0 && s->head[i].taken_ns < before_ns)
            octo_sample_give(s, &s->sample[i]);
    }
}
