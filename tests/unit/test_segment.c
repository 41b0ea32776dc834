/* The segment: places, slots, populated rings, what the dead leave behind, and whose file is whose. */
#include "event/segment.h"

#include "base/clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static char path[OCTO_SEGMENT_PATH_MAX];

static uint64_t kin;

static struct octo_segment *create(const char *service)
{
    return octo_segment_create(dir, "", &(struct octo_identity){service, "test", "1", kin}, (uint32_t)getpid(),
                               path, sizeof path, NULL);
}

static unsigned files(void)
{
    DIR *d = opendir(dir);
    unsigned n = 0;

    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static unsigned descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/dev/shm/octo-test-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
    char command[128];

    (void)state;
    for (unsigned i = 0; i < OCTO_SEGMENT_ORPHANS; i++)
        if (octo_segment_orphan(i) != NULL)
            octo_segment_orphan_done(i);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static void put(struct octo_segment *s, struct octo_ring *ring, unsigned number)
{
    struct octo_record *r = octo_ring_reserve(ring, 8, OCTO_INFO);

    (void)s;
    assert_non_null(r);
    r->kind = OCTO_EV_REQUEST_STARTED;
    r->level = OCTO_INFO;
    r->count = number;
    octo_ring_commit(ring, r);
}

static bool sum(const struct octo_record *record, void *arg)
{
    *(uint64_t *)arg += record->count;
    return true;
}

static void test_file_is_private_and_leaves_no_descriptor(void **state)
{
    unsigned before = descriptors();
    struct octo_segment *s = create("orders");
    struct stat st;

    (void)state;
    assert_non_null(s);
    assert_int_equal(descriptors(), before);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal((uint64_t)st.st_size, octo_segment_bytes);
    assert_true(st.st_blocks * 512 <= 512 << 10); /* sparse: the header and what metrics begin with */
    assert_string_equal(s->service, "orders");
    assert_true(s->magic == OCTO_SEGMENT_MAGIC);
    assert_non_null(octo_segment_claim(s, (uint32_t)getpid()));
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_blocks * 512 >= OCTO_SEGMENT_RING_SIZE); /* populated */
    octo_segment_retire(s, path);
    assert_int_equal(files(), 0);
    munmap(s, octo_segment_bytes);
}

static void test_long_names_are_cut(void **state)
{
    char name[300];

    (void)state;
    memset(name, 'n', sizeof name);
    name[299] = 0;
    struct octo_segment *s = create(name);

    assert_int_equal(strlen(s->service), OCTO_SEGMENT_NAME_MAX - 1);
    munmap(s, octo_segment_bytes);
}

static void test_defaults_give_a_tmpfs_or_memory(void **state)
{
    struct octo_segment *s = octo_segment_create(
        "", "", &(struct octo_identity){"octo-test-defaults", "t", "1", 0}, 1, path, sizeof path, NULL);

    (void)state;
    assert_non_null(s);
    assert_true(path[0] == 0 || strncmp(path, "/run/octoshim/", 14) == 0 || strncmp(path, "/dev/shm/", 9) == 0);
    if (path[0] != 0)
        assert_int_equal(unlink(path), 0);
    munmap(s, octo_segment_bytes);
}

