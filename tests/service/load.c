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
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct options opt = {
    .method = "GET", .conns = 1, .requests = 1, .pipeline = 1, .status = 200, .seconds = 60, .cpu = -1};
struct counts count;
uint32_t *latency_ns;
FILE *ids;

static struct sockaddr_storage address;
static socklen_t address_len;
static char *request;      /* `pipeline` copies of the request */
static size_t request_len; /* of one copy */
static size_t number_at;   /* where the number of -i stands in a copy */
static int epfd;

uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void wrong(uint64_t *counter, const char *why)
{
    (*counter)++;
    if (!count.why[0])
        snprintf(count.why, sizeof count.why, "%s", why);
}

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(2);
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
            snprintf(count.why, sizeof count.why, "connection ended before the response (%u served on it)",
                     c->served);
    }
    return open_conn(c);
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
    printf(
        "{\"ok\": %s, \"served\": %lu, \"seconds\": %.6f, \"per_second\": %.1f, \"p50_us\": %.1f, \"p99_us\": "
        "%.1f, "
        "\"connections\": %lu, \"interim\": %lu, \"status\": %u, \"body_bytes\": %lu, \"body_hash\": \"%016lx\", "
        "\"body_total\": %lu, \"lost\": %lu, \"retried\": %lu, \"wrong_status\": %lu, \"wrong_framing\": %lu, "
        "\"wrong_body\": %lu, \"id_missing\": %lu, \"id_repeated\": %lu, \"id_malformed\": %lu, \"id_other\": "
        "%lu, "
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
        case 'c':
            opt.conns = (unsigned)atoi(optarg);
            break;
        case 'n':
            opt.requests = (unsigned)atoi(optarg);
            break;
        case 'p':
            opt.pipeline = (unsigned)atoi(optarg);
            break;
        case '1':
            opt.once = true;
            break;
        case '0':
            opt.http10 = true;
            break;
        case 'm':
            opt.method = optarg;
            break;
        case 'b':
            opt.body = (size_t)atol(optarg);
            break;
        case 'C':
            opt.chunked = true;
            break;
        case 'H':
            if (opt.extras < 8)
                opt.extra[opt.extras++] = optarg;
            break;
        case 'i':
            opt.id_prefix = optarg;
            break;
        case 'x':
            opt.bare = true;
            break;
        case 's':
            opt.status = (unsigned)atoi(optarg);
            break;
        case 'v':
            opt.vary = true;
            break;
        case 'o':
            opt.id_file = optarg;
            break;
        case 't':
            opt.seconds = atoi(optarg);
            break;
        case 'a':
            opt.cpu = atoi(optarg);
            break;
        case 'r':
            opt.again = true;
            break;
        default:
            exit(2);
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
