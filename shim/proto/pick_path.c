/*
 * The picker's paths: their grammar, and the tree that a set keeps of them.
 *
 *      path  = ( key / sub ) *( "." key / sub )
 *      sub   = "[" ( index / quoted ) "]"
 *      index = "0" / ( %x31-39 *DIGIT )
 *
 * For: whoever makes rules out of settings, at start-up. Context: any thread, signal-safe; one caller at a time per set.
 */
#include "pick_parts.h"

#include <errno.h>
#include <string.h>

/* How many of the bytes are UTF-8: len, or where the first sequence that is none begins. */
static size_t utf8_prefix(const char *text, size_t len)
{
    size_t at = 0;

    while (at < len) {
        size_t from = at;
        uint8_t c = (uint8_t)text[at++], low, top, need = octo_pick_utf8_lead(c, &low, &top);

        if (c >= 0x80 && need == 0)
            return from;
        for (; need > 0; need--, low = 0x80, top = 0xbf) {
            if (at == len || (uint8_t)text[at] < low || (uint8_t)text[at] > top)
                return from;
            at++;
        }
    }
    return at;
}

struct step {
    bool is_index;
    uint32_t index;
    size_t len; /* bytes of key */
    char key[OCTO_PICK_KEY_MAX];
};

/* The path being read. */
struct reader {
    const char *path;
    size_t len, at;
    int error; /* 0 or -errno; once set, at says where and why says why */
    const char *why;
};

static void stop(struct reader *r, int error, const char *why)
{
    if (r->error != 0)
        return;
    r->error = error;
    r->why = why;
}

/* The next byte; -1 at the end. */
static int next(const struct reader *r)
{
    return r->at < r->len ? (unsigned char)r->path[r->at] : -1;
}

static bool is_bare(int c)
{
    return c > 0x20 && c != 0x7f && c != '.' && c != '[' && c != ']' && c != '"' && c != '\\';
}

static void add_to_key(struct reader *r, struct step *s, int c)
{
    if (s->len == OCTO_PICK_KEY_MAX)
        stop(r, -ENOSPC, "a key is longer than 128 bytes");
    else
        s->key[s->len++] = (char)c;
}

static void read_bare(struct reader *r, struct step *s)
{
    for (; r->error == 0 && is_bare(next(r)); r->at++)
        add_to_key(r, s, next(r));
    if (r->error != 0)
        return;
    if (s->len == 0 && (next(r) == -1 || next(r) == '.' || next(r) == '['))
        stop(r, -EINVAL, "a key is missing");
    else if (next(r) != -1 && next(r) != '.' && next(r) != '[')
        stop(r, -EINVAL, "a key with this character is written [\"...\"]");
}

static void read_quoted(struct reader *r, struct step *s)
{
    for (r->at++; r->error == 0 && next(r) != '"'; r->at++) {
        if (next(r) == '\\') {
            r->at++;
            if (next(r) != '"' && next(r) != '\\')
                stop(r, -EINVAL, "only \" and \\ are written with a \\");
        }
        if (next(r) == -1)
            stop(r, -EINVAL, "the quote is not closed");
        else if (next(r) < 0x20)
            stop(r, -EINVAL, "a control character");
        if (r->error != 0)
            return;
        add_to_key(r, s, next(r));
        if (r->error != 0)
            return;
    }
    r->at++;
}

static void read_index(struct reader *r, struct step *s)
{
    size_t from = r->at;

    s->is_index = true;
    for (; next(r) >= '0' && next(r) <= '9'; r->at++) {
        if (r->at > from && s->index == 0)
            break; /* a leading zero */
        s->index = s->index * 10 + (uint32_t)(next(r) - '0');
        if (s->index > OCTO_PICK_INDEX_MAX) {
            stop(r, -ENOSPC, "an index is larger than 99999999");
            return;
        }
    }
    if (r->at == from)
        stop(r, -EINVAL, "an index is a number, a key is in quotes");
}

