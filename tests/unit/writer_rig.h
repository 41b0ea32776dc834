/*
 * A rig for tests of the writer: services played in forks, for a process has one writer.
 *
 * What a fork finds wrong it says on the test's stderr (CHECK) and tells by its exit status.
 */
#ifndef OCTO_TESTS_WRITER_RIG_H
#define OCTO_TESTS_WRITER_RIG_H

#include "export/writer.h"

#include "base/clock.h"
#include "export/lead.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define CHECK(condition)                                                                                          \
    do {                                                                                                          \
        if (!(condition)) {                                                                                       \
            dprintf(says, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                         \
            _exit(1);                                                                                             \
        }                                                                                                         \
    } while (0)

enum { PATIENCE_MS = 10000 };

static char dir[64], path[OCTO_SEGMENT_PATH_MAX];
static struct octo_settings settings;
static struct octo_segment *segment;
static int says; /* stderr of the test, wherever the service's is */

static inline int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/dev/shm/octo-writer-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return 1;
    if (says == 0)
        says = fcntl(2, F_DUPFD_CLOEXEC, 100);
    memset(&settings, 0, sizeof settings);
    settings.json = true;
    settings.rotate = OCTO_ROTATE_NEVER;
    snprintf(settings.log, sizeof settings.log, "%s/orders.log", dir);
    return 0;
}

static inline int tear_down(void **state)
{
    char command[100];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static inline void create(void)
{
    segment = octo_segment_create(dir, "", &(struct octo_identity){"orders", "test", "1.2", 0}, (uint32_t)getpid(),
                                  path, sizeof path, NULL);
    CHECK(segment != NULL);
}

static inline void ensure(void)
{
    octo_writer_ensure(&settings, segment);
}

enum { EVENT_TEXT = 60 };

/* An event in a record of that much text, as conn/ makes it. */
static inline void fill(struct octo_record *r, unsigned who, unsigned number)
{
    int n;

    r->kind = OCTO_EV_REQUEST_STARTED;
    r->level = OCTO_INFO;
    r->mono_ns = octo_clock_mono_ns();
    r->pid = (uint32_t)getpid();
    r->id_len = 3;
    memcpy(r->text, "idxGET", 6);
    r->method_len = 3;
    n = snprintf(r->text + 6, 50, "/%u/%u", who, number);
    r->target_len = (uint16_t)n;
}

/* One event. False if it was dropped. */
static inline bool event(struct octo_ring *ring, unsigned who, unsigned number)
{
    struct octo_record *r = octo_ring_reserve(ring, EVENT_TEXT, OCTO_INFO);

    if (r == NULL)
        return false;
    fill(r, who, number);
    octo_ring_commit(ring, r);
    octo_writer_ring(segment, octo_ring_half_full(ring));
    return true;
}

/* The log, as it is now. */
static inline char *slurp(const char *file)
{
    int fd = open(file, O_RDONLY);
    struct stat st;
    char *text;
    ssize_t n = 0, r;

    if (fd < 0)
        return calloc(1, 1);
    CHECK(fstat(fd, &st) == 0);
    text = malloc((size_t)st.st_size + 1);
    while (n < st.st_size && (r = read(fd, text + n, (size_t)(st.st_size - n))) > 0)
        n += r;
    text[n] = 0;
    close(fd);
    return text;
}

static inline unsigned count(const char *what)
{
    char *text = slurp(settings.log);
    unsigned n = 0;

    for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
        n++;
    free(text);
    return n;
}

/* Waits until `what` is in the log n times or more. */
static inline bool appears(const char *what, unsigned n)
{
    for (unsigned ms = 0; ms < PATIENCE_MS; ms += 5) {
        if (count(what) >= n)
            return true;
        usleep(5000);
    }
    return false;
}

/* The TID of this process's writer, by its name; 0 if there is none. */
static inline unsigned writer_tid(void)
{
    DIR *d = opendir("/proc/self/task");
    unsigned tid = 0;

    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char file[300], name[32] = "";
        FILE *f;

        snprintf(file, sizeof file, "/proc/self/task/%s/comm", e->d_name);
        f = fopen(file, "r");
        if (f != NULL && fgets(name, sizeof name, f) != NULL && strcmp(name, "octoshim\n") == 0)
            tid = (unsigned)atoi(e->d_name);
        if (f != NULL)
            fclose(f);
    }
    closedir(d);
    return tid;
}

/* A number from /proc/self/task/<tid>/status, read as hexadecimal; 0 if it is not there. */
static inline unsigned long status_of(unsigned tid, const char *key)
{
    char file[64], line[200];
    unsigned long value = 0;

    snprintf(file, sizeof file, "/proc/self/task/%u/status", tid);
    FILE *f = fopen(file, "r");

    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtoul(line + strlen(key) + 1, NULL, 16);
    if (f != NULL)
        fclose(f);
    return value;
}

static inline unsigned entries(const char *directory)
{
    DIR *d = opendir(directory);
    unsigned n = 0;

    while (d != NULL && readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static inline uint64_t now_ms(void)
{
    return octo_clock_mono_ns() / OCTO_NS_PER_MS;
}

/* Runs body in a fork that dies with the test, and gives its status. */
static inline pid_t start(void (*body)(void))
{
    pid_t child = fork();

    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        body();
        _exit(0);
    }
    return child;
}

static inline void expect_success(pid_t child)
{
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static inline void run(void (*body)(void))
{
    expect_success(start(body));
}

enum { WORKERS = 4, EVENTS_MAX = 1 << 20 };

struct shared {
    _Atomic unsigned done[WORKERS][64]; /* events committed by the n-th process in this place */
    _Atomic unsigned dropped;
    _Atomic bool quit;
};
static struct shared *shared;

/* Every event committed is in the log once; one that was being committed when its process died may be, too. */
static inline void check_all_once(void)
{
    char *text = slurp(settings.log), *line, *rest = text;
    static uint8_t seen[WORKERS * 64][1 << 15];
    static unsigned next[WORKERS * 64];
    unsigned total = 0, extra = 0;

    while ((line = strsep(&rest, "\n")) != NULL && rest != NULL) {
        unsigned who, number;
        const char *at = strstr(line, "\"path\": \"/");

        CHECK(line[0] == '{' && line[strlen(line) - 1] == '}');
        if (at == NULL)
            continue;
        CHECK(sscanf(at, "\"path\": \"/%u/%u\"", &who, &number) == 2);
        CHECK(who < WORKERS * 64 && number < sizeof seen[0]);
        if (seen[who][number]++)
            dprintf(says, "twice: %s\n", line), _exit(1);
        if (number < next[who])
            dprintf(says, "out of order, after %u of %u: %s\n", next[who] - 1, who, line), _exit(1);
        next[who] = number + 1;
        total++;
    }
    for (unsigned who = 0; who < WORKERS * 64; who++) {
        unsigned done = atomic_load(&shared->done[who / 64][who % 64]);

        for (unsigned i = 0; i < done; i++)
            if (seen[who][i] != 1)
                dprintf(says, "lost: %u of %u, which made %u\n", i, who, done), _exit(1);
        extra += done < sizeof seen[0] && seen[who][done] ? 1 : 0;
        total -= done;
    }
    CHECK(total == extra);
    free(text);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
