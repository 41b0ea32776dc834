// Head by send, body by sendfile and sendfile64, with and without an offset, in pieces; the file's position
// and the offset move as the kernel moves them. (H14)
// cflags: -D_LARGEFILE64_SOURCE
//
// events: request.started=3 request.completed=3
// event: request.completed path=/plain status_code=200 bytes_out>50000
#include "preload.h"

#include <sys/sendfile.h>

enum { SIZE = 50000 };
static char body[SIZE], got[SIZE + 1000];

int main(void)
{
    for (int i = 0; i < SIZE; i++)
        body[i] = (char)(i * 2654435761u >> 24);
    FILE *file = tmpfile();
    CHECK(file && fwrite(body, SIZE, 1, file) == 1 && fflush(file) == 0);
    int fd = fileno(file);
    const char *const paths[] = {"/plain", "/offset", "/large"};
    struct pair pair = tcp_pair();
    CHECK(setsockopt(pair.client, SOL_SOCKET, SO_RCVBUF, &(int){200000}, sizeof(int)) == 0);
    for (int i = 0; i < 3; i++) {
        char text[512], id[ID_SIZE];
        send_all(pair.client, text, (size_t)sprintf(text, "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", paths[i]));
        check_request(text, read_head(pair.server, plain_read, text, sizeof text), id);
        sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", SIZE);
        CHECK(send(pair.server, text, strlen(text), MSG_MORE) == (ssize_t)strlen(text));
        CHECK(lseek(fd, 0, SEEK_SET) == 0);
        off_t offset = 0;
        off64_t offset64 = 0;
        for (ssize_t done = 0; done < SIZE;) {
            ssize_t k = i == 0   ? sendfile(pair.server, fd, NULL, 20000)
                        : i == 1 ? sendfile(pair.server, fd, &offset, 20000)
                                 : sendfile64(pair.server, fd, &offset64, 20000);
            CHECK(k > 0);
            done += k;
            CHECK(i != 0 || lseek(fd, 0, SEEK_CUR) == done);
            CHECK(i != 1 || (offset == done && lseek(fd, 0, SEEK_CUR) == 0));
            CHECK(i != 2 || (offset64 == done && lseek(fd, 0, SEEK_CUR) == 0));
        }
        CHECK(i == 1 || sendfile(pair.server, fd, i == 0 ? NULL : &offset64, 1) == 0); /* end of the file */
        show("client", got, recv_response(pair.client, got, sizeof got, SIZE, id));
    }
    CHECK(sendfile(pair.server, pair.server, NULL, 1) == -1);
    say("from a socket: errno %d", errno);
    pair_close(&pair);
    return 0;
}
