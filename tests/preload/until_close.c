// HTTP/1.0: the body ends with the connection, once by close, once by shutdown, once by the orderly end of the process;
// HTTP/1.0 with keep-alive and a length goes on. (framer's rules)
//
// events: request.started=5 request.completed=5 request.aborted=0
// event: request.completed path=/closed status_code=200 bytes_out>40
#include "preload.h"

static void by_close(int conn)
{
    CHECK(close(conn) == 0);
}

static void by_shutdown(int conn)
{
    CHECK(shutdown(conn, SHUT_WR) == 0);
}

static void by_exit(int conn)
{
    (void)conn;
    exit(0);
}

static void until_close(const char *path, void (*end)(int conn))
{
    char bytes[4096], id[ID_SIZE];
    struct pair pair = tcp_pair();
    send_all(pair.client, bytes, (size_t)sprintf(bytes, "GET %s HTTP/1.0\r\n\r\n", path));
    size_t len = check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id);
    show("service", bytes, len);
    pid_t child = end == by_exit ? forked() : 0;
    const char *const pieces[] = {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", "one,", "two\r\n\r\n", "three"};
    if (child == 0) {
        for (size_t i = 0; i < COUNT(pieces); i++)
            reply(pair.server, pieces[i]);
        end(pair.server);
    } else {
        CHECK(close(pair.server) == 0);
        wait_ok(child);
    }
    len = recv_to_end(pair.client, bytes, sizeof bytes);
    show("client", bytes, check_response(bytes, len, id));
    close(pair.client);
    if (end == by_shutdown)
        close(pair.server);
    close(pair.listener);
}

int main(void)
{
    until_close("/closed", by_close);
    until_close("/shut", by_shutdown);
    until_close("/exited", by_exit);
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++)
        exchange(&pair, "GET /kept HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", plain_read,
                 "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
