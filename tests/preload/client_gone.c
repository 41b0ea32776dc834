// The client goes away in the middle of a response, before any of it, and in the middle of its request; and
// the service gives up in the middle: aborted with a reason, once each; a request that never came whole is
// none. (contract, "Events")
//
// events: request.started=4 request.completed=0 request.aborted=4
// event: request.aborted path=/mid status_code=200 reason level=warning
// event: request.aborted path=/before reason
// event: request.aborted path=/given-up reason
// event: request.aborted path=/cut status_code=200 reason
#include "preload.h"

static struct pair asked(const char *path)
{
    char bytes[1024], id[ID_SIZE];
    struct pair pair = tcp_pair();
    send_all(pair.client, bytes, (size_t)sprintf(bytes, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path));
    show("service", bytes, check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id));
    return pair;
}

int main(void)
{
    char bytes[4096];
    signal(SIGPIPE, SIG_IGN);
    struct pair pair = asked("/mid");
    reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nsome");
    CHECK(close(pair.client) == 0); /* with bytes unread: a reset */
    memset(bytes, 'x', sizeof bytes);
    while (write(pair.server, bytes, sizeof bytes) > 0)
        sleep_ms(1);
    say("mid: errno %s", errno == EPIPE || errno == ECONNRESET ? "of a gone client" : "?");
    CHECK(close(pair.server) == 0);

    pair = asked("/before");
    CHECK(close(pair.client) == 0);
    CHECK(read(pair.server, bytes, sizeof bytes) == 0);
    CHECK(close(pair.server) == 0);

    pair = asked("/given-up");
    CHECK(close(pair.server) == 0);
    CHECK(recv(pair.client, bytes, 1, 0) == 0);

    pair = asked("/cut");
    reply(pair.server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    CHECK(close(pair.server) == 0);
    size_t len = recv_to_end(pair.client, bytes, sizeof bytes);
    show("client", bytes, check_response(bytes, len, ""));

    pair = tcp_pair();
    send_text(pair.client, "GET /never HTTP/1.1\r\nHo");
    CHECK(read(pair.server, bytes, sizeof bytes) == 23);
    CHECK(close(pair.client) == 0 && read(pair.server, bytes, sizeof bytes) == 0 && close(pair.server) == 0);
    return 0;
}
