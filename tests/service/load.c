/*
 * load: a client that counts exactly.
 *
 * For: tests/service and tests/bench. Sends N requests over C connections (one epoll loop, keep-alive,
 * pipelining, or one connection a request) and reads every response to its last byte: status, framing,
 * length and hash of the body, and X-Request-ID, which must be there exactly once and in the right form.
 * wrk does not serve for that: it cuts requests off when its time is over and looks at no header.
 *
 * usage: load [options] HOST:PORT|unix:PATH TARGET       prints one JSON object; exit 0 if all was well
 *   -c N  connections (1)             -n N  requests in all (1)         -p N  requests in one send (1)
 *   -1    a connection a request      -0    HTTP/1.0                    -m M  method (GET)
 *   -b N  bytes of request body       -C    body is chunked             -H L  a further header line
 *   -i P  send X-Request-ID P<number> and demand it back                -x    demand that there is none
 *   -s N  demanded status (200)       -v    bodies may vary             -o F  write the IDs to F
 *   -t S  time limit in seconds (60)  -a N  run on this CPU             -r    a lost request is sent again
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BUF = 1 << 17, ID_MAX = 128, NUMBER_DIGITS = 8 };
enum state { HEAD, COUNTED, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER, UNTIL_CLOSE };

struct conn {
    int fd;
    bool close_after;    /* the server said Connection: close */
    enum state state;
    unsigned sent, got;  /* requests of this batch sent, answered */
    unsigned first;      /* number of the batch's first request */
    unsigned served;     /* responses on this connection */
    size_t out, out_end; /* bytes of the batch written, to write */
    char *batch;         /* request bytes: shared by all, or own (-i) */
    uint64_t left;       /* of a counted body or chunk */
    uint64_t hash, body;
    uint64_t start_ns;
    size_t have;
    char buf[BUF];
};

static struct {
    const char *host, *target, *method, *extra[8], *id_prefix, *id_file;
    unsigned conns, requests, pipeline, status, extras;
    size_t body;
    bool once, http10, chunked, bare, vary, again;
    int seconds, cpu;
} opt = {.method = "GET", .conns = 1, .requests = 1, .pipeline = 1, .status = 200, .seconds = 60, .cpu = -1};

static struct {
    uint64_t done, issued, number, interim, wrong_status, wrong_framing, wrong_body, lost, retried, connections;
    uint64_t id_missing, id_repeated, id_malformed, id_other, id_unwanted, bytes;
    uint64_t first_hash, first_body;
    bool have_first;
    unsigned last_status;
    char why[200];
} count;

static struct sockaddr_storage address;
static socklen_t address_len;
static char *request;      /* `pipeline` copies of the request */
static size_t request_len; /* of one copy */
static size_t number_at;   /* where the number of -i stands in a copy */
static uint32_t *latency_ns;
static FILE *ids;
static int epfd;

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void wrong(uint64_t *counter, const char *why)
{
    (*counter)++;
    if (!count.why[0])
        snprintf(count.why, sizeof count.why, "%s", why);
}

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void resolve(void)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    char host[256];
    char *colon;

    if (!strncmp(opt.host, "unix:", 5)) {
        struct sockaddr_un *un = (struct sockaddr_un *)&address;

        un->sun_family = AF_UNIX;
        snprintf(un->sun_path, sizeof un->sun_path, "%s", opt.host + 5);
        address_len = sizeof *un;
        return;
    }
    snprintf(host, sizeof host, "%s", opt.host);
    colon = strrchr(host, ':');
    if (!colon) {
        fprintf(stderr, "load: no port in %s\n", host);
        exit(2);
    }
    *colon = '\0';
    if (host[0] == '[' && colon[-1] == ']') {
        colon[-1] = '\0';
        memmove(host, host + 1, strlen(host));
    }
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        fprintf(stderr, "load: cannot resolve %s\n", opt.host);
        exit(2);
    }
    memcpy(&address, found->ai_addr, found->ai_addrlen);
    address_len = found->ai_addrlen;
    freeaddrinfo(found);
}

