/* Measure: see measure.h. */
#include "conn/measure.h"

#include "base/clock.h"
#include "base/text.h"
#include "conn/llm.h"
#include "conn/measure_cells.h"
#include "conn/process.h"
#include "conn/rules_request.h"
#include "event/exemplar.h"
#include "event/owners.h"
#include "export/encode.h"

#include <string.h>

enum family {
    REQUESTS,
    DURATION,
    IN_PROGRESS,
    ERRORS,
    CONNECTIONS,
    CLIENT_REQUESTS,
    CLIENT_DURATION,
    LLM_LATENCY,
    FAMILIES
};

enum { LLM_SERIES_LEFT = 16 }; /* of its family, kept for the other models of each provider */

enum { OWNER_BITS = 10 }; /* of `counted`: owner's number + 1; above them its PID (22 bits) */

static int family[FAMILIES];

static const uint64_t llm_buckets[] = {OCTO_NS_PER_S / 10, OCTO_NS_PER_S / 2, OCTO_NS_PER_S,
                                       2 * OCTO_NS_PER_S,  5 * OCTO_NS_PER_S, 10 * OCTO_NS_PER_S,
                                       30 * OCTO_NS_PER_S};

/* ── gauges ────────────────────────────────────────────────────────────────────────────────────────── */

static struct octo_owner *owner_of(struct octo_process *process)
{
    struct octo_owner *owner = atomic_load_explicit(&process->owner, memory_order_acquire);

    /* Who comes while another thread is at it, at the process's very first request, does without. */
    if (__builtin_expect(owner != NULL, 1) || process->owned || octo_service.sandboxed ||
        atomic_exchange(&process->owned, true))
        return owner;
    owner = octo_owner_claim(octo_service.metrics, process->pid);
    atomic_store_explicit(&process->owner, owner, memory_order_release);
    return owner;
}

/* The share of a gauge's series + 1, kept in *known once it is made. 0: there is none. */
static uint32_t share_of(_Atomic uint32_t *known, enum family gauge, const char *labels, size_t len)
{
    uint32_t share = atomic_load_explicit(known, memory_order_relaxed);
    int number;

    if (__builtin_expect(share != 0, 1))
        return share;
    number = octo_metrics_series(octo_service.metrics, (unsigned)family[gauge], labels, len, 0,
                                 !octo_service.sandboxed);
    if (number < 0)
        return 0;
    share = octo_metrics_at(octo_service.metrics, (unsigned)number)->word + 1;
    atomic_store_explicit(known, share, memory_order_relaxed);
    return share;
}

static _Atomic uint32_t verb_share[OCTO_VERBS], connection_share;

static uint32_t share_of_verb(uint8_t verb)
{
    char room[32];
    struct octo_text t;

    if (__builtin_expect(verb_share[verb] != 0, 1))
        return verb_share[verb];
    octo_text_begin(&t, room, sizeof(room));
    octo_text_str(&t, "method=\"");
    octo_text_str(&t, octo_verbs[verb]);
    octo_text_char(&t, '"');
    return share_of(&verb_share[verb], IN_PROGRESS, room, octo_text_len(&t));
}

uint32_t octo_measure_rise(uint32_t share)
{
    struct octo_process *process = octo_process();
    struct octo_owner *owner = process ? owner_of(process) : NULL;

    if (!owner)
        return 0;
    octo_share_add(octo_service.metrics, owner, share, 1);
    return process->pid << OWNER_BITS | (uint32_t)(owner - octo_service.metrics->owner + 1);
}

void octo_measure_drop(uint32_t counted, uint32_t share)
{
    struct octo_owner *owner;

    if (!counted)
        return;
    owner = &octo_service.metrics->owner[(counted & ((1u << OWNER_BITS) - 1)) - 1];
    if (atomic_load_explicit(&owner->pid, memory_order_relaxed) == counted >> OWNER_BITS)
        octo_share_add(octo_service.metrics, owner, share, -1);
}

/* ── requests ──────────────────────────────────────────────────────────────────────────────────────── */

