/*
 * Log lines: what the service writes to standard output and error, where a rule looks at its JSON lines.
 *
 * For: hook/out.c. A line counts if it is a JSON object, at most OCTO_LOG_LINE bytes of it being looked at; one may come in several
 * writes, and a write may hold many. Whoever comes while another thread's lines are being looked at does not wait: what it has
 * written is taken to be whole lines, as almost every logger writes them. What stdio writes by itself is not seen (H9, H13).
 *
 * Context: any thread, signal-safe; about 2.5 KiB of stack.
 */
#ifndef OCTO_CONN_LOGLINE_H
#define OCTO_CONN_LOGLINE_H

#include <stddef.h>
#include <sys/uio.h>

enum { OCTO_LOG_LINE = 8192 };

/* If fd is the service's log: n bytes at the front of iov[0..cnt) have been written to it. */
void octo_log_wrote(int fd, const struct iovec *iov, int cnt, size_t n);

#endif