/* Body bytes are a fixed pattern, so that an echo's hash is known to be equal in every run. */
static void build_request(void)
{
    size_t room = opt.body + opt.body / 1000 * 8 + 4096;
    char *one = malloc(room);
    size_t n, i;

    if (!one)
        die("memory");
    n = (size_t)snprintf(one, room, "%s %s HTTP/1.%d\r\nHost: load.test\r\n", opt.method, opt.target, !opt.http10);
    for (i = 0; i < opt.extras; i++)
        n += (size_t)snprintf(one + n, room - n, "%s\r\n", opt.extra[i]);
    if (opt.once)
        n += (size_t)snprintf(one + n, room - n, "Connection: close\r\n");
    else if (opt.http10)
        n += (size_t)snprintf(one + n, room - n, "Connection: keep-alive\r\n");
    if (opt.id_prefix) {
        n += (size_t)snprintf(one + n, room - n, "X-Request-ID: %s", opt.id_prefix);
        number_at = n;
        n += (size_t)snprintf(one + n, room - n, "%0*d\r\n", NUMBER_DIGITS, 0);
    }
    if (opt.chunked)
        n += (size_t)snprintf(one + n, room - n, "Transfer-Encoding: chunked\r\n");
    else if (opt.body)
        n += (size_t)snprintf(one + n, room - n, "Content-Length: %zu\r\n", opt.body);
    n += (size_t)snprintf(one + n, room - n, "\r\n");
    for (i = 0; i < opt.body;) {
        size_t k = opt.chunked && opt.body - i > 1000 ? 1000 : opt.body - i, j;

        if (opt.chunked)
            n += (size_t)snprintf(one + n, room - n, "%zx\r\n", k);
        for (j = 0; j < k; j++)
            one[n++] = (char)('a' + (i + j) % 23);
        if (opt.chunked)
            n += (size_t)snprintf(one + n, room - n, "\r\n");
        i += k;
    }
    if (opt.chunked)
        n += (size_t)snprintf(one + n, room - n, "0\r\n\r\n");
    request_len = n;
    request = malloc(n * opt.pipeline);
    if (!request)
        die("memory");
    for (i = 0; i < opt.pipeline; i++)
        memcpy(request + i * n, one, n);
    free(one);
}

static void watch(struct conn *c, int op, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = c};

    epoll_ctl(epfd, op, c->fd, &ev);
}

/* Writes what is left of the batch; asks for EPOLLOUT when the socket is full. False: the connection broke. */
static bool push(struct conn *c)
{
    while (c->out < c->out_end) {
        ssize_t k = send(c->fd, c->batch + c->out, c->out_end - c->out, MSG_NOSIGNAL);

        if (k < 0 && errno == EAGAIN) {
            watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return true;
        }
        if (k < 0)
            return errno == EPIPE || errno == ECONNRESET; /* an early response may still be there to read */
        c->out += (size_t)k;
        if (c->out == c->out_end && c->out_end > 65536)
            watch(c, EPOLL_CTL_MOD, EPOLLIN);
    }
    return true;
}

static void begin_response(struct conn *c)
{
    c->state = HEAD;
    c->hash = 14695981039346656037u;
    c->body = 0;
}

/* Takes the next requests for this connection and sends them. False if there are none left. */
static bool next_batch(struct conn *c)
{
    uint64_t left = opt.requests - count.issued;
    unsigned i;

    if (left == 0)
        return false;
    c->sent = left < opt.pipeline ? (unsigned)left : opt.pipeline;
    c->got = 0;
    c->first = (unsigned)count.number;
    count.number += c->sent;
    count.issued += c->sent;
    c->out = 0;
    c->out_end = c->sent * request_len;
    for (i = 0; opt.id_prefix && i < c->sent; i++) {
        char digits[NUMBER_DIGITS + 1];

        snprintf(digits, sizeof digits, "%0*u", NUMBER_DIGITS, c->first + i);
        memcpy(c->batch + i * request_len + number_at, digits, NUMBER_DIGITS);
    }
    begin_response(c);
    c->start_ns = now_ns();
    push(c);
    return true;
}

