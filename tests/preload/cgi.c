// The service reads the request; a child made by posix_spawn gets the connection as standard output and
// writes the whole response, as CGI with parsed-off headers does. The bytes arrive as written. (H21, H22)
#include "preload.h"

#include <spawn.h>

int main(int argc, char **argv)
{
    char bytes[1024], id[ID_SIZE];
    ids_optional();
    if (argc > 1) {
        reply(1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        reply(1, argv[1]);
        return 0;
    }
    for (int i = 0; i < 3; i++) {
        struct pair pair = tcp_pair();
        send_text(pair.client, "GET /cgi HTTP/1.1\r\nHost: test\r\n\r\n");
        check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, pair.server, 1);
        posix_spawn_file_actions_addclose(&actions, pair.server);
        char *const child_argv[] = {"cgi", "ok", NULL};
        extern char **environ;
        pid_t pid;
        CHECK(posix_spawn(&pid, own_path(), &actions, NULL, child_argv, environ) == 0);
        posix_spawn_file_actions_destroy(&actions);
        wait_ok(pid);
        show("client", bytes, recv_response(pair.client, bytes, sizeof bytes, 2, ""));
        pair_close(&pair);
    }
    return 0;
}
