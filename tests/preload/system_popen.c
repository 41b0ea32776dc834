// system and popen in the middle of requests: their output and codes are theirs, the connection goes on. (H9,
// H21)
//
// events: request.started=3 request.completed=3 request.aborted=0
#include "preload.h"

static ssize_t runs_programs(int fd, void *bytes, size_t n)
{
    char line[100] = "";
    ssize_t k = read(fd, bytes, n < 12 ? n : 12);
    CHECK(WEXITSTATUS(system("exit 3")) == 3);
    FILE *out = popen("echo from popen; exit 4", "r");
    CHECK(out && fgets(line, sizeof line, out) && strcmp(line, "from popen\n") == 0);
    CHECK(WEXITSTATUS(pclose(out)) == 4);
    return k;
}

int main(void)
{
    struct pair pair = tcp_pair();
    for (int i = 0; i < 3; i++)
        exchange(&pair, "GET /s HTTP/1.1\r\n\r\n", runs_programs, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                 plain_write);
    pair_close(&pair);
    return 0;
}
