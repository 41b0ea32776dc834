// RLIMIT_AS that leaves 200 KB when the service starts to listen: it serves, with or without IDs. (law 6)
// stderr: any
// valgrind: no, it needs address space itself
#include "preload.h"

#include <sys/mman.h>
#include <sys/resource.h>

static char bytes[200000];

int main(void)
{
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    CHECK(statm && fscanf(statm, "%ld", &pages) == 1 && fclose(statm) == 0);
    rlim_t limit = (rlim_t)pages * 4096 + sizeof bytes;
    CHECK(setrlimit(RLIMIT_AS, &(struct rlimit){limit, limit}) == 0);
    ids_optional();
    struct pair pair = tcp_pair();
    for (int i = 0; i < 3; i++) {
        char id[ID_SIZE];
        send_text(pair.client, "GET /as HTTP/1.1\r\nHost: test\r\n\r\n");
        show("service", bytes, check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id));
        reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, id));
    }
    CHECK(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
    pair_close(&pair);
    return 0;
}
