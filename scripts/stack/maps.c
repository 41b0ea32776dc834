/*
 * The text of /proc/self/maps, as mappings. For walk.c and module.c. It knows no files, and does not look at our own maps.
 *
 *      7f3c8a028000-7f3c8a17d000 r-xp 00028000 fe:00 1835437                    /usr/lib/x86_64-linux-gnu/libc.so.6
 *      start        end          prot offset   device inode                     path
 */
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "parts.h"

static struct mapping *mappings;
static size_t count;

/* A number, and what is behind it. False: something else is there. */
static bool number(char **p, int base, char behind, uint64_t *value)
{
    char *end;

    *value = strtoull(*p, &end, base);
    if (end == *p || *end != behind)
        return false;
    *p = end + 1;
    return true;
}

/* Takes " (deleted)" off the path. */
static bool take_deleted(char *path)
{
    static const char mark[] = " (deleted)";
    size_t n = strlen(path), k = sizeof mark - 1;

    if (n < k || strcmp(path + n - k, mark) != 0)
        return false;
    path[n - k] = '\0';
    return true;
}

/* False: this is no line of maps. */
static bool parse(char *line, struct mapping *m)
{
    uint64_t major, minor;
    char *p = line;

    if (!number(&p, 16, '-', &m->start) || !number(&p, 16, ' ', &m->end) || m->start >= m->end)
        return false;
    if (strlen(p) < 5 || p[4] != ' ')
        return false;
    m->writable = p[1] == 'w';
    m->executable = p[2] == 'x';
    p += 5;
    if (!number(&p, 16, ' ', &m->offset) || !number(&p, 16, ':', &major) || !number(&p, 16, ' ', &minor))
        return false;
    m->device = makedev((unsigned)major, (unsigned)minor);
    m->inode = strtoull(p, &p, 10);
    p += strspn(p, " ");
    m->path = p;
    m->deleted = take_deleted(p);
    return true;
}

void maps_read(char *text)
{
    size_t lines = 1;

    for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
        lines++;
    mappings = calloc(lines, sizeof *mappings);
    if (mappings == NULL)
        return;
    for (char *line; (line = strsep(&text, "\n")) != NULL;) {
        if (parse(line, &mappings[count]))
            count++;
    }
}

/* They are sorted, if nobody has tampered with them; few look-ups are made, so it is not relied upon. */
const struct mapping *maps_at(uint64_t address)
{
    for (size_t i = 0; i < count; i++) {
        if (address - mappings[i].start < mappings[i].end - mappings[i].start)
            return &mappings[i];
    }
    return NULL;
}

const struct mapping *maps_executable(uint64_t address)
{
    const struct mapping *m = maps_at(address);

    return m != NULL && m->executable ? m : NULL;
}

const struct mapping *maps_first(const struct mapping *m)
{
    const struct mapping *first = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct mapping *other = &mappings[i];

        if (other->offset == 0 && other->start <= m->start && other->inode == m->inode &&
            other->device == m->device && strcmp(other->path, m->path) == 0 &&
            (first == NULL || other->start > first->start))
            first = other;
    }
    return first;
}
