// fork between request and response: the child answers and the parent only closes its copy, then the other
// way round. One started and one completed each, nothing aborted. (H20)
//
// events: request.started=4 request.completed=4 request.aborted=0
#include "preload.h"

static void ask(bool child_answers, bool half_head)
{
    char bytes[1024], id[ID_SIZE];
    struct pair pair = tcp_pair();
    send_text(pair.client, "GET /mid HTTP/1.1\r\nHost: test\r\n\r\n");
    size_t len = half_head ? (size_t)read(pair.server, bytes, 12) : 0;
    pid_t pid = 0;
    if (!half_head) {
        len = read_head(pair.server, plain_read, bytes, sizeof bytes);
        len = check_request(bytes, len, id);
    }
    pid = forked();
    if ((pid == 0) == child_answers) {
        if (half_head) {
            while (head_length(bytes, len) == 0)
                len += (size_t)read(pair.server, bytes + len, sizeof bytes - len);
            len = check_request(bytes, len, id);
        }
        show("service", bytes, len);
        reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        CHECK(close(pair.server) == 0);
        if (pid == 0)
            _exit(0);
    } else {
        CHECK(close(pair.server) == 0);
        if (pid == 0)
            _exit(0);
    }
    len = recv_to_end(pair.client, bytes, sizeof bytes);
    wait_ok(pid);
    show("client", bytes, check_response(bytes, len, half_head ? "" : id));
    close(pair.client);
    close(pair.listener);
}

int main(void)
{
    ask(true, false);
    ask(false, false);
    ask(true, true);
    ask(false, true);
    return 0;
}