static void test_no_place_gives_memory_that_forks_share(void **state)
{
    struct octo_segment *s = octo_segment_create(
        "/proc/no/such", "", &(struct octo_identity){"orders", "t", "1", 0}, 1, path, sizeof path, NULL);
    uint64_t total = 0;
    int status;

    (void)state;
    assert_non_null(s);
    assert_string_equal(path, "");
    pid_t child = fork();

    if (child == 0) {
        put(s, octo_segment_claim(s, (uint32_t)getpid()), 42);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    octo_ring_drain(octo_segment_ring(s, 0), SIZE_MAX, &(struct octo_ring_reader){.take = sum, .arg = &total});
    assert_int_equal(total, 42);
    munmap(s, octo_segment_bytes);
}

static void test_full_filesystem_is_noticed_not_fatal(void **state)
{
    uint8_t *map = mmap(NULL, 2 * OCTO_SEGMENT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int fd;

    (void)state;
    assert_true(octo_segment_populate(map, 2 * OCTO_SEGMENT_PAGE, true));
    munmap(map, 2 * OCTO_SEGMENT_PAGE);
    /* A mapping beyond the end of its file is where a full tmpfs raises SIGBUS, too. */
    fd = memfd_create("short", 0);
    map = mmap(NULL, OCTO_SEGMENT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_false(octo_segment_populate(map, OCTO_SEGMENT_PAGE, true));
    assert_false(octo_segment_populate(map, OCTO_SEGMENT_PAGE, false));
    close(fd);
    munmap(map, OCTO_SEGMENT_PAGE);
}

static void test_slots_are_claimed_reused_and_shared(void **state)
{
    struct octo_segment *s = create("orders");
    struct octo_ring *ring[OCTO_SEGMENT_SLOTS];
    uint64_t total = 0;
    int status;
    pid_t child;

    (void)state;
    child = fork();
    if (child == 0) {
        put(s, octo_segment_claim(s, (uint32_t)getpid()), 7);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(octo_segment_ring_dead(s, 0));
    assert_int_equal(octo_segment_reap(s), 1); /* dead, but its ring is not empty */
    assert_false(octo_segment_empty(s));

    /* All other slots to this process (under its own number: it is alive), then one more. */
    for (unsigned i = 1; i < OCTO_SEGMENT_SLOTS; i++) {
        ring[i] = octo_segment_claim(s, (uint32_t)getpid());
        assert_ptr_equal(ring[i], octo_segment_ring(s, i));
        assert_ptr_not_equal(ring[i], ring[i - 1]);
        assert_false(octo_segment_ring_dead(s, i));
    }
    assert_ptr_equal(octo_segment_claim(s, (uint32_t)getppid()), octo_segment_ring(s, 0)); /* of the dead */
    assert_int_equal(s->slot[0].pid, getppid());
    assert_non_null(octo_segment_claim(s, 1)); /* shared */

    octo_ring_drain(octo_segment_ring(s, 0), SIZE_MAX, &(struct octo_ring_reader){.take = sum, .arg = &total});
    assert_int_equal(total, 7); /* what the dead had left is still there */
    assert_true(octo_segment_empty(s));
    assert_null(octo_segment_ring(s, OCTO_SEGMENT_SLOTS)); /* no spare one has been wanted */
    assert_null(octo_segment_ring(s, OCTO_SEGMENT_RINGS));
    octo_segment_retire(s, path);
    munmap(s, octo_segment_bytes);
}

static void test_reap_frees_the_dead(void **state)
{
    struct octo_segment *s = create("orders");
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        octo_segment_claim(s, (uint32_t)getpid());
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    octo_segment_claim(s, (uint32_t)getpid());
    assert_int_equal(octo_segment_reap(s), 1);
    assert_int_equal(s->slot[0].pid, 0);
    octo_segment_retire(s, path);
    munmap(s, octo_segment_bytes);
}

/* A child that creates a segment with one event in it and then waits to be killed. */
static pid_t service_with_an_event(const char *service, unsigned number, int *ready)
{
    int pipes[2];
    char c;

    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();

    if (child == 0) {
        struct octo_segment *s = create(service);

        if (number != 0)
            put(s, octo_segment_claim(s, (uint32_t)getpid()), number);
        if (write(pipes[1], "x", 1) == 1)
            for (;;)
                pause();
        _exit(1);
    }
    assert_int_equal(read(pipes[0], &c, 1), 1);
    close(pipes[0]);
    close(pipes[1]);
    *ready = 1;
    return child;
}

static void end(pid_t child)
{
    int status;

    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
}

static void test_next_start_takes_over_what_the_dead_left(void **state)
{
    uint64_t total = 0;
    int ready;
    pid_t killed = service_with_an_event("orders", 11, &ready);
    pid_t living = service_with_an_event("orders", 22, &ready);
    pid_t other = service_with_an_event("billing", 33, &ready);
    pid_t idle = service_with_an_event("orders", 0, &ready);

    (void)state;
    assert_int_equal(files(), 4);
    end(killed);
    end(other);
    end(idle);
    struct octo_segment *s = create("orders");

    /* Taken: the killed one's. Left: the living one's, the other service's. Removed: the empty one's. */
    assert_int_equal(files(), 4);
    assert_non_null(octo_segment_orphan(0));
    assert_null(octo_segment_orphan(1));
    octo_ring_drain(octo_segment_ring(octo_segment_orphan(0), 0), SIZE_MAX,
                    &(struct octo_ring_reader){.take = sum, .arg = &total});
    assert_int_equal(total, 11);

    octo_segment_orphan_done(0);
    assert_null(octo_segment_orphan(0));
    assert_int_equal(files(), 3);
    end(living);
    octo_segment_retire(s, path);
    munmap(s, octo_segment_bytes);
}

static void test_a_fork_keeps_its_dead_creators_segment(void **state)
{
    int pipes[2], status;
    char c;
    pid_t worker;

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    pid_t master = fork();

    if (master == 0) {
        struct octo_segment *s = create("orders");

        put(s, octo_segment_claim(s, (uint32_t)getpid()), 5);
        worker = fork();
        if (worker == 0)
            for (;;)
                pause();
        if (write(pipes[1], &worker, sizeof worker) < 0)
            _exit(1);
        _exit(0);
    }
    assert_int_equal(read(pipes[0], &worker, sizeof worker), sizeof worker);
    assert_int_equal(waitpid(master, &status, 0), master);
    struct octo_segment *s = create("orders");

    assert_null(octo_segment_orphan(0)); /* its worker lives */
    kill(worker, SIGKILL);
    close(pipes[1]);
    while (read(pipes[0], &c, 1) > 0)
        ; /* end of file: the worker, who had the other end, is gone */
    munmap(s, octo_segment_bytes);
    /* The kernel drops the mapping's file a moment after the descriptors. */
    for (unsigned tries = 0; octo_segment_orphan(0) == NULL && tries < 200; tries++) {
        usleep(10000);
        munmap(create("orders"), octo_segment_bytes);
    }
    assert_non_null(octo_segment_orphan(0));
}

static void test_strange_files_are_left_alone_or_removed(void **state)
{
    char name[128], link_name[128];
    struct timespec old[2] = {{1000, 0}, {1000, 0}};
    int fd;

    (void)state;
    snprintf(name, sizeof name, "%s/octoshim-0123456789abcdef.seg", dir);
    fd = open(name, O_CREAT | O_RDWR, 0600);
    assert_int_equal(write(fd, "junk", 4), 4);
    snprintf(link_name, sizeof link_name, "%s/octoshim-0123456789abcdee.seg", dir);
    assert_int_equal(symlink("/etc/passwd", link_name), 0);
    munmap(create("orders"), octo_segment_bytes);
    assert_int_equal(access(name, F_OK), 0); /* may be one in the making */
    futimens(fd, old);
    munmap(create("orders"), octo_segment_bytes);
    assert_int_equal(access(name, F_OK), -1);
    assert_int_equal(faccessat(AT_FDCWD, link_name, F_OK, AT_SYMLINK_NOFOLLOW), 0);
    assert_null(octo_segment_orphan(0));
    close(fd);
}

static void test_another_layout_is_removed(void **state)
{
    struct octo_segment *s = create("orders");

    (void)state;
    put(s, octo_segment_claim(s, (uint32_t)getpid()), 1);
    s->version = OCTO_SEGMENT_VERSION + 1;
    munmap(s, octo_segment_bytes);
    munmap(create("orders"), octo_segment_bytes);
    assert_null(octo_segment_orphan(0));
    assert_int_equal(files(), 1);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

static void test_a_zombie_is_over(void **state)
{
    int pipe_fd[2];
    siginfo_t info;
    pid_t child;
    char byte;

    (void)state;
    assert_int_equal(pipe(pipe_fd), 0);
    child = fork();
    if (child == 0)
        _exit(read(pipe_fd[0], &byte, 1) == 1 ? 0 : 1);
    assert_false(octo_segment_process_over((uint32_t)getpid()));
    assert_false(octo_segment_process_over((uint32_t)child));
    assert_int_equal(write(pipe_fd[1], "x", 1), 1);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_true(octo_segment_process_over((uint32_t)child)); /* ended, and not asked for yet */
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(octo_segment_process_over((uint32_t)child));
    close(pipe_fd[0]);
    close(pipe_fd[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(test_file_is_private_and_leaves_no_descriptor),
        EACH(test_long_names_are_cut),
        EACH(test_defaults_give_a_tmpfs_or_memory),
        EACH(test_no_place_gives_memory_that_forks_share),
        EACH(test_full_filesystem_is_noticed_not_fatal),
        EACH(test_slots_are_claimed_reused_and_shared),
        EACH(test_reap_frees_the_dead),
        EACH(test_a_zombie_is_over),
        EACH(test_next_start_takes_over_what_the_dead_left),
        EACH(test_a_fork_keeps_its_dead_creators_segment),
        EACH(test_strange_files_are_left_alone_or_removed),
        EACH(test_another_layout_is_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
