/*
 * Spans: records of ended, sampled requests on their way to octoshim-otlp; and how that is started, which push.h shares.
 * See include/octoshim/otlp.h.
 *
 * For: the writer. Each record is handed over at most once, after its line is written: one that a killed writer has
 * perhaps handed over is not handed over again. Never waits: what the pipe does not take is dropped, and counted.
 * octoshim-otlp is started with the first record or the first metrics, and again if it has ended, OCTO_SPANS_PAUSE_MS later at the soonest.
 *
 * Context: the writer thread, holding the lead; octo_spans_wait() is any other thread's.
 */
#ifndef OCTO_EXPORT_SPANS_H
#define OCTO_EXPORT_SPANS_H

#include "base/settings.h"
#include "export/sink.h"
#include "octoshim/otlp.h"
#include "octoshim/record.h"

enum {
    OCTO_SPANS_BYTES = 64 << 10, /* of a batch */
    OCTO_SPANS_PAUSE_MS = 10000, /* doubled with each start that came to nothing, up to 64 times that */
    OCTO_SPANS_TROUBLE_MAX = 1024,
};

struct octo_spans {
    const struct octo_settings *settings;  /* of who is to be started */
    const uint64_t *instance;              /* the segment's */
    bool wanted;                           /* somebody wants spans */
    struct octo_otlp_page *_Atomic page;   /* NULL: octoshim-otlp has not been started */
    int pipe;                              /* its write end, -1: closed. Then the two below are, too */
    int page_fd, bell;                     /* the page's file, and the eventfd */
    bool put;                              /* metrics, to the one that runs now */
    uint64_t not_before_ns;                /* no new start before */
    uint32_t in_vain;                      /* starts since one that was of use */
    uint64_t handed;                       /* to octoshim-otlp since its start */
    uint64_t seen[OCTO_SPAN_RESULT_COUNT]; /* of the page's, added to the segment's */
    uint32_t trouble_no;                   /* of the page's, told */
    int start_error;                       /* -errno, 0: it is started */
    size_t length;                         /* bytes in batch */
    uint32_t rest_length;                  /* bytes in rest */
    char rest[OCTO_RECORD_MAX];            /* of a record that the pipe has taken a part of */
    char batch[OCTO_SPANS_BYTES];
};

/* settings: kept. To be called before the first use, and in a fork's child. Any thread while no writer is. */
void octo_spans_init(struct octo_spans *s, const struct octo_settings *settings);

/* Whether the record is that of a span; false for all if nobody wants spans. */
static inline bool octo_spans_wants(const struct octo_spans *s, const struct octo_record *r)
{
    return s->wanted && (r->trace_flags & 1) && (r->trace[0] | r->trace[1]) != 0 &&
           (r->kind == OCTO_EV_REQUEST_COMPLETED || r->kind == OCTO_EV_REQUEST_ABORTED ||
            r->kind == OCTO_EV_CLIENT_REQUEST_COMPLETED || r->kind == OCTO_EV_CLIENT_REQUEST_FAILED ||
            r->kind == OCTO_EV_LLM_CALL_COMPLETED || r->kind == OCTO_EV_LLM_CALL_FAILED);
}

/* Adds one to the batch, for a clock that is real_offset_ns ahead of the record's. False: there is no room. */
bool octo_spans_add(struct octo_spans *s, const struct octo_record *r, int64_t real_offset_ns);

/* Sees to it that octoshim-otlp runs, if there is something for it. results: the segment's counters. sink: knows the service's
 * stderr. */
void octo_spans_prepare(struct octo_spans *s, _Atomic uint64_t *results, const struct octo_sink *sink);

/* Sees to it that octoshim-otlp runs. False: not now. */
bool octo_spans_start(struct octo_spans *s, _Atomic uint64_t *results, const struct octo_sink *sink);

/* Whether metrics that were put have not been taken yet; puts some, with what they count from, if none do. octoshim-otlp runs. */
bool octo_spans_metrics_wait(struct octo_spans *s);
void octo_spans_put_metrics(struct octo_spans *s, const char *text, size_t length, uint64_t since_ns);

/* Hands the batch over, to who is there. */
void octo_spans_hand_over(struct octo_spans *s, _Atomic uint64_t *results);

/* Hands nothing over: the batch is another service's, for which octoshim-otlp does not speak. */
void octo_spans_drop(struct octo_spans *s, _Atomic uint64_t *results);

/* Adds what octoshim-otlp has counted to results. Returns true while it has some that it has not counted. */
bool octo_spans_account(struct octo_spans *s, _Atomic uint64_t *results);

/* What has gone wrong since the last time it was told, as text. False: nothing. */
bool octo_spans_trouble(struct octo_spans *s, char text[OCTO_SPANS_TROUBLE_MAX]);

/* Tells octoshim-otlp that nothing more comes. */
void octo_spans_close(struct octo_spans *s);

/* Waits until octoshim-otlp, having been told, has tried to send all that it had. Only where a writer of this process
 * has started it. */
void octo_spans_wait(struct octo_spans *s, uint64_t timeout_ns);

#endif
