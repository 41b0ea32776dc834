/* Records that wait to be sent: a ring of copies. See parts.h. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

void queue_init(struct queue *q, unsigned max)
{
    *q = (struct queue){.at = calloc(max, sizeof *q->at), .max = max};
    if (q->at == NULL)
        abort();
}

bool queue_put(struct queue *q, const struct octo_record *r)
{
    struct octo_record *copy = q->count < q->max ? malloc(r->size) : NULL;

    if (copy == NULL)
        return false;
    memcpy(copy, r, r->size);
    q->at[(q->first + q->count++) % q->max] = copy;
    return true;
}

struct octo_record *queue_take(struct queue *q)
{
    struct octo_record *r = q->at[q->first];

    q->first = (q->first + 1) % q->max;
    q->count--;
    return r;
}
