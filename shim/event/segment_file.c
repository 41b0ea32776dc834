/*
 * Segment files: where they may be, how one is made, and the ones that the dead left behind.
 *
 * Context: the thread that first listens, once; octo_segment_orphan*() on the leading writer.
 * Opens at most two descriptors (O_CLOEXEC) in the service's table, and has closed them when it returns: the
 * mapping keeps the file's lock, see segment.h. Trusts only directories and files of its own user; never
 * follows a link, never waits for a lock.
 */
#include "event/segment.h"

#include "base/clock.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

enum {
    RANDOM_BYTES = 8,
    NAME_LEN = (int)sizeof(OCTO_SEGMENT_PREFIX) - 1 + 2 * RANDOM_BYTES + (int)sizeof(OCTO_SEGMENT_SUFFIX) - 1,
    LOCK_TRIES = 50,
    LOCK_STEP_MS = 1,
    CANDIDATES_MAX = 256, /* segment files looked at in a directory */
    STALE_S = 60,         /* a file without a valid header is garbage after so long */
};

struct place {
    char dir[OCTO_SEGMENT_PATH_MAX];
    int fd;
    bool shared; /* others may make files there too: /dev/shm */
};

static struct {
    struct octo_segment *segment;
    char path[OCTO_SEGMENT_PATH_MAX];
} orphan[OCTO_SEGMENT_ORPHANS];

/* out = a + b; false if it does not fit. */
static bool concat(char *out, size_t size, const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);

    if (n + m + 1 > size)
        return false;
    memcpy(out, a, n);
    memcpy(out + n, b, m + 1);
    return true;
}

static int stat_fd(int fd, struct stat *st)
{
    return (int)octo_sys(SYS_newfstatat, fd, "", st, AT_EMPTY_PATH);
}

/*
 * Opens base + leaf as the place for segment files. What the user names (trusted) is made if missing and taken
 * as it is; a default must be a tmpfs, and ours alone unless it is the shared one.
 */