static void read_step(struct reader *r, struct step *s)
{
    bool first = r->at == 0;

    s->is_index = false;
    s->index = 0;
    s->len = 0;
    if (next(r) == '[') {
        r->at++;
        if (next(r) == '"')
            read_quoted(r, s);
        else
            read_index(r, s);
        if (r->error == 0 && next(r) != ']')
            stop(r, -EINVAL, "the bracket is not closed");
        if (r->error == 0)
            r->at++;
    } else if (first) {
        read_bare(r, s);
    } else if (next(r) == '.') {
        r->at++;
        read_bare(r, s);
    } else {
        stop(r, -EINVAL, "only . or [ may follow a ]");
    }
}

static bool is_step(const struct octo_pick_set *set, unsigned i, const struct step *s)
{
    const struct octo_pick_node *n = &set->node[i];

    if ((set->indexed >> i & 1) != s->is_index)
        return false;
    if (s->is_index)
        return n->place == s->index;
    return n->len == s->len && memcmp(set->text + n->place, s->key, s->len) == 0;
}

/* The node one step below `parent`, made if there is none. */
static unsigned descend(struct octo_pick_set *set, struct reader *r, unsigned parent, const struct step *s)
{
    struct octo_pick_node *n;
    unsigned i;

    for (uint64_t left = set->node[parent].below; left != 0; left &= left - 1) {
        i = (unsigned)__builtin_ctzll(left);
        if (is_step(set, i, s))
            return i;
    }
    if (set->nodes + 1 >= OCTO_PICK_NODES_MAX)
        stop(r, -ENOSPC, "more than 63 keys and indexes in all paths");
    else if (set->text_len + s->len > OCTO_PICK_TEXT_MAX)
        stop(r, -ENOSPC, "more than 512 bytes of keys in all paths");
    if (r->error != 0)
        return parent;
    i = ++set->nodes;
    n = &set->node[i];
    *n = (struct octo_pick_node){.parent = (uint8_t)parent, .len = (uint8_t)s->len};
    set->node[parent].below |= (uint64_t)1 << i;
    if (s->is_index) {
        set->indexed |= (uint64_t)1 << i;
        n->place = s->index;
    } else {
        n->place = set->text_len;
        memcpy(set->text + set->text_len, s->key, s->len);
        set->text_len = (uint16_t)(set->text_len + s->len);
    }
    return i;
}

/* Reads the whole path into the set. Returns its last node; or there is an error. */
static unsigned read_path(struct octo_pick_set *set, struct reader *r)
{
    struct step s;
    unsigned node = 0, steps = 0;
    size_t bad = utf8_prefix(r->path, r->len);

    if (bad < r->len) {
        r->at = bad;
        stop(r, -EINVAL, "this is not UTF-8");
    } else if (r->len == 0) {
        stop(r, -EINVAL, "the path is empty");
    }
    while (r->error == 0 && r->at < r->len) {
        size_t from = r->at;

        read_step(r, &s);
        if (++steps > OCTO_PICK_STEPS_MAX)
            stop(r, -ENOSPC, "more than 16 keys and indexes in one path");
        if (r->error == 0)
            node = descend(set, r, node, &s);
        if (r->error == -ENOSPC)
            r->at = from; /* the step that is too much */
    }
    return node;
}

int octo_pick_set_add(struct octo_pick_set *set, const char *path, size_t len, size_t *column, const char **why)
{
    struct octo_pick_set before = *set;
    struct reader r = {.path = path, .len = len};
    unsigned node = read_path(set, &r);
    int number;

    if (r.error == 0 && set->node[node].path == 0 && set->paths == OCTO_PICK_PATHS_MAX) {
        r.at = 0;
        stop(&r, -ENOSPC, "more than 16 paths");
    }
    if (r.error != 0) {
        *set = before;
        if (column != NULL)
            *column = r.at;
        if (why != NULL)
            *why = r.why;
        return r.error;
    }
    if (set->node[node].path == 0)
        set->node[node].path = ++set->paths;
    number = set->node[node].path - 1;
    for (unsigned i = node;; i = set->node[i].parent) {
        set->node[i].paths |= (uint16_t)(1u << number);
        if (i == 0)
            return number;
    }
}
