/*
 * The process context, as those outside find it: what it says, of whom, and where there is none.
 */
#include "process_context_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "export/process_context.h"
#include "export/thread.h"

enum { BLOCK = 4096 }; /* what is read of maps at once */

static const uint64_t instance[2] = {0x0123456789abcdef, 0xfedcba9876543210};
static const uint64_t childs[2] = {0, UINT64_MAX};

#define SDK "telemetry.sdk.name=octoshim\ntelemetry.sdk.language=c\ntelemetry.sdk.version=" OCTO_VERSION "\n"
#define THREADS                                                                                                   \
    "+threadlocal.schema_version=tlsdesc_v1_dev\n"                                                                \
    "+threadlocal.attribute_key_map=[http.request.header.x-request-id]\n"
#define ALL(id)                                                                                                   \
    "service.name=orders\nservice.version=1.2\ndeployment.environment.name=test\nservice.instance.id=" id         \
    "\n" SDK THREADS
#define INSTANCE "01234567-89ab-4def-bedc-ba9876543210" /* of the numbers above; 4 and b say what kind of UUID */
#define CHILDS "00000000-0000-4000-bfff-ffffffffffff"

static int publish(void)
{
    return octo_process_context_publish("orders", "test", "1.2", instance);
}

/* Descriptors that are open. */
static unsigned open_files(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) != -1;
    return n;
}

static void publish_as_the_writer(void *result)
{
    if (octo_thread_own_descriptors() >= 0)
        *(int *)result = publish();
    octo_thread_exit();
}

static void publishes(void)
{
    static struct octo_thread thread;
    static int result = 1;
    unsigned files = open_files();

    errno = 4242;
    CHECK(octo_thread_start(&thread, publish_as_the_writer, &result) == 0);
    CHECK(octo_thread_wait(&thread, 10 * OCTO_NS_PER_S) && result == 0);
    CHECK(errno == 4242 && open_files() == files);
}

static void test_is_read_from_outside(void **state)
{
    uint64_t before = octo_clock_ns(CLOCK_BOOTTIME), at = 0;
    pid_t service = play(publishes);
    struct header header;

    (void)state;
    assert_says(service, ALL(INSTANCE));
    assert_int_equal(find(service, false, &at), 1);
    read_memory(service, at, &header, sizeof header);
    assert_true(header.published_ns >= before);
    end(service);
}

static void publishes_nothing_known(void)
{
    CHECK(octo_process_context_publish("caf\xc3\xa9", "", "unknown", instance) == 0);
}

static void publishes_no_utf8(void)
{
    CHECK(octo_process_context_publish("caf\xe9", "a\xed\xa0\x80", "1\xc3", instance) == 0);
}

static void test_what_is_not_known_or_not_readable_is_left_out(void **state)
{
    pid_t service = play(publishes_nothing_known);

    (void)state;
    assert_says(service, "service.name=caf\xc3\xa9\nservice.instance.id=" INSTANCE "\n" SDK THREADS);
    end(service);
    service = play(publishes_no_utf8);
    assert_says(service, "service.instance.id=" INSTANCE "\n" SDK THREADS);
    end(service);
}

static char longest[3][128];

static void publishes_longest(void)
{
    char longer[129];

    memset(longer, 'x', 128);
    longer[128] = '\0';
    CHECK(octo_process_context_publish(longer, "test", "1.2", instance) == -E2BIG);
    CHECK(octo_process_context_publish("orders", longer, "1.2", instance) == -E2BIG);
    CHECK(octo_process_context_publish("orders", "test", longer, instance) == -E2BIG);
    CHECK(octo_process_context_publish(longest[0], longest[1], longest[2], instance) == 0);
}

static void test_longest_texts(void **state)
{
    char expected[ABOUT];
    pid_t service;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        memset(longest[i], (int)('a' + i), 127);
    snprintf(expected, sizeof expected,
             "service.name=%s\nservice.version=%s\ndeployment.environment.name=%s\nservice.instance.id=" INSTANCE
             "\n" SDK THREADS,
             longest[0], longest[2], longest[1]);
    service = play(publishes_longest);
    assert_says(service, expected);
    end(service);
}

static void publishes_twice(void)
{
    CHECK(publish() == 0);
    CHECK(octo_process_context_publish("others", "test", "1.2", childs) == -EEXIST);
    octo_process_context_forked(); /* not true: it sees for itself */
    CHECK(octo_process_context_publish("others", "test", "1.2", childs) == -EEXIST);
}

static void test_once_a_process(void **state)
{
    pid_t service = play(publishes_twice);

    (void)state;
    assert_says(service, ALL(INSTANCE));
    end(service);
}

static void publishes_nothing(void)
{
}

static void publishes_own(void)
{
    octo_process_context_forked();
    CHECK(octo_process_context_publish("orders", "test", "1.2", childs) == 0);
}

static pid_t *children; /* shared. They end with the service */

static void publishes_and_forks(void)
{
    CHECK(publish() == 0);
    children[0] = play(publishes_nothing);
    children[1] = play(publishes_own);
}

