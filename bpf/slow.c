/* Calls that took long: see slow.h. */
#include "slow.h"

#include <err.h>
#include <errno.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "show.h"

/* What is in a process' memory may be anything. */
static bool is_printable(const char *id, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        if (id[i] < 0x21 || id[i] > 0x7e)
            return false;
    return true;
}

static int take(void *arg, void *data, size_t size)
{
    const struct slow *slow = arg;
    struct octo_slow call;

    if (size < sizeof call)
        return 0;
    memcpy(&call, data, sizeof call);
    if (call.id_len > sizeof call.id || !is_printable(call.id, call.id_len))
        call.id_len = 0;
    show_slow(&call, slow->readout, slow->o);
    return 0;
}

void slow_begin(struct slow *slow, const struct session *s, const struct readout *r, const struct options *o)
{
    *slow = (struct slow){NULL, r, o};
    if (o->slow_ns == 0)
        return;
    slow->ring = ring_buffer__new(s->slow, take, slow, NULL);
    if (slow->ring == NULL)
        err(EXIT_TROUBLE, "the ring of slow calls");
}

void slow_show(struct slow *slow)
{
    if (slow->ring == NULL)
        return;
    if (ring_buffer__consume(slow->ring) < 0)
        err(EXIT_TROUBLE, "the ring of slow calls cannot be read");
    show_flush();
}

void slow_end(struct slow *slow)
{
    ring_buffer__free(slow->ring);
}
