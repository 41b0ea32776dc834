/*
 * What liboctoshim.so and octoshim-otlp have between them.
 *
 *      writer thread ──── records ───> pipe, fd 0 ───> octoshim-otlp ───> receiver
 *            ├─────────<── what became of them ── memory, fd 3 ──┤
 *            └──── metrics ───> the same file, behind that; bell, fd 4 ──┘
 *
 * Records are those of record.h, one after the other, of ended requests that are sampled; in them `commit` means
 * nothing, and mono_ns is CLOCK_REALTIME. Metrics are a whole text, as OpenMetrics 1.0.0 has it, with a `# EOF`; the
 * bell is an eventfd. The pipe's end is the order to send what is left, and to end.
 */
#ifndef OCTOSHIM_OTLP_H
#define OCTOSHIM_OTLP_H

#include <stdint.h>

enum { OCTO_OTLP_RECORDS = 0, OCTO_OTLP_PAGE = 3, OCTO_OTLP_BELL = 4 }; /* descriptors of octoshim-otlp */

/* Where the text begins in the page's file. */
enum { OCTO_OTLP_TEXT_AT = 4096 };

/* What became of a span. OCTO_SPAN_RESULT(symbol, label of octoshim_spans_total) */
#define OCTO_SPAN_RESULTS(X)                                                                                      \
    X(EXPORTED, "exported") /* the receiver has it */                                                             \
    X(DROPPED, "dropped")   /* there was no room: the pipe or the queue was full */                               \
    X(REJECTED, "rejected") /* the receiver took the batch, but not this one */                                   \
    X(FAILED, "failed")     /* refused, not there, not answered; or octoshim-otlp was killed meanwhile */

enum octo_span_result {
#define OCTO_SPAN_RESULT_ENUM(symbol, label) OCTO_SPAN_##symbol,
    OCTO_SPAN_RESULTS(OCTO_SPAN_RESULT_ENUM)
#undef OCTO_SPAN_RESULT_ENUM
        OCTO_SPAN_RESULT_COUNT
};

/* Written by octoshim-otlp, but for the metrics; read by the writer, which has made it, all zero. */
struct octo_otlp_page {
    _Atomic uint64_t spans[OCTO_SPAN_RESULT_COUNT];
    uint64_t metrics_since_ns, metrics_ns; /* CLOCK_REALTIME: what the values count from, and are of */
    _Atomic uint64_t metrics_length; /* bytes of text, put by the writer; octoshim-otlp takes it, and makes it 0 */
    _Atomic uint32_t done;           /* futex: not 0 once the pipe has ended and all that was left was tried */
    _Atomic uint32_t trouble_no;     /* odd while the text is being written */
    char trouble[1000];              /* what last went wrong, ends with a NUL; valid UTF-8 */
};

_Static_assert(sizeof(struct octo_otlp_page) <= 4096, "one page");

#endif