static bool open_place(struct place *place, const char *base, const char *leaf, bool trusted, bool shared)
{
    struct stat st;
    struct statfs fs;

    if (base[0] == 0 || !concat(place->dir, sizeof place->dir, base, leaf))
        return false;
    if (!shared)
        octo_sys(SYS_mkdirat, AT_FDCWD, place->dir, 0700);
    place->shared = shared;
    place->fd = (int)octo_sys(SYS_openat, AT_FDCWD, place->dir,
                              O_RDONLY | O_DIRECTORY | O_CLOEXEC | (trusted ? 0 : O_NOFOLLOW));
    if (place->fd < 0)
        return false;
    if (trusted)
        return true;
    if (octo_sys(SYS_fstatfs, place->fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC && stat_fd(place->fd, &st) == 0 &&
        (shared || (st.st_uid == (uid_t)octo_sys(SYS_geteuid) && (st.st_mode & 077) == 0)))
        return true;
    octo_sys(SYS_close, place->fd);
    return false;
}

static void make_name(char name[NAME_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    uint64_t bits = 0;
    char *p = name + sizeof(OCTO_SEGMENT_PREFIX) - 1;

    /* Without entropy (early boot, a sandbox) O_EXCL still keeps us from another's file. */
    if (octo_sys(SYS_getrandom, &bits, sizeof bits, 1 /* GRND_NONBLOCK */) != sizeof bits)
        bits = octo_clock_real_ns() * 0x9e3779b97f4a7c15ull ^ (uintptr_t)name ^ octo_clock_mono_ns();
    memcpy(name, OCTO_SEGMENT_PREFIX, sizeof(OCTO_SEGMENT_PREFIX) - 1);
    for (int shift = 60; shift >= 0; shift -= 4)
        *p++ = hex[bits >> shift & 15];
    memcpy(p, OCTO_SEGMENT_SUFFIX, sizeof(OCTO_SEGMENT_SUFFIX));
}

static void *map_file(int fd)
{
    long at = octo_sys(SYS_mmap, 0, octo_segment_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return at < 0 && at > -4096 ? NULL : (void *)at;
}

/* Beyond RLIMIT_FSIZE, ftruncate does not only fail: the thread gets SIGXFSZ, which ends the service. */
static bool may_be_that_large(void)
{
    uint64_t limit[2]; /* struct rlimit64: soft, hard */

    return octo_sys(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, limit) == 0 && limit[0] >= octo_segment_bytes;
}

/* Where a file system is full, the segment would be a file whose pages nobody can have. One without a limit says 0 blocks. */
static bool has_room(const struct place *place)
{
    struct statfs fs;

    return octo_sys(SYS_fstatfs, place->fd, &fs) != 0 || fs.f_blocks == 0 ||
           (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize >= OCTO_SEGMENT_ROOM;
}

/* Waits for the lock of the place, but not for long: whoever may open the directory may hold it. */
static void lock_place(const struct place *place)
{
    const struct timespec step = {.tv_nsec = LOCK_STEP_MS * (long)OCTO_NS_PER_MS};

    for (int i = 0; i < LOCK_TRIES && octo_sys(SYS_flock, place->fd, LOCK_EX | LOCK_NB) == -EAGAIN; i++)
        octo_sys(SYS_nanosleep, &step, NULL);
}

/* Makes one file in the place. Returns its mapping, header populated, locked for as long as it is mapped. */
static void *make_file(const struct place *place, char *path, size_t path_size)
{
    char name[1 + NAME_LEN + 1] = "/";
    void *map = NULL;

    make_name(name + 1);
    if (!concat(path, path_size, place->dir, name))
        return NULL;
    if (!may_be_that_large() || !has_room(place))
        return NULL;
    int fd =
        (int)octo_sys(SYS_openat, place->fd, name + 1, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return NULL;
    if (octo_sys(SYS_flock, fd, LOCK_SH | LOCK_NB) == 0 && octo_sys(SYS_ftruncate, fd, octo_segment_bytes) == 0)
        map = map_file(fd);
    if (map != NULL && !octo_segment_populate(map, OCTO_SEGMENT_PAGE, true)) {
        octo_sys(SYS_munmap, map, octo_segment_bytes);
        map = NULL;
    }
    if (map == NULL)
        octo_sys(SYS_unlinkat, place->fd, name + 1, 0);
    octo_sys(SYS_close, fd);
    return map;
}

/* What is to be done with a file that looks like a segment. */
enum finding { LEAVE, REMOVE, REMOVE_IF_EMPTY, ADOPT };

static bool same_name(const char *name, const char *wanted)
{
    size_t n = strnlen(wanted, OCTO_SEGMENT_NAME_MAX - 1);

    return memcmp(name, wanted, n) == 0 && name[n] == 0;
}

static enum finding judge(int fd, const struct octo_identity *identity)
{
    struct octo_segment head; /* read, not mapped: a file may be shorter than it says */
    struct stat st;

    if (stat_fd(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != (uid_t)octo_sys(SYS_geteuid) ||
        octo_sys(SYS_flock, fd, LOCK_EX | LOCK_NB) != 0)
        return LEAVE;
    if (octo_sys(SYS_pread64, fd, &head, sizeof head, 0) != sizeof head || head.magic != OCTO_SEGMENT_MAGIC)
        return octo_clock_real_ns() / OCTO_NS_PER_S > (uint64_t)st.st_mtime + STALE_S ? REMOVE : LEAVE;
    bool ours = same_name(head.service, identity->service) && head.kin == identity->kin;

    /* Another layout: no version of this library will read it again. */
    if (head.version != OCTO_SEGMENT_VERSION || head.size != octo_segment_bytes ||
        (uint64_t)st.st_size != octo_segment_bytes)
        return ours ? REMOVE : LEAVE;
    return ours ? ADOPT : REMOVE_IF_EMPTY;
}

/* What that life of the service has counted for itself goes on with the next. */
static void inherit(struct octo_segment *heir, struct octo_segment *segment)
{
    for (unsigned i = 0; i < OCTO_DEATH_KINDS; i++)
        heir->died_before[i] += atomic_exchange(&segment->died[i], 0);
}

static void consider(const struct place *place, const char *name, const struct octo_identity *identity,
                     struct octo_segment *heir)
{
    char leaf[1 + NAME_LEN + 1] = "/";
    int fd = (int)octo_sys(SYS_openat, place->fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    enum finding finding;

    if (fd < 0)
        return;
    finding = judge(fd, identity);
    if (finding == ADOPT || finding == REMOVE_IF_EMPTY) {
        struct octo_segment *segment = map_file(fd);
        unsigned i = 0;

        while (i < OCTO_SEGMENT_ORPHANS && orphan[i].segment != NULL)
            i++;
        memcpy(leaf + 1, name, NAME_LEN + 1);
        if (finding == ADOPT && segment != NULL)
            inherit(heir, segment);
        if (segment != NULL && octo_segment_finished(segment))
            finding = REMOVE;
        if (finding == ADOPT && segment != NULL && i < OCTO_SEGMENT_ORPHANS &&
            concat(orphan[i].path, sizeof orphan[i].path, place->dir, leaf))
            orphan[i].segment = segment;
        else if (segment != NULL)
            octo_sys(SYS_munmap, segment, octo_segment_bytes);
    }
    if (finding == REMOVE)
        octo_sys(SYS_unlinkat, place->fd, name, 0);
    octo_sys(SYS_close, fd);
}

/* True if a living service that has this head is ours. */
static bool is_kin(const struct octo_segment *head, const struct octo_identity *identity, uint32_t pid)
{
    if (head->magic != OCTO_SEGMENT_MAGIC || head->version != OCTO_SEGMENT_VERSION ||
        head->size != octo_segment_bytes || !same_name(head->service, identity->service) ||
        head->kin != identity->kin || head->log_dev != identity->log_dev || head->log_ino != identity->log_ino)
        return false;
    if (identity->listener != 0 && head->listener == identity->listener)
        return true;
    for (unsigned i = 0; i < OCTO_SEGMENT_MEMBERS; i++)
        if (head->member[i] == pid || (head->member[i] == identity->parent && identity->parent > 1))
            return true;
    return false;
}

/* Maps the file if it is the segment of this process's own service, which lives. */
static struct octo_segment *join_file(int fd, const struct octo_identity *identity, uint32_t pid)
{
    struct octo_segment head;
    struct stat st;

    if (stat_fd(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != (uid_t)octo_sys(SYS_geteuid) ||
        (uint64_t)st.st_size != octo_segment_bytes || octo_sys(SYS_flock, fd, LOCK_EX | LOCK_NB) == 0 ||
        octo_sys(SYS_pread64, fd, &head, sizeof head, 0) != sizeof head || !is_kin(&head, identity, pid) ||
        octo_sys(SYS_flock, fd, LOCK_SH | LOCK_NB) != 0)
        return NULL;
    return map_file(fd);
}

struct search {
    const struct place *place;
    const struct octo_identity *identity;
    uint32_t pid;
    char *path;
    size_t path_size;
    struct octo_segment *joined, *heir; /* the one that was found; the one that was made */
};

/* Returns true if the search is over. */
static bool try_to_join(struct search *s, const char *name)
{
    char leaf[1 + NAME_LEN + 1] = "/";
    int fd = (int)octo_sys(SYS_openat, s->place->fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return false;
    s->joined = join_file(fd, s->identity, s->pid);
    octo_sys(SYS_close, fd);
    memcpy(leaf + 1, name, NAME_LEN + 1);
    if (s->joined != NULL)
        concat(s->path, s->path_size, s->place->dir, leaf);
    return s->joined != NULL;
}

static bool take_over_or_remove(struct search *s, const char *name)
{
    consider(s->place, name, s->identity, s->heir);
    return false;
}

struct entry { /* linux_dirent64 */
    uint64_t ino;
    int64_t off;
    uint16_t len;
    uint8_t type;
    char name[];
};

/* Shows every file that is named like a segment to `look`, until that returns true. */
static void look_through(struct search *s, bool (*look)(struct search *s, const char *name))
{
    uint64_t room[4096 / sizeof(uint64_t)];
    unsigned seen = 0;
    long n;

    octo_sys(SYS_lseek, s->place->fd, 0, SEEK_SET);
    while (seen < CANDIDATES_MAX && (n = octo_sys(SYS_getdents64, s->place->fd, room, sizeof room)) > 0)
        for (long at = 0; at < n && seen < CANDIDATES_MAX;) {
            const struct entry *entry = (const struct entry *)((const char *)room + at);

            at += entry->len;
            if (strlen(entry->name) != NAME_LEN ||
                memcmp(entry->name, OCTO_SEGMENT_PREFIX, sizeof(OCTO_SEGMENT_PREFIX) - 1) != 0 ||
                memcmp(entry->name + NAME_LEN - (sizeof(OCTO_SEGMENT_SUFFIX) - 1), OCTO_SEGMENT_SUFFIX,
                       sizeof(OCTO_SEGMENT_SUFFIX)) != 0)
                continue;
            seen++;
            if (look(s, entry->name))
                return;
        }
}

/*
 * Makes a segment file in the first place that takes one, or maps that of our living service (then *joined is true;
 * joined NULL: not asked for). *map: its mapping; a new one's header is populated and zero.
 * Returns 0, or -ENOENT if there is no such place.
 */
int octo_segment_file_create(const char *dir, const char *xdg_runtime_dir, const struct octo_identity *identity,
                             uint32_t pid, char *path, size_t path_size, bool *joined, void **map)
{
    const struct {
        const char *base, *leaf;
        bool trusted, shared;
    } places[] = {
        {dir, "", true, false},
        {"/run", "/octoshim", false, false},
        {xdg_runtime_dir, "/octoshim", false, false},
        {"/dev/shm", "", false, true},
    };

    /* A directory that the user names is the only one then: it is where the next start will look. */
    for (unsigned i = 0; i < (dir[0] != 0 ? 1 : sizeof places / sizeof places[0]); i++) {
        struct place place;

        if (!open_place(&place, places[i].base, places[i].leaf, places[i].trusted, places[i].shared))
            continue;
        struct search search = {&place, identity, pid, path, path_size, NULL, NULL};

        /* Of workers that begin at once the second is to find what the first has made. */
        lock_place(&place);

        if (joined != NULL) {
            look_through(&search, try_to_join);
            *joined = search.joined != NULL;
        }
        *map = search.joined != NULL ? search.joined : make_file(&place, path, path_size);
        if (*map != NULL && search.joined == NULL)
            octo_segment_begin(*map, identity, pid);
        octo_sys(SYS_flock, place.fd, LOCK_UN);
        search.heir = *map;
        if (*map != NULL && search.joined == NULL)
            look_through(&search, take_over_or_remove);
        octo_sys(SYS_close, place.fd);
        if (*map != NULL)
            return 0;
    }
    path[0] = 0;
    return -ENOENT;
}

struct octo_segment *octo_segment_orphan(unsigned i)
{
    return i < OCTO_SEGMENT_ORPHANS ? orphan[i].segment : NULL;
}

void octo_segment_orphan_done(unsigned i)
{
    octo_sys(SYS_unlinkat, AT_FDCWD, orphan[i].path, 0);
    octo_sys(SYS_munmap, orphan[i].segment, octo_segment_bytes);
    orphan[i].segment = NULL;
}
