/*
 * A link: what is known of a connection that the service has made, to another service, a database, a cache.
 *
 * For: conn.c. If it speaks HTTP, what passes on it is client.c's business. Where a rule is about connections or about
 * redis' INFO, its bytes are shown here too: from the first ones the protocol is told; on a redis connection the answers to
 * INFO are read. A pool may be filled before the service listens and its rules are read, so links are made from a process's start.
 *
 *      connect() ── link {address, port} ── established ── protocol known ──> rules: counters, gauges while it is open
 *
 * Context: octo_link_saw(): whoever has taken that side; the others: any thread. Signal-safe; nobody waits. A link belongs to
 * the process that has made it: what a fork child does with its copy counts nothing.
 */
#ifndef OCTO_CONN_LINK_H
#define OCTO_CONN_LINK_H

#include "conn/conn.h"
#include "conn/rules.h"
#include "proto/info.h"
#include "proto/recognise.h"

enum {
    OCTO_LINK_GAUGES = 8,    /* gauges that one connection counts in while it is open */
    OCTO_LINK_ADDRESS = 108, /* bytes of an address's text: the path of a Unix socket */
};

struct octo_link {
    uint32_t slab_link; /* the slab's while free */
    uint32_t handle;
    uint32_t pid;                          /* process that has made it */
    _Atomic uint32_t judging;              /* link.c's */
    _Atomic uint8_t first;                 /* enum octo_side: who spoke first; 0: nobody yet */
    _Atomic uint8_t protocol;              /* enum octo_protocol */
    _Atomic bool established;              /* connect() has succeeded, or bytes have passed */
    _Atomic bool lost;                     /* some bytes were not seen: what follows means nothing */
    uint8_t begun;                         /* bytes in `beginning` */
    uint8_t beginning[OCTO_RECOGNISE_MAX]; /* of the side that spoke first */
    _Atomic uint64_t judged;               /* the rules that have been applied */
    _Atomic uint32_t gauges;               /* how many, once they are judged */
    struct {
        uint32_t counted, share;
    } gauge[OCTO_LINK_GAUGES];
    struct octo_info info;   /* redis */
    struct octo_cause cause; /* what its maker was on; client.c's */
    struct octo_cause told;  /* what its next request is for, as the program has said; host.c's */
    const void *host;        /* what the program itself knows it by; the same */
    uint64_t since_ns;       /* monotonic: connect() was called */
    uint8_t address_len, port_len;
    uint16_t port_number;
    char port[5];
    char address[OCTO_LINK_ADDRESS];
};

/* True if rules may want to see the bytes of a new link. */
bool octo_links_watched(void);

/* The service is awake, its rules are read: applies them to what was connected before. */
void octo_links_wake(void);

/* address[0..len): of family INET, INET6, UNIX, as the kernel has taken it. NULL: no memory. */
struct octo_link *octo_link_new(const struct sockaddr *address, socklen_t len);
void octo_link_free(struct octo_link *link);

/* connect() has succeeded. */
void octo_link_established(struct octo_link *link);

/* Bytes have passed (p NULL: unseen). False: no more of this side need be shown. */
bool octo_link_saw(struct octo_link *link, enum octo_side side, const uint8_t *p, uint64_t n);

/* Some bytes were not seen, as where two threads were in one direction at once. */
void octo_link_lost(struct octo_link *link);

/* True if nothing depends on it: neither its bytes nor its end. */
bool octo_link_is_spent(const struct octo_link *link);

/* The last descriptor is closed, nobody is inside. */
void octo_link_ended(struct octo_link *link);

/* Applies the rules on connections that can be decided now and were not yet. ended: what is not known will not be. Exclusive;
 * rules_link.c. */
void octo_link_apply(struct octo_link *link, bool ended);

/* A line of an answer to INFO on the link, line[0..len). rules_link.c. */
void octo_link_info(void *link, const char *line, size_t len);

#endif
