// inetd: the connection is descriptor 0 and 1; the service reads from the one and writes to the other. (H10)
//
// events: request.started=2 request.completed=2
#include "preload.h"

static void serves(void)
{
    for (;;) {
        char bytes[1024], id[ID_SIZE];
        size_t len = 0;
        ssize_t k;
        while (head_length(bytes, len) == 0) {
            k = read(0, bytes + len, sizeof bytes - len);
            if (k == 0 && len == 0)
                return;
            CHECK(k > 0);
            len += (size_t)k;
        }
        check_request(bytes, len, id);
        char text[256];
        sprintf(text, "HTTP/1.1 200 OK\r\nSeen-ID: %-20s .\r\nContent-Length: 12\r\n\r\nhello /split",
                id[0] ? id : "-");
        reply(1, text);
    }
}

int main(int argc, char **argv)
{
    transcript = 2;
    if (argc > 1) {
        CHECK(strcmp(argv[1], "inetd") == 0);
        serves();
        return 0;
    }
    transcript = 1;
    struct address address;
    int listening = listener(AF_INET, &address);
    int client = dial(&address);
    int conn = accept(listening, NULL, NULL);
    pid_t pid = forked();
    if (pid == 0) {
        CHECK(dup2(1, 2) == 2);
        CHECK(dup2(conn, 0) == 0 && dup2(conn, 1) == 1);
        transcript = 2;
        closefrom(3);
        run_self("inetd");
    }
    CHECK(close(conn) == 0);
    get_said(client, "/split");
    get_said(client, "/split");
    CHECK(close(client) == 0);
    wait_ok(pid);
    return 0;
}
