/*
 * What the preload programs share: connections, a small HTTP service and client, and the checks that tell a
 * shimmed run from a bare one.
 *
 * Every program is both sides: the service talks through accepted connections with ordinary libc calls, the
 * client through sockets that it connects out of the shim's sight. What goes to standard output (say, show) must
 * be the same bare and shimmed, so inserted header lines are taken out first, by functions that also demand
 * that the line was there if this run is to have it, and was not if not.
 */
#ifndef PRELOAD_H
#define PRELOAD_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

#define CHECK(cond) ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Says where and what on standard output and ends the process with 1. */
void check_failed(const char *file, int line, const char *what) __attribute__((noreturn));

/* Ends the program as skipped, with the reason as its last line. */
void skip(const char *reason) __attribute__((noreturn));

/* One line of the transcript, written at once with write(2) to transcript, which is standard output unless a
 * program needs that number for something else. */
extern int transcript;
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line `label: bytes`, controls escaped; what is longer than 300 bytes is told by length and hash. */
void show(const char *label, const void *bytes, size_t len);

/* ---- what this run is to insert ---- */

/* True if LD_PRELOAD names the shim and nothing turns it off. */
bool shimmed(void);

enum demand { ABSENT, OPTIONAL, REQUIRED };

/* Set at start from the environment: REQUIRED, or ABSENT if bare or OCTOSHIM_INJECT says so. */
extern enum demand request_ids, response_ids;

/* For programs in which the shim may, or must, be inert from here on. Never raise a demand. */
void ids_optional(void);
void ids_absent(void);

enum {
    ID_SIZE = 129,
    MADE_LEN = 20,
    LINE_LEN = 36,
    TRACE_LEN = 70,
    REQUEST_LINES = LINE_LEN + TRACE_LEN,
    HEAD_MAX = 70000
};

/* True for req_ and 16 lower-case hex digits. */
bool is_made(const char *id);

/* Length of the head at the front of bytes, blank line included; 0 if it is not complete. */
size_t head_length(const char *bytes, size_t len);

/* Takes the line `X-Request-ID: ...` that stands before the blank line out of the head at the front of bytes.
 * Returns the new length; id is its value, "" if there was none. */
size_t strip_id(char *bytes, size_t len, char id[ID_SIZE]);

/* Takes the traceparent line that the shim has inserted out of the request at the front of bytes, which must have it or not as
 * request_ids says. After the ID, which is behind it. Returns the new length. */
size_t strip_trace(char *bytes, size_t len);

/* Strips what the shim inserted in a request that came without an ID, and checks it against request_ids. */
size_t check_request(char *bytes, size_t len, char id[ID_SIZE]);

/* Strips what the shim inserted in a response and checks it against response_ids. want: the ID it must carry,
 * "" for any made one. */
size_t check_response(char *bytes, size_t len, const char *want);

/* ---- connections ---- */

struct address {
    struct sockaddr_storage sa;
    socklen_t len;
};

/* connect(2) without libc. */
int connect_unseen(int fd, const struct sockaddr *address, socklen_t len);

/* A listening socket of AF_INET, AF_INET6 (loopback, port 0) or AF_UNIX (abstract, named by the kernel). */
int listener(int family, struct address *address);
int dial(const struct address *address);

struct pair {
    int listener, client, server;
    struct address address;
};

struct pair tcp_pair(void);
struct pair tcp6_pair(void);
struct pair unix_pair(void);
struct pair make_pair(int family);
void pair_close(struct pair *pair);

/* ---- moving bytes ---- */

/* A way to read or write: like read(2) and write(2). */
typedef ssize_t (*mover)(int fd, void *bytes, size_t n);
ssize_t plain_read(int fd, void *bytes, size_t n);
ssize_t plain_write(int fd, void *bytes, size_t n);

/* For the client's end: all of it, or a failed check. No SIGPIPE. */
void send_all(int fd, const void *bytes, size_t n);
void send_text(int fd, const char *text);
void recv_all(int fd, void *bytes, size_t n);
/* Reads until the end of the stream; returns the bytes got. */
size_t recv_to_end(int fd, void *bytes, size_t size);
/* Reads a head, not one byte more; returns its length. */
size_t recv_head(int fd, char *bytes, size_t size);
/* The same for a head and len more bytes, the shim's line stripped and checked. Returns what is left. */
size_t recv_response(int fd, char *bytes, size_t size, size_t body_len, const char *want);

/* For the service's end. Waits with poll where the descriptor does not block; checks every returned number. */
void write_all(int fd, mover writer, const void *bytes, size_t n);
/* The same with write(2), for text. */
void reply(int fd, const char *text);
/* Reads until bytes holds a whole head; returns the length got, which may be more than the head. */
size_t read_head(int fd, mover reader, char *bytes, size_t size);

/* One request and its response over the pair, both shown; body lengths are taken from the texts given. A
 * request with an X-Request-ID of its own must arrive as it is; if its value is usable, it must come back. */
void exchange(const struct pair *pair, const char *request, mover reader, const char *response, mover writer);

/* ---- a service and its client, for programs about processes ---- */

/* Answers one request `GET /path` on conn with `hello /path`, one read and one write; tells the client the ID
 * it saw in a header of a fixed length. False at the end of the stream. */
bool serve_next(int conn);
/* Until the end of the stream; then closes conn. */
void serve(int conn);

/* Asks for path, checks status, body and both IDs. */
void get(int client, const char *path);
/* The same, and says so. */
void get_said(int client, const char *path);
/* Connects, asks once, closes. */
void get_once(const struct address *address, const char *path);

/* fork() that must succeed, and the wait for a child that must exit with 0. */
pid_t forked(void);
void wait_ok(pid_t pid);

/* This program's file. Under valgrind the link in /proc cannot be executed itself. */
const char *own_path(void);
/* Replaces this process with itself, run with one argument; and forks for that, returning the child. */
void run_self(const char *argument) __attribute__((noreturn));
pid_t forked_self(const char *argument);

/* Entries of /proc/self/task. */
unsigned thread_count(void);
/* The open descriptors as text, "0 1 2 5". Leaves none behind. */
void open_descriptors(char *text, size_t size);
/* Milliseconds of the monotonic clock. */
uint64_t now_ms(void);
void sleep_ms(unsigned ms);

#endif
