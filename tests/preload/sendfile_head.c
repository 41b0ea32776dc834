// A whole response, head included, from a file by sendfile, and by splice: nobody can look into it, so it
// passes as it is, and the connection goes on. (H14)
//
// events: request.started=1+
#include "preload.h"

#include <sys/sendfile.h>

int main(void)
{
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    FILE *file = tmpfile();
    CHECK(file && fwrite(response, strlen(response), 1, file) == 1 && fflush(file) == 0);
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    struct pair pair = tcp_pair();
    for (int i = 0; i < 3; i++) {
        char bytes[1024], id[ID_SIZE];
        off_t offset = 0;
        send_text(pair.client, "GET /f HTTP/1.1\r\nHost: t\r\n\r\n");
        if (i == 1)
            ids_optional(); /* answers can no longer be paired with requests */
        check_request(bytes, read_head(pair.server, plain_read, bytes, sizeof bytes), id);
        if (i == 1) {
            CHECK(write(pipes[1], response, strlen(response)) == (ssize_t)strlen(response));
            CHECK(splice(pipes[0], NULL, pair.server, NULL, strlen(response), 0) == (ssize_t)strlen(response));
        } else {
            CHECK(sendfile(pair.server, fileno(file), &offset, 10) == 10);
            CHECK(sendfile(pair.server, fileno(file), &offset, 1000) == (ssize_t)strlen(response) - 10);
        }
        recv_all(pair.client, bytes, strlen(response));
        CHECK(memcmp(bytes, response, strlen(response)) == 0);
        show("client", bytes, strlen(response));
        CHECK(recv(pair.client, bytes, 1, MSG_DONTWAIT) == -1);
    }
    pair_close(&pair);
    return 0;
}
