/*
 * The picker: a few fields out of one JSON document that passes by in pieces.
 *
 * For: rules that ask for fields of a request's or a response's body (conn/) or of a log line. Pure: bytes in, verdict
 * out; no allocation, no clock, no I/O. Time is linear in the bytes, which may be cut anywhere and are not needed again
 * once they have been fed; memory is the picker's and the buffer's.
 *
 *      set, shared by many pickers             picker, one a document
 *      paths  task.priority, items[0].id  ──>  feed {"task":{"priority":2,"na  feed me":"x"},"items":[{"id":7},…
 *                                                                                                            ^ DONE
 *
 * What holds of a field:
 *   - The grammar is RFC 8259's, no more; what breaks it makes the document BAD for good. A field counts as soon as the
 *     document has been well-formed up to and including its value's last byte (of a number that is known with the byte
 *     behind it), and then stays, whatever follows. An object or array counts when it is closed.
 *   - Of equal keys in one object the first one counts, also if it leads nowhere: {"a":1,"a":{"b":2}} has no a.b.
 *   - Keys are compared after unescaping. One with a lone surrogate or with bytes that are not UTF-8 equals none.
 *   - ABSENT is certain: what the path leads through has been left without it, or is of another kind. Else, as long as
 *     the document has not come to its end or never does so, it is UNKNOWN.
 * A picker is DONE as soon as it knows everything that its set asks for; what follows is not looked at. So what stands
 * behind the document is not judged either, except that a number which is the whole document must be followed by white
 * space or the end.
 *
 * Context: any thread, signal-safe; one caller at a time per picker. A set may be read by many but must not be added to
 * meanwhile.  Source: RFC 8259; RFC 3629; Unicode 15 section 3.9 (what of bad UTF-8 is replaced).
 */
#ifndef OCTO_PROTO_PICK_H
#define OCTO_PROTO_PICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OCTO_PICK_PATHS_MAX = 16,       /* paths of a set */
    OCTO_PICK_NODES_MAX = 64,       /* different beginnings of its paths, the empty one included */
    OCTO_PICK_TEXT_MAX = 512,       /* bytes of its keys; a key that two paths begin with counts once */
    OCTO_PICK_STEPS_MAX = 16,       /* keys and indexes of one path */
    OCTO_PICK_KEY_MAX = 128,        /* bytes of one key of a path */
    OCTO_PICK_INDEX_MAX = 99999999, /* the largest index of a path */
    OCTO_PICK_VALUE_MAX = 128,      /* bytes kept of one value's text */
    OCTO_PICK_DEPTH_MAX = 64,       /* objects and arrays open at once */
};

/*
 * The paths, as a tree of their steps: a.b, a.c[0] and a are
 *
 *      node 0 (the document) ── 1 a (path 2) ─┬─ 2 b (path 0)
 *                                             `─ 3 c ── 4 [0] (path 1)
 *
 * Plain data without pointers: it may be copied, and lie in shared memory. All bytes zero are an empty set.
 */
struct octo_pick_node {
    uint64_t below; /* the nodes one step further, one bit each */
    uint32_t place; /* a key: where its text begins in the set's; an index: which */
    uint16_t paths; /* the paths that end here or lead through here, one bit each */
    uint8_t len;    /* a key: bytes of its text */
    uint8_t parent; /* the node one step back */
    uint8_t path;   /* 1 + the path that ends here; 0: none */
};

struct octo_pick_set {
    uint64_t indexed;  /* which nodes are indexes of arrays, one bit each; the others are keys */
    uint16_t text_len; /* bytes */
    uint8_t nodes;     /* besides the document */
    uint8_t paths;
    struct octo_pick_node node[OCTO_PICK_NODES_MAX];
    char text[OCTO_PICK_TEXT_MAX]; /* the keys, one behind the other */
};

/*
 * Adds a path: keys and indexes, as in
 *
 *      task.priority      items[0].id      [3]      headers["x.y"][0]      ["say \"a\\b\""]
 *
 * A bare key is of any characters but controls, blank, DEL and . [ ] " \; within ["…"] it may hold all but controls, and
 * escapes " and \ by a \. Bare or quoted is the same key. An index is for arrays only, a key for objects only.
 *
 * Returns the path's number, which is what octo_pick_get() takes: 0, 1, 2 …, or that of an equal path already there.
 * -EINVAL: no path; *column says at which byte (from 0; len: at the end) and *why in a few words. -ENOSPC: a limit above
 * is reached, *why says which. After an error the set is as before. why and column may be NULL.
 */
int octo_pick_set_add(struct octo_pick_set *set, const char *path, size_t len, size_t *column, const char **why);

enum octo_pick_state {
    OCTO_PICK_MORE,    /* the document goes on */
    OCTO_PICK_DONE,    /* everything that was asked for is known */
    OCTO_PICK_BAD,     /* this is no JSON, or is nested too deep, or was cut short */
    OCTO_PICK_TOO_LONG /* more bytes would have been needed than the limit allows */
};

