// Paths with bytes that are no UTF-8, with quotes, escapes and great length: the service sees them as they
// are, the events stay valid JSON within 8 KiB. ("Bad input")
//
// events: request.started=6 request.completed=6
// event: request.completed path=/a"b\c
#include "preload.h"

int main(void)
{
    static char longest[9000];
    sprintf(longest, "GET /%08000d HTTP/1.1\r\nHost: t\r\n\r\n", 7);
    const char *const requests[] = {
        "GET /a\"b\\c HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET /\xff\xfe HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET http://user:secret@h/abs?q=1 HTTP/1.1\r\nHost: h\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n",
        "PROPFIND /\xc3\xa4\xe2\x80\xa8 HTTP/1.1\r\nHost: \xc3\xa4\"\r\n\r\n",
        longest,
    };
    struct pair pair = tcp_pair();
    for (size_t i = 0; i < COUNT(requests); i++)
        exchange(&pair, requests[i], plain_read, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    pair_close(&pair);
    return 0;
}
