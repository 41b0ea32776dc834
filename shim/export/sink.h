/*
 * The sink: where the lines go, a log file that is rotated, or the service's stderr.
 *
 * For: the writer. Context: the writer thread (its own descriptor table); one thread per sink. Raw system calls.
 * Owns its descriptors. Never blocks for long: regular files do not, everything else is polled first.
 *
 *   file     opened by name in a directory that stays open; followed when it is renamed or removed (within a
 *            second), renamed when its day, hour or size is over, by one process at a time
 *   stderr   what is the service's descriptor 2 now, looked up anew each second, closed while there is nothing to
 *            write, so that nobody waits for an end of file because of us
 *   fallback stderr, while the file cannot be opened; the file is tried again each second
 */
#ifndef OCTO_EXPORT_SINK_H
#define OCTO_EXPORT_SINK_H

#include "base/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    OCTO_SINK_ATOMIC = 4096, /* PIPE_BUF: a write up to this is not mixed with others' */
    OCTO_SINK_WAIT_MS = 50,  /* how long a write waits for room in a pipe before it returns -EAGAIN */
    OCTO_SINK_LOOK_AGAIN_MS = 1000,
};

struct octo_sink {
    const char *path; /* settings: a path, "stderr", or "" for none; kept by reference */
    enum octo_rotate rotate;
    uint64_t rotate_bytes;
    uint64_t (*real_ns)(void); /* wall clock; a test sets its own */
    uint64_t (*mono_ns)(void);

    int fd;           /* -1: nothing is open */
    int dir_fd;       /* directory of path; -1: not open, or none */
    const char *base; /* last component of path */
    bool stream;      /* fd is a pipe, socket, terminal … : poll, and write OCTO_SINK_ATOMIC at most */
    bool socket;
    bool fallback;           /* fd is stderr because the file cannot be opened (open_error) */
    bool own_stderr;         /* stderr is our descriptor 2 itself: the kernel has no pidfd_getfd */
    int open_error;          /* -errno of the last attempt to open the file, 0 */
    uint64_t open_failures;  /* such attempts; whoever reports them sets it back */
    uint64_t dev, ino, size; /* of a regular file: as of the last octo_sink_ready() */
    int64_t period;          /* day or hour of the last line the file holds; -1: empty, or not known */
    int64_t present;         /* day or hour at the last octo_sink_ready() */
    uint64_t looked_ns;      /* mono time when path (or stderr) was last looked up */
};

/* Prepares a closed sink. Opens nothing. */
void octo_sink_init(struct octo_sink *s, const char *path, enum octo_rotate rotate, uint64_t rotate_bytes);

/* Makes s->fd what the next `len` bytes go to: opens, follows, rotates. Returns 0; or -errno: there is nothing to
 * write to at all (s->fd is -1). */
int octo_sink_ready(struct octo_sink *s, size_t len);

/* Writes p[0..n), whole lines, to s->fd. Returns the bytes taken, 1 to n (a stream takes whole lines, as many as go
 * in one undivided write), or -errno. -EAGAIN: a stream had no room for OCTO_SINK_WAIT_MS. */
ssize_t octo_sink_write(struct octo_sink *s, const char *p, size_t n);

/* How much of batch[0..n), which was to go to file (dev, ino) at about `offset`, is there already. Returns bytes.
 * *at_end: the last of them is the last byte of the file. Only after octo_sink_ready(). */
size_t octo_sink_found(struct octo_sink *s, uint64_t dev, uint64_t ino, uint64_t offset, const char *batch,
                       size_t n, bool *at_end);

/* Nothing to write for a while: lets go of stderr. */
void octo_sink_rest(struct octo_sink *s);

/* Forgets what is open, after trouble: the next octo_sink_ready() opens anew. */
void octo_sink_close(struct octo_sink *s);

/* For sink.c and rotate.c: a fresh descriptor of the service's stderr if lines may go there, else -errno; and the log
 * file. */
int octo_sink_stderr(struct octo_sink *s);
int octo_sink_open_file(struct octo_sink *s);
int octo_sink_rotate_if_due(struct octo_sink *s, size_t len);
bool octo_sink_moved(const struct octo_sink *s);

#endif
