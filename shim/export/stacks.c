/* Stacks of errors: see stacks.h. */
#include "export/stacks.h"

#include "base/clock.h"
#include "event/segment.h"
#include "export/stack.h"

#include <string.h>

enum {
    NO_FRAMES = 0, /* in place of an ID: why there are none is told as often as a stack is */
    ASK_MS = 100,  /* for an answer: as a rule it takes two */
    ASK_MOST = 10, /* a second: beyond, an error has no stack */
    BACK_OFF_MS = 10000,
};

/* Whether another one may be asked for now. */
static bool may_ask(struct octo_stacks *stacks, uint64_t now_ns)
{
    if (now_ns < stacks->patient_ns)
        return false;
    if (now_ns - stacks->window_ns > OCTO_NS_PER_S) {
        stacks->window_ns = now_ns;
        stacks->asked = 0;
    }
    return stacks->asked++ < ASK_MOST;
}

/* Whether the frames of that ID are to be told: not if they were, within a minute. */
static bool is_news(struct octo_stacks *stacks, uint64_t id, uint64_t now_ns)
{
    unsigned oldest = 0;

    for (unsigned i = 0; i < OCTO_STACKS_TOLD; i++) {
        if (stacks->told[i].ns != 0 && stacks->told[i].id == id) {
            oldest = i;
            break;
        }
        if (stacks->told[i].ns < stacks->told[oldest].ns)
            oldest = i;
    }
    if (stacks->told[oldest].id == id && stacks->told[oldest].ns != 0 &&
        now_ns - stacks->told[oldest].ns < OCTO_PLACE_TOLD_S * OCTO_NS_PER_S)
        return false;
    stacks->told[oldest].id = id;
    stacks->told[oldest].ns = now_ns;
    return true;
}

static bool tells(struct octo_stacks *stacks, const struct octo_stack_reply *reply)
{
    if (reply->frames == 0 && reply->reason[0] == '\0')
        return false;
    return is_news(stacks, reply->frames != 0 ? reply->id : NO_FRAMES, octo_clock_mono_ns());
}

static void ask(struct octo_stacks *stacks, const struct octo_settings *settings, struct octo_samples *samples,
                struct octo_sample *sample, uint32_t pid)
{
    static char json[OCTO_SAMPLE_JSON]; /* one writer a process; its stack is small */
    static struct octo_stack_place place[OCTO_STACK_FRAMES_MAX];
    uint64_t now_ns = octo_clock_mono_ns();
    struct octo_stack_question q = {.settings = settings,
                                    .pid = pid,
                                    .known = sample->known,
                                    .stack = sample->stack,
                                    .stack_bytes = sample->stack_bytes,
                                    .trim = true,
                                    .deadline_ns = now_ns + ASK_MS * OCTO_NS_PER_MS,
                                    .json_max = sizeof json};
    uint64_t pc = sample->registers[OCTO_STACK_PC];

    if (q.stack_bytes > sizeof sample->stack)
        q.stack_bytes = sizeof sample->stack;
    memcpy(q.registers, sample->registers, sizeof q.registers);
    if (!octo_stack_ask(&q, &sample->reply, json, place))
        stacks->patient_ns = octo_clock_mono_ns() + BACK_OFF_MS * OCTO_NS_PER_MS;
    else if (sample->reply.places != 0)
        octo_place_learn(samples, pc, place, sample->reply.places, sample->reply.id, now_ns);
    memcpy(sample->json, json, sample->reply.json_bytes);
}

/* pid 0: of a process that is gone. */
static void answer(struct octo_stacks *stacks, const struct octo_settings *settings, struct octo_samples *samples,
                   struct octo_sample *sample, uint32_t pid)
{
    uint64_t now_ns = octo_clock_mono_ns(), id;

    if (octo_place_known(samples, sample, OCTO_STACK_PC, now_ns,
                         &id)) /* by now: it was among those that came together */
        sample->reply = (struct octo_stack_reply){.frames = 1, .id = id};
    else if (pid == 0)
        octo_stack_fail(&sample->reply, "the process is gone", 0);
    else if (may_ask(stacks, now_ns))
        ask(stacks, settings, samples, sample, pid);
    else
        sample->reply = (struct octo_stack_reply){0}; /* nothing, and no word about it: there will be many */
    sample->answered = tells(stacks, &sample->reply) ? OCTO_SAMPLE_WHOLE : OCTO_SAMPLE_ID_ONLY;
}

bool octo_stacks_find(struct octo_stacks *stacks, const struct octo_settings *settings,
                      struct octo_segment *segment, bool own, const struct octo_record *record,
                      struct octo_line_stack *line)
{
    struct octo_samples *samples = octo_segment_samples(segment);
    struct octo_sample *sample;
    uint32_t pid;

    *line = (struct octo_line_stack){.id = record->count};
    if (record->stack == OCTO_RECORD_STACK_KNOWN)
        return true;
    sample = record->stack == OCTO_RECORD_STACK_SAMPLED ? octo_sample_of(samples, record->count, &pid) : NULL;
    if (sample == NULL || pid != record->pid)
        return false;
    if (!sample->answered)
        answer(stacks, settings, samples, sample, own ? pid : 0);
    line->sample = UINT32_C(1) << (sample - samples->sample);
    line->id = sample->reply.frames != 0 ? sample->reply.id : 0;
    line->json = sample->json;
    if (sample->answered == OCTO_SAMPLE_ID_ONLY)
        return true;
    line->json_bytes = sample->reply.json_bytes < sizeof sample->json ? sample->reply.json_bytes : 0;
    line->cut = sample->reply.cut != 0;
    line->reason = sample->reply.reason;
    line->reason_len = (uint8_t)strnlen(sample->reply.reason, sizeof sample->reply.reason);
    return true;
}

void octo_stacks_settle(struct octo_stacks *stacks, struct octo_segment *segment)
{
    struct octo_samples *samples = octo_segment_samples(segment);

    for (unsigned i = 0; i < OCTO_SAMPLES; i++)
        if (stacks->used >> i & 1)
            octo_sample_give(samples, &samples->sample[i]);
    stacks->used = 0;
}
