/* Connections that could not be made: see unconnected.h. */
#include "conn/unconnected.h"

#include "conn/client.h"
#include "conn/context.h"
#include "conn/emit.h"
#include "conn/link.h"
#include "conn/measure.h"
#include "conn/process.h"
#include "conn/propagate.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

enum { KEPT = 16 }; /* threads whose last failure is kept back at once; a power of two */

/* By thread; who finds the place taken tells at once. */
static struct {
    _Atomic uint32_t state; /* 0 free, 1 being changed, 2 kept */
    const void *thread;
    struct octo_unconnected what;
} kept[KEPT];
static _Atomic uint32_t kept_count;

static const void *this_thread(void)
{
    return __builtin_thread_pointer();
}

static void tell(const struct octo_unconnected *u)
{
    octo_measure_unconnected(u->failure);
    octo_emit_unconnected(u);
}

static void keep(const struct octo_unconnected *u)
{
    unsigned place = (unsigned)((uintptr_t)this_thread() / 4096 * 0x9e3779b1u >> 16) % KEPT;
    uint32_t is_free = 0;

    if (!atomic_compare_exchange_strong(&kept[place].state, &is_free, 1)) {
        tell(u);
        return;
    }
    kept[place].thread = this_thread();
    kept[place].what = *u;
    atomic_fetch_add(&kept_count, 1);
    atomic_store(&kept[place].state, 2);
}

/* Takes back what this thread has left. False: nothing. */
static bool take(struct octo_unconnected *u)
{
    for (unsigned i = 0; atomic_load_explicit(&kept_count, memory_order_relaxed) && i < KEPT; i++) {
        uint32_t there = 2;

        if (kept[i].state != 2 || kept[i].thread != this_thread() ||
            !atomic_compare_exchange_strong(&kept[i].state, &there, 1))
            continue;
        *u = kept[i].what;
        atomic_fetch_sub(&kept_count, 1);
        atomic_store(&kept[i].state, 0);
        return true;
    }
    return false;
}

/* Ports of what is no HTTP. */
static bool is_other_port(uint16_t port)
{
    static const uint16_t ports[] = {22,   25,   53,   111,  389,  465,  587,  636,   1433,  1521,  2181, 3306,
                                     5432, 5433, 5672, 6379, 6380, 9042, 9092, 11211, 26379, 27017, 33060};

    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        if (ports[i] == port)
            return true;
    return false;
}

static void failed(struct octo_unconnected *u)
{
    struct octo_origin origin;
    struct octo_cause cause;

    if (!octo_service_awake() ||
        (u->family == OCTO_PEER_UNIX ? u->failure != OCTO_FAILURE_REFUSED : is_other_port(u->port)))
        return;
    cause = octo_service.settings.context != OCTO_CONTEXT_OFF ? octo_context_now() : (struct octo_cause){0};
    if (cause.number && octo_context_origin(cause, &origin)) {
        u->shows = cause.certain ? OCTO_RECORD_CERTAIN : OCTO_RECORD_INFERRED;
        u->id_len = origin.id_len;
        memcpy(u->id, origin.id, origin.id_len);
        octo_propagate_continue(&u->trace, &origin);
    } else {
        octo_propagate_continue(&u->trace, NULL);
    }
    u->now_ns = octo_clock_mono_ns();
    octo_unconnected_goes_on();
    if (u->family == OCTO_PEER_IPV6)
        keep(u);
    else
        tell(u);
}

void octo_unconnected(const struct sockaddr *address, socklen_t len, int error)
{
    enum octo_failure failure = octo_client_failure(error);
    struct octo_unconnected u = {.failure = (uint8_t)failure};
    struct octo_link *link;

    if (failure == OCTO_FAILURE_KINDS || !octo_service_awake() || (link = octo_link_new(address, len)) == NULL)
        return;
    octo_peer_of(address, &u.family, u.peer);
    u.port = link->port_number;
    u.path_len = u.family == OCTO_PEER_UNIX ? link->address_len : 0;
    memcpy(u.path, link->address, u.path_len);
    octo_link_free(link);
    octo_unconnected_tries(address);
    failed(&u);
}

void octo_unconnected_link(const struct octo_conn *conn, enum octo_failure failure)
{
    struct octo_unconnected u = {.failure = (uint8_t)failure, .family = conn->family};

    memcpy(u.peer, conn->peer, sizeof(u.peer));
    u.since_ns = conn->link->since_ns;
    u.port = conn->link->port_number;
    u.path_len = u.family == OCTO_PEER_UNIX ? conn->link->address_len : 0;
    memcpy(u.path, conn->link->address, u.path_len);
    failed(&u);
}

void octo_unconnected_tries(const struct sockaddr *address)
{
    struct octo_unconnected u;

    if (!take(&u))
        return;
    if (address->sa_family != AF_INET || ntohs(((const struct sockaddr_in *)address)->sin_port) != u.port)
        tell(&u);
}

void octo_unconnected_goes_on(void)
{
    struct octo_unconnected u;

    if (atomic_load_explicit(&kept_count, memory_order_relaxed) && take(&u))
        tell(&u);
}
