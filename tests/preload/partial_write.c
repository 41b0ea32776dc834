// Nonblocking writes into a small, nearly full socket: short counts and EAGAIN at every place of the
// response's head, never 0, and after each EAGAIN the socket becomes writable. (H33)
//
// events: request.started=402 request.completed=402
#include "preload.h"

static unsigned short_writes;

static ssize_t counted(int fd, void *bytes, size_t n)
{
    ssize_t k = write(fd, bytes, n);
    CHECK(k != 0);
    short_writes += k < (ssize_t)n;
    return k;
}

int main(void)
{
    static char first[20000], got[40000];
    struct pair pair = unix_pair();
    CHECK(setsockopt(pair.server, SOL_SOCKET, SO_SNDBUF, &(int){4608}, sizeof(int)) == 0);
    CHECK(fcntl(pair.server, F_SETFL, O_NONBLOCK) == 0);
    for (int i = 0; i < 201; i++) { /* a body of that size, then a head, against a client that reads little */
        char text[512];
        int body = 3000 + i * 37;
        int head = sprintf(first, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", body);
        memset(first + head, 'b', (size_t)body);
        int second = sprintf(text, "HTTP/1.1 201 OK\r\nPad: %040d\r\nContent-Length: 4\r\n\r\nlast", i);
        memcpy(first + head + body, text, (size_t)second);

        char ids[2][ID_SIZE];
        for (int j = 0; j < 2; j++) {
            send_text(pair.client, "GET /p HTTP/1.1\r\nHost: test\r\n\r\n");
            check_request(text, read_head(pair.server, plain_read, text, sizeof text), ids[j]);
        }
        size_t all = (size_t)(head + body + second), done = 0, len = 0;
        size_t expect = all + (response_ids == REQUIRED ? 2 * LINE_LEN : 0);
        while (len < expect) {
            if (done < all) {
                ssize_t k = counted(pair.server, first + done, all - done);
                CHECK(k > 0 || errno == EAGAIN);
                done += k > 0 ? (size_t)k : 0;
            }
            ssize_t k = recv(pair.client, got + len, 97, MSG_DONTWAIT);
            CHECK(k > 0 || errno == EAGAIN);
            len += k > 0 ? (size_t)k : 0;
            if (k < 0)
                poll(&(struct pollfd){.fd = pair.client, .events = POLLIN}, 1, 1);
        }
        CHECK(done == all && len == expect);
        len = check_response(got, len, ids[0]);
        size_t front = (size_t)(head + body);
        len = front + check_response(got + front, len - front, ids[1]);
        CHECK(len == all && memcmp(got, first, all) == 0);
    }
    CHECK(short_writes > 0);
    say("all arrived");
    pair_close(&pair);
    return 0;
}