static void test_a_child_has_its_own(void **state)
{
    pid_t service;

    (void)state;
    children = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    service = play(publishes_and_forks);
    assert_says(service, ALL(INSTANCE));
    assert_none(children[0]);
    assert_says(children[1], ALL(CHILDS));
    end(service);
    munmap(children, PAGE);
}

static bool foreign_goes;

/* Another library has one, or what may become one. */
static void has_a_foreign_one(void)
{
    int fd = (int)syscall(SYS_memfd_create, "OTEL_CTX", MFD_CLOEXEC);
    void *page;

    CHECK(ftruncate(fd, PAGE) == 0);
    page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(page != MAP_FAILED && close(fd) == 0);
    strcpy(page, "theirs");
    CHECK(publish() == -EEXIST);
    if (foreign_goes) {
        CHECK(munmap(page, PAGE) == 0);
        CHECK(publish() == 0);
    }
}

static void test_a_foreign_one_is_left_alone(void **state)
{
    pid_t service;
    char bytes[7];
    uint64_t at = 0;

    (void)state;
    foreign_goes = false;
    service = play(has_a_foreign_one);
    assert_int_equal(find(service, false, &at), 1);
    read_memory(service, at, bytes, sizeof bytes);
    assert_string_equal(bytes, "theirs");
    assert_int_equal(find(service, true, &at), 0);
    end(service);
    foreign_goes = true;
    service = play(has_a_foreign_one);
    assert_says(service, ALL(INSTANCE));
    end(service);
}

/* What the kernel, played by a filter, refuses: a call, if its argument `at` has one of these bits (0: whatever it
 * has). Error 0: it says that it has done it. */
struct refusal {
    unsigned call, at, bits, error;
};

static int filter(const struct refusal *r, unsigned action, unsigned flags)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, r->call, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * r->at),
        BPF_JUMP(BPF_JMP | (r->bits != 0 ? BPF_JSET : BPF_JGE) | BPF_K, r->bits, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog whole = {sizeof program / sizeof *program, program};

    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &whole);
}

static struct refusal refusals[2];
static int expected_result;

static void publishes_under_them(void)
{
    unsigned files = open_files();

    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    for (unsigned i = 0; i < 2; i++)
        CHECK(filter(&refusals[i], SECCOMP_RET_ERRNO | refusals[i].error, 0) == 0);
    CHECK(publish() == expected_result);
    CHECK(open_files() == files);
}

static pid_t play_under(struct refusal first, struct refusal second, int result)
{
    refusals[0] = first;
    refusals[1] = second;
    expected_result = result;
    return play(publishes_under_them);
}

static void expect_under(struct refusal first, struct refusal second, int result)
{
    pid_t service = play_under(first, second, result);

    if (result == 0)
        assert_says(service, ALL(INSTANCE));
    else
        assert_none(service);
    end(service);
}

/* Whether memory can have a name here. */
static bool names_memory(void)
{
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool can = prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, page, PAGE, "test") == 0;

    munmap(page, PAGE);
    return can;
}

enum { NOEXEC_SEAL = 8 };

static const struct refusal NONE = {UINT32_MAX, 0, 0, 0};
static const struct refusal NO_MEMFD = {SYS_memfd_create, 0, 0, EPERM};
static const struct refusal OLD_MEMFD = {SYS_memfd_create, 1, NOEXEC_SEAL, EINVAL};
static const struct refusal NO_SEALED_MEMFD = {SYS_memfd_create, 1, NOEXEC_SEAL, EPERM};
static const struct refusal NO_NAME = {SYS_prctl, 0, 0, EINVAL}, NAMED = {SYS_prctl, 0, 0, 0};

static void test_kernels_that_cannot_all_of_it(void **state)
{
    char text[ABOUT];
    uint64_t at = 0;
    pid_t service;

    (void)state;
    expect_under(OLD_MEMFD, NONE, 0);
    expect_under(OLD_MEMFD, NO_NAME, 0);
    expect_under(NONE, NO_NAME, 0);
    expect_under(NO_MEMFD, NO_NAME, -EINVAL);
    expect_under(NO_SEALED_MEMFD, NO_NAME,
                 -EINVAL); /* it asks for a sealed one, and for another only if it must */
    if (names_memory())
        expect_under(NO_MEMFD, NONE, 0);
    service = play_under(NO_MEMFD, NAMED, 0);
    assert_int_equal(find(service, true, &at), 1);
    say_context(service, at, text);
    assert_string_equal(text, ALL(INSTANCE));
    end(service);
}

static void test_what_fails_leaves_nothing(void **state)
{
    static const unsigned calls[] = {SYS_openat, SYS_read,    SYS_ftruncate,
                                     SYS_mmap,   SYS_madvise, SYS_clock_gettime};

    (void)state;
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
        expect_under((struct refusal){calls[i], 0, 0, EIO}, NONE, -EIO);
}

static int listener;

