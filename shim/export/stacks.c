/* Stacks of errors: see stacks.h. */
#include "export/stacks.h"

#include "base/clock.h"
#include "base/sys.h"
#include "event/segment.h"
#include "export/lead.h"
#include "export/stack.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum {
    NO_FRAMES = 0, /* in place of an ID: why there are none is told as often as a stack is */
    ASK_MS = 100,  /* for an answer: as a rule it takes two */
    TAKE_MS = 20,  /* for another process's writer to begin with its own, where this one might do as well */
    ASK_MOST = 25, /* a second: beyond, an error has no stack */
    BACK_OFF_MS = 10000,
    LATE_BACK_OFF_MS = 1000, /* after an answer that did not come in time */
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

static void back_off(struct octo_stacks *stacks, unsigned ms)
{
    stacks->patient_ns = octo_clock_mono_ns() + ms * OCTO_NS_PER_MS;
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

/* The sample is ANSWERING by this thread. Its state afterwards is the caller's affair. */
static enum octo_stack_asked ask(struct octo_stacks *stacks, const struct octo_settings *settings,
                                 struct octo_sample *sample, uint32_t pid)
{
    static struct octo_program_memory memory; /* one writer a process; its stack is small */
    struct octo_stack_question q = {.settings = settings,
                                    .pid = pid,
                                    .known = sample->known,
                                    .stack = sample->stack,
                                    .stack_at = sample->registers[OCTO_STACK_SP],
                                    .stack_bytes = sample->stack_bytes,
                                    .trim = true,
                                    .deadline_ns = octo_clock_mono_ns() + ASK_MS * OCTO_NS_PER_MS,
                                    .json_max = sizeof sample->json,
                                    .memory = &memory};
    enum octo_stack_asked asked;

    if (q.stack_bytes > sizeof sample->stack)
        q.stack_bytes = sizeof sample->stack;
    memcpy(q.registers, sample->registers, sizeof q.registers);
    /* What comes back takes the stack's place, which has been sent by then. */
    asked = octo_stack_ask(&q, &sample->reply, sample->json, sample->place);
    if (asked == OCTO_STACK_ABSENT)
        back_off(stacks, BACK_OFF_MS);
    else if (asked == OCTO_STACK_LATE)
        back_off(stacks, LATE_BACK_OFF_MS);
    return asked;
}

static bool turns(struct octo_sample *sample, uint32_t from, uint32_t to)
{
    return atomic_compare_exchange_strong(&sample->answered, &from, to);
}

/* Has the process's own writer answer. False: it does not take the sample, or is not done in time. */
static bool have_owner_answer(struct octo_segment *segment, struct octo_sample *sample, unsigned take_ms)
{
    const struct timespec step = {.tv_nsec = 500000};
    uint64_t begun = octo_clock_mono_ns(), now;
    uint32_t answered;

    octo_lead_nudge(&segment->lead);
    while ((answered = atomic_load(&sample->answered)) != OCTO_SAMPLE_ANSWERED &&
           (now = octo_clock_mono_ns()) - begun <
               (answered == OCTO_SAMPLE_ANSWERING ? ASK_MS : take_ms) * OCTO_NS_PER_MS)
        octo_sys(SYS_nanosleep, &step, NULL);
    return answered == OCTO_SAMPLE_ANSWERED;
}

void octo_stacks_answer_own(struct octo_stacks *stacks, const struct octo_settings *settings,
                            struct octo_segment *segment)
{
    struct octo_samples *samples = octo_segment_samples(segment);
    uint32_t pid = (uint32_t)octo_sys(SYS_getpid);

    for (unsigned i = 0; samples != NULL && i < OCTO_SAMPLES; i++) {
        struct octo_sample *sample = &samples->sample[i];

        if (atomic_load(&samples->head[i].owner) != pid || !atomic_load(&samples->head[i].ready) ||
            atomic_load(&sample->answered) != OCTO_SAMPLE_UNANSWERED || !may_ask(stacks, octo_clock_mono_ns()) ||
            !turns(sample, OCTO_SAMPLE_UNANSWERED, OCTO_SAMPLE_ANSWERING))
            continue;
        ask(stacks, settings, sample, pid);
        atomic_store(&sample->answered, OCTO_SAMPLE_ANSWERED);
    }
}

/* By now the place may be known: it was among those that came together. */
static bool find(struct octo_samples *samples, const struct octo_sample *sample, struct octo_stack_reply *reply)
{
    uint64_t id;

    if (sample->again ||
        octo_place_find(samples, sample, OCTO_STACK_PC, octo_clock_mono_ns(), &id) == OCTO_PLACE_UNKNOWN)
        return false;
    *reply = (struct octo_stack_reply){.frames = 1, .id = id};
    return true;
}

/*
 * The process itself may always look at its maps: it is asked first. Where this one may not, its writer is waited for somewhat longer,
 * which the scheduler perhaps keeps from running.
 */
static bool answer_here(struct octo_stacks *stacks, const struct octo_settings *settings,
                        struct octo_segment *segment, struct octo_sample *sample, uint32_t pid)
{
    bool own = pid == (uint32_t)octo_sys(SYS_getpid);
    enum octo_stack_asked asked;

    if ((!own && have_owner_answer(segment, sample, TAKE_MS)) ||
        !turns(sample, OCTO_SAMPLE_UNANSWERED, OCTO_SAMPLE_ANSWERING))
        return atomic_load(&sample->answered) == OCTO_SAMPLE_ANSWERED;
    asked = ask(stacks, settings, sample, pid);
    if (asked == OCTO_STACK_UNREADABLE && !own) {
        atomic_store(&sample->answered, OCTO_SAMPLE_UNANSWERED);
        if (have_owner_answer(segment, sample, ASK_MS) ||
            !turns(sample, OCTO_SAMPLE_UNANSWERED, OCTO_SAMPLE_ANSWERING))
            return atomic_load(&sample->answered) == OCTO_SAMPLE_ANSWERED;
        back_off(stacks, LATE_BACK_OFF_MS);
    }
    atomic_store(&sample->answered, OCTO_SAMPLE_ANSWERED);
    return true;
}

/* Whose state is UNANSWERED. pid 0: of a process that is gone. False: its own writer is at it, and nothing is known now. */
static bool answer(struct octo_stacks *stacks, const struct octo_settings *settings, struct octo_segment *segment,
                   struct octo_sample *sample, uint32_t pid)
{
    struct octo_stack_reply reply;

    if (find(octo_segment_samples(segment), sample, &reply)) {
        ;
    } else if (pid == 0) {
        octo_stack_fail(&reply, "the process is gone", 0);
    } else if (!may_ask(stacks, octo_clock_mono_ns())) {
        reply = (struct octo_stack_reply){0}; /* nothing, and no word about it: there will be many */
    } else {
        return answer_here(stacks, settings, segment, sample, pid);
    }
    if (!turns(sample, OCTO_SAMPLE_UNANSWERED, OCTO_SAMPLE_ANSWERING))
        return have_owner_answer(segment, sample, TAKE_MS);
    sample->reply = reply;
    atomic_store(&sample->answered, OCTO_SAMPLE_ANSWERED);
    return true;
}

/* It is ANSWERED: the leading writer learns, and says what is to be told. */
static void decide(struct octo_stacks *stacks, struct octo_samples *samples, struct octo_sample *sample)
{
    uint32_t places = sample->reply.places;

    if (sample->reply.frames != 0 && places != 0 && places <= OCTO_STACK_FRAMES_MAX)
        octo_place_learn(samples, sample->registers[OCTO_STACK_PC], sample->place, places, sample->reply.id,
                         octo_clock_mono_ns());
    atomic_store(&sample->answered, tells(stacks, &sample->reply) ? OCTO_SAMPLE_WHOLE : OCTO_SAMPLE_ID_ONLY);
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
    sample = record->stack == OCTO_RECORD_STACK_SAMPLED && samples != NULL
                 ? octo_sample_of(samples, record->count, &pid)
                 : NULL;
    if (sample == NULL || pid != record->pid)
        return false;
    if (atomic_load(&sample->answered) < OCTO_SAMPLE_ANSWERED &&
        !answer(stacks, settings, segment, sample, own ? pid : 0))
        return false;
    if (atomic_load(&sample->answered) == OCTO_SAMPLE_ANSWERED)
        decide(stacks, samples, sample);
    line->sample = UINT64_C(1) << (sample - samples->sample);
    line->id = sample->reply.frames != 0 ? sample->reply.id : 0;
    line->json = sample->json;
    if (atomic_load(&sample->answered) == OCTO_SAMPLE_ID_ONLY)
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

    for (unsigned i = 0; samples != NULL && i < OCTO_SAMPLES; i++)
        if (stacks->used >> i & 1)
            octo_sample_give(samples, &samples->sample[i]);
    stacks->used = 0;
}
