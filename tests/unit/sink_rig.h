/* A rig for tests of the sink: a directory, a sink in it, clocks that stand still until told. */
#ifndef OCTO_TESTS_SINK_RIG_H
#define OCTO_TESTS_SINK_RIG_H

#include "export/sink.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], path[128];
static struct octo_sink sink;
static uint64_t real_s, mono_ms;
static int saved_stderr;

static inline uint64_t test_real_ns(void)
{
    return real_s * OCTO_NS_PER_S;
}

static inline uint64_t test_mono_ns(void)
{
    return mono_ms * OCTO_NS_PER_MS;
}

static inline uint64_t utc(const char *text)
{
    struct tm tm = {.tm_year = 0};

    assert_non_null(strptime(text, "%Y-%m-%dT%H:%M:%S", &tm));
    return (uint64_t)timegm(&tm);
}

static inline void init(const char *where, enum octo_rotate rotate, uint64_t bytes)
{
    octo_sink_init(&sink, where, rotate, bytes);
    sink.real_ns = test_real_ns;
    sink.mono_ns = test_mono_ns;
}

static inline int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/octo-sink-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/orders.log", dir);
    real_s = utc("2025-11-10T10:30:45");
    mono_ms = 1000000;
    umask(0);
    saved_stderr = dup(2);
    init(path, OCTO_ROTATE_DAILY, 0);
    return 0;
}

static inline int tear_down(void **state)
{
    char command[100];

    (void)state;
    octo_sink_close(&sink);
    if (sink.dir_fd >= 0)
        close(sink.dir_fd);
    dup2(saved_stderr, 2);
    close(saved_stderr);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static inline void put(const char *line)
{
    size_t n = strlen(line);

    assert_int_equal(octo_sink_ready(&sink, n), 0);
    assert_int_equal(octo_sink_write(&sink, line, n), n);
}

/* The contents of dir/name. */
static inline const char *content(const char *name)
{
    static char text[4096];
    char file[400];
    int fd;
    ssize_t n;

    snprintf(file, sizeof file, "%s/%s", dir, name);
    fd = open(file, O_RDONLY);
    if (fd < 0)
        return NULL;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n] = 0;
    return text;
}

/* Every name in dir, sorted. */
static inline const char *names(void)
{
    static char text[1024];
    struct dirent **list;
    int n = scandir(dir, &list, NULL, alphasort);

    text[0] = 0;
    for (int i = 0; i < n; i++) {
        if (list[i]->d_name[0] != '.')
            strcat(strcat(text, text[0] ? " " : ""), list[i]->d_name);
        free(list[i]);
    }
    free(list);
    return text;
}

static inline void age(const char *name, const char *when)
{
    char file[400];
    struct timespec times[2] = {{(time_t)utc(when), 0}, {(time_t)utc(when), 0}};

    snprintf(file, sizeof file, "%s/%s", dir, name);
    assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