/* Opens a connection and sends the first batch. False if no request is left to send. */
static bool open_conn(struct conn *c)
{
    int one = 1, tries = 0;

    if (count.issued == opt.requests)
        return false;
    for (;;) {
        c->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (c->fd < 0)
            die("socket");
        if (connect(c->fd, (struct sockaddr *)&address, address_len) == 0)
            break;
        if (++tries > 200)
            die("connect");
        close(c->fd);
        usleep(10000);
    }
    if (address.ss_family != AF_UNIX)
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    count.connections++;
    c->have = 0;
    c->served = 0;
    c->close_after = false;
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
    return next_batch(c);
}

/* The connection is over with requests unanswered: sends them again elsewhere (-r) or counts them as lost. */
static bool reopen(struct conn *c)
{
    unsigned open = c->sent - c->got;

    close(c->fd);
    c->fd = -1;
    if (open && opt.again) {
        count.retried += open;
        count.issued -= open;
    } else if (open) {
        count.lost += open;
        count.done += open;
        if (!count.why[0])
            snprintf(count.why, sizeof count.why, "connection ended before the response (%u served on it)", c->served);
    }
    return open_conn(c);
}

static void end_response(struct conn *c)
{
    if (latency_ns)
        latency_ns[count.done] = (uint32_t)(now_ns() - c->start_ns);
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
    if (ids)
        fprintf(ids, "%.*s\n", (int)len, id);
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

/* Consumes what can be consumed of p[0..n); returns how much, or -1 if it is malformed. */
static ssize_t take(struct conn *c, const char *p, size_t n)
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

/* Reads what there is. Returns false if the connection is no longer of use. */
static bool pull(struct conn *c)
{
    ssize_t k = recv(c->fd, c->buf + c->have, BUF - c->have, 0), used;

    if (k < 0 && errno == EAGAIN)
        return true;
    if (k <= 0) {
        if (k == 0 && c->state == UNTIL_CLOSE && c->got < c->sent)
            end_response(c);
        else if (c->state != HEAD || c->have)
            wrong(&count.wrong_framing, k ? "reset within a response" : "closed within a response");
        return false;
    }
    c->have += (size_t)k;
    used = take(c, c->buf, c->have);
    if (used < 0) {
        wrong(&count.wrong_framing, "a malformed response, or bytes after the last one");
        return false;
    }
    c->have -= (size_t)used;
    if (c->have)
        memmove(c->buf, c->buf + used, c->have);
    if (c->got < c->sent)
        return true;
    if (opt.once || c->close_after)
        return false;
    return next_batch(c);
}

static void run(void)
{
    struct conn *conns = calloc(opt.conns, sizeof *conns);
    struct epoll_event ev[256];
    uint64_t limit = now_ns() + (uint64_t)opt.seconds * 1000000000u;
    unsigned open = 0, i;

    if (!conns)
        die("memory");
    for (i = 0; i < opt.conns; i++) {
        conns[i].batch = request;
        if (opt.id_prefix) {
            conns[i].batch = malloc(request_len * opt.pipeline);
            if (!conns[i].batch)
                die("memory");
            memcpy(conns[i].batch, request, request_len * opt.pipeline);
        }
        open += open_conn(&conns[i]);
    }
    while (open) {
        int n = epoll_wait(epfd, ev, 256, 1000), j;

        if (now_ns() > limit) {
            wrong(&count.wrong_framing, "time limit");
            break;
        }
        for (j = 0; j < n; j++) {
            struct conn *c = ev[j].data.ptr;

            if (ev[j].events & EPOLLOUT && !push(c))
                die("send");
            if (ev[j].events & ~(uint32_t)EPOLLOUT && !pull(c))
                open -= !reopen(c);
        }
    }
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static int report(double seconds)
{
    uint64_t n = count.done - count.lost;
    bool bad = n != opt.requests || count.lost || count.wrong_status || count.wrong_framing || count.wrong_body ||
               count.id_missing || count.id_repeated || count.id_malformed || count.id_other || count.id_unwanted;

    qsort(latency_ns, n, sizeof *latency_ns, by_size);
    printf("{\"ok\": %s, \"served\": %lu, \"seconds\": %.6f, \"per_second\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"connections\": %lu, \"interim\": %lu, \"status\": %u, \"body_bytes\": %lu, \"body_hash\": \"%016lx\", "
           "\"body_total\": %lu, \"lost\": %lu, \"retried\": %lu, \"wrong_status\": %lu, \"wrong_framing\": %lu, "
           "\"wrong_body\": %lu, \"id_missing\": %lu, \"id_repeated\": %lu, \"id_malformed\": %lu, \"id_other\": %lu, "
           "\"id_unwanted\": %lu, \"why\": \"%s\"}\n",
           bad ? "false" : "true", n, seconds, (double)n / seconds, n ? latency_ns[n / 2] / 1e3 : 0,
           n ? latency_ns[n - 1 - n / 100] / 1e3 : 0, count.connections, count.interim, count.last_status,
           count.first_body, count.first_hash, count.bytes, count.lost, count.retried, count.wrong_status,
           count.wrong_framing, count.wrong_body, count.id_missing, count.id_repeated, count.id_malformed,
           count.id_other, count.id_unwanted, count.why);
    return bad;
}

static void options(int argc, char **argv)
{
    int o;

    while ((o = getopt(argc, argv, "c:n:p:10m:b:CH:i:xs:vo:t:a:r")) != -1) {
        switch (o) {
        case 'c': opt.conns = (unsigned)atoi(optarg); break;
        case 'n': opt.requests = (unsigned)atoi(optarg); break;
        case 'p': opt.pipeline = (unsigned)atoi(optarg); break;
        case '1': opt.once = true; break;
        case '0': opt.http10 = true; break;
        case 'm': opt.method = optarg; break;
        case 'b': opt.body = (size_t)atol(optarg); break;
        case 'C': opt.chunked = true; break;
        case 'H': if (opt.extras < 8) opt.extra[opt.extras++] = optarg; break;
        case 'i': opt.id_prefix = optarg; break;
        case 'x': opt.bare = true; break;
        case 's': opt.status = (unsigned)atoi(optarg); break;
        case 'v': opt.vary = true; break;
        case 'o': opt.id_file = optarg; break;
        case 't': opt.seconds = atoi(optarg); break;
        case 'a': opt.cpu = atoi(optarg); break;
        case 'r': opt.again = true; break;
        default: exit(2);
        }
    }
    if (argc - optind != 2 || !opt.conns || !opt.pipeline) {
        fprintf(stderr, "usage: load [options] HOST:PORT|unix:PATH TARGET\n");
        exit(2);
    }
    opt.host = argv[optind];
    opt.target = argv[optind + 1];
}

int main(int argc, char **argv)
{
    uint64_t start;

    options(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    if (opt.cpu >= 0) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET((unsigned)opt.cpu, &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    resolve();
    build_request();
    latency_ns = malloc((opt.requests + opt.pipeline + 1) * sizeof *latency_ns);
    epfd = epoll_create1(EPOLL_CLOEXEC);
    if (!latency_ns || epfd < 0)
        die("set-up");
    if (opt.id_file && !(ids = fopen(opt.id_file, "w")))
        die(opt.id_file);
    start = now_ns();
    run();
    if (ids)
        fclose(ids);
    return report((double)(now_ns() - start) / 1e9);
}
