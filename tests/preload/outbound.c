// Connections that the program makes, as clients of databases do: each way to connect, to fail, to read and to write, with
// descriptors copied and closed, by threads at once. Bytes and errors are what they are without the shim. (H14, H15, H20, H26)
//
// events: request.started=0
#include "preload.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/time.h>

static const char ping[] = "*1\r\n$4\r\nPING\r\n", pong[] = "+PONG\r\n";

static int made(int family, int flags, const struct address *to, bool by_number)
{
    int fd = socket(family, SOCK_STREAM | flags, 0);
    CHECK(fd >= 0);
    errno = ERANGE;
    long result = by_number ? syscall(SYS_connect, fd, &to->sa, to->len)
                            : connect(fd, (const struct sockaddr *)&to->sa, to->len);
    say("connect %s%s: %ld %s", family == AF_UNIX ? "unix" : "tcp", flags ? " nonblocking" : "", result,
        strerrorname_np(errno));
    return fd;
}

static int accepted(int listener)
{
    int fd = accept(listener, NULL, NULL);
    CHECK(fd >= 0);
    return fd;
}

/* The server's end: by instructions, so that the shim sees one side only. */
static long raw(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static void serves(int fd, const char *want, const char *say_back)
{
    char bytes[256];
    for (size_t got = 0, n = strlen(want); got < n;) {
        long more = raw(SYS_read, fd, (long)bytes, (long)(n - got));
        CHECK(more > 0 && memcmp(bytes, want + got, (size_t)more) == 0);
        got += (size_t)more;
    }
    CHECK(raw(SYS_write, fd, (long)say_back, (long)strlen(say_back)) == (long)strlen(say_back));
}

static void waits_for_connect(int fd, const struct address *to)
{
    int error = -1;
    socklen_t len = sizeof error;
    CHECK(poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 2000) == 1);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0);
    long result = connect(fd, (const struct sockaddr *)&to->sa, to->len);
    say("connected: %s, again: %ld %s", strerrorname_np(error) ? strerrorname_np(error) : "0", result,
        result ? strerrorname_np(errno) : "");
}

static void every_way(int fd, int server, bool is_tcp)
{
    char a[8], b[64];
    struct iovec out[] = {{(void *)(uintptr_t)ping, 5}, {(void *)(uintptr_t)(ping + 5), 9}};
    struct iovec in[] = {{a, 3}, {b, 4}};
    CHECK(write(fd, ping, 5) == 5 && send(fd, ping + 5, 9, MSG_NOSIGNAL) == 9);
    serves(server, ping, pong);
    CHECK(recv(fd, b, sizeof b, MSG_PEEK) == 7 && memcmp(b, pong, 7) == 0);
    CHECK(read(fd, b, sizeof b) == 7 && memcmp(b, pong, 7) == 0);
    CHECK(writev(fd, out, 2) == 14);
    serves(server, ping, pong);
    CHECK(readv(fd, in, 2) == 7 && memcmp(a, "+PO", 3) == 0);
    CHECK(sendmsg(fd, &(struct msghdr){.msg_iov = out, .msg_iovlen = 2}, 0) == 14);
    serves(server, ping, pong);
    CHECK(recvmsg(fd, &(struct msghdr){.msg_iov = in, .msg_iovlen = 2}, MSG_WAITALL) == 7);
    int file = memfd_create("body", 0);
    CHECK(write(file, ping, 14) == 14);
    CHECK(sendfile(fd, file, &(off_t){0}, 14) == 14);
    serves(server, ping, pong);
    CHECK(recv(fd, b, 7, is_tcp ? MSG_TRUNC : 0) == 7);
    CHECK(recv(fd, b, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    close(file);

    /* All of it, but for a signal. */
    struct itimerval soon = {.it_value = {.tv_usec = 50000}};
    CHECK(raw(SYS_write, server, (long)pong, 3) == 3);
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    CHECK(recv(fd, b, 7, MSG_WAITALL) == 3);
}

static void *talks(void *arg)
{
    int fd = *(int *)arg;
    char c;
    for (int i = 0; i < 2000; i++) {
        CHECK(write(fd, "x", 1) == 1);
        CHECK(read(fd, &c, 1) == 1);
    }
    return NULL;
}

static void *echoes(void *arg)
{
    int fd = *(int *)arg;
    char bytes[64];
    long got;
    while ((got = raw(SYS_read, fd, (long)bytes, sizeof bytes)) > 0)
        CHECK(raw(SYS_write, fd, (long)bytes, got) == got);
    return NULL;
}

static void on_alarm(int signal)
{
    (void)signal;
}

int main(void)
{
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    struct address tcp, local;
    int tcp_listener = listener(AF_INET, &tcp), unix_listener = listener(AF_UNIX, &local);
    for (int i = 0; i < 4; i++) {
        bool is_tcp = i < 2;
        int fd = made(is_tcp ? AF_INET : AF_UNIX, i % 2 ? SOCK_NONBLOCK : 0, is_tcp ? &tcp : &local, i % 2);
        int server = accepted(is_tcp ? tcp_listener : unix_listener);
        if (i % 2) {
            waits_for_connect(fd, is_tcp ? &tcp : &local);
            CHECK(fcntl(fd, F_SETFL, 0) == 0);
        }
        every_way(fd, server, is_tcp);
        int copy = dup(fd);
        close(fd);
        CHECK(write(copy, ping, 14) == 14);
        serves(server, ping, pong);
        pid_t child = fork();
        if (child == 0) {
            char b[8];
            CHECK(read(copy, b, 7) == 7);
            close(copy);
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        close(copy);
        char end;
        CHECK(raw(SYS_read, server, (long)&end, 1) == 0);
        close(server);
    }

    /* Two threads on one connection, in both directions. */
    pthread_t thread[3];
    int fd = made(AF_INET, 0, &tcp, false), server = accepted(tcp_listener);
    CHECK(pthread_create(&thread[2], NULL, echoes, &server) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&thread[i], NULL, talks, &fd) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    CHECK(pthread_join(thread[2], NULL) == 0);
    close(fd);
    close(server);

    /* Refused, bad, and datagrams. */
    close(tcp_listener);
    close(made(AF_INET, 0, &tcp, false));
    errno = 0;
    CHECK(connect(-1, (struct sockaddr *)&tcp.sa, tcp.len) == -1 && errno == EBADF);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&tcp.sa, 1) == -1 && errno == EINVAL);
    close(fd);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&tcp.sa, tcp.len) == 0);
    CHECK(connect(fd, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr)) == 0);
    close(fd);
    say("over");
    return 0;
}
