/*
 * The picker's place: where in the document do the paths lead, and which of them are settled?
 *
 *      {"task": {"id": 1, "priority": 2}, "x": [{"y": 3}]}   path: task.priority
 *      1        2                      1       23      210   depth: objects and arrays open
 *      1        2                      1                 0   live: those of them that lead along it
 *
 * Where depth == live keys are compared and items counted; elsewhere nothing is kept but one bit a level. Each node is
 * entered once, since of equal keys the first one counts. So what leads through a node is settled when its value ends.
 *
 * For: pick.c; octo_pick_get() for whoever picks. Context: any thread, signal-safe.
 */
#include "pick_parts.h"

static inline const struct octo_pick_node *node_of(const struct octo_pick *p, unsigned i)
{
    return &p->set->node[i];
}

/* These paths are known now, or known to lead nowhere. */
static inline void settle(struct octo_pick *p, uint16_t paths)
{
    p->pending &= (uint16_t)~paths;
    if (p->pending == 0)
        p->state = OCTO_PICK_DONE;
}

/* The value of a node has ended. */
static void settle_node(struct octo_pick *p, unsigned node, enum octo_pick_kind kind)
{
    const struct octo_pick_node *n = node_of(p, node);

    if (n->path != 0) {
        unsigned path = n->path - 1u;

        p->kind[path] = (uint8_t)(kind | (p->flags & PICK_FLAGS));
        p->at[path] = p->used;
        p->len[path] = p->value_len;
        p->used = (uint16_t)(p->used + p->value_len);
        p->found |= (uint16_t)(1u << path);
    }
    settle(p, n->paths);
}

void octo_pick_tree_scalar_begin(struct octo_pick *p)
{
    p->taking = p->target != PICK_NO_NODE && node_of(p, p->target)->path != 0;
    if (p->taking)
        octo_pick_take_begin(p);
}

void octo_pick_tree_scalar_end(struct octo_pick *p, enum octo_pick_kind kind)
{
    p->phase = PICK_AFTER;
    if (p->target == PICK_NO_NODE)
        return;
    if (p->taking && kind == OCTO_PICK_NUMBER)
        p->millionths[node_of(p, p->target)->path - 1] = octo_pick_take_millionths(p);
    settle_node(p, p->target, kind);
    p->target = PICK_NO_NODE;
}

/* An item of an array is next: does a path lead to it? */
static inline void aim_at_item(struct octo_pick *p)
{
    const struct octo_pick_set *set = p->set;

    p->target = PICK_NO_NODE;
    if (p->depth != p->live)
        return;
    for (uint64_t left = set->node[p->node].below & set->indexed; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);

        if (set->node[i].place == p->index[p->live - 1])
            p->target = (uint8_t)i;
    }
}

void octo_pick_tree_next_item(struct octo_pick *p)
{
    p->phase = PICK_VALUE;
    if (p->depth == p->live && p->index[p->live - 1] < UINT32_MAX)
        p->index[p->live - 1]++;
    aim_at_item(p);
}

/* What has been opened is a node's value, so it is live. What needs the other kind does not exist. */
static void enter(struct octo_pick *p, bool object)
{
    uint64_t below = node_of(p, p->target)->below;
    uint16_t gone = 0;

    p->node = p->target;
    p->live = p->depth;
    p->index[p->live - 1] = 0;
    for (uint64_t left = below & (object ? p->set->indexed : ~p->set->indexed); left != 0; left &= left - 1)
        gone |= node_of(p, (unsigned)__builtin_ctzll(left))->paths;
    settle(p, gone);
}

bool octo_pick_tree_open(struct octo_pick *p, bool object)
{
    if (p->depth == OCTO_PICK_DEPTH_MAX)
        return false;
    p->objects = (p->objects & ~((uint64_t)1 << p->depth)) | (uint64_t)object << p->depth;
    p->depth++;
    p->phase = object ? PICK_FIRST_KEY : PICK_FIRST_ITEM;
    if (p->target != PICK_NO_NODE)
        enter(p, object);
    if (object)
        p->target = PICK_NO_NODE;
    else
        aim_at_item(p);
    return true;
}

void octo_pick_tree_close(struct octo_pick *p)
{
    unsigned node = p->node;

    p->phase = PICK_AFTER;
    p->target = PICK_NO_NODE;
    if (p->depth-- != p->live)
        return;
    p->live--;
    p->node = node_of(p, node)->parent;
    p->flags = 0;
    p->value_len = 0;
    settle_node(p, node, OCTO_PICK_COMPOSITE);
}

void octo_pick_tree_key_begin(struct octo_pick *p)
{
    p->phase = PICK_STRING;
    p->in_key = true;
    p->taking = false;
    if (p->depth != p->live)
        return;
    p->candidates = node_of(p, p->node)->below & ~p->set->indexed & ~p->seen;
    p->taking = p->candidates != 0;
    p->matched = 0;
}

void octo_pick_tree_key_end(struct octo_pick *p)
{
    p->phase = PICK_COLON;
    if (p->taking)
        octo_pick_take_string_end(p);
    p->in_key = false;
    if (!p->taking)
        return;
    for (uint64_t left = p->candidates; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);

        if (node_of(p, i)->len == p->matched) {
            p->seen |= (uint64_t)1 << i;
            p->target = (uint8_t)i;
        }
    }
}

struct octo_pick_value octo_pick_get(const struct octo_pick *p, size_t path)
{
    struct octo_pick_value v = {.kind = OCTO_PICK_ABSENT, .text = ""};
    uint8_t kind;

    if (path >= p->set->paths)
        return v;
    if (!(p->found >> path & 1)) {
        v.kind = p->pending >> path & 1 ? OCTO_PICK_UNKNOWN : OCTO_PICK_ABSENT;
        return v;
    }
    kind = p->kind[path];
    v.kind = (enum octo_pick_kind)(kind & PICK_KIND);
    v.cut = kind & PICK_CUT;
    v.truth = kind & PICK_IS_TRUE;
    if (v.kind == OCTO_PICK_NUMBER) {
        v.exact = kind & PICK_EXACT;
        v.millionths = p->millionths[path];
    }
    if (v.kind == OCTO_PICK_NULL || v.kind == OCTO_PICK_BOOL) {
        v.text = v.kind == OCTO_PICK_NULL ? "null" : v.truth ? "true" : "false";
        v.len = v.kind == OCTO_PICK_BOOL && !v.truth ? 5 : 4;
    } else if (p->len[path] > 0) {
        v.text = p->buffer + p->at[path];
        v.len = p->len[path];
    }
    return v;
}
