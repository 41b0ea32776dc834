/* The account: see account.h. */
#include "export/account.h"

#include "base/clock.h"
#include "base/sys.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>

enum { MS_PER_TICK = 10, TICKS_PER_S = 100 }; /* USER_HZ is 100 on every architecture that we know */

/* What /proc/PID/stat says, by its field numbers. */
struct stat_line {
    bool zombie;
    uint64_t utime, stime, threads, start, vsize, rss; /* ticks, number, ticks since boot, bytes, pages */
};

static int open_proc(uint32_t pid, const char *leaf, int flags)
{
    char path[48];
    struct octo_text t;

    octo_text_begin(&t, path, sizeof(path));
    octo_text_str(&t, "/proc/");
    octo_text_u64(&t, pid);
    octo_text_str(&t, leaf);
    return (int)octo_sys(SYS_openat, AT_FDCWD, path, flags | O_RDONLY | O_CLOEXEC);
}

/* The program's name, in parentheses, may hold anything: the fields are counted from the last parenthesis. */
static bool read_stat(uint32_t pid, struct stat_line *s)
{
    char line[1024];
    int fd = open_proc(pid, "/stat", 0);
    long n = fd < 0 ? -1 : octo_sys(SYS_read, fd, line, sizeof(line) - 1);
    const char *p;

    if (fd >= 0)
        octo_sys(SYS_close, fd);
    if (n <= 0 || (p = memrchr(line, ')', (size_t)n)) == NULL || line + n - p < 4)
        return false;
    line[n] = '\0';
    *s = (struct stat_line){.zombie = p[2] == 'Z' || p[2] == 'X'};
    p += 2;
    for (unsigned field = 3; *p; field++) {
        uint64_t value = 0;

        for (; *p && *p != ' '; p++)
            value = value * 10 + (uint64_t)(*p - '0'); /* nonsense for the few that are no numbers */
        switch (field) {
        case 14:
            s->utime = value;
            break;
        case 15:
            s->stime = value;
            break;
        case 20:
            s->threads = value;
            break;
        case 22:
            s->start = value;
            break;
        case 23:
            s->vsize = value;
            break;
        case 24:
            s->rss = value;
            return true;
        }
        while (*p == ' ')
            p++;
    }
    return false;
}

struct entry { /* linux_dirent64 */
    uint64_t ino;
    int64_t off;
    uint16_t len;
    uint8_t type;
    char name[];
};

static uint64_t count_fds(uint32_t pid)
{
    uint64_t room[4096 / sizeof(uint64_t)], count = 0;
    int fd = open_proc(pid, "/fd", O_DIRECTORY);
    long n;

    if (fd < 0)
        return 0;
    while ((n = octo_sys(SYS_getdents64, fd, room, sizeof(room))) > 0)
        for (long at = 0; at < n;) {
            const struct entry *entry = (const struct entry *)((const char *)room + at);

            count += entry->name[0] != '.';
            at += entry->len;
        }
    octo_sys(SYS_close, fd);
    return count;
}

static uint64_t boot_ms(void)
{
    return (octo_clock_real_ns() - octo_clock_ns(CLOCK_BOOTTIME)) / OCTO_NS_PER_MS;
}

bool octo_account_is_over(uint32_t pid, uint64_t since_ns)
{
    uint64_t suspended_ns = octo_clock_ns(CLOCK_BOOTTIME) - octo_clock_mono_ns();
    struct stat_line s;

    if (octo_segment_process_over(pid))
        return true;
    /* A tick's grace: start times are rounded down. */
    return read_stat(pid, &s) &&
           s.start * (OCTO_NS_PER_S / TICKS_PER_S) > since_ns + suspended_ns + OCTO_NS_PER_S / 10;
}

/* The processor time of the members, place by place, and of those that are gone. */
static uint64_t all_ticks(struct octo_metrics *m, unsigned place, uint32_t pid, uint64_t ticks, bool keep)
{
    struct octo_used *used = &m->used[place];
    uint64_t gone = 0;

    if (used->pid == pid && ticks == 0)
        ticks = used->ticks;                                              /* not to be read just now */
    else if (used->pid != 0 && (used->pid != pid || ticks < used->ticks)) /* another one's place now */
        gone = used->ticks;
    if (keep) {
        m->used_ticks += gone;
        *used = (struct octo_used){.pid = pid, .ticks = ticks};
        return ticks;
    }
    return ticks + gone;
}

void octo_account_take(struct octo_account *a, struct octo_segment *segment, bool keep)
{
    struct octo_metrics *m = octo_segment_metrics(segment);
    uint64_t page = getauxval(AT_PAGESZ), first = UINT64_MAX, ticks = 0;
    uint64_t limit[2] = {0};

    _Static_assert((int)OCTO_SEGMENT_MEMBERS == (int)OCTO_OWNERS, "a place for each member's time");
    *a = (struct octo_account){0};
    for (unsigned i = 0; i < OCTO_SEGMENT_MEMBERS; i++) {
        uint32_t pid = atomic_load_explicit(&segment->member[i], memory_order_relaxed);
        struct stat_line s = {0};
        bool alive = pid != 0 && read_stat(pid, &s) && !s.zombie;

        if (m != NULL && (pid != 0 || m->used[i].pid != 0))
            ticks += all_ticks(m, i, pid, s.utime + s.stime, keep);
        if (!alive)
            continue;
        a->processes++;
        a->resident_bytes += s.rss * page;
        a->virtual_bytes += s.vsize;
        a->threads += s.threads;
        a->open_fds += count_fds(pid);
        if (s.start < first)
            first = s.start;
    }
    if (m != NULL)
        ticks += m->used_ticks;
    a->cpu_ms = ticks * MS_PER_TICK;
    if (octo_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, limit) == 0)
        a->max_fds = limit[0];
    if (a->processes != 0)
        a->start_ms = boot_ms() + first * MS_PER_TICK;
}