enum octo_pick_kind {
    OCTO_PICK_UNKNOWN, /* the document has not told (yet) */
    OCTO_PICK_ABSENT,  /* the document has no such field */
    OCTO_PICK_NULL,
    OCTO_PICK_BOOL,
    OCTO_PICK_NUMBER,
    OCTO_PICK_STRING,
    OCTO_PICK_COMPOSITE /* an object or an array; its content is not kept */
};

/* A picker: 3 to 6 cache lines of it are touched. All private to the picker but `state`. */
struct octo_pick {
    const struct octo_pick_set *set; /* not owned */
    char *buffer;                    /* values' text, one behind the other; not owned */
    uint64_t left;                   /* bytes until the limit */
    uint64_t objects;                /* bit d: what is open at depth d + 1 is an object */
    uint64_t seen;                   /* nodes whose value has begun: they do not come again */
    uint64_t candidates;             /* nodes that the present key may yet turn out to be */
    uint64_t digits, exponent;       /* of the present number: 1.25e-3 has digits 125 … */
    int64_t scale;                   /* … times ten to the -2, … */
    uint16_t buffer_size, used;      /* bytes; used: by the values found */
    uint16_t pending;                /* paths whose field is UNKNOWN, one bit each */
    uint16_t found;                  /* paths whose field is known and not ABSENT */
    uint16_t unit, high;             /* of \uXXXX: so far; a high surrogate that waits for its low one */
    uint16_t matched;                /* bytes of the present key that the candidates have in common with it */
    uint8_t state;                   /* enum octo_pick_state */
    uint8_t phase;                   /* what is to come */
    uint8_t depth;                   /* objects and arrays open */
    uint8_t live;                    /* how many of those lead along the set's tree … */
    uint8_t node;                    /* … and the node of the innermost of them */
    uint8_t target;                  /* the node of the value to come, or none */
    uint8_t taking;                  /* the present string or number is looked at, not only passed over */
    uint8_t in_key;                  /* the present string is a key */
    uint8_t pos;                     /* bytes of a literal, digits of \uXXXX */
    uint8_t literal;                 /* which */
    uint8_t value_len, room;         /* bytes of the present value's text; how many there may be */
    uint8_t need, part, low, top;    /* of a UTF-8 sequence: bytes to come, bytes there, bounds of the next one */
    uint8_t flags;                   /* of the present value */
    uint8_t kind[OCTO_PICK_PATHS_MAX], len[OCTO_PICK_PATHS_MAX]; /* of the values found, each with its flags */
    uint16_t at[OCTO_PICK_PATHS_MAX];
    uint32_t index[OCTO_PICK_STEPS_MAX]; /* of the present item in each live array */
    int64_t millionths[OCTO_PICK_PATHS_MAX];
};
_Static_assert(sizeof(struct octo_pick) <= 512, "a picker is small enough to be part of an exchange");

/*
 * Makes a picker for a document of which at most limit_bytes are looked at (UINT64_MAX: all). The texts of the values go
 * into buffer[0..buffer_size); 64 KiB of it are used at most, and (number of paths) * OCTO_PICK_VALUE_MAX are always
 * enough. With less, or none, kinds and numbers are the same, but texts are cut where it ends. Set and buffer must stay
 * as long as the picker is used. An empty set makes a picker that is DONE.
 */
void octo_pick_begin(struct octo_pick *p, const struct octo_pick_set *set, char *buffer, size_t buffer_size,
                     uint64_t limit_bytes);

/* Takes the next n bytes of the document. Returns the state, which is also p->state. Everything but OCTO_PICK_MORE is
 * for good: further calls return it at once. */
enum octo_pick_state octo_pick_feed(struct octo_pick *p, const void *bytes, size_t n);

/* The document has come to its end. Returns the state: OCTO_PICK_BAD if it was MORE, unless the document was a number,
 * which only this ends. */
enum octo_pick_state octo_pick_end(struct octo_pick *p);

struct octo_pick_value {
    enum octo_pick_kind kind;
    bool truth; /* BOOL */
    bool cut;   /* `text` is not all of it */
    bool exact; /* NUMBER: `millionths` is the number's value */
    /*
     * NUMBER: its value in millionths, towards 0 where that is not a whole number, and at most INT64_MAX, at least
     * INT64_MIN (9.2e12). So the value is `millionths` where exact, and else is farther from 0, by less than one
     * millionth or without bound. Not touched by `cut`.
     */
    int64_t millionths;
    /*
     * STRING: unescaped, UTF-8; what is no UTF-8, and lone surrogates, are U+FFFD; may hold NUL. NUMBER: as it was
     * written. BOOL, NULL: the literal. Else of length 0. Not terminated by NUL. At most OCTO_PICK_VALUE_MAX bytes; what
     * is cut ends with a whole character. Lies in the picker's buffer (or in static memory) and stays there.
     */
    const char *text;
    size_t len;
};

/* What is known of a path (a number that octo_pick_set_add() gave), at any time. An unknown number gives ABSENT. */
struct octo_pick_value octo_pick_get(const struct octo_pick *p, size_t path);

#endif
