/*
 * The counting client's reader of responses: status, framing, X-Request-ID, length and hash of the body.
 *
 * For load.c. It owns no descriptor and asks for no byte: it is given what has arrived, and takes what it can. It is
 * written apart from the shim's framer on purpose: the two must come to the same end on their own.
 */
#include "load.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void begin_response(struct conn *c)
{
    c->state = HEAD;
    c->id[0] = 0;
    c->hash = 14695981039346656037u;
    c->body = 0;
}

void end_response(struct conn *c)
{
    if (latency_ns)
        latency_ns[count.done] = (uint32_t)(now_ns() - c->start_ns);
    if (ids && c->id[0])
        fprintf(ids, "%s\n", c->id);
    count.done++;
    count.bytes += c->body;
    c->got++;
    c->served++;
    if (!count.have_first) {
        count.have_first = true;
        count.first_hash = c->hash;
        count.first_body = c->body;
    } else if (!opt.vary && (c->hash != count.first_hash || c->body != count.first_body)) {
        wrong(&count.wrong_body, "a body differs from the first one");
    }
    begin_response(c);
}

static void eat_body(struct conn *c, const char *p, size_t n)
{
    uint64_t hash = c->hash;
    size_t i;

    for (i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)p[i]) * 1099511628211u;
    c->hash = hash;
    c->body += n;
}

static bool header_is(const char *line, size_t n, const char *name, const char **value, size_t *len)
{
    size_t k = strlen(name);

    if (n <= k || line[k] != ':' || strncasecmp(line, name, k) != 0)
        return false;
    line += k + 1;
    n -= k + 1;
    while (n && (*line == ' ' || *line == '\t'))
        line++, n--;
    while (n && (line[n - 1] == ' ' || line[n - 1] == '\t'))
        n--;
    *value = line;
    *len = n;
    return true;
}

static void check_id(struct conn *c, const char *id, size_t len, unsigned times)
{
    char want[ID_MAX + 1];
    size_t i;

    if (opt.bare) {
        if (times)
            wrong(&count.id_unwanted, "an X-Request-ID where none may be");
        return;
    }
    if (times == 0) {
        wrong(&count.id_missing, "no X-Request-ID");
        return;
    }
    if (times > 1)
        wrong(&count.id_repeated, "X-Request-ID more than once");
    if (opt.id_prefix) {
        int n = snprintf(want, sizeof want, "%s%0*u", opt.id_prefix, NUMBER_DIGITS, c->first + c->got);

        if (len != (size_t)n || memcmp(id, want, len) != 0)
            wrong(&count.id_other, "another X-Request-ID than was sent");
    } else {
        bool good = len == 20 && memcmp(id, "req_", 4) == 0;

        for (i = 4; good && i < len; i++)
            good = (id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'f');
        if (!good)
            wrong(&count.id_malformed, "X-Request-ID not of the form req_ + 16 hex digits");
    }
    snprintf(c->id, sizeof c->id, "%.*s", (int)len, id);
}

/* Reads one whole head at p[0..n), its blank line included. Returns false if it is malformed. */
static bool take_head(struct conn *c, const char *p, size_t n)
{
    const char *end = p + n, *line = p, *value, *id = NULL;
    size_t len, id_len = 0;
    unsigned times = 0;
    unsigned status = 0;
    bool chunked = false, counted = false, close_it;

    if (n < 14 || memcmp(p, "HTTP/1.", 7) != 0 || p[8] != ' ')
        return false;
    close_it = p[7] == '0';
    status = (unsigned)(p[9] - '0') * 100 + (unsigned)(p[10] - '0') * 10 + (unsigned)(p[11] - '0');
    c->left = 0;
    for (line = memchr(p, '\n', n); line && ++line < end - 2; line = memchr(line, '\n', (size_t)(end - line))) {
        const char *eol = memchr(line, '\r', (size_t)(end - line));
        size_t k;

        if (!eol)
            return false;
        k = (size_t)(eol - line);
        switch (*line | 0x20) {
        case 'x':
            if (header_is(line, k, "X-Request-ID", &value, &len)) {
                times++;
                id = value;
                id_len = len;
            }
            break;
        case 'c':
            if (header_is(line, k, "Content-Length", &value, &len)) {
                counted = true;
                c->left = strtoull(value, NULL, 10);
            } else if (header_is(line, k, "Connection", &value, &len)) {
                if (len == 5 && !strncasecmp(value, "close", 5))
                    close_it = true;
                else if (len == 10 && !strncasecmp(value, "keep-alive", 10))
                    close_it = false;
            }
            break;
        case 't':
            if (header_is(line, k, "Transfer-Encoding", &value, &len))
                chunked = len == 7 && !strncasecmp(value, "chunked", 7);
            break;
        }
    }
    if (status < 200) {
        count.interim++;
        if (times)
            wrong(&count.id_unwanted, "an X-Request-ID in an interim response");
        return true;
    }
    check_id(c, id, id_len, times);
    count.last_status = status;
    if (status != opt.status)
        wrong(&count.wrong_status, "another status than demanded");
    c->close_after = close_it;
    if (!strcmp(opt.method, "HEAD") || status == 204 || status == 304)
        end_response(c);
    else if (chunked)
        c->state = CHUNK_SIZE;
    else if (!counted)
        c->state = UNTIL_CLOSE;
    else if (c->left)
        c->state = COUNTED;
    else
        end_response(c);
    return true;
}

/* Consumes a line of the chunked coding at q. Returns its length, 0 if it is not whole yet, -1 if malformed. */
static ssize_t take_chunk_line(struct conn *c, const char *q, size_t k)
{
    const char *eol = memmem(q, k, "\r\n", 2);
    char *end;

    if (!eol)
        return k > 4096 ? -1 : 0;
    switch (c->state) {
    case CHUNK_SIZE:
        c->left = strtoull(q, &end, 16);
        if (end == q)
            return -1;
        c->state = c->left ? CHUNK_DATA : TRAILER;
        break;
    case CHUNK_END:
        if (eol != q)
            return -1;
        c->state = CHUNK_SIZE;
        break;
    default: /* TRAILER */
        if (eol == q)
            end_response(c);
        break;
    }
    return eol - q + 2;
}

ssize_t take(struct conn *c, const char *p, size_t n)
{
    size_t done = 0;

    while (done < n) {
        const char *q = p + done, *blank;
        size_t k = n - done;
        ssize_t line;

        if (c->got == c->sent)
            return -1; /* bytes after the last response */
        switch (c->state) {
        case HEAD:
            blank = memmem(q, k, "\r\n\r\n", 4);
            if (!blank)
                return k == BUF ? -1 : (ssize_t)done;
            k = (size_t)(blank - q) + 4;
            if (!take_head(c, q, k))
                return -1;
            break;
        case COUNTED:
        case CHUNK_DATA:
            if (k > c->left)
                k = (size_t)c->left;
            eat_body(c, q, k);
            c->left -= k;
            if (c->left == 0 && c->state == COUNTED)
                end_response(c);
            else if (c->left == 0)
                c->state = CHUNK_END;
            break;
        case UNTIL_CLOSE:
            eat_body(c, q, k);
            break;
        default:
            line = take_chunk_line(c, q, k);
            if (line <= 0)
                return line < 0 ? -1 : (ssize_t)done;
            k = (size_t)line;
        }
        done += k;
    }
    return (ssize_t)done;
}
