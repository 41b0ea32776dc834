// The request arrives in two segments, for every place to cut; the service reads what there is with a big
// buffer, as servers do. (H34)
//
// events: request.started=51 request.completed=51
#include "preload.h"

int main(void)
{
    static const char request[] = "PUT /x HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nok";
    static const char response[] = "HTTP/1.1 204 No Content\r\n\r\n";
    struct pair pair = tcp_pair();
    CHECK(strlen(request) == 52);
    for (size_t cut = 1; cut < strlen(request); cut++) {
        char bytes[4096], id[ID_SIZE];
        send_all(pair.client, request, cut);
        ssize_t k = read(pair.server, bytes, sizeof bytes);
        CHECK(k > 0);
        size_t len = (size_t)k;
        send_all(pair.client, request + cut, strlen(request) - cut);
        k = read(pair.server, bytes + len, sizeof bytes - len);
        CHECK(k > 0);
        len = check_request(bytes, len + (size_t)k, id);
        CHECK(len == strlen(request) && memcmp(bytes, request, len) == 0);
        reply(pair.server, response);
        len = recv_response(pair.client, bytes, sizeof bytes, 0, id);
        CHECK(len == strlen(response));
    }
    say("every cut");
    pair_close(&pair);
    return 0;
}
