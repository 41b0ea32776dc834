/*
 * Fuzzing the picker: whole against pieces, against prefixes, and against jansson.
 *
 *      input:  byte 0  how the second run cuts the document
 *              byte 1  bytes of the picker's buffer; 255: enough
 *              lines   paths, up to an empty line
 *              rest    the document
 *
 * How jansson is asked, and where it is meant to say something else: pick_oracle.h.
 */
#include "pick_oracle.h"

#include <errno.h>

enum { TEXTS_MAX = OCTO_PICK_PATHS_MAX * OCTO_PICK_VALUE_MAX };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

/* The path that ends at this node of the set, in parts. False: it is larger than the oracle takes. */
static bool read_back(const struct octo_pick_set *set, unsigned node, struct oracle_path *path)
{
    unsigned way[OCTO_PICK_STEPS_MAX], steps = 0;

    for (; node != 0; node = set->node[node].parent) {
        demand(steps < OCTO_PICK_STEPS_MAX, "a path without end");
        way[steps++] = node;
    }
    if (steps > ORACLE_STEPS_MAX)
        return false;
    for (path->steps = 0; path->steps < steps; path->steps++) {
        const struct octo_pick_node *n = &set->node[way[steps - 1 - path->steps]];

        path->step[path->steps].is_index = set->indexed >> way[steps - 1 - path->steps] & 1;
        path->step[path->steps].index = n->place;
        path->step[path->steps].len = n->len;
        if (path->step[path->steps].is_index)
            continue;
        demand(n->place + n->len <= set->text_len && set->text_len <= OCTO_PICK_TEXT_MAX,
               "a key outside the text");
        if (n->len > ORACLE_KEY_MAX)
            return false;
        memcpy(path->step[path->steps].key, set->text + n->place, n->len);
    }
    return true;
}

static unsigned node_of_path(const struct octo_pick_set *set, int number)
{
    for (unsigned i = 1; i <= set->nodes; i++)
        if (set->node[i].path == number + 1)
            return i;
    demand(false, "a path without a node");
    return 0;
}

/* Adds a path. What the set has made of it, written anew, must be the same path. */
static void add(struct octo_pick_set *set, const uint8_t *text, size_t n)
{
    struct octo_pick_set before = *set;
    struct oracle_path path;
    size_t column = SIZE_MAX;
    const char *why = NULL;
    char *exact = malloc(n + 1);
    int number;

    memcpy(exact + 1, text, n); /* its end is where the sanitizer sees a step beyond */
    number = octo_pick_set_add(set, exact + 1, n, &column, &why);
    free(exact);
    if (number < 0) {
        demand(number == -EINVAL || number == -ENOSPC, "an unknown error");
        demand(column <= n && why != NULL, "an error without a place");
        demand(memcmp(&before, set, sizeof(before)) == 0, "an error that leaves traces");
        return;
    }
    demand(number < set->paths && set->paths <= OCTO_PICK_PATHS_MAX, "a path out of bounds");
    if (!read_back(set, node_of_path(set, number), &path))
        return;
    before = *set;
    for (int quoted = 0; quoted < 2; quoted++) {
        char written[2 * ORACLE_KEY_MAX * ORACLE_STEPS_MAX];
        size_t len = oracle_path_text(&path, quoted != 0, written);

        demand(octo_pick_set_add(set, written, len, NULL, NULL) == number, "another path when written anew");
        demand(memcmp(&before, set, sizeof(before)) == 0, "an equal path that leaves traces");
    }
}

struct kept {
    enum octo_pick_state state;
    struct octo_pick_value value[OCTO_PICK_PATHS_MAX];
};

