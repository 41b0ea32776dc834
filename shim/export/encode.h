/*
 * The encoder: a record becomes one line, JSON or the coloured console form.
 *
 * For: the writer. Context: one thread per encoder. Pure but for its cached second; no allocation, no libc but
 * memcpy and memchr. Every byte of a record is taken as hostile: the line is ASCII, valid JSON, one line, at most
 * OCTO_LINE_MAX bytes; what is cut is marked ("path_truncated": true).
 * Source: contract "Events"; include/octoshim/event.schema.json says the same to machines.
 */
#ifndef OCTO_EXPORT_ENCODE_H
#define OCTO_EXPORT_ENCODE_H

#include "event/crash.h"
#include "export/put.h"
#include "octoshim/record.h"

enum {
    OCTO_LINE_MAX = 8192,                            /* bytes of the longest line, line feed included */
    OCTO_LINE_ROOM = OCTO_LINE_MAX + OCTO_PUT_SLACK, /* what octo_encode() needs */
    OCTO_IDENTITY_MAX = 3 * 127 * 6 + 256,           /* three names, every character escaped */
};

struct octo_form;

struct octo_encoder {
    const struct octo_form *form;
    uint64_t second; /* unix time that stamp holds */
    char stamp[32];  /* "2025-11-10T10:30:45." */
    uint32_t identity_len;
    char identity[OCTO_IDENTITY_MAX]; /* logger, service … up to the number of pid */
};

/* Makes an encoder for events of this service. json: false gives the console form. Names of at most 127 bytes. */
void octo_encoder_init(struct octo_encoder *e, bool json, const char *service, const char *environment,
                       const char *version);

/*
 * Writes the line of a record into out, line feed included. The record's lengths fit its size (the ring has
 * checked that). real_offset_ns: CLOCK_REALTIME - CLOCK_MONOTONIC. out has OCTO_LINE_ROOM bytes.
 * Returns the bytes written, 1 to OCTO_LINE_MAX.
 */
size_t octo_encode(struct octo_encoder *e, const struct octo_record *r, int64_t real_offset_ns, char *out);

/* What is said of a stack in a line: what there is of it. */
struct octo_line_stack {
    uint64_t id;      /* 0: none */
    const char *json; /* the frames, if they are to be said whole */
    uint32_t json_bytes;
    bool cut;
    uint8_t reason_len;
    const char *reason; /* why there are none, or no more; not with a NUL */
    uint64_t sample;    /* stacks.c's: bit of the sample that it is from, 0: none */
};

/* octo_encode() of a record that has a stack. Where the texts of the request are long, the frames are left out, and marked as cut. */
size_t octo_encode_stacked(struct octo_encoder *e, const struct octo_record *r,
                           const struct octo_line_stack *stack, int64_t real_offset_ns, char *out);

/* The same of a crash: service.crashed. Its numbers are what its process has put there: out of range, they are cut down. */
size_t octo_encode_death(struct octo_encoder *e, const struct octo_crash *crash, int64_t real_offset_ns,
                         char *out);

/* A short lower_case word for `reason` of request.aborted; static storage. */
const char *octo_abort_reason_name(unsigned reason);

/* The name of an errno value and what it means, for `reason` of client.request.failed; static storage. */
const char *octo_failure_code(unsigned failure);
const char *octo_failure_text(unsigned failure);

/* The name of an enum octo_llm_operation. */
const char *octo_llm_operation_name(unsigned operation);

#endif
