// 10 MB by nonblocking sendfile to a slow reader: partial sends and EAGAIN, every byte arrives, the event has
// the size. (H14)
//
// events: request.started=1 request.completed=1
// event: request.completed path=/big status_code=200 bytes_out>10000000
#include "preload.h"

#include <sys/sendfile.h>

enum { SIZE = 10000000 };
static char body[SIZE];

static void client(int fd)
{
    static char got[SIZE + 1000];
    send_text(fd, "GET /big HTTP/1.1\r\nHost: t\r\n\r\n");
    size_t len = recv_head(fd, got, sizeof got);
    len = check_response(got, len, "");
    for (size_t done = 0; done < SIZE;) {
        if (done % 10 == 0)
            sleep_ms(1);
        ssize_t k = recv(fd, got + len + done, SIZE - done < 99999 ? SIZE - done : 99999, 0);
        CHECK(k > 0);
        done += (size_t)k;
    }
    CHECK(memcmp(got + len, body, SIZE) == 0);
    _exit(0);
}

int main(void)
{
    for (int i = 0; i < SIZE; i++)
        body[i] = (char)(i * 2654435761u >> 24);
    FILE *file = tmpfile();
    CHECK(file && fwrite(body, SIZE, 1, file) == 1 && fflush(file) == 0);
    struct address address;
    int listening = listener(AF_INET, &address);
    pid_t pid = forked();
    if (pid == 0)
        client(dial(&address));
    int conn = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
    char text[512], id[ID_SIZE];
    check_request(text, read_head(conn, plain_read, text, sizeof text), id);
    sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", SIZE);
    reply(conn, text);
    off_t offset = 0;
    bool waited = false;
    while (offset < SIZE) {
        ssize_t k = sendfile(conn, fileno(file), &offset, (size_t)(SIZE - offset));
        CHECK(k > 0 || errno == EAGAIN);
        waited |= k < 0;
        if (k < 0)
            CHECK(poll(&(struct pollfd){.fd = conn, .events = POLLOUT}, 1, 10000) == 1);
    }
    CHECK(waited);
    wait_ok(pid);
    close(conn);
    say("all of it");
    return 0;
}
