/*
 * A batch's way to the receiver. See parts.h.
 *
 *      IDLE ──begin──> SENDING ──2xx, or no──> IDLE
 *                        │  ▲
 *           not now, or  ▼  │ after Retry-After, or 1 s, 2 s, 4 s … with jitter
 *           not there   WAITING ──OTEL_BSP_EXPORT_TIMEOUT──> IDLE
 *
 * Nothing is sent twice: a batch is repeated only where the receiver cannot have kept it, that is, if it has said so
 * (429, 502, 503, 504), or if it was not given the whole of it. One that had all of it and then says nothing may have
 * kept it: those spans count as failed.
 *
 * Source: OTLP specification, "OTLP/HTTP Response" and "Retryable Response Codes".
 */
#include <jansson.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

enum {
    FIRST_PAUSE_MS = 1000,
    LAST_PAUSE_MS = 30000,
    ANSWER_MAX = 4 << 20, /* bytes of an answer that we would read */
    MESSAGE_SHOWN = 200,
};

void trouble(struct octo_otlp_page *page, const char *format, ...)
{
    uint32_t no = atomic_load(&page->trouble_no);
    va_list args;

    atomic_store(&page->trouble_no, no + 1);
    atomic_thread_fence(memory_order_seq_cst);
    va_start(args, format);
    vsnprintf(page->trouble, sizeof page->trouble, format, args);
    va_end(args);
    atomic_store(&page->trouble_no, no + 2);
}

static void count(struct sender *s, enum octo_span_result result, uint64_t items)
{
    if (s->results != NULL)
        atomic_fetch_add(&s->results[result], items);
}

static size_t give(char *to, size_t size, size_t times, void *arg)
{
    struct sender *s = arg;
    size_t left = s->body.length - s->given, n = size * times < left ? size * times : left;

    memcpy(to, s->body.bytes + s->given, n);
    s->given += n;
    return n;
}

static size_t hear(char *from, size_t size, size_t times, void *arg)
{
    struct sender *s = arg;
    size_t n = size * times, room = sizeof s->answer - s->answer_length;

    s->answer_total += n;
    memcpy(s->answer + s->answer_length, from, n < room ? n : room);
    s->answer_length += n < room ? n : room;
    return s->answer_total > ANSWER_MAX ? 0 : n;
}

void sender_init(struct sender *s, CURLM *multi, const struct route *route, const char *what,
                 struct octo_otlp_page *page, _Atomic uint64_t *results)
{
    *s = (struct sender){.route = route, .what = what, .page = page, .results = results, .multi = multi};
    if (!route->wanted)
        return;
    s->curl = curl_easy_init();
    if (s->curl == NULL)
        abort();
    curl_easy_setopt(s->curl, CURLOPT_PRIVATE, s);
    curl_easy_setopt(s->curl, CURLOPT_URL, route->url);
    curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, route->headers);
    curl_easy_setopt(s->curl, CURLOPT_USERAGENT, "octoshim/" OCTO_VERSION " OTel-OTLP-Exporter-C/" OCTO_VERSION);
    curl_easy_setopt(s->curl, CURLOPT_TIMEOUT_MS, route->timeout_ms);
    curl_easy_setopt(s->curl, CURLOPT_ERRORBUFFER, s->error);
    curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(s->curl, CURLOPT_POST, 1L);
    /* By a function that cannot go back: so libcurl cannot repeat by itself what was given. */
    curl_easy_setopt(s->curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(s->curl, CURLOPT_READDATA, s);
    curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, hear);
    curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, s);
    if (route->ca != NULL)
        curl_easy_setopt(s->curl, CURLOPT_CAINFO, route->ca);
    if (route->certificate != NULL)
        curl_easy_setopt(s->curl, CURLOPT_SSLCERT, route->certificate);
    if (route->key != NULL)
        curl_easy_setopt(s->curl, CURLOPT_SSLKEY, route->key);
}

static void attempt(struct sender *s)
{
    s->state = SENDING;
    s->attempts++;
    s->given = s->answer_length = s->answer_total = 0;
    s->error[0] = '\0';
    curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->body.length);
    if (curl_multi_add_handle(s->multi, s->curl) != CURLM_OK)
        abort();
}

void sender_begin(struct sender *s, uint64_t now)
{
    s->attempts = 0;
    s->give_up_at = now + (uint64_t)s->route->export_ms;
    attempt(s);
}

void sender_abandon(struct sender *s, const char *why)
{
    if (s->state == SENDING)
        curl_multi_remove_handle(s->multi, s->curl);
    s->state = IDLE;
    count(s, OCTO_SPAN_FAILED, s->body.count);
    trouble(s->page, "%s cannot be sent to %s: %s", s->what, s->route->shown_url, why);
}

