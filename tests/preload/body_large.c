// A body of 3 MB up and another down with Content-Length, moved in uneven pieces. (H33, H34)
//
// events: request.started=1 request.completed=1
// event: request.completed path=/up status_code=200 bytes_in>3000000 bytes_out>3000000
#include "preload.h"

enum { SIZE = 3000000 };
static char body[SIZE], got[SIZE + HEAD_MAX];

static void client(int fd)
{
    char text[256];
    send_all(fd, text, (size_t)sprintf(text, "POST /up HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n", SIZE));
    send_all(fd, body, SIZE);
    size_t len = recv_response(fd, got, sizeof got, SIZE, "");
    CHECK(memcmp(got + len - SIZE, body, SIZE) == 0);
    _exit(0);
}

int main(void)
{
    for (int i = 0; i < SIZE; i++)
        body[i] = (char)(i * 2654435761u >> 24);
    memcpy(body + 5000, "\r\n\r\nGET / HTTP/1.1\r\n\r\n", 22); /* what looks like a head is body */
    struct address address;
    int listening = listener(AF_INET, &address);
    pid_t pid = forked();
    if (pid == 0)
        client(dial(&address));
    int conn = accept(listening, NULL, NULL);
    CHECK(conn >= 0);

    char id[ID_SIZE];
    size_t len = read_head(conn, plain_read, got, 4096);
    len = check_request(got, len, id);
    size_t head = head_length(got, len);
    show("service", got, head);
    for (size_t step = 1; len < head + SIZE; step = step * 3 % 65521) {
        size_t n = step < head + SIZE - len ? step : head + SIZE - len;
        ssize_t k = read(conn, got + len, n);
        CHECK(k > 0 && (size_t)k <= n);
        len += (size_t)k;
    }
    CHECK(memcmp(got + head, body, SIZE) == 0);
    char text[256];
    write_all(conn, plain_write, text,
              (size_t)sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", SIZE));
    for (size_t done = 0, step = 1; done < SIZE; step = step * 5 % 65521) {
        size_t n = step < SIZE - done ? step : SIZE - done;
        write_all(conn, plain_write, body + done, n);
        done += n;
    }
    wait_ok(pid);
    close(conn);
    say("both bodies whole");
    return 0;
}
