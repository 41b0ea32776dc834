/*
 * redis' INFO: which of the answers on a connection are answers to it, and their lines.
 *
 * For: conn/link.c. An answer is known three times: by its place (the n-th answer is that to the n-th command), by being a text of
 * its own, and by beginning with a section's name; so no value that only looks like it is taken for it. Pure; bytes may be cut
 * anywhere. Context: signal-safe; one thread may be in octo_info_asked() while another one is in octo_info_answered().
 * Source: redis.io, "Redis serialization protocol specification", "INFO".
 */
#ifndef OCTO_PROTO_INFO_H
#define OCTO_PROTO_INFO_H

#include "proto/resp.h"

enum {
    OCTO_INFOS = 4,       /* that wait for their answers; what comes then is not looked at */
    OCTO_INFO_LINE = 128, /* bytes of a line; longer ones are left out */
};

/* What the present answer is, if it is a text. */
enum octo_info_text { OCTO_TEXT_NONE, OCTO_TEXT_BEGUN, OCTO_TEXT_INFO, OCTO_TEXT_OTHER };

/* All zero: at the start of the connection. */
struct octo_info {
    struct octo_resp asks, answers; /* .bad: nothing more will be understood */
    uint64_t due[OCTO_INFOS];       /* which commands were INFO and are not answered yet; a ring */
    _Atomic uint32_t in, out;       /* its ends: moved by who asks, by who reads answers */
    uint16_t line_len;              /* bytes of the present line, also of those that did not fit */
    uint8_t text;                   /* enum octo_info_text */
    uint8_t word_len;               /* bytes in `word` */
    char word[5];                   /* the present command's name, in capitals, as far as it matters */
    char line[OCTO_INFO_LINE];
};

/* Bytes of what was asked. */
void octo_info_asked(struct octo_info *info, const uint8_t *p, size_t n);

/* Bytes of what was answered. take() gets each line of an INFO but the first, without its end; also empty ones and headings. */
void octo_info_answered(struct octo_info *info, const uint8_t *p, size_t n,
                        void (*take)(void *owner, const char *line, size_t len), void *owner);

#endif
