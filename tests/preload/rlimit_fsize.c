// RLIMIT_FSIZE of 1 KiB and events that need more: neither SIGXFSZ nor anything else reaches the service.
// (law 6)
// stderr: any
// cut: the kernel takes what fits below the limit
#include "preload.h"

#include <sys/resource.h>

static volatile sig_atomic_t signals;

static void count(int signal)
{
    (void)signal;
    signals++;
}

int main(void)
{
    signal(SIGXFSZ, count);
    CHECK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){1024, 1024}) == 0);
    struct pair pair = tcp_pair();
    for (int i = 0; i < 30; i++) { /* without a transcript: that is a file too */
        char bytes[1024], id[ID_SIZE];
        send_text(pair.client, "GET /fsize HTTP/1.1\r\nHost: test\r\n\r\n");
        check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id);
        reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        recv_response(pair.client, bytes, sizeof bytes, 2, id);
    }
    sleep_ms(100);
    int fd = open("file", O_WRONLY | O_CREAT, 0600);
    CHECK(lseek(fd, 1024, SEEK_SET) == 1024);
    say("signals before %d", (int)signals);
    CHECK(write(fd, "x", 1) == -1 && errno == EFBIG);
    say("signals after %d", (int)signals);
    pair_close(&pair);
    return 0;
}
