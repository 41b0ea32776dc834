/*
 * Work whose system calls are known: work KIND [NUMBER], once for each of `work`'s lines below. It says nothing.
 *
 *      sleeps N      clock_nanosleep of 10 ms, N times       threads N    N threads, one after the other: getppid each
 *      reads N       read of 64 bytes of /dev/zero           storm N      N threads at once in batches of 64: the same
 *      fails N       open of nothing: ENOENT                 tree N       a tree of processes of depth N, two children each: getppid each
 *      exec N        executes itself N times, getppid each   signals N    N sleeps broken off by a signal
 *      forever       getppid, then waits for its end in read of a pipe
 *      locks N       waits N ms for a lock that another holds: flock; then sleeps as long
 *      kinds N       calls that there are not, of N numbers from 10,000 on: ENOSYS
 *      loop N        once told by a line on its standard input: getppid in N threads, and says how many ns one takes
 *      seated N      the same with a seat for each thread, from the octoprobe that looks on (octoshim/seat.h)
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "octoshim/seat.h"

/* The call that is counted: one that no library makes by itself. */
static void mark(void)
{
    syscall(SYS_getppid);
}

static void *thread(void *arg)
{
    mark();
    return arg;
}

static void threads(int n, int at_once)
{
    pthread_t id[64];

    for (int done = 0; done < n; done += at_once) {
        int now = n - done < at_once ? n - done : at_once;

        for (int i = 0; i < now; i++)
            if (pthread_create(&id[i], NULL, thread, NULL) != 0)
                abort();
        for (int i = 0; i < now; i++)
            pthread_join(id[i], NULL);
    }
}

