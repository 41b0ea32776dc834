// A write whose buffer runs into an unmapped page in the middle of the head: bytes taken, or EFAULT, as the kernel
// decides, never a crash; and a read buffer that is longer than its mapping but not needed to its end. (law 1)
// valgrind: no, bad pointers are meant
#include "preload.h"

#include <sys/mman.h>

int main(void)
{
    static const char request[] = "GET /edge HTTP/1.1\r\nHost: test\r\n\r\n";
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    char text[1024], id[ID_SIZE];
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && mprotect(pages + 4096, 4096, PROT_NONE) == 0);
    struct pair pair = tcp_pair();
    send_text(pair.client, request);
    /* Room for the request and the insertion, then nothing, but the service says 4096. */
    char *edge = pages + 4096 - strlen(request) - LINE_LEN;
    ssize_t k = read(pair.server, edge, 4096);
    CHECK(k > 0);
    memcpy(text, edge, (size_t)k);
    show("service", text, check_request(text, (size_t)k, id));

    edge = memcpy(pages + 4096 - 20, response, 20);
    k = write(pair.server, edge, strlen(response));
    say("write: %zd, errno %d", k, k < 0 ? errno : 0);
    ids_optional();
    size_t taken = k < 0 ? 0 : (size_t)k;
    reply(pair.server, response + taken);
    show("client", text, recv_response(pair.client, text, sizeof text, 2, id));
    pair_close(&pair);
    return 0;
}
