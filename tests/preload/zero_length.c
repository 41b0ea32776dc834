// Reads and writes of no bytes at the start, in the middle and at the end of a head do nothing. (H33, H34)
//
// events: request.started=1 request.completed=1
#include "preload.h"

static void nothing(int fd)
{
    char byte;
    struct iovec iov = {&byte, 0};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    CHECK(read(fd, &byte, 0) == 0);
    CHECK(write(fd, &byte, 0) == 0);
    CHECK(recv(fd, &byte, 0, MSG_DONTWAIT) == 0 || errno == EAGAIN);
    CHECK(send(fd, &byte, 0, 0) == 0);
    CHECK(readv(fd, &iov, 1) == 0);
    CHECK(writev(fd, &iov, 1) == 0);
    CHECK(sendmsg(fd, &m, 0) == 0);
}

int main(void)
{
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    char bytes[1024], id[ID_SIZE];
    struct pair pair = tcp_pair();
    nothing(pair.server);
    send_text(pair.client, "GET /zero HTTP/1.1\r\nHost: test\r\n\r\n");
    size_t len = 0;
    while (head_length(bytes, len) == 0) {
        CHECK(read(pair.server, bytes + len, 1) == 1);
        len++;
        nothing(pair.server);
    }
    show("service", bytes, check_request(bytes, len, id));
    for (size_t i = 0; i < strlen(response); i++) {
        nothing(pair.server);
        CHECK(write(pair.server, response + i, 1) == 1);
    }
    nothing(pair.server);
    show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, id));
    pair_close(&pair);
    return 0;
}