static void tree(int depth)
{
    mark();
    for (int i = 0; i < 2 && depth > 0; i++) {
        pid_t pid = fork();

        if (pid < 0)
            abort();
        if (pid == 0) {
            tree(depth - 1);
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
}

static void nothing(int number)
{
    (void)number;
}

static void sleeps(int n, long ns, int broken)
{
    for (int i = 0; i < n; i++) {
        struct timespec t = {.tv_nsec = ns};
        struct itimerval soon = {.it_value.tv_usec = 5000};

        if (broken)
            setitimer(ITIMER_REAL, &soon, NULL);
        syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &t, NULL);
    }
}

static double ns_a_call;
static pthread_barrier_t begin; /* threads are there before somebody looks on */

static struct octo_seat *seats; /* NULL: none were asked for */

/* As a preloaded process does; its connection lasts as long as it. */
static void join(void)
{
    static const char name[] = "octoprobe";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct octo_join question = {.version = OCTO_JOIN_VERSION, .service = "work"};
    struct octo_joined answer = {0};
    struct iovec part = {&answer, sizeof answer};
    char control[CMSG_SPACE(sizeof(int))];
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

    memcpy(address.sun_path + 1, name, sizeof name - 1);
    if (connect(fd, (struct sockaddr *)&address, offsetof(struct sockaddr_un, sun_path) + sizeof name) != 0 ||
        send(fd, &question, sizeof question, 0) != sizeof question || recvmsg(fd, &message, 0) != sizeof answer ||
        !answer.joined)
        abort();
    seats = mmap(NULL, OCTO_SEATS * sizeof *seats, PROT_READ | PROT_WRITE, MAP_SHARED,
                 *(int *)(void *)CMSG_DATA(CMSG_FIRSTHDR(&message)), 0);
    if (seats == MAP_FAILED)
        abort();
}

static struct octo_seat *sit_down(void)
{
    unsigned tid = (unsigned)gettid();
    struct octo_seat *seat = &seats[1 + tid % (OCTO_SEATS - 1)];

    seat->tid = tid;
    __atomic_fetch_add(&seats[0].tid, 1, __ATOMIC_SEQ_CST);
    return seat;
}

/* The least of many chunks, each long against a clock's reading: what nothing has disturbed. */
static void *loop(void *arg)
{
    enum { CHUNKS = 20, CALLS = 2000 };
    double least = 1e9, all = 0;
    struct octo_seat *seat;
    unsigned long long calls = 0;

    pthread_barrier_wait(&begin);
    seat = seats != NULL ? sit_down() : NULL;

    for (int i = 0; i < CHUNKS || all < 5e8; i++) {
        struct timespec a, b;
        double ns;

        clock_gettime(CLOCK_MONOTONIC, &a);
        for (int k = 0; k < CALLS; k++)
            mark();
        clock_gettime(CLOCK_MONOTONIC, &b);
        ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / CALLS;
        least = ns < least ? ns : least;
        all += ns * CALLS;
        calls += CALLS;
    }
    if (seat != NULL && seat->count < calls)
        abort(); /* not what was to be measured */
    if (arg != NULL)
        ns_a_call = least;
    return NULL;
}

static int loops(int n, bool seated)
{
    pthread_t id[64];

    if (n < 1 || n > 64 || pthread_barrier_init(&begin, NULL, (unsigned)n + 1) != 0)
        return 1;
    for (int i = 0; i < n; i++)
        if (pthread_create(&id[i], NULL, loop, i == 0 ? &ns_a_call : NULL) != 0)
            abort();
    if (getchar() == EOF)
        return 1;
    if (seated)
        join();
    pthread_barrier_wait(&begin);
    for (int i = 0; i < n; i++)
        pthread_join(id[i], NULL);
    printf("%.2f\n", ns_a_call);
    return fflush(stdout);
}

static int locks(int ms)
{
    FILE *file = tmpfile();
    char path[32];
    int own, others = file != NULL ? fileno(file) : -1;

    snprintf(path, sizeof path, "/proc/self/fd/%d", others);
    own = open(path, O_RDWR);
    if (own < 0 || flock(others, LOCK_EX) != 0)
        return 1;
    if (fork() == 0) {
        sleeps(1, ms * 1000000L, 0);
        _exit(flock(others, LOCK_UN));
    }
    if (flock(own, LOCK_EX) != 0)
        return 1;
    sleeps(1, ms * 1000000L, 0);
    return 0;
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "";
    int n = argc > 2 ? atoi(argv[2]) : 1, fds[2];
    char buffer[64], number[16];
    struct sigaction action = {.sa_handler = nothing};

    if (strcmp(kind, "sleeps") == 0) {
        sleeps(n, 10000000, 0);
    } else if (strcmp(kind, "signals") == 0) {
        sigaction(SIGALRM, &action, NULL);
        sleeps(n, 500000000, 1);
    } else if (strcmp(kind, "reads") == 0) {
        fds[0] = open("/dev/zero", O_RDONLY);
        for (int i = 0; i < n; i++)
            if (syscall(SYS_pread64, fds[0], buffer, sizeof buffer, 0L) != sizeof buffer)
                return 1;
    } else if (strcmp(kind, "fails") == 0) {
        for (int i = 0; i < n; i++)
            syscall(SYS_rmdir, "/nonexistent/x");
    } else if (strcmp(kind, "locks") == 0) {
        return locks(n);
    } else if (strcmp(kind, "kinds") == 0) {
        for (int i = 0; i < n; i++)
            syscall(10000 + i);
    } else if (strcmp(kind, "threads") == 0) {
        threads(n, 1);
    } else if (strcmp(kind, "storm") == 0) {
        threads(n, 64);
    } else if (strcmp(kind, "tree") == 0) {
        tree(n);
    } else if (strcmp(kind, "exec") == 0) {
        mark();
        snprintf(number, sizeof number, "%d", n - 1);
        if (n > 1)
            execl("/proc/self/exe", "work", "exec", number, (char *)NULL);
    } else if (strcmp(kind, "loop") == 0 || strcmp(kind, "seated") == 0) {
        return loops(n, kind[0] == 's');
    } else if (strcmp(kind, "forever") == 0) {
        mark();
        if (pipe(fds) != 0 || write(1, "ready\n", 6) != 6 || read(fds[0], buffer, 1) < 0)
            return 1;
    } else {
        return 2;
    }
    return 0;
}
