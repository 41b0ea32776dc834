// Bad pointers are EFAULT from the kernel, not SIGSEGV from us, in the middle of heads both ways; what was queued
// is still there. (law 1)
// valgrind: no, bad pointers are meant
//
// events: request.started=1 request.completed=1
#include "preload.h"

#include <sys/mman.h>
#include <sys/syscall.h>

static void *bad;

#define FAULTS(call) CHECK((call) == -1 && errno == EFAULT)

static void reads(int fd)
{
    struct iovec iov = {bad, 10};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    FAULTS(read(fd, bad, 10));
    FAULTS(read(fd, bad, 1000));
    FAULTS(recv(fd, bad, 10, 0));
    FAULTS(recv(fd, bad, 1000, MSG_PEEK));
    FAULTS(readv(fd, &iov, 1));
    FAULTS(readv(fd, bad, 1));
    FAULTS(recvmsg(fd, &m, 0));
    FAULTS(recvmsg(fd, bad, 0));
    FAULTS(syscall(SYS_read, fd, bad, 10));
    FAULTS(ioctl(fd, FIONREAD, bad));
}

static void writes(int fd)
{
    struct iovec iov[2] = {{bad, 10}, {bad, 10}};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
    FAULTS(write(fd, bad, 10));
    FAULTS(write(fd, bad, 1000));
    FAULTS(send(fd, bad, 10, 0));
    FAULTS(writev(fd, iov, 2));
    FAULTS(writev(fd, bad, 1));
    FAULTS(sendmsg(fd, &m, 0));
    FAULTS(sendmsg(fd, bad, 0));
    FAULTS(syscall(SYS_write, fd, bad, 10));
}

int main(void)
{
    static const char request[] = "GET /fault HTTP/1.1\r\nHost: test\r\n\r\n";
    char bytes[1024], id[ID_SIZE];
    bad = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(bad != MAP_FAILED);
    struct pair pair = tcp_pair();
    send_text(pair.client, request);
    reads(pair.server);
    CHECK(read(pair.server, bytes, 8) == 8);
    reads(pair.server);
    size_t len = 8;
    while (head_length(bytes, len) == 0)
        len += (size_t)read(pair.server, bytes + len, sizeof bytes - len);
    show("service", bytes, check_request(bytes, len, id));
    writes(pair.server);
    reply(pair.server, "HTTP/1.1 200 OK\r\nContent-");
    writes(pair.server);
    reply(pair.server, "Length: 2\r\n\r\n");
    writes(pair.server);
    reply(pair.server, "ok");
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, id));
    struct address address = pair.address;
    int client = dial(&address);
    FAULTS(accept(pair.listener, bad, bad));
    close(client);
    pair_close(&pair);
    return 0;
}
