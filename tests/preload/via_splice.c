// Bodies by splice both ways, with tee and vmsplice on the pipe: only bytes count, the heads around them are
// edited. (H14)
//
// events: request.started=2 request.completed=2
// event: request.completed path=/splice status_code=200
#include "preload.h"

int main(void)
{
    int in[2], copy[2];
    CHECK(pipe(in) == 0 && pipe(copy) == 0);
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++) {
        char bytes[4096], id[ID_SIZE];
        send_text(pair.client, "PUT /splice HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\n\r\n");
        size_t len = check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id);
        show("service", bytes, len);
        send_text(pair.client, "sixsix");
        CHECK(splice(pair.server, NULL, in[1], NULL, 6, SPLICE_F_MOVE) == 6);
        CHECK(tee(in[0], copy[1], 6, 0) == 6);
        CHECK(read(copy[0], bytes, 6) == 6 && memcmp(bytes, "sixsix", 6) == 0);

        static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n";
        reply(pair.server, head);
        CHECK(vmsplice(in[1], &(struct iovec){(void *)(uintptr_t) "twelve", 6}, 1, 0) == 6);
        CHECK(splice(in[0], NULL, pair.server, NULL, 4, SPLICE_F_MORE) == 4);
        CHECK(splice(in[0], NULL, pair.server, NULL, 100, 0) == 8);
        show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 12, id));
    }
    CHECK(splice(pair.server, NULL, pair.server, NULL, 1, 0) == -1 && errno == EINVAL);
    pair_close(&pair);
    return 0;
}
