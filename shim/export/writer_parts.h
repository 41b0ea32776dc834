/*
 * The writer's inside, shared by writer.c (life), drain.c (rings to sink) and report.c (events about itself).
 *
 * Context: the writer thread, but for the fields marked otherwise. One per process, static.
 */
#ifndef OCTO_EXPORT_WRITER_PARTS_H
#define OCTO_EXPORT_WRITER_PARTS_H

#include "base/settings.h"
#include "event/segment.h"
#include "export/encode.h"
#include "export/lead.h"
#include "export/push.h"
#include "export/sink.h"
#include "export/spans.h"
#include "export/stacks.h"
#include "export/thread.h"

enum {
    OCTO_BATCH_BYTES = 64 << 10,  /* one write */
    OCTO_NAP_MS = 10,             /* between batches while there is traffic: a record waits this long at most */
    OCTO_QUIET_NAPS = 4,          /* naps without a record before sleeping until rung */
    OCTO_MUTED_NAP_MS = 100,      /* between looks where a process may not ring */
    OCTO_RETRY_MS = 1000,         /* between attempts to write into a sink that fails */
    OCTO_REPORT_MS = 1000,        /* between two events of one kind about the shim itself */
    OCTO_DEATHS_MS = 1000,        /* between looks whether a process is gone without a word */
    OCTO_SPANS_REPORT_MS = 60000, /* the same, about spans that do not arrive */
    OCTO_SPANS_LOOK_MS = 1000,    /* between looks at what became of those that are under way */
};

/* What went wrong with the sink, and what has been said of it. */
struct octo_trouble {
    int error;         /* -errno, 0: the sink works */
    bool opening;      /* the file cannot be opened; else: cannot be written */
    bool told;         /* a line on stderr has said so */
    uint64_t failures; /* failed writes since the last event about it */
};

struct octo_writer {
    const struct octo_settings *settings; /* set by octo_writer_ensure() */
    struct octo_segment *segment;         /* the same */
    struct octo_thread thread;            /* the same */
    _Atomic uint32_t stop;                /* set by octo_writer_stop() */
    _Atomic bool unsettled;               /* set by octo_writer_settle(), until it is done */

    struct octo_lead lead;
    struct octo_sink sink;
    struct octo_encoder encoder;
    struct octo_spans spans;
    struct octo_push push;
    struct octo_stacks stacks;
    struct octo_trouble trouble;
    uint64_t deaths_ns; /* next look at who is gone */
    uint64_t sink_ns, dropped_ns, homeless_ns, lost_ns, series_ns, spans_ns,
        degraded_ns[OCTO_SEGMENT_OPAQUE];      /* last events about the shim */
    uint64_t lost_records[OCTO_SEGMENT_RINGS]; /* of the batch, by ring */
    uint32_t first;                            /* slot the next batch begins with */
    bool more;                                 /* the last batch was full */
    bool lost;                                 /* the last batch was: there is no sink */

    size_t length;                  /* bytes in batch */
    uint64_t lines;                 /* and lines */
    uint64_t by_level[OCTO_LEVELS]; /* the same */
    char batch[OCTO_BATCH_BYTES + OCTO_LINE_ROOM];
};

/* drain.c */
/* Moves one batch from the segment's rings to the sink. Returns the lines written (or given up). hole_ns: see
 * octo_ring_read(); 0 for the rings of the dead. */
uint64_t octo_drain_batch(struct octo_writer *w, struct octo_segment *segment, struct octo_encoder *encoder,
                          uint64_t hole_ns);
/* Ends what a former leader had begun. First thing with every segment. */
void octo_drain_recover(struct octo_writer *w, struct octo_segment *segment, struct octo_encoder *encoder);
/* Empties w->batch. */
void octo_drain_begin(struct octo_writer *w);
/* Counts the lines of the batch, which is done with. */
void octo_drain_count(struct octo_writer *w);
/* Writes w->batch[0..length), lines that stand in no ring. Returns whether they are written. */
bool octo_drain_write_plain(struct octo_writer *w);
/* Sleeps on the doorbell of w->segment unless it differs from `seen`. timeout_ms 0: until rung. */
void octo_writer_sleep(struct octo_writer *w, uint32_t seen, unsigned timeout_ms);

/* drain_rings.c */
typedef bool octo_take(const struct octo_record *record, void *arg);
/* Calls take() on what waits in the segment's rings until it says no. segment->batch.cursor, .order and .rings say then what was read;
 * nothing is freed. hole_ns: see octo_drain_batch(). */
void octo_rings_read(struct octo_writer *w, struct octo_segment *segment, uint64_t hole_ns, octo_take *take,
                     void *arg);
/* The same records again, by what segment->batch says. */
void octo_rings_read_again(struct octo_writer *w, struct octo_segment *segment, octo_take *take, void *arg);
/* Gives the room of what was read back. */
void octo_rings_free(struct octo_writer *w, struct octo_segment *segment);

/* report.c */
/* Writes the events about the shim itself that are due. True if one is still waiting for its second to pass. */
bool octo_report(struct octo_writer *w);
/* The sink has failed with error (-errno); opening: not even opened. Says so on stderr once. */
void octo_report_trouble(struct octo_writer *w, int error, bool opening);

#endif
