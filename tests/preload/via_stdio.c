// A service on stdio: fdopen, fgets, fprintf, fclose, one request a connection. glibc's own calls below stdio
// are not seen, so nothing is inserted, and nothing else happens either. (H9, H13)
#include "preload.h"

int main(void)
{
    ids_optional();
    for (int i = 0; i < 3; i++) {
        struct pair pair = tcp_pair();
        int number = pair.server;
        send_text(pair.client, "GET /stdio HTTP/1.1\r\nHost: test\r\n\r\n");
        FILE *in = fdopen(pair.server, "r"), *out = fdopen(dup(pair.server), "w");
        CHECK(in && out);
        char bytes[4096];
        size_t len = 0, head = 0;
        while (head == 0) {
            CHECK(fgets(bytes + len, (int)(sizeof bytes - len), in));
            len += strlen(bytes + len);
            head = head_length(bytes, len);
        }
        char id[ID_SIZE];
        show("service", bytes, check_request(bytes, len, id));
        fprintf(out, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 2);
        CHECK(fflush(out) == 0);
        fputs("ok", out);
        CHECK(fclose(out) == 0 && fclose(in) == 0);
        CHECK(fcntl(number, F_GETFD) == -1 && errno == EBADF);
        len = recv_to_end(pair.client, bytes, sizeof bytes);
        show("client", bytes, check_response(bytes, len, id));
        CHECK(close(pair.client) == 0 && close(pair.listener) == 0);
    }
    return 0;
}
