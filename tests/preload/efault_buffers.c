// Bad buffers are EFAULT from the kernel, not SIGSEGV from us, before a head and in its middle; what was
// queued is still there. A buffer that is longer than its mapping, but not needed to its end, is none. (law
// 1)
// valgrind: no, bad pointers are meant
//
// events: request.started=2 request.completed=2
#include "efault.h"

static void reads(int fd)
{
    struct iovec iov = {bad, 10};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    FAULTS(read(fd, bad, 10));
    FAULTS(read(fd, bad, 1000));
    FAULTS(recv(fd, bad, 10, 0));
    FAULTS(recv(fd, bad, 1000, MSG_PEEK));
    FAULTS(readv(fd, &iov, 1));
    FAULTS(recvmsg(fd, &m, 0));
    FAULTS(syscall(SYS_read, fd, bad, 10));
    FAULTS(ioctl(fd, FIONREAD, bad));
    FAULTS(connect(fd, (struct sockaddr *)bad, sizeof(struct sockaddr_in)));
}

int main(void)
{
    static const char request[] = "GET /fault HTTP/1.1\r\nHost: test\r\n\r\n";
    char bytes[1024], id[ID_SIZE];
    char *pages = make_bad();
    struct pair pair = tcp_pair();
    send_text(pair.client, request);
    reads(pair.server);
    CHECK(read(pair.server, bytes, 8) == 8);
    reads(pair.server);
    size_t len = 8;
    while (head_length(bytes, len) == 0)
        len += (size_t)read(pair.server, bytes + len, sizeof bytes - len);
    show("service", bytes, check_request(bytes, len, id));
    reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, id));

    send_text(pair.client, request); /* room for the request and the insertion, then nothing, asked for 4096 */
    char *edge = pages + 4096 - strlen(request) - REQUEST_LINES;
    ssize_t k = read(pair.server, edge, 4096);
    CHECK(k > 0);
    memcpy(bytes, edge, (size_t)k);
    show("service", bytes, check_request(bytes, (size_t)k, id));
    reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, id));
    pair_close(&pair);
    return 0;
}