/* Feeds the document in pieces (0: whole), and keeps what is known then. The texts are in `buffer`. */
static void run(struct kept *kept, const struct octo_pick_set *set, const uint8_t *doc, size_t n, uint32_t cut,
                char *buffer, size_t buffer_size)
{
    struct octo_pick *p = malloc(sizeof(*p));
    uint32_t how = cut;

    memset(p, 0xa5, sizeof(*p));
    octo_pick_begin(p, set, buffer, buffer_size, UINT64_MAX);
    for (size_t at = 0; at < n;) {
        size_t piece = cut == 0 ? n : how % 3 == 0 ? 1 : 1 + (cut >> 2) % 40;
        uint8_t *copy;

        cut = cut == 0 ? 0 : cut * 1103515245 + 12345;
        piece = piece < n - at ? piece : n - at;
        copy = malloc(piece); /* exactly as large, so that the sanitizer sees a step beyond */
        memcpy(copy, doc + at, piece);
        octo_pick_feed(p, copy, piece);
        free(copy);
        at += piece;
        for (size_t i = 0; i < set->paths; i++) { /* what is known stays so */
            struct octo_pick_value v = octo_pick_get(p, i), *old = &kept->value[i];

            if (at > piece && old->kind != OCTO_PICK_UNKNOWN)
                demand(old->kind == v.kind && old->len == v.len && old->millionths == v.millionths &&
                           old->text == v.text && old->cut == v.cut && old->exact == v.exact,
                       "known, and then something else");
            *old = v;
        }
    }
    kept->state = octo_pick_end(p);
    demand(kept->state != OCTO_PICK_MORE && kept->state != OCTO_PICK_TOO_LONG, "no end");
    for (size_t i = 0; i < set->paths; i++) {
        kept->value[i] = octo_pick_get(p, i);
        demand(kept->state != OCTO_PICK_DONE || kept->value[i].kind != OCTO_PICK_UNKNOWN, "done but unknown");
        demand(kept->value[i].len <= OCTO_PICK_VALUE_MAX, "a long text");
    }
    free(p);
}

static void same(const struct kept *a, const struct kept *b, size_t paths)
{
    demand(a->state == b->state, "pieces: another state");
    for (size_t i = 0; i < paths; i++) {
        const struct octo_pick_value *v = &a->value[i], *w = &b->value[i];

        demand(v->kind == w->kind && v->truth == w->truth && v->cut == w->cut && v->exact == w->exact &&
                   v->millionths == w->millionths && v->len == w->len && memcmp(v->text, w->text, v->len) == 0,
               "pieces: another value");
    }
}

/* jansson's word on the document, and on what the paths lead to. */
static void ask(const struct octo_pick_set *set, const struct kept *kept, const uint8_t *doc, size_t n)
{
    static const char *const nowhere[] = {"[\"Vq0%x-no-such-key-9k2#Wz\"]", "[77777777]"};
    struct octo_pick_set all = {0};
    struct oracle o = oracle_ask(doc, n);
    struct kept to_the_end;

    for (size_t i = 0; i < 2; i++)
        demand(octo_pick_set_add(&all, nowhere[i], strlen(nowhere[i]), NULL, NULL) == (int)i, "nowhere");
    memset(&to_the_end, 0, sizeof(to_the_end));
    run(&to_the_end, &all, doc, n, 0, NULL, 0);
    if (o.verdict != ORACLE_SILENT && to_the_end.value[0].kind <= OCTO_PICK_ABSENT &&
        to_the_end.value[1].kind <= OCTO_PICK_ABSENT)
        demand((o.verdict == ORACLE_ACCEPT) == (to_the_end.state == OCTO_PICK_DONE),
               o.verdict == ORACLE_ACCEPT ? "jansson takes it" : "jansson does not take it");
    if (o.verdict == ORACLE_ACCEPT)
        demand(kept->state == OCTO_PICK_DONE, "good but not done");
    for (int i = 0; i < set->paths && o.verdict == ORACLE_ACCEPT && !o.duplicates; i++) {
        struct oracle_path path;
        const char *wrong;

        if (!read_back(set, node_of_path(set, i), &path))
            continue;
        wrong = oracle_compare(&kept->value[i], oracle_resolve(o.root, &path));
        demand(wrong == NULL, wrong);
    }
    oracle_free(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct octo_pick_set set = {0};
    static struct kept whole, pieces;
    size_t buffer_size;
    char *buffer[2];
    uint32_t cut;

    if (size < 2)
        return 0;
    cut = data[0] + 1u;
    buffer_size = data[1] == 255 ? TEXTS_MAX : data[1];
    data += 2;
    size -= 2;
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t n = end == NULL ? size : (size_t)(end - data);

        if (n > 0)
            add(&set, data, n);
        data += n + (end != NULL);
        size -= n + (end != NULL);
        if (n == 0)
            break;
    }
    buffer[0] = malloc(buffer_size);
    buffer[1] = malloc(buffer_size);
    memset(&whole, 0, sizeof(whole));
    memset(&pieces, 0, sizeof(pieces));
    run(&whole, &set, data, size, 0, buffer[0], buffer_size);
    run(&pieces, &set, data, size, cut, buffer[1], buffer_size);
    same(&whole, &pieces, set.paths);
    if (buffer_size == TEXTS_MAX)
        ask(&set, &whole, data, size);
    free(buffer[0]);
    free(buffer[1]);
    return 0;
}
