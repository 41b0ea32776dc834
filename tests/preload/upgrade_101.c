// Upgrade: 101 passes untouched, then raw bytes both ways, those that the client sent early among them. (H39)
//
// events: request.started=1
// not-event: request.started path=/inside
#include "preload.h"

int main(void)
{
    static const char switching[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n";
    char bytes[1024], id[ID_SIZE];
    struct pair pair = tcp_pair();
    send_text(pair.client, "GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    show("service", bytes, check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id));
    CHECK(write(pair.server, switching, strlen(switching)) == (ssize_t)strlen(switching));
    CHECK(recv_head(pair.client, bytes, sizeof bytes) == strlen(switching));
    CHECK(memcmp(bytes, switching, strlen(switching)) == 0);
    for (int i = 0; i < 3; i++) {
        static const char up[] = "GET /inside HTTP/1.1\r\nHost: t\r\n\r\n\x81\x05hello";
        static const char down[] = "HTTP/1.1 200 OK\r\n\r\n\x00\xff";
        send_all(pair.client, up, sizeof up);
        recv_all(pair.server, bytes, sizeof up);
        CHECK(memcmp(bytes, up, sizeof up) == 0);
        write_all(pair.server, plain_write, down, sizeof down);
        recv_all(pair.client, bytes, sizeof down);
        CHECK(memcmp(bytes, down, sizeof down) == 0);
    }
    int queued = -1;
    CHECK(ioctl(pair.server, FIONREAD, &queued) == 0 && queued == 0);
    CHECK(ioctl(pair.client, FIONREAD, &queued) == 0 && queued == 0);
    say("raw both ways");
    pair_close(&pair);
    return 0;
}
