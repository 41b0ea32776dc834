/* Connections that the service makes: their bytes pass as they are, and the link is shown them. See ops.h, link.h. */
#include "conn/link.h"
#include "conn/ops.h"

static void in_tap(void *owner, const uint8_t *p, uint64_t n)
{
    struct octo_conn *conn = owner;

    conn->in.tapped = octo_link_saw(conn->link, OCTO_IN, p, n);
}

static void out_tap(void *owner, const uint8_t *p, uint64_t n)
{
    struct octo_conn *conn = owner;

    conn->out.tapped = octo_link_saw(conn->link, OCTO_OUT, p, n);
}

static void out_forgo(void *owner)
{
    (void)owner;
}

const struct octo_edit_ops octo_client_in_ops = {.tap = in_tap};
const struct octo_edit_ops octo_client_out_ops = {.forgo = out_forgo, .tap = out_tap};
