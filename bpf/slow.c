/* Calls that took long: see slow.h. */
#include "slow.h"

#include <err.h>
#include <errno.h>

#include <bpf/libbpf.h>

#include "show.h"

static int take(void *o, void *data, size_t size)
{
    if (size >= sizeof(struct octo_slow))
        show_slow(data, o);
    return 0;
}

struct ring_buffer *slow_begin(const struct session *s, const struct options *o)
{
    struct ring_buffer *ring;

    if (o->slow_ns == 0)
        return NULL;
    ring = ring_buffer__new(s->slow, take, (void *)o, NULL);
    if (ring == NULL)
        err(EXIT_TROUBLE, "the ring of slow calls");
    return ring;
}

void slow_show(struct ring_buffer *ring)
{
    if (ring == NULL)
        return;
    if (ring_buffer__consume(ring) < 0)
        err(EXIT_TROUBLE, "the ring of slow calls cannot be read");
    show_flush();
}

void slow_end(struct ring_buffer *ring)
{
    ring_buffer__free(ring);
}
