// Log lines that the service writes while it serves a request gain its ID, its trace, and whose they are; all others, and those that
// have the ID, stay as they are; write() returns what it would without the shim. (README, "The service's own logs"; law 1)
//
// env: OCTOSHIM_ENRICH_LOGS=1 APP_VERSION=1.2"3
#include "preload.h"

static int out[2];

/* What stands between `, "request_id": ` and the brace is an addition. Returns the line's length without it; *gained: there was one. */
static size_t strip(char *line, size_t n, bool *gained)
{
    static const char first[] = "\"request_id\": \"outer-1\", \"trace_id\": \"";
    static const char last[] =
        "\"service\": \"enrich_logs\", \"environment\": \"development\", \"version\": \"1.2\\\"3\"";
    char *from = memmem(line, n, first, sizeof first - 1), *to;
    *gained = from != NULL;
    if (!from)
        return n;
    to = memmem(from, n - (size_t)(from - line), last, sizeof last - 1);
    CHECK(to != NULL &&
          to - from == (ptrdiff_t)(sizeof first - 1 + 32 + strlen("\", \"span_id\": \"") + 16 + strlen("\", ")));
    to += sizeof last - 1;
    if (from >= line + 2 && memcmp(from - 2, ", ", 2) == 0)
        from -= 2;
    memmove(from, to, n - (size_t)(to - line));
    return n - (size_t)(to - from);
}

/* Writes text in one call; what comes out must be it, with additions in that many of its lines. */
static void logs(const char *text, unsigned additions)
{
    static char got[70000];
    size_t n = strlen(text), len = 0, kept = 0;
    unsigned found = 0;
    errno = ERANGE;
    ssize_t put = write(STDOUT_FILENO, text, n);
    CHECK(put == (ssize_t)n && errno == ERANGE);
    while (poll(&(struct pollfd){.fd = out[0], .events = POLLIN}, 1, 0) == 1) {
        ssize_t k = read(out[0], got + len, sizeof got - len);
        CHECK(k > 0);
        len += (size_t)k;
    }
    for (size_t at = 0; at < len;) {
        char *feed = memchr(got + at, '\n', len - at);
        size_t line = feed ? (size_t)(feed - got) - at + 1 : len - at;
        bool gained;
        char *copy = malloc(line);
        memcpy(copy, got + at, line);
        size_t left = strip(copy, line, &gained);
        memcpy(got + kept, copy, left);
        free(copy);
        kept += left;
        found += gained;
        at += line;
    }
    CHECK(kept == n && memcmp(got, text, n) == 0);
    CHECK(found == (shimmed() ? additions : 0));
    say("%zu bytes: %zd", n, put);
}

int main(void)
{
    static char big[9000], nearly[4100];
    struct pair pair = tcp_pair();
    char bytes[1024];

    transcript = dup(STDOUT_FILENO);
    CHECK(transcript >= 0 && pipe(out) == 0 && dup2(out[1], STDOUT_FILENO) == STDOUT_FILENO);
    logs("{\"event\": \"before\"}\n", 0);
    send_text(pair.client, "GET / HTTP/1.1\r\nHost: t\r\nX-Request-ID: outer-1\r\n\r\n");
    read_head(pair.server, plain_read, bytes, sizeof bytes);

    logs("{\"event\": \"paid\"}\n", 1);
    logs("{}\n", 1);
    logs(" {\"a\": {\"request_id\": 1}, \"b\": \"}\\\"{\"} \r\n", 1);
    logs("{\"a\": 1}\n{\"b\": 2}\nplain\n{\"c\": 3}\n", 3);
    logs("{\"request_id\": \"mine\", \"a\": 1}\n", 0);
    logs("plain text\n", 0);
    logs("[1, 2]\n", 0);
    logs("{\"a\": 1,}\n", 0);
    logs("{\"a\": 1}", 1); /* its line feed comes alone */
    logs("\n", 0);
    logs("{\"a\": ", 0); /* one in two calls, and a whole one */
    logs("1}\n{\"b\": 1}\n", 1);
    logs("\n\n", 0);
    logs("{\"1\":1}\n{\"2\":1}\n{\"3\":1}\n{\"4\":1}\n{\"5\":1}\n{\"6\":1}\n{\"7\":1}\n{\"8\":1}\n{\"9\":1}\n", 8);

    snprintf(big, sizeof big, "{\"a\": \"%08000d\"}\n", 7);
    logs(big, 1);
    snprintf(big, sizeof big, "{\"a\": \"%08500d\"}\n", 7); /* too long to be looked at */
    logs(big, 0);
    snprintf(nearly, sizeof nearly, "{\"a\": \"%04000d\"}\n",
             7); /* a pipe takes it whole, and would not with more */
    logs(nearly, 0);

    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    CHECK(fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK) == 0);
    logs("{\"a\": 1}\n", 0);
    CHECK(fcntl(STDOUT_FILENO, F_SETFL, flags) == 0);
    logs("{\"a\": 1}\n", 1);

    reply(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    recv_response(pair.client, bytes, sizeof bytes, 2, "outer-1");
    logs("{\"event\": \"after\"}\n", 0);

    close(out[0]);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    CHECK(write(STDOUT_FILENO, "{\"a\": 1}\n", 9) == -1 && errno == EPIPE);
    pair_close(&pair);
    say("over");
    return 0;
}
