/*
 * A rig for tests of the process context: services played in forks, read from outside as OTEP 4719's "Reading
 * Protocol" has it, by /proc/<pid>/maps and the process's memory.
 *
 * What a fork finds wrong it says on stderr (CHECK) and tells by its exit status. What is read is asserted by the
 * test itself.
 */
#ifndef OCTO_TESTS_PROCESS_CONTEXT_RIG_H
#define OCTO_TESTS_PROCESS_CONTEXT_RIG_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

enum { PAGE = 4096, ABOUT = 4 * PAGE };

#define CHECK(condition)                                                                                          \
    do {                                                                                                          \
        if (!(condition)) {                                                                                       \
            dprintf(2, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            _exit(1);                                                                                             \
        }                                                                                                         \
    } while (0)

/* Runs body in a fork, which then stops: to be read, and to be ended by end(). */
static inline pid_t play(void (*body)(void))
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        body();
        raise(SIGSTOP);
        _exit(0);
    }
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    return child;
}

static inline void end(pid_t child)
{
    int status;

    CHECK(kill(child, SIGCONT) == 0);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

struct header {
    char signature[8];
    uint32_t version, payload_size;
    uint64_t published_ns, payload;
};

static inline void read_memory(pid_t pid, uint64_t at, void *to, size_t n)
{
    struct iovec here = {to, n}, there = {(void *)(uintptr_t)at, n};

    assert_int_equal(process_vm_readv(pid, &here, 1, &there, 1, 0), n);
}

/* How many contexts it has. With unnamed: by the signature where a mapping begins. *at: of the last. */
static inline unsigned find(pid_t pid, bool unnamed, uint64_t *at)
{
    char file[64], line[5000], signature[8];
    unsigned found = 0;
    FILE *f;

    snprintf(file, sizeof file, "/proc/%d/maps", pid);
    f = fopen(file, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        unsigned long start, stop;
        char mode[5];
        int name = 0;

        assert_int_equal(sscanf(line, "%lx-%lx %4s %*s %*s %*s %n", &start, &stop, mode, &name), 3);
        if (unnamed) {
            if (strcmp(mode, "rw-p") != 0)
                continue;
            read_memory(pid, start, signature, sizeof signature);
            if (memcmp(signature, "OTEL_CTX", 8) != 0)
                continue;
        } else if (strncmp(line + name, "/memfd:OTEL_CTX", 15) != 0 &&
                   strncmp(line + name, "[anon_shmem:OTEL_CTX]", 21) != 0 &&
                   strncmp(line + name, "[anon:OTEL_CTX]", 15) != 0) {
            continue;
        }
        assert_string_equal(mode, "rw-p");
        assert_int_equal(stop - start, sysconf(_SC_PAGESIZE));
        *at = start;
        found++;
    }
    fclose(f);
    return found;
}

/* Bytes of a message that are still to be read. */
struct wire {
    const uint8_t *at, *end;
};

static inline size_t take_length(struct wire *w)
{
    size_t n = 0;
    uint8_t c;
    unsigned shift = 0;

    do {
        assert_true(w->at < w->end && shift < 28);
        c = *w->at++;
        n |= (size_t)(c & 0x7f) << shift;
        shift += 7;
    } while (c & 0x80);
    assert_true(shift == 7 || c != 0); /* no longer than it has to be */
    return n;
}

/* The next field, which has a length. */
static inline struct wire take_field(struct wire *w, unsigned *number)
{
    size_t tag = take_length(w), n = take_length(w);
    struct wire value = {w->at, w->at + n};

    assert_int_equal(tag & 7, 2);
    assert_true(n <= (size_t)(w->end - w->at));
    w->at += n;
    *number = (unsigned)(tag >> 3);
    return value;
}

/* The only field, or the next one, that has to have this number. */
static inline struct wire take_that(struct wire *w, unsigned number)
{
    unsigned found;
    struct wire value = take_field(w, &found);

    assert_int_equal(found, number);
    return value;
}

static inline void say(char *text, const char *format, ...)
{
    size_t n = strlen(text);
    va_list arguments;

    va_start(arguments, format);
    assert_true(vsnprintf(text + n, ABOUT - n, format, arguments) < (int)(ABOUT - n));
    va_end(arguments);
}

static inline void say_bytes(char *text, struct wire w)
{
    say(text, "%.*s", (int)(w.end - w.at), (const char *)w.at);
}

/* AnyValue: a text, or a list of texts. */
static inline void say_value(char *text, struct wire any)
{
    unsigned number;
    struct wire value = take_field(&any, &number);

    assert_ptr_equal(any.at, any.end);
    if (number == 1) {
        say_bytes(text, value);
        return;
    }
    assert_int_equal(number, 5);
    say(text, "[");
    while (value.at < value.end) {
        struct wire item = take_that(&value, 1), string = take_that(&item, 1);

        assert_ptr_equal(item.at, item.end);
        say_bytes(text, string);
        say(text, value.at < value.end ? "," : "");
    }
    say(text, "]");
}

static inline void say_pair(char *text, struct wire pair)
{
    struct wire key = take_that(&pair, 1), value = take_that(&pair, 2);

    assert_ptr_equal(pair.at, pair.end);
    say_bytes(text, key);
    say(text, "=");
    say_value(text, value);
    say(text, "\n");
}

/* What the context at that place says, an attribute a line; those that are not of the resource with a plus. */
static inline void say_context(pid_t pid, uint64_t at, char text[ABOUT])
{
    uint8_t payload[PAGE];
    struct header header;
    struct wire context, resource;

    read_memory(pid, at, &header, sizeof header);
    assert_memory_equal(header.signature, "OTEL_CTX", 8);
    assert_int_equal(header.version, 2);
    assert_true(header.published_ns != 0 && header.published_ns <= octo_clock_ns(CLOCK_BOOTTIME));
    assert_true(header.payload == at + sizeof header && header.payload_size <= PAGE - sizeof header);
    read_memory(pid, header.payload, payload, header.payload_size);
    context = (struct wire){payload, payload + header.payload_size};
    text[0] = '\0';
    resource = take_that(&context, 1);
    while (resource.at < resource.end)
        say_pair(text, take_that(&resource, 1));
    while (context.at < context.end) {
        say(text, "+");
        say_pair(text, take_that(&context, 2));
    }
}

/* It has one context, and that says this. */
static inline void assert_says(pid_t pid, const char *expected)
{
    char text[ABOUT];
    uint64_t at = 0;

    assert_int_equal(find(pid, false, &at), 1);
    say_context(pid, at, text);
    assert_string_equal(text, expected);
}

static inline void assert_none(pid_t pid)
{
    uint64_t at;

    assert_int_equal(find(pid, false, &at), 0);
    assert_int_equal(find(pid, true, &at), 0);
}

#endif
