/*
 * The framer's cases: what is framed, and what is refused and why.
 *
 * For: test_framer.c, and tests/fuzz/ for its first corpus. B marks where the blank line of a head must be
 * reported, E the end of a message; both are taken out before the bytes are fed.
 */
#ifndef OCTO_TESTS_FRAMER_CASES_H
#define OCTO_TESTS_FRAMER_CASES_H

#include "proto/framer.h"

#define B "\x01"
#define E "\x02"

struct framer_case {
    const char *name;
    const char *bytes;
    size_t len;
    enum octo_role role;
    enum octo_method method;               /* responses: of the request answered */
    enum octo_opaque_reason reason;        /* at the end of the bytes */
    int status;                            /* of the first head; 0: not looked at */
    enum octo_id_state id_state;           /* of the first head */
    const char *verb, *target, *host, *id; /* of the only head; NULL: not looked at */
};

#define REQUEST(label, text, ...)                                                                                 \
    {                                                                                                             \
        label, text, sizeof(text) - 1, OCTO_REQUEST, ##__VA_ARGS__                                                \
    }
#define ANSWER(label, text, ...)                                                                                  \
    {                                                                                                             \
        label, text, sizeof(text) - 1, OCTO_RESPONSE, ##__VA_ARGS__                                               \
    }
#define REFUSED(label, why, text, ...)                                                                            \
    {                                                                                                             \
        label, text, sizeof(text) - 1, OCTO_REQUEST, .reason = OCTO_OPAQUE_##why, ##__VA_ARGS__                   \
    }
#define REFUSED_ANSWER(label, why, text, ...)                                                                     \
    {                                                                                                             \
        label, text, sizeof(text) - 1, OCTO_RESPONSE, .reason = OCTO_OPAQUE_##why, ##__VA_ARGS__                  \
    }

