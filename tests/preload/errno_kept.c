// A call that succeeds leaves errno as it was, and main starts with errno 0. (H27)
//
// events: request.started=2 request.completed=2
#include "preload.h"

#include <sys/sendfile.h>
#include <sys/syscall.h>

#define KEEPS(call)                                                                                               \
    do {                                                                                                          \
        errno = 4242;                                                                                             \
        CHECK((call) >= 0);                                                                                       \
        CHECK(errno == 4242);                                                                                     \
    } while (0)

int main(void)
{
    int at_start = errno;
    say("errno at the start: %d", at_start);
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n";
    static const char request[] = "GET /errno HTTP/1.1\r\nHost: t\r\n\r\n";
    char bytes[1024], id[ID_SIZE];
    int listening, client, conn, copy, queued, ends[2];
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    FILE *file = tmpfile();
    CHECK(file && fputs("0123456789", file) >= 0 && fflush(file) == 0);
    KEEPS(listening = socket(AF_INET, SOCK_STREAM, 0));
    KEEPS(bind(listening, (struct sockaddr *)&in, sizeof in));
    KEEPS(listen(listening, 5));
    KEEPS(getsockname(listening, (struct sockaddr *)&in, &len));
    for (int i = 0; i < 2; i++) {
        KEEPS(client = socket(AF_INET, SOCK_STREAM, 0));
        KEEPS(connect(client, (struct sockaddr *)&in, sizeof in));
        KEEPS(conn = i ? accept4(listening, NULL, NULL, SOCK_CLOEXEC) : accept(listening, NULL, NULL));
        KEEPS(setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)));
        KEEPS(send(client, request, strlen(request), 0));
        KEEPS(ioctl(conn, FIONREAD, &queued));
        KEEPS(recv(conn, bytes, 5, MSG_PEEK));
        size_t at = 0;
        struct iovec iov = {bytes, 5};
        struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
        KEEPS(read(conn, bytes, 5));
        iov.iov_base = bytes + 5;
        KEEPS(readv(conn, &iov, 1));
        iov.iov_base = bytes + 10;
        KEEPS(recvmsg(conn, &m, 0));
        at = 15;
        KEEPS(recvfrom(conn, bytes + at++, 1, 0, NULL, NULL));
        while (head_length(bytes, at) == 0) {
            KEEPS(recv(conn, bytes + at, i ? 1 : sizeof bytes - at, 0));
            at = i ? at + 1 : strlen(request) + (request_ids == REQUIRED ? REQUEST_LINES : 0);
        }
        show("service", bytes, check_request(bytes, at, id));
        iov = (struct iovec){bytes, 4};
        memcpy(bytes, "body", 4);
        KEEPS(i ? write(conn, head, strlen(head)) : send(conn, head, strlen(head), MSG_MORE));
        KEEPS(writev(conn, &iov, 1));
        KEEPS(sendmsg(conn, &m, 0));
        KEEPS(sendto(conn, bytes, 4, 0, NULL, 0));
        off_t offset = 0;
        KEEPS(sendfile(conn, fileno(file), &offset, 4));
        KEEPS(pipe(ends));
        KEEPS(write(ends[1], "pipe", 4));
        KEEPS(splice(ends[0], NULL, conn, NULL, 4, 0));
        KEEPS(syscall(SYS_write, conn, "last", 4));
        show("client", bytes, recv_response(client, bytes, sizeof bytes, 24, id));
        KEEPS(copy = dup(conn));
        KEEPS(dup2(conn, copy));
        KEEPS(dup3(conn, copy, O_CLOEXEC));
        KEEPS(syscall(SYS_close, copy));
        KEEPS(copy = fcntl(conn, F_DUPFD, 20));
        KEEPS(fcntl(conn, F_GETFL));
        KEEPS(close_range((unsigned)copy, (unsigned)copy, 0));
        KEEPS(shutdown(conn, SHUT_WR));
        KEEPS(close(ends[0]));
        KEEPS(close(ends[1]));
        KEEPS(close(conn));
        KEEPS(close(client));
    }
    errno = 4242;
    pid_t pid = fork();
    CHECK(errno == 4242);
    if (pid == 0)
        _exit(0);
    wait_ok(pid);
    errno = 4242;
    closefrom(10);
    CHECK(errno == 4242);
    FILE *null = fopen("/dev/null", "w");
    int fd = fileno(null);
    errno = 4242;
    FILE *again = fdopen(fd, "w");
    CHECK(again && errno == 4242);
    CHECK(fclose(null) == 0 && errno == 4242);
    return 0;
}
