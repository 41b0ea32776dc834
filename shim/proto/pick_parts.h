/*
 * What the parts of the picker share: phases, and the seams between the files.
 *
 * For: pick.c (the grammar), pick_tree.c (where the paths lead), pick_take.c (keys and values that are looked at),
 * pick_path.c (the set) and nobody else.
 */
#ifndef OCTO_PROTO_PICK_PARTS_H
#define OCTO_PROTO_PICK_PARTS_H

#include "pick.h"

/* What the next byte belongs to. */
enum pick_phase {
    PICK_VALUE,      /* a value */
    PICK_FIRST_ITEM, /* an array's first value, or its end */
    PICK_FIRST_KEY,  /* an object's first key, or its end */
    PICK_KEY,        /* a key */
    PICK_COLON,
    PICK_AFTER, /* a comma, or the end of what is open */
    PICK_STRING,
    PICK_ESCAPE, /* what follows a backslash */
    PICK_HEX,    /* the four digits of \u */
    PICK_LITERAL,
    PICK_NUMBER, /* a number: its sign or first digit */
    PICK_MINUS,  /* its first digit */
    PICK_ZERO,   /* behind a 0 that begins it: no digit */
    PICK_WHOLE,
    PICK_POINT, /* the first digit behind the point */
    PICK_FRACTION,
    PICK_E,      /* the exponent's sign or first digit */
    PICK_E_SIGN, /* its first digit */
    PICK_EXPONENT,
};

enum { PICK_NO_NODE = 0xff };

enum { PICK_TRUE, PICK_FALSE, PICK_NULL };

/* Of a value. In octo_pick.kind[] they stand beside the kind. */
enum {
    PICK_CUT = 0x10,
    PICK_EXACT = 0x20, /* until the number's end: no digit other than 0 has been left out */
    PICK_IS_TRUE = 0x40,
    PICK_NEGATIVE = 0x80,       /* of the number; not kept */
    PICK_EXPONENT_NEGATIVE = 1, /* likewise */
    PICK_KIND = 0x0f,
    PICK_FLAGS = PICK_CUT | PICK_EXACT | PICK_IS_TRUE
};

/*
 * What may follow c, the first byte of a UTF-8 sequence: returns how many bytes, and sets the bounds of the first of them
 * (of the others they are 0x80 and 0xbf). 0: c is ASCII, or begins no sequence. RFC 3629 section 4.
 */
static inline uint8_t octo_pick_utf8_lead(uint8_t c, uint8_t *low, uint8_t *top)
{
    *low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80; /* no longer than needed */
    *top = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf; /* no surrogates; none above U+10FFFF */
    return c >= 0xc2 && c <= 0xdf ? 1 : c >= 0xe0 && c <= 0xef ? 2 : c >= 0xf0 && c <= 0xf4 ? 3 : 0;
}

/* pick_tree.c. All set the next phase, and may settle paths, which may make the state OCTO_PICK_DONE. */
bool octo_pick_tree_open(struct octo_pick *p, bool object); /* an object or array; false: nested too deep */
void octo_pick_tree_close(struct octo_pick *p);             /* the innermost open one */
void octo_pick_tree_next_item(struct octo_pick *p);         /* an array's comma */
void octo_pick_tree_key_begin(struct octo_pick *p);
void octo_pick_tree_key_end(struct octo_pick *p);
void octo_pick_tree_scalar_begin(struct octo_pick *p); /* decides `taking` (but sets no phase) */
void octo_pick_tree_scalar_end(struct octo_pick *p, enum octo_pick_kind kind);

/* pick_take.c. The present string (which may be a key) or number is looked at: `taking` is set. */
void octo_pick_take_begin(struct octo_pick *p);                               /* a value's first byte is next */
void octo_pick_take_run(struct octo_pick *p, const uint8_t *bytes, size_t n); /* string: bytes without escapes */
void octo_pick_take_unit(struct octo_pick *p, uint16_t unit);                 /* string: an escape's UTF-16 unit */
void octo_pick_take_number(struct octo_pick *p, const uint8_t *bytes, size_t n); /* number: text */
void octo_pick_take_digits(struct octo_pick *p, const uint8_t *bytes, size_t n); /* number: digits, by p->phase */
void octo_pick_take_string_end(struct octo_pick *p);                             /* a string's closing quote */
int64_t octo_pick_take_millionths(struct octo_pick *p); /* a number's end; sets PICK_EXACT */

#endif