void octo_measure_started(struct octo_exchange *x)
{
    uint32_t share;

    if (!octo_service.metrics)
        return;
    x->verb = octo_verb(x->words + x->id_len, x->method_len);
    share = share_of_verb(x->verb);
    x->counted = share ? octo_measure_rise(share - 1) : 0;
}

static uint64_t duration(const struct octo_exchange *x, const struct octo_ending *ending)
{
    return ending->now_ns > x->head_ns ? ending->now_ns - x->head_ns : 0;
}

void octo_measure_intend(struct octo_exchange *x, const struct octo_ending *ending)
{
    struct octo_process *process = octo_process();
    struct octo_addition also[OCTO_ALSO];
    struct octo_owner *owner;
    struct octo_cells cells;
    unsigned n = 0;

    if (!octo_service.metrics || !process || (owner = owner_of(process)) == NULL)
        return;
    cells = octo_cells_of(octo_service.metrics, x, ending->status);
    if (!cells.count)
        return;
    if (octo_rules_on_requests())
        n = octo_rules_intend(x, ending, also);
    x->pending = octo_owner_intend(octo_service.metrics, owner, x->handle, cells.count, (unsigned)family[DURATION],
                                   cells.histogram, duration(x, ending), also, n);
    if (!x->pending)
        x->foreseen = 0;
}

/* What was written down for x; NULL if nothing, or by the process that this one was forked from. */
static struct octo_pending *take_pending(struct octo_exchange *x)
{
    struct octo_process *process = octo_process();
    struct octo_pending *p = x->pending;

    x->pending = NULL;
    if (p && process && process->owner && octo_owner_has(octo_service.metrics, process->owner, p))
        return p;
    x->foreseen = 0;
    return NULL;
}

void octo_measure_forgo(struct octo_exchange *x)
{
    struct octo_pending *p = take_pending(x);

    if (p)
        octo_owner_forgo(p);
    x->foreseen = 0;
}

/* Of errors_total: the first word of the series, or 0. */
static uint32_t error_word(struct octo_metrics *m, const char *type, const char *component)
{
    char room[96];
    struct octo_text t;
    int number;

    octo_text_begin(&t, room, sizeof(room));
    octo_text_str(&t, "error_type=\"");
    octo_text_str(&t, type);
    octo_text_str(&t, "\",component=\"");
    octo_text_str(&t, component);
    octo_text_char(&t, '"');
    number = octo_metrics_series(m, (unsigned)family[ERRORS], room, octo_text_len(&t), 0, !octo_service.sandboxed);
    return number < 0 ? 0 : octo_metrics_at(m, (unsigned)number)->word;
}

/* By status, or by what else went wrong where that is 0. */
static uint32_t error_word_of(struct octo_metrics *m, unsigned status, const char *otherwise,
                              const char *component)
{
    char digits[8] = "";
    struct octo_text t;

    if (!status)
        return error_word(m, otherwise, component);
    octo_text_begin(&t, digits, sizeof(digits) - 1);
    octo_text_u64(&t, status);
    return error_word(m, digits, component);
}

static void count_error(struct octo_metrics *m, const struct octo_ending *ending, const char *otherwise,
                        const char *component)
{
    uint32_t word = error_word_of(m, ending->completed ? ending->status : 0, otherwise, component);

    if (word)
        octo_count(m, word, 1);
}

