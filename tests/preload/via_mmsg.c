// recvmmsg and sendmmsg on a stream: the messages' lengths add up to the stream's bytes, in order. Whether
// IDs are inserted here is the shim's choice. (H14)
#include "preload.h"

static ssize_t by_recvmmsg(int fd, void *bytes, size_t n)
{
    size_t half = n / 2 < 10 ? n / 2 : 10;
    struct iovec iov[2] = {{.iov_base = bytes, .iov_len = half},
                           {.iov_base = (char *)bytes + half, .iov_len = n - half}};
    struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = &iov[0], .msg_iovlen = 1}},
                           {.msg_hdr = {.msg_iov = &iov[1], .msg_iovlen = 1}}};
    int k = recvmmsg(fd, m, 2, MSG_WAITFORONE, NULL);
    if (k < 0)
        return k;
    CHECK(k >= 1 && k <= 2);
    CHECK(m[0].msg_len <= half);
    if (k == 1)
        return m[0].msg_len;
    memmove((char *)bytes + m[0].msg_len, (char *)bytes + half, m[1].msg_len);
    return (ssize_t)(m[0].msg_len + m[1].msg_len);
}

static ssize_t by_sendmmsg(int fd, void *bytes, size_t n)
{
    struct iovec iov[2] = {{.iov_base = bytes, .iov_len = n / 2},
                           {.iov_base = (char *)bytes + n / 2, .iov_len = n - n / 2}};
    struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = &iov[0], .msg_iovlen = 1}},
                           {.msg_hdr = {.msg_iov = &iov[1], .msg_iovlen = 1}}};
    int k = sendmmsg(fd, m, 2, MSG_NOSIGNAL);
    if (k < 0)
        return k;
    CHECK(k >= 1 && k <= 2);
    CHECK(m[0].msg_len <= n / 2);
    if (k == 1 || m[0].msg_len < n / 2)
        return m[0].msg_len;
    return (ssize_t)(n / 2 + m[1].msg_len);
}

/* Without MSG_WAITFORONE it waits for every message, and at the end of the stream each is empty. */
static void waits_for_all(const struct pair *pair)
{
    char bytes[6];
    struct iovec iov[2] = {{.iov_base = bytes, .iov_len = 3}, {.iov_base = bytes + 3, .iov_len = 3}};
    struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = &iov[0], .msg_iovlen = 1}},
                           {.msg_hdr = {.msg_iov = &iov[1], .msg_iovlen = 1}}};
    send_all(pair->client, "abc", 3);
    pid_t child = fork();
    if (child == 0) {
        usleep(50000);
        send_all(pair->client, "def", 3);
        _exit(0);
    }
    int k = recvmmsg(pair->server, m, 2, 0, NULL);
    say("messages: %d of %u and %u bytes", k, m[0].msg_len, m[1].msg_len);
    show("bytes", bytes, 6);
    CHECK(waitpid(child, NULL, 0) == child);
    CHECK(shutdown(pair->client, SHUT_WR) == 0);
    k = recvmmsg(pair->server, m, 2, 0, NULL);
    say("at the end: %d of %u and %u bytes", k, m[0].msg_len, m[1].msg_len);
}

int main(void)
{
    ids_optional();
    struct pair pair = tcp_pair();
    for (int i = 0; i < 3; i++)
        exchange(&pair, "PUT /a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello", by_recvmmsg,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", by_sendmmsg);
    waits_for_all(&pair);
    pair_close(&pair);
    return 0;
}
