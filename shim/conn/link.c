/* Links: see link.h. Life of one, and what its bytes tell. */
#include "conn/link.h"
#include "conn/measure.h"
#include "conn/process.h"
#include "conn/slab.h"
#include "export/put.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

static struct octo_slab links = {.object_size = (sizeof(struct octo_link) + 63) / 64 * 64};

/* ── life ──────────────────────────────────────────────────────────────────────────────────────────── */

static char *put_path(char *p, const struct sockaddr_un *address, socklen_t len)
{
    const char *path = address->sun_path;
    size_t n = len > sizeof(sa_family_t) ? len - sizeof(sa_family_t) : 0;

    n = n < OCTO_LINK_ADDRESS ? n : OCTO_LINK_ADDRESS;
    if (n == 0 || path[0] != '\0')
        return octo_put_bytes(p, path, strnlen(path, n));
    for (size_t i = 0; i < n; i++) /* abstract, as ss shows it */
        *p++ = path[i] == '\0' ? '@' : path[i];
    return p;
}

static void set_address(struct octo_link *link, const struct sockaddr *address, socklen_t len)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    char *end = link->address, digits[24];

    if (address->sa_family == AF_INET)
        end = octo_put_ipv4(end, (const uint8_t *)&in->sin_addr);
    else if (address->sa_family == AF_INET6)
        end = octo_put_ipv6(end, (const uint8_t *)&in6->sin6_addr);
    else
        end = put_path(end, (const struct sockaddr_un *)address, len);
    link->address_len = (uint8_t)(end - link->address);
    if (address->sa_family == AF_UNIX)
        return;
    link->port_number = ntohs(in->sin_port); /* at the same place in both */
    link->port_len = (uint8_t)(octo_put_u64(digits, link->port_number) - digits);
    memcpy(link->port, digits, link->port_len);
}
_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port), "see there");
_Static_assert(sizeof(((struct sockaddr_un *)0)->sun_path) == OCTO_LINK_ADDRESS, "a path fits");

struct octo_link *octo_link_new(const struct sockaddr *address, socklen_t len)
{
    struct octo_process *process = octo_process();
    uint32_t handle;
    struct octo_link *link = process ? octo_slab_take(&links, &handle) : NULL;

    if (!link)
        return NULL;
    memset(link, 0, sizeof(*link));
    link->handle = handle;
    link->pid = process->pid;
    set_address(link, address, len);
    return link;
}

void octo_link_free(struct octo_link *link)
{
    octo_slab_give(&links, link->handle);
}

/* ── rules ─────────────────────────────────────────────────────────────────────────────────────────── */

enum { JUDGING = 1, AGAIN = 2 };

static bool is_own(const struct octo_link *link)
{
    struct octo_process *process = octo_process();

    return process && process->pid == link->pid;
}

/* Applies the rules. Who finds another one at it has that one do it again. */
static void judge(struct octo_link *link)
{
    uint32_t state;

    if (!octo_service_awake() || !octo_rules.on[OCTO_ON_CONNECTION] || !link->established || !is_own(link) ||
        (atomic_fetch_or(&link->judging, JUDGING | AGAIN) & JUDGING))
        return;
    do {
        atomic_store(&link->judging, JUDGING);
        octo_link_apply(link, false);
        state = JUDGING;
    } while (!atomic_compare_exchange_strong(&link->judging, &state, 0));
}

bool octo_links_watched(void)
{
    if (!octo_service_awake())
        return octo_service.settings.config[0] != '\0';
    return (octo_rules.on[OCTO_ON_CONNECTION] | octo_rules.on[OCTO_ON_INFO]) != 0;
}

void octo_links_wake(void)
{
    octo_fd_each_link(judge);
}

void octo_link_established(struct octo_link *link)
{
    link->established = true;
    judge(link);
}

/* ── bytes ─────────────────────────────────────────────────────────────────────────────────────────── */

/* Takes bytes of the side that spoke first until they decide. Returns how many it had taken before. */
static size_t recognise(struct octo_link *link, enum octo_side side, const uint8_t *p, uint64_t n)
{
    uint8_t first = 0;
    size_t before, more;

    if (!atomic_compare_exchange_strong(&link->first, &first, side) && first != side)
        return 0;
    before = link->begun;
    more = sizeof(link->beginning) - before;
    more = n < more ? (size_t)n : more;
    memcpy(link->beginning + before, p, more);
    link->begun = (uint8_t)(before + more);
    atomic_store(&link->protocol, (uint8_t)octo_recognise(side == OCTO_OUT, link->beginning, link->begun));
    return before;
}

/* INFO may be asked for on it, and that matters, or will. */
static bool is_read(const struct octo_link *link)
{
    return link->protocol == OCTO_PROTOCOL_REDIS && !link->lost &&
           (!octo_service_awake() || octo_rules.on[OCTO_ON_INFO]);
}

bool octo_link_saw(struct octo_link *link, enum octo_side side, const uint8_t *p, uint64_t n)
{
    bool undecided = link->protocol == OCTO_PROTOCOL_UNDECIDED, fresh = !link->established;
    size_t before = 0;

    link->established = true;
    if (!p) {
        octo_link_lost(link);
        return false;
    }
    if (undecided)
        before = recognise(link, side, p, n);
    if (fresh || (undecided && link->protocol != OCTO_PROTOCOL_UNDECIDED))
        judge(link);
    /* Before the protocol was known the client has sent no more than its first bytes, which are kept. */
    if (is_read(link)) {
        if (side == OCTO_IN) {
            octo_info_answered(&link->info, p, (size_t)n, octo_link_info, link);
        } else {
            if (undecided)
                octo_info_asked(&link->info, link->beginning, before);
            octo_info_asked(&link->info, p, (size_t)n);
        }
        return !(side == OCTO_IN ? link->info.answers.bad : link->info.asks.bad);
    }
    return link->protocol == OCTO_PROTOCOL_UNDECIDED;
}

void octo_link_lost(struct octo_link *link)
{
    uint8_t undecided = OCTO_PROTOCOL_UNDECIDED;

    link->lost = true;
    atomic_compare_exchange_strong(&link->protocol, &undecided, OCTO_PROTOCOL_NONE);
    judge(link);
}

bool octo_link_is_spent(const struct octo_link *link)
{
    uint64_t on = octo_rules.on[OCTO_ON_CONNECTION];

    if (!octo_links_watched())
        return true;
    return octo_service_awake() && link->protocol != OCTO_PROTOCOL_UNDECIDED && !is_read(link) &&
           (!is_own(link) || ((link->judged & on) == on && link->gauges == 0));
}

void octo_link_ended(struct octo_link *link)
{
    bool own = is_own(link);

    if (own && link->established && octo_service_awake())
        octo_link_apply(link, true);
    for (uint32_t i = 0; own && i < link->gauges; i++)
        octo_measure_drop(link->gauge[i].counted, link->gauge[i].share);
}
