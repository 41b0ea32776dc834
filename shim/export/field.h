/*
 * One field of a line: its key, its value, and what closes it.
 *
 * For: encode.c, encode_crash.c. As put.h: the caller has made sure of the room.
 */
#ifndef OCTO_EXPORT_FIELD_H
#define OCTO_EXPORT_FIELD_H

#include "base/hex.h"
#include "export/encode.h"
#include "export/form.h"
#include "export/target.h"

enum { OCTO_ESCAPE_MAX = 6 }; /* bytes of output a byte of text may need */

static inline char *octo_field_form_text(char *p, const struct octo_form_text *t)
{
    memcpy(p, t->text, sizeof t->text);
    return p + t->len;
}

static inline char *octo_field_key(char *p, const struct octo_form *form, enum octo_key key)
{
    memcpy(p, form->key[key].text, sizeof form->key[key].text);
    return p + form->key[key].len;
}

static inline char *octo_field_close(char *p, const struct octo_form_close *close)
{
    memcpy(p, close->text, sizeof close->text);
    return p + close->len;
}

static inline char *octo_field_number(char *p, const struct octo_form *form, enum octo_key key, uint64_t value)
{
    return octo_field_close(octo_put_u64(octo_field_key(p, form, key), value), &form->number_end);
}

static inline char *octo_field_ms(char *p, const struct octo_form *form, enum octo_key key, uint64_t ns)
{
    return octo_field_close(octo_put_ms(octo_field_key(p, form, key), ns), &form->number_end);
}

static inline char *octo_field_true(char *p, const struct octo_form *form, enum octo_key key)
{
    return octo_field_close(OCTO_PUT(octo_field_key(p, form, key), "true"), &form->number_end);
}

/* A text that is short enough by its source: 255 bytes at most. */
static inline char *octo_field_short(char *p, const struct octo_form *form, enum octo_key key, const char *text,
                                     size_t n)
{
    bool cut = false;

    p = octo_field_key(p, form, key);
    return octo_field_close(octo_put_text(p, p + n * OCTO_ESCAPE_MAX, text, n, &cut), &form->text_end);
}

/* A text of any length, up to end. cut: it is not the whole even before. */
static inline char *octo_field_long(char *p, const struct octo_form *form, enum octo_key key,
                                    enum octo_key truncated, char *end, struct octo_span text, bool redact,
                                    bool cut)
{
    bool full = false;

    p = octo_field_key(p, form, key);
    p = redact ? octo_target_put(p, end, text, &full) : octo_put_text(p, end, text.at, text.len, &full);
    p = octo_field_close(p, &form->text_end);
    return cut || full ? octo_field_true(p, form, truncated) : p;
}

static inline char *octo_field_word(char *p, const struct octo_form *form, enum octo_key key, const char *word)
{
    p = octo_field_key(p, form, key);
    return octo_field_close(octo_put_bytes(p, word, strlen(word)), &form->text_end);
}

static inline char *octo_field_trace(char *p, const struct octo_form *form, const uint64_t trace[2], uint64_t span)
{
    p = octo_hex_put16(octo_hex_put16(octo_field_key(p, form, OCTO_KEY_TRACE_ID), trace[0]), trace[1]);
    p = octo_field_close(p, &form->text_end);
    return octo_field_close(octo_hex_put16(octo_field_key(p, form, OCTO_KEY_SPAN_ID), span), &form->text_end);
}

/* stack_id, stack, stack_truncated, stack_error. The frames are JSON already, in ASCII, on one line; of a segment that somebody has damaged at
 * least the latter. room: for them. */
static inline char *octo_field_stack(char *p, const struct octo_form *form, const struct octo_line_stack *stack,
                                     size_t room)
{
    bool fits = stack->json_bytes <= room;

    if (stack->id != 0) {
        p = octo_hex_put16(octo_field_key(p, form, OCTO_KEY_STACK_ID), stack->id);
        p = octo_field_close(p, &form->text_end);
    }
    if (stack->id != 0 && stack->json_bytes != 0 && fits) {
        p = octo_field_key(p, form, OCTO_KEY_STACK);
        for (uint32_t i = 0; i < stack->json_bytes; i++)
            *p++ = stack->json[i] >= ' ' && stack->json[i] <= '~' ? stack->json[i] : '?';
        p = octo_field_close(p, &form->number_end);
    }
    if ((stack->id != 0 && stack->cut) || !fits)
        p = octo_field_true(p, form, OCTO_KEY_STACK_TRUNCATED);
    return stack->reason_len != 0
               ? octo_field_short(p, form, OCTO_KEY_STACK_ERROR, stack->reason, stack->reason_len)
               : p;
}

#endif
