// Four workers accept from one inherited listener; no two requests have the same ID; every event is written
// although the workers are ended by SIGTERM. (H20, H31)
//
// events: request.started=80 request.completed=80 request.aborted=0
#include "preload.h"

enum { WORKERS = 4, CONNECTIONS = 40 };

int main(void)
{
    struct address address;
    int listening = listener(AF_INET, &address);
    pid_t workers[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        if ((workers[i] = forked()) == 0)
            for (;;)
                serve(accept(listening, NULL, NULL));
    static char ids[2 * CONNECTIONS][ID_SIZE];
    for (int i = 0; i < CONNECTIONS; i++) {
        int client = dial(&address);
        for (int j = 0; j < 2; j++) {
            char bytes[1024];
            send_text(client, "GET /p HTTP/1.1\r\nHost: test\r\n\r\n");
            size_t len = recv_head(client, bytes, sizeof bytes);
            char copy[1024];
            memcpy(copy, bytes, len);
            check_response(copy, len, "");
            if (response_ids == REQUIRED)
                strip_id(bytes, len, ids[2 * i + j]);
            recv_all(client, bytes, strlen("hello /p"));
        }
        CHECK(close(client) == 0);
    }
    if (response_ids == REQUIRED)
        for (int i = 0; i < 2 * CONNECTIONS; i++)
            for (int j = 0; j < i; j++)
                CHECK(strcmp(ids[i], ids[j]) != 0);
    for (int i = 0; i < WORKERS; i++) {
        int status;
        CHECK(kill(workers[i], SIGTERM) == 0 && waitpid(workers[i], &status, 0) == workers[i]);
        say("worker ended by signal %d", WTERMSIG(status));
    }
    return 0;
}