/* Is the kernel that is to name the memory: by then it can be read. */
static void *see_name(void *unused)
{
    struct seccomp_notif call = {0};
    struct seccomp_notif_resp answer = {0};
    const struct header *page;

    CHECK(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == 0);
    CHECK(call.data.args[0] == PR_SET_VMA && call.data.args[1] == PR_SET_VMA_ANON_NAME);
    CHECK(call.data.args[3] == PAGE && strcmp((const char *)(uintptr_t)call.data.args[4], "OTEL_CTX") == 0);
    page = (const struct header *)(uintptr_t)call.data.args[2];
    CHECK(memcmp(page->signature, "OTEL_CTX", 8) == 0 && page->published_ns != 0);
    answer.id = call.id;
    answer.error = -EINVAL;
    CHECK(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0);
    return unused;
}

static void publishes_watched(void)
{
    const struct refusal watched = {SYS_prctl, 0, 0, 0};
    pthread_t thread;

    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    listener = filter(&watched, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    CHECK(listener >= 0 && pthread_create(&thread, NULL, see_name, NULL) == 0);
    CHECK(publish() == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void test_the_name_comes_last(void **state)
{
    pid_t service = play(publishes_watched);

    (void)state;
    assert_says(service, ALL(INSTANCE));
    end(service);
}

static char root[64];

/* From now on /proc/self/maps is a file of the test's making. Whether it may. */
static bool enter_root(void)
{
    return (geteuid() == 0 || unshare(CLONE_NEWUSER) == 0) && chroot(root) == 0 && chdir("/") == 0 &&
           mkdir("/proc", 0755) == 0 && mkdir("/proc/self", 0755) == 0;
}

/* A mapping with that name, behind `before` bytes of other lines. */
static void write_maps(size_t before, const char *name)
{
    char text[BLOCK + 200];
    int fd = open("/proc/self/maps", O_WRONLY | O_CREAT | O_TRUNC, 0644), n;

    CHECK(fd >= 0 && before <= BLOCK);
    memset(text, ' ', before);
    if (before > 0)
        text[before - 1] = '\n';
    n = snprintf(text + before, sizeof text - before,
                 "7f4e5a1c2000-7f4e5a1c3000 rw-p 00000000 00:01 2063                       %s\n"
                 "7f4e5a1c3000-7f4e5a1c4000 rw-p 00000000 00:00 0 \n",
                 name);
    CHECK(write(fd, text, before + (size_t)n) == (ssize_t)before + n && close(fd) == 0);
}

static void looks_at_names(void)
{
    static const char *const contexts[] = {"/memfd:OTEL_CTX (deleted)", "[anon_shmem:OTEL_CTX]",
                                           "[anon:OTEL_CTX]"};
    static const char *const others[] = {"/memfd:OTEL_CT (deleted)",
                                         "/memfd:OTEL_CTY (deleted)",
                                         "/tmp/memfd:OTEL_CTX",
                                         "/tmp/ /memfd:OTEL_CTX",
                                         "[anon_shmem:OTEL_CTX",
                                         "[anon_shmem:OTEL_CTXX]",
                                         "[anon:OTEL_CTXX]",
                                         "/tmp/ [anon:OTEL_CTX]",
                                         "/memfd:OTEL_\nCTX",
                                         "[anon:OTEL_CT]",
                                         ""};

    if (!enter_root())
        _exit(77);
    CHECK(publish() == -ENOENT);
    for (unsigned i = 0; i < sizeof contexts / sizeof *contexts; i++)
        for (size_t before = 0; before <= BLOCK; before++) { /* a block ends at each of its bytes once */
            write_maps(before, contexts[i]);
            CHECK(publish() == -EEXIST);
        }
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
        write_maps(0, others[i]);
        CHECK(publish() == 0);
        octo_process_context_forked();
    }
    _exit(0);
}

static void test_names_in_maps(void **state)
{
    char command[100];
    pid_t child;
    int status;

    (void)state;
    strcpy(root, "/dev/shm/octo-context-XXXXXX");
    assert_non_null(mkdtemp(root));
    child = fork();
    if (child == 0)
        looks_at_names();
    assert_int_equal(waitpid(child, &status, 0), child);
    snprintf(command, sizeof command, "rm -rf %s", root);
    assert_int_equal(system(command), 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_read_from_outside),
        cmocka_unit_test(test_what_is_not_known_or_not_readable_is_left_out),
        cmocka_unit_test(test_longest_texts),
        cmocka_unit_test(test_once_a_process),
        cmocka_unit_test(test_a_child_has_its_own),
        cmocka_unit_test(test_a_foreign_one_is_left_alone),
        cmocka_unit_test(test_kernels_that_cannot_all_of_it),
        cmocka_unit_test(test_what_fails_leaves_nothing),
        cmocka_unit_test(test_the_name_comes_last),
        cmocka_unit_test(test_names_in_maps),
    };

    return cmocka_run_group_tests_name("process_context", tests, NULL, NULL);
}
