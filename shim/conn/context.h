/*
 * Context: which inbound request is this thread on? Asked when the service makes a request of its own, which is to carry that
 * one's ID. A wrong answer is worse than none (law 5), so an answer says whether it is certain.
 *
 * A thread is on the request whose head it has read last from a client, or whose answer it has read last from a peer, until that is
 * answered. That is certain where the thread can be on no other:
 *
 *      the client's connection makes its reader wait (no O_NONBLOCK): whoever waits for one client serves one client
 *      the program is known to serve a request on one thread from its head to its end (apache2, httpd, php)
 *      ruby: the same, but for threads that wait for several descriptors at once, as fiber schedulers do
 *
 * Elsewhere (event loops) it is inferred, and only until the thread waits for several descriptors at once; or, later, by the connection
 * which was opened meanwhile and is used for the first time.
 *
 * While a thread is on a request, profilers and probes outside are told so (thread_context.h), and what it does counts as the
 * request's (held.h). Not by what is inferred later: a thread
 * that waits for several descriptors, and may go on with any request, is on none until it is known again.
 *
 * For: server.c, client.c tell; client.c asks. Context: any thread, signal-safe.
 */
#ifndef OCTO_CONN_CONTEXT_H
#define OCTO_CONN_CONTEXT_H

#include "conn/conn.h"
#include "conn/propagate.h"

/* This thread has read the head of x on conn, a client's. */
void octo_context_serves(struct octo_conn *conn, struct octo_exchange *x);

/* What x has taken so far, which has x->held, and is due on a connection of this thread's: see octo_held_facts(). */
void octo_context_facts(const struct octo_exchange *x, struct octo_held_facts *facts);

/* Number of the request that holds this thread, 0: none. */
uint64_t octo_context_held(void);

/* The response to x, which is due on conn, is over. By the thread that has written its end. */
void octo_context_ended(struct octo_conn *conn, struct octo_exchange *x);

/* This thread has read of the answer to a request that was made for `cause` (which may be none). */
void octo_context_hears(struct octo_cause cause);

/* This thread has read the beginning of a head on conn: if it was on another one, it is not any more. */
void octo_context_turns(const struct octo_conn *conn);

/* This thread is about to wait for several descriptors at once (hook/wait.c). */
void octo_context_waits(void);

/* What this thread is on; number 0: not known. At most one system call, fcntl. errno stays. What only the program knows: host.h. */
struct octo_cause octo_context_now(void);

/* The program itself says for what this thread does the following (number 0: for nothing that came from a client), and when that
 * is over. See hook/node.c. */
void octo_context_enter(struct octo_cause cause);
void octo_context_leave(void);

/* The only request that has been read from fd, a client's connection, and not been answered. None: there is none, or several. */
struct octo_cause octo_context_sole(int fd);

/* True if that request is still going on. */
bool octo_context_lasts(struct octo_cause cause);

/* Takes what it hands on. False if it is over. */
bool octo_context_origin(struct octo_cause cause, struct octo_origin *origin);

/* The settings are read: what kind of program is it? */
void octo_context_wake(void);

#endif