/* Between 3/4 and all of 1 s, 2 s, 4 s … */
static uint64_t pause_of(unsigned attempts)
{
    uint64_t pause = attempts < 6 ? (uint64_t)FIRST_PAUSE_MS << (attempts - 1) : LAST_PAUSE_MS;

    if (pause > LAST_PAUSE_MS)
        pause = LAST_PAUSE_MS;
    return pause - (uint64_t)rand() % (pause / 4);
}

static void again(struct sender *s, uint64_t now, uint64_t after_ms, const char *why)
{
    s->again_at = now + (after_ms != 0 ? after_ms : pause_of(s->attempts));
    s->state = WAITING;
    if (s->again_at > s->give_up_at)
        sender_abandon(s, why);
    else
        trouble(s->page, "%s have to wait for %s: %s", s->what, s->route->shown_url, why);
}

/* What a receiver has to say of itself, as far as it can be shown: a line of text. */
static void show(char *out, const char *text, size_t len)
{
    size_t n = 0;

    if (len > MESSAGE_SHOWN)
        len = MESSAGE_SHOWN;
    for (; n < len && text[n] >= 0x20 && text[n] < 0x7f; n++)
        out[n] = text[n];
    out[n] = '\0';
}

/* Of a good answer: how many it did not take, and why. What cannot be read says nothing. Those about metrics have the same
 * fields, by numbers; not by names. */
static uint64_t rejected(const struct sender *s, char *why)
{
    Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse *r;
    uint64_t items = 0;

    if (s->route->json) {
        json_t *root = json_loadb(s->answer, s->answer_length, 0, NULL);
        const json_t *partial = json_object_get(root, "partialSuccess"),
                     *no = json_object_get(partial, s->results != NULL ? "rejectedSpans" : "rejectedDataPoints");
        const char *text = json_string_value(json_object_get(partial, "errorMessage"));

        if (json_is_string(no))
            items = strtoull(json_string_value(no), NULL, 10);
        else if (json_integer_value(no) > 0)
            items = (uint64_t)json_integer_value(no);
        show(why, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
        json_decref(root);
    } else {
        r = opentelemetry__proto__collector__trace__v1__export_trace_service_response__unpack(
            NULL, s->answer_length, (const uint8_t *)s->answer);
        if (r != NULL && r->partial_success != NULL && r->partial_success->rejected_spans > 0) {
            items = (uint64_t)r->partial_success->rejected_spans;
            show(why, r->partial_success->error_message, strlen(r->partial_success->error_message));
        }
        if (r != NULL)
            opentelemetry__proto__collector__trace__v1__export_trace_service_response__free_unpacked(r, NULL);
    }
    return items < s->body.count ? items : s->body.count;
}

static void taken(struct sender *s)
{
    char why[MESSAGE_SHOWN + 1] = "";
    uint64_t no = rejected(s, why);

    s->state = IDLE;
    count(s, OCTO_SPAN_EXPORTED, s->body.count - no);
    count(s, OCTO_SPAN_REJECTED, no);
    if (no > 0)
        trouble(s->page, "%s has rejected %s: %s", s->route->shown_url, s->what,
                *why ? why : "it does not say why");
}

static void answered(struct sender *s, uint64_t now)
{
    char why[MESSAGE_SHOWN + 64], said[MESSAGE_SHOWN + 1];
    curl_off_t after = 0;
    long status = 0;

    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(s->curl, CURLINFO_RETRY_AFTER, &after);
    if (status >= 200 && status < 300) {
        taken(s);
        return;
    }
    show(said, s->answer, s->answer_length);
    snprintf(why, sizeof why, "it answers %ld%s%s", status, *said ? ": " : "", said);
    if (status == 429 || status == 502 || status == 503 || status == 504)
        again(s, now, after > 0 && after < 1000000 ? (uint64_t)after * 1000 : 0, why);
    else
        sender_abandon(s, why);
}

static void ended(struct sender *s, CURLcode code, uint64_t now)
{
    const char *why = s->error[0] ? s->error : curl_easy_strerror(code);
    char unanswered[CURL_ERROR_SIZE + 64];

    curl_multi_remove_handle(s->multi, s->curl);
    s->state = IDLE;
    if (code == CURLE_OK) {
        answered(s, now);
    } else if (s->given < s->body.length) {
        again(s, now, 0, why);
    } else {
        snprintf(unanswered, sizeof unanswered, "it had them, but did not answer (%s)", why);
        sender_abandon(s, unanswered);
    }
}

void sender_again(struct sender *s, uint64_t now)
{
    if (s->state == WAITING && now >= s->again_at)
        attempt(s);
}

void senders_step(CURLM *multi, uint64_t now)
{
    CURLMsg *message;
    int running;

    curl_multi_perform(multi, &running);
    while ((message = curl_multi_info_read(multi, &running)) != NULL) {
        struct sender *s = NULL;
        CURLcode code = message->data.result; /* the message is gone with the handle */

        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &s) == CURLE_OK)
            ended(s, code, now);
    }
}
