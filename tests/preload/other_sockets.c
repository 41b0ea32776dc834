// Datagrams, SEQPACKET, socketpairs and pipes that carry HTTP-looking bytes are nobody's connection: their
// bytes and message boundaries stay.
//
// events: request.started=0
#include "preload.h"

static const char TEXT[] = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";
static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

static void passes(const char *what, int from, int to)
{
    char bytes[1024];
    for (int i = 0; i < 2; i++) {
        const char *text = i ? ANSWER : TEXT;
        CHECK(write(from, text, strlen(text)) == (ssize_t)strlen(text));
        CHECK(read(to, bytes, sizeof bytes) == (ssize_t)strlen(text));
        CHECK(memcmp(bytes, text, strlen(text)) == 0);
    }
    say("%s", what);
}

int main(void)
{
    int fds[2];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) == 0);
    passes("datagrams", fds[0], fds[1]);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == 0);
    passes("seqpacket", fds[0], fds[1]);
    CHECK(pipe(fds) == 0);
    passes("pipe", fds[1], fds[0]);

    struct sockaddr_un un = {.sun_family = AF_UNIX};
    socklen_t len = sizeof un;
    int listening = socket(AF_UNIX, SOCK_SEQPACKET, 0), client = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    CHECK(bind(listening, (struct sockaddr *)&un, sizeof(sa_family_t)) == 0 && listen(listening, 1) == 0);
    CHECK(getsockname(listening, (struct sockaddr *)&un, &len) == 0);
    CHECK(connect_unseen(client, (struct sockaddr *)&un, len) == 0);
    int conn = accept(listening, NULL, NULL);
    passes("accepted seqpacket, in", client, conn);
    passes("accepted seqpacket, out", conn, client);

    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    len = sizeof in;
    int udp = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(bind(udp, (struct sockaddr *)&in, sizeof in) == 0);
    CHECK(getsockname(udp, (struct sockaddr *)&in, &len) == 0 &&
          connect(sender, (struct sockaddr *)&in, len) == 0);
    passes("udp", sender, udp);
    return 0;
}