/* The usual errors are there from the start: of a counter that begins at 1 nobody can see that it has risen. */
static void foresee_errors(struct octo_metrics *m)
{
    static const uint16_t statuses[] = {500, 502, 503, 504};

    for (unsigned i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        error_word_of(m, statuses[i], "", "http");
    for (unsigned reason = 0; reason < OCTO_ABORT_REASONS; reason++)
        error_word(m, octo_abort_reason_name(reason), "http");
}

static void count_completed(struct octo_metrics *m, struct octo_exchange *x, const struct octo_ending *ending)
{
    struct octo_pending *p = take_pending(x);
    uint64_t value = duration(x, ending);
    uint32_t bucket;

    if (__builtin_expect(p != NULL, 1)) {
        bucket = octo_owner_settle(m, p, value);
    } else {
        struct octo_cells cells = octo_cells_of(m, x, ending->status);

        if (!cells.count)
            return;
        bucket = octo_observe(m, &m->family[family[DURATION]], cells.histogram, value);
        octo_count(m, cells.count, 1);
    }
    octo_exemplar_offer(m, bucket, value, ending->now_ns, octo_exchange_id(x), x->id_len);
}

void octo_measure_ended(struct octo_exchange *x, const struct octo_ending *ending)
{
    struct octo_metrics *m = octo_service.metrics;

    if (!m)
        return;
    if (ending->completed)
        count_completed(m, x, ending);
    else
        octo_measure_forgo(x);
    octo_measure_drop(x->counted, share_of_verb(x->verb) - 1);
    if (__builtin_expect(!ending->completed || ending->status >= 500, 0))
        count_error(m, ending, octo_abort_reason_name(ending->reason), "http");
}

void octo_measure_client_ended(struct octo_exchange *x, const struct octo_ending *ending)
{
    struct octo_metrics *m = octo_service.metrics;
    uint64_t value = duration(x, ending);
    struct octo_cells cells;

    if (!m)
        return;
    if (ending->completed) {
        x->verb = octo_verb(x->words + x->id_len, x->method_len);
        cells = octo_cells_of_client(m, x, ending->status);
        if (cells.count) {
            uint32_t bucket = octo_observe(m, &m->family[family[CLIENT_DURATION]], cells.histogram, value);

            octo_count(m, cells.count, 1);
            if (x->id_len)
                octo_exemplar_offer(m, bucket, value, ending->now_ns, octo_exchange_id(x), x->id_len);
        }
    }
    if (!ending->completed || ending->status >= 500)
        count_error(m, ending, octo_failure_code(ending->reason), "http_client");
}

/* The series of provider and model: at most so many models, then "other". */
static uint32_t llm_word(struct octo_metrics *m, const struct octo_llm_report *report)
{
    static const char unknown[] = "unknown", rest[] = "other";
    const char *model = report->facts.model_len ? report->model : unknown;
    size_t model_len = report->facts.model_len ? report->facts.model_len : sizeof(unknown) - 1;

    for (unsigned left = LLM_SERIES_LEFT;; left = 0, model = rest, model_len = sizeof(rest) - 1) {
        char room[OCTO_LLM_PROVIDER_MAX + OCTO_LLM_MODEL_MAX + 32];
        struct octo_text t;
        int number;

        octo_text_begin(&t, room, sizeof(room));
        octo_text_str(&t, "provider=\"");
        octo_text_bytes(&t, report->provider, report->facts.provider_len);
        octo_text_str(&t, "\",model=\"");
        octo_text_bytes(&t, model, model_len);
        octo_text_char(&t, '"');
        number = octo_metrics_series(m, (unsigned)family[LLM_LATENCY], room, octo_text_len(&t), left,
                                     !octo_service.sandboxed);
        if (number >= 0)
            return octo_metrics_at(m, (unsigned)number)->word;
        if (left == 0)
            return 0;
    }
}

void octo_measure_llm_ended(const struct octo_exchange *x, const struct octo_llm_report *report)
{
    struct octo_metrics *m = octo_service.metrics;
    uint64_t value = duration(x, &x->ending);
    uint32_t word;

    if (!m)
        return;
    word = llm_word(m, report);
    if (word) {
        uint32_t bucket = octo_observe(m, &m->family[family[LLM_LATENCY]], word, value);

        if (x->id_len)
            octo_exemplar_offer(m, bucket, value, x->ending.now_ns, octo_exchange_id(x), x->id_len);
    }
    if (!x->ending.completed || x->ending.status >= 400) {
        word = error_word(m, "LLM_API_ERROR", "llm");
        if (word)
            octo_count(m, word, 1);
    }
}

void octo_measure_unconnected(enum octo_failure failure)
{
    uint32_t word =
        octo_service.metrics ? error_word(octo_service.metrics, octo_failure_code(failure), "http_client") : 0;

    if (word)
        octo_count(octo_service.metrics, word, 1);
}

uint32_t octo_measure_opened(void)
{
    uint32_t share = octo_service.metrics ? share_of(&connection_share, CONNECTIONS, "", 0) : 0;

    return share ? octo_measure_rise(share - 1) : 0;
}

void octo_measure_closed(uint32_t counted)
{
    if (octo_service.metrics)
        octo_measure_drop(counted, connection_share - 1);
}

/* Deaths are foreseen as well, for the writer to count; and those of a former life of the service, which could not be seen in it, are counted. */
static void foresee_deaths(struct octo_metrics *m, struct octo_segment *segment)
{
    if (segment->death_word[0] != 0)
        return; /* by another of the service's programs */
    for (unsigned i = 0; i < OCTO_DEATH_KINDS; i++) {
        segment->death_word[i] = error_word(m, octo_death_name(i), "process");
        if (segment->death_word[i] != 0 && segment->died_before[i] != 0)
            octo_count(m, segment->death_word[i], segment->died_before[i]);
    }
}

/* ── families ──────────────────────────────────────────────────────────────────────────────────────── */

void octo_measure_wake(struct octo_settings *s, void (*complain)(const char *line))
{
    struct octo_metrics *m = octo_segment_metrics(octo_service.segment);
    const struct octo_metric_plan plans[FAMILIES] = {
        [REQUESTS] = {"http_requests_total", "Requests answered, by method, endpoint and status.", OCTO_COUNTER,
                      OCTO_UNIT_ONE, NULL, 0},
        [DURATION] = {"http_request_duration_seconds",
                      "Time from a request's head being given to the service to the last byte of its response.",
                      OCTO_HISTOGRAM, OCTO_UNIT_NANO, s->buckets.bound, s->buckets.count},
        [IN_PROGRESS] = {"http_requests_in_progress", "Requests that the service has and has not answered yet.",
                         OCTO_GAUGE_SHARED, OCTO_UNIT_ONE, NULL, 0},
        [ERRORS] = {"errors_total",
                    "Failures: responses of status 500 and above by status, unfinished ones by reason, and "
                    "processes that died by signal.",
                    OCTO_COUNTER, OCTO_UNIT_ONE, NULL, 0},
        [CLIENT_REQUESTS] = {"http_client_requests_total",
                             "Requests that the service has made, by method, host and status of the answer.",
                             OCTO_COUNTER, OCTO_UNIT_ONE, NULL, 0},
        [CLIENT_DURATION] = {"http_client_request_duration_seconds",
                             "Time from the sending of a request's head to the last byte of its answer.",
                             OCTO_HISTOGRAM, OCTO_UNIT_NANO, s->buckets.bound, s->buckets.count},
        [LLM_LATENCY] = {"llm_api_latency_seconds",
                         "Time from the sending of a language model's call to the last byte of its answer.",
                         OCTO_HISTOGRAM, OCTO_UNIT_NANO, llm_buckets, sizeof(llm_buckets) / sizeof(*llm_buckets)},
        [CONNECTIONS] = {"octoshim_connections", "Inbound connections that are tracked.", OCTO_GAUGE_SHARED,
                         OCTO_UNIT_ONE, NULL, 0},
    };

    octo_cells_check_patterns(s->endpoints, complain);
    for (unsigned i = 0; m && i < FAMILIES; i++) {
        family[i] = octo_metrics_family(m, &plans[i]);
        if (family[i] < 0)
            return;
    }
    if (!m)
        return;
    octo_cpu_prepare();
    if (m->labels[0] == '\0')
        memcpy(m->labels, s->labels, sizeof(s->labels));
    foresee_errors(m);
    if (s->crash)
        foresee_deaths(m, octo_service.segment);
    octo_cells_families((unsigned)family[REQUESTS], (unsigned)family[DURATION], (unsigned)family[CLIENT_REQUESTS],
                        (unsigned)family[CLIENT_DURATION]);
    octo_service.metrics = m;
}

void octo_measure_prepare(void)
{
    struct octo_process *process = octo_process();

    if (!octo_service.metrics || !process)
        return;
    owner_of(process);
    octo_metrics_prepare(octo_service.metrics);
}
