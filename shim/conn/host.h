/*
 * The host: what the program that we are in knows itself of its requests. Where a thread turns from one request to the next and
 * nothing shows it, in an event loop, only the program can tell on which one it is. Asked where that is possible:
 *
 *      nginx     its upstream connections lead to their request, and that to the client's connection (host_nginx.c)
 *      CPython   a context variable follows asyncio's tasks, gevent's greenlets, asyncio.to_thread (host_python.c)
 *
 * Nothing is linked with either: their functions are weak names, which are there in such a program only.
 * For: conn.c, server.c tell; client.c asks. Context: any thread; errno may change.
 */
#ifndef OCTO_CONN_HOST_H
#define OCTO_CONN_HOST_H

#include "conn/conn.h"

/* The service tells epoll to watch fd, and gives it a word to know it by. */
struct epoll_event;
void octo_host_watches(int fd, const struct epoll_event *event);

/* conn, a link, has just been made of fd. */
void octo_host_connects(struct octo_conn *conn, int fd);

/* The head of x has been read on conn, a client's. */
void octo_host_reads(struct octo_conn *conn, const struct octo_exchange *x);

/* For what a request on conn, a link, is being made: certain, or none. */
struct octo_cause octo_host_cause(struct octo_conn *conn);

/* For what a log line is being written by that code: certain, or none. */
struct octo_cause octo_host_logs(const void *caller);

/* The two, in their own files; nginx is single-threaded. */
void octo_nginx_watches(int fd, uint64_t word);
void *octo_nginx_connects(int fd);
struct octo_cause octo_nginx_cause(const void *connection, int fd);
void octo_python_reads(struct octo_conn *conn, const struct octo_exchange *x);
struct octo_cause octo_python_cause(const void *caller);

#endif
