// recvmsg and sendmsg with several buffers, with a name and with control space; msg_flags and lengths as the
// kernel leaves them. (H14)
//
// events: request.started=4 request.completed=4
#include "preload.h"

static bool with_control;

static ssize_t by_recvmsg(int fd, void *bytes, size_t n)
{
    struct sockaddr_storage from;
    char control[128];
    struct iovec iov[2] = {{.iov_base = bytes, .iov_len = n < 9 ? n : 9}};
    iov[1] = (struct iovec){.iov_base = (char *)bytes + iov[0].iov_len, .iov_len = n - iov[0].iov_len};
    struct msghdr m = {
        .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = iov, .msg_iovlen = 2, .msg_flags = 0x1234};
    if (with_control) {
        m.msg_control = control;
        m.msg_controllen = sizeof control;
    }
    ssize_t k = recvmsg(fd, &m, 0);
    if (k >= 0) {
        CHECK((m.msg_flags & ~MSG_CMSG_CLOEXEC) == 0);
        CHECK(m.msg_namelen == 0 && m.msg_controllen == 0);
        CHECK(m.msg_iov == iov && m.msg_iovlen == 2);
        CHECK(iov[0].iov_len == (n < 9 ? n : 9) && iov[0].iov_base == bytes);
    }
    return k;
}

static ssize_t by_sendmsg(int fd, void *bytes, size_t n)
{
    struct iovec iov[3] = {{.iov_base = bytes, .iov_len = n / 3},
                           {.iov_base = (char *)bytes + n / 3, .iov_len = 0},
                           {.iov_base = (char *)bytes + n / 3, .iov_len = n - n / 3}};
    const struct msghdr m = {.msg_iov = iov, .msg_iovlen = 3};
    ssize_t k = sendmsg(fd, &m, MSG_NOSIGNAL);
    CHECK(iov[0].iov_len == n / 3 && iov[2].iov_len == n - n / 3);
    return k;
}

int main(void)
{
    struct pair pair = tcp_pair();
    for (int i = 0; i < 4; i++) {
        with_control = i >= 2;
        if (with_control)
            ids_optional(); /* where there may be control data, the shim may do without */
        exchange(&pair, "PUT /a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", by_recvmsg,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", by_sendmsg);
    }
    pair_close(&pair);
    return 0;
}
