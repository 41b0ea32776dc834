// Two 103 responses before the final one pass untouched, written at once or apart. (H39)
//
// events: request.started=2 request.completed=2
// event: request.completed path=/hints status_code=200
#include "preload.h"

static const char HINT[] = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
static const char FINAL[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

int main(void)
{
    struct pair pair = tcp_pair();
    for (int at_once = 0; at_once < 2; at_once++) {
        char bytes[4096], id[ID_SIZE], all[512];
        send_text(pair.client, "GET /hints HTTP/1.1\r\nHost: test\r\n\r\n");
        check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id);
        sprintf(all, "%s%s%s", HINT, HINT, FINAL);
        if (at_once) {
            reply(pair.server, all);
        } else {
            reply(pair.server, HINT);
            reply(pair.server, HINT);
            reply(pair.server, FINAL);
        }
        for (int i = 0; i < 2; i++) {
            size_t len = recv_head(pair.client, bytes, sizeof bytes);
            show("client", bytes, len);
            CHECK(len == strlen(HINT));
        }
        show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, id));
    }
    pair_close(&pair);
    return 0;
}
