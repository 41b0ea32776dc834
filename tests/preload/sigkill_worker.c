// A worker is killed with SIGKILL by its client, as soon as that has the whole response: a sibling writes the events,
// each request's end once. As a rule the client is faster than the worker's last call returns. ("Nothing completed is
// lost")
//
// events: request.started=121 request.completed=121 request.aborted=0
// event: request.completed path=/write29 status_code=200 bytes_out>0
// event: request.completed path=/sendfile29 status_code=200 bytes_out>0
// event: request.completed path=/shutdown29 status_code=200 bytes_out>0
// event: request.completed path=/close29 status_code=200 bytes_out>0
// event: request.completed path=/last
#include <sys/sendfile.h>
#include "preload.h"

enum { TIMES = 30, BODY = 6 };

static int file;

static void by_write(int conn)
{
    reply(conn, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nall-it");
}

static void by_sendfile(int conn)
{
    off_t at = 0;

    reply(conn, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
    CHECK(sendfile(conn, file, &at, BODY) == BODY);
}

static void by_shutdown(int conn)
{
    reply(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall-it");
    CHECK(shutdown(conn, SHUT_WR) == 0);
}

static void by_close(int conn)
{
    reply(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall-it");
    CHECK(close(conn) == 0);
}

static const struct {
    const char *name;
    void (*answer)(int conn);
    bool until_close;
} ways[] = {
    {"write", by_write, false},
    {"sendfile", by_sendfile, false},
    {"shutdown", by_shutdown, true},
    {"close", by_close, true},
};

/* One request to a worker of its own. */
static void kill_when_answered(int listening, const struct address *address, size_t way, int number)
{
    char text[1024];
    int status, client;
    pid_t worker = forked();

    if (worker == 0) {
        int conn = accept(listening, NULL, NULL);
        read_head(conn, plain_read, text, sizeof text);
        ways[way].answer(conn);
        for (;;)
            pause();
    }
    client = dial(address);
    sprintf(text, "GET /%s%d HTTP/1.1\r\nHost: test\r\n\r\n", ways[way].name, number);
    send_text(client, text);
    check_response(text, recv_head(client, text, sizeof text), "");
    recv_all(client, text, BODY);
    if (ways[way].until_close)
        CHECK(recv(client, text, sizeof text, 0) == 0);
    CHECK(kill(worker, SIGKILL) == 0 && waitpid(worker, &status, 0) == worker);
    CHECK(memcmp(text, "all-it", BODY) == 0 && close(client) == 0);
}

int main(void)
{
    struct address address;
    int listening = listener(AF_INET, &address);

    file = open("body", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(write(file, "all-it", BODY) == BODY);
    for (int i = 0; i < TIMES; i++)
        for (size_t way = 0; way < COUNT(ways); way++)
            kill_when_answered(listening, &address, way, i);
    pid_t sibling = forked();
    if (sibling == 0) {
        serve(accept(listening, NULL, NULL));
        sleep_ms(300);
        exit(0);
    }
    get_once(&address, "/last");
    wait_ok(sibling);
    return 0;
}