#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define OK "HTTP/1.1 200 OK\r\n"
#define ID_128                                                                                                    \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"                                            \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct framer_case cases[] = {
    /* Requests: start line */
    REQUEST("nothing", ""),
    REQUEST("shortest", GET B "\r\n" E, .verb = "GET", .target = "/", .host = "", .id = ""),
    REQUEST("version 1.0", "GET /a HTTP/1.0\r\n" B "\r\n" E, .target = "/a"),
    REQUEST("wrk", GET "Host: 127.0.0.1:8080\r\n" B "\r\n" E, .host = "127.0.0.1:8080"),
    REQUEST("query", "GET /a?b=c&d=%20#f HTTP/1.1\r\n" B "\r\n" E, .target = "/a?b=c&d=%20#f"),
    REQUEST("absolute form", "GET http://h/p HTTP/1.1\r\nHost: h\r\n" B "\r\n" E, .target = "http://h/p"),
    REQUEST("asterisk form", "OPTIONS * HTTP/1.1\r\n" B "\r\n" E, .verb = "OPTIONS", .target = "*"),
    REQUEST("other bytes in target", "GET /\xc3\xa9\xff HTTP/1.1\r\n" B "\r\n" E, .target = "/\xc3\xa9\xff"),
    REQUEST("odd method", "M-SEARCH!#$ / HTTP/1.1\r\n" B "\r\n" E, .verb = "M-SEARCH!#$"),
    REQUEST("lower-case method", "get / HTTP/1.1\r\n" B "\r\n" E, .verb = "get"),
    REQUEST("method of 16", "ABCDEFGHIJKLMNOP / HTTP/1.1\r\n" B "\r\n" E, .verb = "ABCDEFGHIJKLMNOP"),
    REQUEST("method of 24 is cut", "ABCDEFGHIJKLMNOPQRSTUVWX / HTTP/1.1\r\n" B "\r\n" E,
            .verb = "ABCDEFGHIJKLMNOPQRSTUVW"),
    REQUEST("empty line first", "\r\n" GET B "\r\n" E, .verb = "GET"),
    REQUEST("empty line between", GET B "\r\n" E "\r\n" GET B "\r\n" E),
    REQUEST("empty line, nothing more", GET B "\r\n" E "\r\n"),
    REFUSED("two empty lines", NOT_HTTP, "\r\n\r\n" GET),
    REFUSED("two empty lines later", START_LINE, GET B "\r\n" E "\r\n\r\n" GET),
    REFUSED("CR without LF first", NOT_HTTP, "\rGET / HTTP/1.1\r\n"),
    REFUSED("LF first", NOT_HTTP, "\n" GET),
    REFUSED("blank first", NOT_HTTP, " " GET),
    REFUSED("TLS", NOT_HTTP,
            "\x16\x03\x05"
            "\x00\xa5"),
    REFUSED("redis", NOT_HTTP, "*1\r\n$4\r\nPING\r\n"),
    REFUSED("inline redis", NOT_HTTP, "PING\r\n"),
    REFUSED("SSH", NOT_HTTP, "SSH-2.0-OpenSSH_9.2\r\n"),
    REFUSED("HTTP/2 preface", NOT_HTTP, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    REFUSED("PRI is never HTTP/1", START_LINE, GET B "\r\n" E "PRI * HTTP/1.1\r\n\r\n"),
    REFUSED("HTTP/2.0", START_LINE, "GET / HTTP/2.0\r\n\r\n"),
    REQUEST("not quite PRI", "PRIX * HTTP/1.1\r\n" B "\r\n" E),
    REFUSED("PROXY protocol", START_LINE, "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" GET),
    REFUSED("a response", NOT_HTTP, OK),
    REFUSED("NUL", NOT_HTTP, "\x00"),
    REFUSED("garbage after a message", START_LINE, GET B "\r\n" E "\x16\x03\x05"),
    REFUSED("HTTP/0.9", START_LINE, "GET /\r\n"),
    REFUSED("HTTP/0.9 with a blank", START_LINE, "GET / \r\n"),
    REFUSED("HTTP/1.2", START_LINE, "GET / HTTP/1.2\r\n\r\n"),
    REFUSED("HTTP/1.10", START_LINE, "GET / HTTP/1.10\r\n\r\n"),
    REFUSED("HTTP/2.0 after a message", START_LINE, GET B "\r\n" E "GET / HTTP/2.0\r\n\r\n"),
    REFUSED("lower-case version", START_LINE, "GET / http/1.1\r\n\r\n"),
    REFUSED("two blanks before target", START_LINE, "GET  / HTTP/1.1\r\n\r\n"),
    REFUSED("two blanks before version", START_LINE, "GET /  HTTP/1.1\r\n\r\n"),
    REFUSED("tab before target", NOT_HTTP, "GET\t/ HTTP/1.1\r\n\r\n"),
    REFUSED("tab in target", START_LINE, "GET /a\tb HTTP/1.1\r\n\r\n"),
    REFUSED("blank after version", START_LINE, "GET / HTTP/1.1 \r\n\r\n"),
    REFUSED("no target", START_LINE, "GET  HTTP/1.1\r\n\r\n"),
    REFUSED("control in target", START_LINE, "GET /\x07 HTTP/1.1\r\n\r\n"),
    REFUSED("DEL in target", START_LINE, "GET /\x7f HTTP/1.1\r\n\r\n"),
    REFUSED("NUL in target", START_LINE, "GET /\x00 HTTP/1.1\r\n\r\n"),
    REFUSED("LF after request line", START_LINE, "GET / HTTP/1.1\nHost: a\r\n\r\n"),
    REFUSED("bare CR after request line", START_LINE, "GET / HTTP/1.1\rHost: a\r\n\r\n"),

    /* Field lines */
    REQUEST("no value", GET "A:\r\n" B "\r\n" E),
    REQUEST("blank value", GET "A: \t \r\n" B "\r\n" E),
    REQUEST("no blank after colon", GET "Host:a\r\n" B "\r\n" E, .host = "a"),
    REQUEST("blanks around value", GET "Host: \t a.b \t \r\n" B "\r\n" E, .host = "a.b"),
    REQUEST("other bytes in value", GET "A: \x80\xff\xc3\xa9\r\n" B "\r\n" E),
    REQUEST("tab in value", GET "A: b\tc\r\n" B "\r\n" E),
    REQUEST("colons in value", GET "A: b:c: d\r\n" B "\r\n" E),
    REQUEST("every tchar", GET "!#$%&'*+-.^_`|~09AZaz: x\r\n" B "\r\n" E),
    REQUEST("long name", GET "A-very-long-field-name-that-matters-to-nobody-at-all: x\r\n" B "\r\n" E),
    REQUEST("names that nearly matter",
            GET "Hos: a\r\nHostt: b\r\nContent-Lengtj: x\r\n"
                "Transfer_Encoding: y\r\nX-Request-Ie: z\r\nConnectioo: u\r\n" B "\r\n" E,
            .host = "", .id = ""),
    REQUEST("two hosts, the first is kept", GET "Host: a\r\nHost: b\r\n" B "\r\n" E, .host = "a"),
    REQUEST("host in odd case", GET "hOsT: a\r\n" B "\r\n" E, .host = "a"),
    REQUEST("long value", GET "A: 0123456789abcdef0123456789abcdef0123456789abcdef0\r\n" B "\r\n" E),
    REFUSED("LF-terminated header", HEADER, GET "Host: a\n\r\n"),
    REFUSED("LF-terminated blank line", HEADER, GET "Host: a\r\n\n"),
    REFUSED("bare CR in value", HEADER, GET "A: b\rc\r\n\r\n"),
    REFUSED("bare CR before a name", HEADER, GET "A: b\r\rC: d\r\n\r\n"),
    REFUSED("CR of the blank line alone", HEADER, GET B "\rA: b\r\n"),
    REFUSED("CR CR LF", HEADER, GET B "\r\r\n"),
    REFUSED("NUL in value", HEADER,
            GET "A: b\x00"
                "c\r\n\r\n"),
    REFUSED("control in value", HEADER,
            GET "A: b\x0b"
                "c\r\n\r\n"),
    REFUSED("DEL in value", HEADER,
            GET "A: b\x7f"
                "c\r\n\r\n"),
    REFUSED("blank before colon", HEADER, GET "Host : a\r\n\r\n"),
    REFUSED("tab before colon", HEADER, GET "Host\t: a\r\n\r\n"),
    REFUSED("empty name", HEADER, GET ": a\r\n\r\n"),
    REFUSED("no colon", HEADER, GET "Host\r\n\r\n"),
    REFUSED("other byte in name", HEADER, GET "H\xc3st: a\r\n\r\n"),
    REFUSED("bracket in name", HEADER, GET "H[o]: a\r\n\r\n"),
    REFUSED("fold", HEADER, GET "A: b\r\n c\r\n\r\n"),
    REFUSED("fold by tab", HEADER, GET "A: b\r\n\tc\r\n\r\n"),
    REFUSED("fold before the first field", HEADER, GET " A: b\r\n\r\n"),
    REFUSED("folded transfer coding", CODING, GET "Transfer-Encoding:\r\n chunked\r\n\r\n"),
    REFUSED("folded length", LENGTH, GET "Content-Length:\r\n 5\r\n\r\nhello"),

    /* Request bodies */
    REQUEST("length", POST "Content-Length: 5\r\n" B "\r\nhello" E),
    REQUEST("length 0", POST "Content-Length: 0\r\n" B "\r\n" E),
    REQUEST("length with zeros", POST "Content-Length: 0005\r\n" B "\r\nhello" E),
    REQUEST("length with blanks", POST "cOnTeNt-LeNgTh: \t5 \t\r\n" B "\r\nhello" E),
    REQUEST("body like a request", POST "Content-Length: 18\r\n" B "\r\nGET / HTTP/1.1\r\n\r\n" E GET B "\r\n" E),
    REQUEST("body under way", POST "Content-Length: 50\r\n" B "\r\nhello"),
    REQUEST("GET with a body", GET "Content-Length: 3\r\n" B "\r\nabc" E GET B "\r\n" E),
    REQUEST("length on 1.0", "POST / HTTP/1.0\r\nContent-Length: 3\r\n" B "\r\nabc" E),
    REQUEST("largest length", POST "Content-Length: 9007199254740992\r\n" B "\r\nabc"),
    REQUEST("pipelined", GET B "\r\n" E "HEAD /b HTTP/1.1\r\nA: b\r\n" B "\r\n" E POST "Content-Length: 1\r\n" B
                               "\r\nx" E GET B "\r\n" E),
    REQUEST("expect", POST "Expect: 100-continue\r\nContent-Length: 2\r\n" B "\r\nab" E),
    REFUSED("length too large", LENGTH, POST "Content-Length: 9007199254740993\r\n\r\n"),
    REFUSED("length overflows", LENGTH, POST "Content-Length: 18446744073709551621\r\n\r\nhello"),
    REFUSED("length empty", LENGTH, POST "Content-Length:\r\n\r\n"),
    REFUSED("length blank", LENGTH, POST "Content-Length: \t\r\n\r\n"),
    REFUSED("length signed", LENGTH, POST "Content-Length: +5\r\n\r\nhello"),
    REFUSED("length negative", LENGTH, POST "Content-Length: -5\r\n\r\nhello"),
    REFUSED("length hex", LENGTH, POST "Content-Length: 0x5\r\n\r\nhello"),
    REFUSED("length list", LENGTH, POST "Content-Length: 5, 5\r\n\r\nhello"),
    REFUSED("length with a blank", LENGTH, POST "Content-Length: 5 5\r\n\r\nhello"),
    REFUSED("length twice the same", LENGTH, POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    REFUSED("length twice", LENGTH, POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
    REFUSED("length and coding", LENGTH, POST "Content-Length: 5\r\n" CHUNKED "\r\n0\r\n\r\n"),
    REFUSED("coding and length", LENGTH, POST CHUNKED "Content-Length: 5\r\n\r\n0\r\n\r\n"),

    /* Chunked */
    REQUEST("no chunk", POST CHUNKED B "\r\n0\r\n\r\n" E),
    REQUEST("one chunk", POST CHUNKED B "\r\n5\r\nhello\r\n0\r\n\r\n" E),
    REQUEST("hex sizes", POST CHUNKED B "\r\nA\r\n0123456789\r\nb\r\n0123456789a\r\n00\r\n\r\n" E),
    REQUEST("thirteen digits", POST CHUNKED B "\r\n0000000000001\r\nx\r\n0\r\n\r\n" E),
    REQUEST("chunk under way", POST CHUNKED B "\r\nfffffffffffff\r\nabc"),
    REQUEST("extensions", POST CHUNKED B "\r\n2;a\r\nab\r\n1;b=c;d=\"e f\"\r\nx\r\n0;z\r\n\r\n" E),
    REQUEST("blanks before extension", POST CHUNKED B "\r\n2 \t; a = b\r\nab\r\n0\r\n\r\n" E),
    REQUEST("trailers", POST CHUNKED B "\r\n1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n" E GET B "\r\n" E),
    REQUEST("fields in trailers mean nothing",
            POST CHUNKED B "\r\n0\r\nContent-Length: 7\r\n"
                           "Transfer-Encoding: x\r\nX-Request-ID: late\r\nHost: t\r\n\r\n" E GET B "\r\n" E),
    REQUEST("coding in odd case", POST "tRANSFER-eNCODING:\tcHuNkEd \r\n" B "\r\n0\r\n\r\n" E),
    REQUEST("CRLF as data", POST CHUNKED B "\r\n2\r\n\r\n\r\n0\r\n\r\n" E),
    REQUEST("chunk like a head", POST CHUNKED B "\r\n12\r\nGET / HTTP/1.1\r\n\r\n\r\n0\r\n\r\n" E),
    REFUSED("xchunked", CODING, POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    REFUSED("chunkedx", CODING, POST "Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n"),
    REFUSED("chunke", CODING, POST "Transfer-Encoding: chunke\r\n\r\n0\r\n\r\n"),
    REFUSED("chunked, identity", CODING, POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    REFUSED("gzip, chunked", CODING, POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    REFUSED("chunked chunked", CODING, POST "Transfer-Encoding: chunked chunked\r\n\r\n0\r\n\r\n"),
    REFUSED("identity", CODING, POST "Transfer-Encoding: identity\r\n\r\n"),
    REFUSED("empty coding", CODING, POST "Transfer-Encoding:\r\n\r\n"),
    REFUSED("quoted coding", CODING, POST "Transfer-Encoding: \"chunked\"\r\n\r\n"),
    REFUSED("vertical tab before coding", HEADER,
            POST "Transfer-Encoding: \x0b"
                 "chunked\r\n\r\n"),
    REFUSED("coding twice", CODING, POST CHUNKED CHUNKED "\r\n0\r\n\r\n"),
    REFUSED("coding on 1.0", CODING, "POST / HTTP/1.0\r\n" CHUNKED "\r\n0\r\n\r\n"),
    REFUSED("fourteen digits", CHUNK, POST CHUNKED B "\r\n00000000000001\r\nx\r\n0\r\n\r\n"),
    REFUSED("no size", CHUNK, POST CHUNKED B "\r\n\r\n0\r\n\r\n"),
    REFUSED("extension without a size", CHUNK, POST CHUNKED B "\r\n;a\r\n"),
    REFUSED("size with 0x", CHUNK, POST CHUNKED B "\r\n0x5\r\nhello\r\n0\r\n\r\n"),
    REFUSED("size signed", CHUNK, POST CHUNKED B "\r\n+5\r\nhello\r\n0\r\n\r\n"),
    REFUSED("size with underscore", CHUNK, POST CHUNKED B "\r\n1_0\r\nhello\r\n0\r\n\r\n"),
    REFUSED("blank before size", CHUNK, POST CHUNKED B "\r\n 5\r\nhello\r\n0\r\n\r\n"),
    REFUSED("blank after size", CHUNK, POST CHUNKED B "\r\n5 \r\nhello\r\n0\r\n\r\n"),
    REFUSED("LF after size", CHUNK, POST CHUNKED B "\r\n5\nhello\r\n0\r\n\r\n"),
    REFUSED("CR without LF after size", CHUNK, POST CHUNKED B "\r\n5\rhello\r\n0\r\n\r\n"),
    REFUSED("LF in extension", CHUNK, POST CHUNKED B "\r\n5;a\nhello\r\n0\r\n\r\n"),
    REFUSED("CR in extension", CHUNK, POST CHUNKED B "\r\n5;a\rb\r\nhello\r\n0\r\n\r\n"),
    REFUSED("control in extension", CHUNK, POST CHUNKED B "\r\n5;\x07\r\nhello\r\n0\r\n\r\n"),
    REFUSED("other byte in extension", CHUNK, POST CHUNKED B "\r\n5;\x80\r\nhello\r\n0\r\n\r\n"),
    REFUSED("data too long", CHUNK, POST CHUNKED B "\r\n5\r\nhello!\r\n0\r\n\r\n"),
    REFUSED("data too short", CHUNK, POST CHUNKED B "\r\n5\r\nhell\r\n0\r\n\r\n"),
    REFUSED("LF after data", CHUNK, POST CHUNKED B "\r\n5\r\nhello\n0\r\n\r\n"),
    REFUSED("CR without LF after data", CHUNK, POST CHUNKED B "\r\n5\r\nhello\r0\r\n\r\n"),
    REFUSED("LF in trailers", CHUNK, POST CHUNKED B "\r\n0\r\nA: b\n\r\n"),
    REFUSED("fold in trailers", CHUNK, POST CHUNKED B "\r\n0\r\nA: b\r\n c\r\n\r\n"),
    REFUSED("blank before colon in trailers", CHUNK, POST CHUNKED B "\r\n0\r\nA : b\r\n\r\n"),
    REFUSED("LF ends trailers", CHUNK, POST CHUNKED B "\r\n0\r\nA: b\r\n\n"),
    REFUSED("CR without LF ends trailers", CHUNK, POST CHUNKED B "\r\n0\r\n\rG"),

    /* Request IDs */
    REQUEST("id", GET "X-Request-ID: req_0123456789abcdef\r\n" B "\r\n" E, .id_state = OCTO_ID_USABLE,
            .id = "req_0123456789abcdef"),
    REQUEST("id in odd case", GET "x-ReQuEsT-iD:a\r\n" B "\r\n" E, .id_state = OCTO_ID_USABLE, .id = "a"),
    REQUEST("id of every kind", GET "X-Request-ID: AZaz09._~:/+=@-\r\n" B "\r\n" E, .id_state = OCTO_ID_USABLE,
            .id = "AZaz09._~:/+=@-"),
    REQUEST("id with blanks around", GET "X-Request-ID: \t a-b \t\r\n" B "\r\n" E, .id_state = OCTO_ID_USABLE,
            .id = "a-b"),
    REQUEST("longest id", GET "X-Request-ID: " ID_128 "\r\n" B "\r\n" E, .id_state = OCTO_ID_USABLE, .id = ID_128),
    REQUEST("id too long", GET "X-Request-ID: " ID_128 "x\r\n" B "\r\n" E, .id_state = OCTO_ID_UNUSABLE, .id = ""),
    REQUEST("id empty", GET "X-Request-ID:\r\n" B "\r\n" E, .id_state = OCTO_ID_UNUSABLE, .id = ""),
    REQUEST("id blank", GET "X-Request-ID:  \r\n" B "\r\n" E, .id_state = OCTO_ID_UNUSABLE, .id = ""),
    REQUEST("id of two words", GET "X-Request-ID: a b\r\n" B "\r\n" E, .id_state = OCTO_ID_UNUSABLE, .id = ""),
    REQUEST("id list", GET "X-Request-ID: a,b\r\n" B "\r\n" E, .id_state = OCTO_ID_UNUSABLE, .id = ""),
    REQUEST("id quoted", GET "X-Request-ID: \"a\"\r\n" B "\r\n" E, .id_state = OCTO_ID_UNUSABLE, .id = ""),
    REQUEST("id of other bytes", GET "X-Request-ID: \xc3\xa9\r\n" B "\r\n" E, .id_state = OCTO_ID_UNUSABLE,
            .id = ""),
    REQUEST("same id twice", GET "X-Request-ID: abc\r\nX-Request-ID: abc \r\n" B "\r\n" E,
            .id_state = OCTO_ID_USABLE, .id = "abc"),
    REQUEST("two ids", GET "X-Request-ID: abc\r\nX-Request-ID: abd\r\n" B "\r\n" E, .id_state = OCTO_ID_UNUSABLE,
            .id = ""),
    REQUEST("second id shorter", GET "X-Request-ID: abc\r\nX-Request-ID: ab\r\n" B "\r\n" E,
            .id_state = OCTO_ID_UNUSABLE, .id = ""),
    REQUEST("second id shorter, blank", GET "X-Request-ID: abc\r\nX-Request-ID: ab \r\n" B "\r\n" E,
            .id_state = OCTO_ID_UNUSABLE, .id = ""),
    REQUEST("second id longer", GET "X-Request-ID: abc\r\nX-Request-ID: abcd\r\n" B "\r\n" E,
            .id_state = OCTO_ID_UNUSABLE, .id = ""),
    REQUEST("second id empty", GET "X-Request-ID: abc\r\nX-Request-ID:\r\n" B "\r\n" E,
            .id_state = OCTO_ID_UNUSABLE, .id = ""),
    REQUEST("first id bad", GET "X-Request-ID: a b\r\nX-Request-ID: a\r\n" B "\r\n" E,
            .id_state = OCTO_ID_UNUSABLE, .id = ""),
    REQUEST("connection lists the id", GET "Connection: close, x-request-ID\r\n" B "\r\n" E,
            .id_state = OCTO_ID_UNUSABLE, .id = ""),
    REQUEST("connection lists the id alone", GET "Connection:X-Request-ID\t\r\n" B "\r\n" E,
            .id_state = OCTO_ID_UNUSABLE),
    REQUEST("connection lists the id first", GET "Connection: X-Request-ID , close\r\n" B "\r\n" E,
            .id_state = OCTO_ID_UNUSABLE),
    REQUEST("connection lists the id, which is there",
            GET "Connection: X-Request-ID\r\nX-Request-ID: a\r\n" B "\r\n" E, .id_state = OCTO_ID_USABLE,
            .id = "a"),
    REQUEST("connection lists something like it",
            GET "Connection: x-request-idx, xx-request-id, x-request-i,"
                " x-request-id x, x -request-id, keep-alive\r\n" B "\r\n" E,
            .id_state = OCTO_ID_ABSENT),
    REQUEST("id of the second message", GET "X-Request-ID: a\r\n" B "\r\n" E GET B "\r\n" E,
            .id_state = OCTO_ID_USABLE),

    /* CONNECT and upgrades */
    REQUEST("upgrade asked for", GET "Connection: Upgrade\r\nUpgrade: websocket\r\n" B "\r\n" E GET B "\r\n" E),
    REQUEST("connect", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n" B "\r\n" E, .verb = "CONNECT",
            .target = "a:443", .host = "a:443"),
    REQUEST("connect refused, then another", "CONNECT a:443 HTTP/1.1\r\n" B "\r\n" E GET B "\r\n" E),
    REFUSED("connect, then a tunnel", START_LINE, "CONNECT a:443 HTTP/1.1\r\n" B "\r\n" E "\x16\x03\x05"),
    REFUSED("connect with a length", LENGTH, "CONNECT a:443 HTTP/1.1\r\nContent-Length: 5\r\n" B "\r\n" E "hello"),
    REFUSED("connect chunked", LENGTH, "CONNECT a:443 HTTP/1.1\r\n" CHUNKED B "\r\n" E "0\r\n\r\n"),
    REQUEST("not quite connect", "CONNECTS a:443 HTTP/1.1\r\n" B "\r\n" E GET B "\r\n" E),

    /* Responses: status line */
    ANSWER("shortest answer", "HTTP/1.1 204\r\n" B "\r\n" E, .status = 204),
    ANSWER("empty reason", "HTTP/1.1 204 \r\n" B "\r\n" E, .status = 204),
    ANSWER("odd reason", "HTTP/1.1 204 N\xc3\xb6 \tcontent:\r\n" B "\r\n" E, .status = 204),
    ANSWER("answer 1.0", "HTTP/1.0 204 No\r\n" B "\r\n" E, .status = 204),
    ANSWER("status 999", "HTTP/1.1 999 X\r\nContent-Length: 0\r\n" B "\r\n" E, .status = 999),
    REFUSED_ANSWER("a request as answer", NOT_HTTP, GET),
    REFUSED_ANSWER("empty line before answer", NOT_HTTP, "\r\n" OK),
    REFUSED_ANSWER("empty line between answers", START_LINE, OK "Content-Length: 0\r\n" B "\r\n" E "\r\n" OK),
    REFUSED_ANSWER("TLS answer", NOT_HTTP, "\x16\x03\x05"),
    REFUSED_ANSWER("redis answer", NOT_HTTP, "+PONG\r\n"),
    REFUSED_ANSWER("SSH answer", NOT_HTTP, "SSH-2.0\r\n"),
    REFUSED_ANSWER("HTTP/2 answer", NOT_HTTP, "HTTP/2 200\r\n"),
    REFUSED_ANSWER("HTTP/1.2 answer", START_LINE, "HTTP/1.2 200 OK\r\n"),
    REFUSED_ANSWER("ICY", NOT_HTTP, "ICY 200 OK\r\n"),
    REFUSED_ANSWER("two blanks before status", START_LINE, "HTTP/1.1  200 OK\r\n"),
    REFUSED_ANSWER("status 99", START_LINE, "HTTP/1.1 099 OK\r\n"),
    REFUSED_ANSWER("status of two digits", START_LINE, "HTTP/1.1 20 OK\r\n"),
    REFUSED_ANSWER("status of four digits", START_LINE, "HTTP/1.1 2000 OK\r\n"),
    REFUSED_ANSWER("status no number", START_LINE, "HTTP/1.1 2x0 OK\r\n"),
    REFUSED_ANSWER("tab after status", START_LINE, "HTTP/1.1 200\tOK\r\n"),
    REFUSED_ANSWER("control in reason", START_LINE, "HTTP/1.1 200 O\x07K\r\n"),
    REFUSED_ANSWER("LF after status line", START_LINE, "HTTP/1.1 200 OK\nA: b\r\n\r\n"),

    /* Responses: bodies */
    ANSWER("answer with length", OK "Content-Length: 5\r\n" B "\r\nhello" E, .status = 200),
    ANSWER("answer chunked", OK CHUNKED B "\r\n5\r\nhello\r\n0\r\n\r\n" E OK "Content-Length: 0\r\n" B "\r\n" E),
    ANSWER("answer until close", OK B "\r\nwhatever\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
    ANSWER("answer 1.0 until close", "HTTP/1.0 200 OK\r\n" B "\r\nx"),
    ANSWER("continue, then answer", "HTTP/1.1 100 Continue\r\n" B "\r\n" E OK "Content-Length: 1\r\n" B "\r\nx" E,
           .status = 100),
    ANSWER("early hints", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n" B "\r\n" E "HTTP/1.1 204\r\n" B "\r\n" E,
           .status = 103),
    ANSWER("1xx and 204 may say that they are empty",
           "HTTP/1.1 102 P\r\nContent-Length: 0\r\n" B "\r\n" E "HTTP/1.1 204 N\r\nContent-Length: 0\r\n" B
           "\r\n" E OK "Content-Length: 0\r\n" B "\r\n" E),
    ANSWER("204 to HEAD may say anything", "HTTP/1.1 204 N\r\nContent-Length: 5\r\n" B "\r\n" E OK B "\r\n" E,
           .method = OCTO_METHOD_HEAD),
    REFUSED_ANSWER("1xx with a length", LENGTH, "HTTP/1.1 102 P\r\nContent-Length: 5\r\n\r\n" OK),
    REFUSED_ANSWER("204 with a length", LENGTH, "HTTP/1.1 204 N\r\nContent-Length: 5\r\n\r\n" OK),
    REFUSED_ANSWER("204 chunked", LENGTH, "HTTP/1.1 204 N\r\n" CHUNKED "\r\n" OK),
    ANSWER("304 is not chunked", "HTTP/1.1 304 N\r\n" CHUNKED B "\r\n" E "HTTP/1.1 304 N\r\n" B "\r\n" E),
    ANSWER("304 has no body",
           "HTTP/1.1 304 N\r\nContent-Length: 5\r\n" B "\r\n" E "HTTP/1.1 204 N\r\n" B "\r\n" E),
    ANSWER("205 has one", "HTTP/1.1 205 R\r\nContent-Length: 2\r\n" B "\r\nab" E),
    ANSWER("answer to HEAD", OK "Content-Length: 5\r\n" B "\r\n" E OK "Content-Length: 5\r\n" B "\r\n" E,
           .method = OCTO_METHOD_HEAD),
    ANSWER("chunked answer to HEAD", OK CHUNKED B "\r\n" E OK B "\r\n" E, .method = OCTO_METHOD_HEAD),
    ANSWER("answer with an id", OK "X-Request-ID: a\r\nContent-Length: 0\r\n" B "\r\n" E,
           .id_state = OCTO_ID_USABLE),
    ANSWER("connect refused",
           "HTTP/1.1 407 P\r\nContent-Length: 2\r\n" B "\r\nno" E "HTTP/1.1 502 B\r\n"
           "Content-Length: 0\r\n" B "\r\n" E,
           .method = OCTO_METHOD_CONNECT),
    ANSWER("nginx",
           OK "Server: nginx/1.22.1\r\nDate: Mon, 10 Nov 2025 10:30:45 GMT\r\nContent-Type: text/plain\r\n"
              "Content-Length: 3\r\nLast-Modified: Mon, 10 Nov 2025 10:30:45 GMT\r\nConnection: keep-alive\r\n"
              "ETag: \"6911beef-3\"\r\nAccept-Ranges: bytes\r\n" B "\r\nok\n" E),
    REFUSED_ANSWER("switching protocols", UPGRADED,
                   "HTTP/1.1 101 S\r\nUpgrade: websocket\r\n" B "\r\n" E "\x81\x05", .status = 101),
    REFUSED_ANSWER("tunnel", UPGRADED, "HTTP/1.1 200 Connection established\r\n" B "\r\n" E "\x16\x03",
                   .method = OCTO_METHOD_CONNECT),
    REFUSED_ANSWER("tunnel with a length", UPGRADED, "HTTP/1.1 200 C\r\nContent-Length: 5\r\n" B "\r\n" E "hello",
                   .method = OCTO_METHOD_CONNECT),
    REFUSED_ANSWER("answer with coding and length", LENGTH, OK CHUNKED "Content-Length: 5\r\n\r\n"),
    REFUSED_ANSWER("answer with length twice", LENGTH, OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    REFUSED_ANSWER("answer in gzip", CODING, OK "Transfer-Encoding: gzip\r\n\r\n"),
    REFUSED_ANSWER("answer 1.0 chunked", CODING, "HTTP/1.0 200 OK\r\n" CHUNKED "\r\n0\r\n\r\n"),
    REFUSED_ANSWER("answer with a fold", HEADER, OK "A: b\r\n c\r\n\r\n"),
};

#endif
