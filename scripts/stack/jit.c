/*
 * Names of functions that a JIT compiler has made, from the file that such compilers write for perf(1): /tmp/perf-PID.map, of
 * lines "START SIZE NAME", numbers in hex. For main.c, after the walk.
 *
 * Anyone may write into /tmp. So the file is believed if it is the sampled user's or root's, and no one else's to change.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parts.h"

enum { BLOCK = 256 << 10 };

static const off_t file_most = 64 << 20;

static int open_map(const struct sample *s)
{
    char path[64];
    struct stat st;
    int fd;

    snprintf(path, sizeof path, "/tmp/perf-%" PRIu32 ".map", s->head->pid);
    fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_uid == s->head->uid || st.st_uid == 0) &&
        (st.st_mode & S_IWOTH) == 0 && st.st_size <= file_most)
        return fd;
    close(fd);
    return -1;
}

/* Whether the name may come from here: no file says what code is there. */
static bool wanted(const struct frame *f)
{
    return f->mapping != NULL && (f->module == NULL || f->module->image == NULL);
}

/* One line, which ends with a NUL. Later ones are of newer code: the last that holds an address is right. */
static void take_line(const char *line, struct chain *chain)
{
    uint64_t start, size;
    char *p;

    start = strtoull(line, &p, 16);
    if (*p != ' ')
        return;
    size = strtoull(p, &p, 16);
    if (*p != ' ' || p[1] == '\0')
        return;
    for (unsigned i = 0; i < chain->count; i++) {
        struct frame *f = &chain->frames[i];

        if (f->ip - !f->exact - start < size && wanted(f)) {
            f->jit = true;
            f->name[0] = '\0';
            strncat(f->name, p + 1, NAME_MAX_BYTES);
            f->offset = f->ip - start;
        }
    }
}

/* The file's lines, as they are now: it may grow meanwhile, and a last line that is not finished is not read. */
static void read_lines(int fd, struct chain *chain)
{
    static char block[BLOCK + 1];
    off_t total = 0;
    size_t have = 0;
    ssize_t n;

    while (total < file_most && (n = read(fd, block + have, BLOCK - have)) > 0) {
        char *line = block, *end;

        total += n;
        have += (size_t)n;
        while ((end = memchr(line, '\n', (size_t)(block + have - line))) != NULL) {
            *end = '\0';
            take_line(line, chain);
            line = end + 1;
        }
        have -= (size_t)(line - block);
        memmove(block, line, have);
        /* No name is as long. */
        if (have == BLOCK)
            have = 0;
    }
}

void jit_name(const struct sample *s, struct chain *chain)
{
    bool any = false;
    int fd;

    for (unsigned i = 0; i < chain->count; i++)
        any |= wanted(&chain->frames[i]);
    if (!any)
        return;
    fd = open_map(s);
    if (fd < 0)
        return;
    read_lines(fd, chain);
    close(fd);
}
