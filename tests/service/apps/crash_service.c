/*
 * A threaded HTTP service that dies on request. usage: crash_service PORT WORKERS (0: it is its own worker)
 *
 * With workers, each that dies is replaced, and a line on stdout tells how it ended: "worker PID died of SIGNAL", "… ended with CODE".
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define APART __attribute__((noinline, noclone))

static volatile int zero;
static volatile char *volatile nothing;
static volatile sig_atomic_t stopped;

APART void write_to_nothing(void)
{
    *nothing = 1;
}

APART int divide_by_zero(void)
{
    return 7 / zero;
}

APART void give_up(void)
{
    abort();
}

APART void use_no_instruction(void)
{
    __builtin_trap();
}

APART void read_beyond_the_file(void)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    volatile char *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

    *at;
}

/* Each call keeps something of its own, and uses it afterwards. */
APART int run_out_of_stack(volatile int depth)
{
    volatile char room[512];

    room[depth % 512] = (char)depth;
    if (depth < 0)
        return 0;
    return run_out_of_stack(depth + 1) + room[depth % 512];
}

APART void die(const char *how)
{
    if (strcmp(how, "crash") == 0)
        write_to_nothing();
    else if (strcmp(how, "divide") == 0)
        zero = divide_by_zero();
    else if (strcmp(how, "abort") == 0)
        give_up();
    else if (strcmp(how, "illegal") == 0)
        use_no_instruction();
    else if (strcmp(how, "bus") == 0)
        read_beyond_the_file();
    else if (strcmp(how, "overflow") == 0)
        zero = run_out_of_stack(1);
    else if (strcmp(how, "exit") == 0)
        exit(3);
    zero = 0; /* after the calls, so that each has a frame */
}

static int answer(int fd, const char *status, const char *body)
{
    char text[256];
    int n = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s",
                     status, strlen(body), body);

    return send(fd, text, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -1;
}

APART int serve_one(int fd, const char *head)
{
    char path[64] = "";

    if (sscanf(head, "%*s /%63[^ ?]", path) != 1)
        return answer(fd, "400 Bad Request", "no path\n");
    if (strcmp(path, "small") == 0)
        return answer(fd, "200 OK", "hello\n");
    if (strcmp(path, "slow") == 0) {
        usleep(2000000);
        return answer(fd, "200 OK", "late\n");
    }
    die(path);
    return answer(fd, "404 Not Found", "not here\n");
}

static void *serve(void *arg)
{
    int fd = (int)(long)arg, on = 1;
    char head[4096];
    size_t have = 0;

    pthread_setname_np(pthread_self(), "serving");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (;;) {
        ssize_t n = recv(fd, head + have, sizeof head - 1 - have, 0);
        char *end;

        if (n <= 0)
            break;
        have += (size_t)n;
        head[have] = '\0';
        while ((end = strstr(head, "\r\n\r\n")) != NULL) {
            size_t length = (size_t)(end + 4 - head);

            end[2] = '\0';
            if (serve_one(fd, head) != 0 || strcasestr(head, "\r\nConnection: close\r\n")) {
                close(fd);
                return NULL;
            }
            memmove(head, head + length, have + 1 - length);
            have -= length;
        }
    }
    close(fd);
    return NULL;
}

static void work(int listener)
{
    pthread_attr_t detached;
    pthread_t thread;

    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&detached, 256 << 10);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd >= 0 && pthread_create(&thread, &detached, serve, (void *)(long)fd) != 0)
            close(fd);
    }
}

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

static void manage(int listener, int workers)
{
    struct sigaction action = {.sa_handler = stop};
    pid_t pid;
    int status, living = 0;

    sigaction(SIGTERM, &action, NULL);
    while (!stopped || living > 0) {
        while (!stopped && living < workers) {
            pid = fork();
            if (pid == 0) {
                signal(SIGTERM, SIG_DFL);
                work(listener);
            }
            living += pid > 0;
        }
        pid = wait(&status);
        if (stopped)
            kill(0, SIGTERM);
        if (pid < 0)
            continue;
        living--;
        if (WIFSIGNALED(status))
            printf("worker %d died of %d%s\n", pid, WTERMSIG(status), WCOREDUMP(status) ? " (core dumped)" : "");
        else
            printf("worker %d ended with %d\n", pid, WEXITSTATUS(status));
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, workers;

    if (argc != 3)
        return 64;
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    workers = atoi(argv[2]);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 512) != 0) {
        perror("crash_service");
        return 1;
    }
    if (workers > 0)
        manage(listener, workers);
    else
        work(listener);
    return 0;
}
