/* One connection of a scraper: see scrape.h. */
#include "export/scrape.h"

#include "base/clock.h"
#include "base/sys.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

void octo_scrape_begin(struct octo_scrape *s, int fd, uint64_t now_ns)
{
    s->fd = fd;
    s->state = OCTO_SCRAPE_READING;
    s->deadline_ns = now_ns + OCTO_SCRAPE_MS * OCTO_NS_PER_MS;
    s->answer = NULL;
    octo_ask_begin(&s->ask);
}

void octo_scrape_close(struct octo_scrape *s)
{
    if (s->state == OCTO_SCRAPE_CLOSED)
        return;
    if (s->answer)
        octo_answer_put(s->answer);
    s->answer = NULL;
    octo_sys(SYS_close, s->fd);
    s->state = OCTO_SCRAPE_CLOSED;
}

short octo_scrape_events(const struct octo_scrape *s)
{
    switch (s->state) {
    case OCTO_SCRAPE_IDLE:
    case OCTO_SCRAPE_READING:
    case OCTO_SCRAPE_LINGERING:
        return POLLIN;
    case OCTO_SCRAPE_SENDING:
        return POLLOUT;
    case OCTO_SCRAPE_WAITING:
    case OCTO_SCRAPE_CLOSED:
        break;
    }
    return 0;
}

/* ── heads ─────────────────────────────────────────────────────────────────────────────────────────── */

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7) */
static void put_date(struct octo_text *t)
{
    static const char days[] = "ThuFriSatSunMonTueWed", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    uint64_t now_s = octo_clock_real_ns() / OCTO_NS_PER_S;
    char iso[24];

    octo_put_time(iso, now_s);
    octo_text_bytes(t, days + now_s / 86400 % 7 * 3, 3);
    octo_text_str(t, ", ");
    octo_text_bytes(t, iso + 8, 2);
    octo_text_char(t, ' ');
    octo_text_bytes(t, months + ((iso[5] - '0') * 10 + iso[6] - '0' - 1) * 3, 3);
    octo_text_char(t, ' ');
    octo_text_bytes(t, iso, 4);
    octo_text_char(t, ' ');
    octo_text_bytes(t, iso + 11, 8);
    octo_text_str(t, " GMT");
}

static void put_head(struct octo_scrape *s, struct octo_text *t, const char *status, const char *type,
                     size_t length)
{
    octo_text_begin(t, s->head, sizeof(s->head));
    octo_text_str(t, "HTTP/1.1 ");
    octo_text_str(t, status);
    octo_text_str(t, "\r\nDate: ");
    put_date(t);
    octo_text_str(t, "\r\nContent-Type: ");
    octo_text_str(t, type);
    octo_text_str(t, "\r\nContent-Length: ");
    octo_text_u64(t, length);
    octo_text_str(t, s->last ? "\r\nConnection: close\r\n" : "\r\n");
}

static void send_from_here(struct octo_scrape *s, const struct octo_text *t, uint64_t now_ns)
{
    s->head_len = octo_text_len(t);
    s->sent = 0;
    s->state = OCTO_SCRAPE_SENDING;
    s->deadline_ns = now_ns + OCTO_SCRAPE_MS * OCTO_NS_PER_MS;
}

/* An answer of one line, which is the status in words; fields: more header fields. */
static void answer_short(struct octo_scrape *s, const char *status, const char *fields, const char *line,
                         uint64_t now_ns)
{
    struct octo_text t;

    put_head(s, &t, status, "text/plain; charset=utf-8", strlen(line));
    octo_text_str(&t, fields);
    octo_text_str(&t, "\r\n");
    if (!s->head_only)
        octo_text_str(&t, line);
    send_from_here(s, &t, now_ns);
}

static void answer_metrics(struct octo_scrape *s, struct octo_answer *answer, uint64_t now_ns)
{
    struct octo_text t;

    put_head(s, &t, "200 OK", octo_exposition_type[(s->kind & OCTO_ANSWER_OPEN) != 0], answer->body.used);
    if (s->kind & OCTO_ANSWER_GZIP)
        octo_text_str(&t, "Content-Encoding: gzip\r\n");
    octo_text_str(&t, "Vary: Accept, Accept-Encoding\r\n\r\n");
    s->answer = answer;
    send_from_here(s, &t, now_ns);
}

/* ── states ────────────────────────────────────────────────────────────────────────────────────────── */

static void decide(struct octo_scrape *s, uint64_t now_ns)
{
    const struct octo_ask *ask = &s->ask;
    bool metrics = octo_ask_is_for(ask, "/metrics"), health = octo_ask_is_for(ask, "/healthz");

    s->head_only = octo_ask_is(ask, "HEAD");
    s->last = octo_ask_is_last(ask);
    if (!metrics && !health) {
        answer_short(s, "404 Not Found", "", "there are /metrics and /healthz\n", now_ns);
    } else if (!s->head_only && !octo_ask_is(ask, "GET")) {
        answer_short(s, "405 Method Not Allowed", "Allow: GET, HEAD\r\n", "GET or HEAD\n", now_ns);
    } else if (health) {
        answer_short(s, "200 OK", "", "ok\n", now_ns);
    } else {
        s->kind = (octo_ask_wants_openmetrics(ask) ? OCTO_ANSWER_OPEN : 0u) |
                  (octo_ask_wants_gzip(ask) ? OCTO_ANSWER_GZIP : 0u);
        s->asked_ns = now_ns;
        s->state = OCTO_SCRAPE_WAITING;
        s->deadline_ns = now_ns + OCTO_SCRAPE_MS * OCTO_NS_PER_MS;
    }
}

static void judge(struct octo_scrape *s, enum octo_ask_state state, uint64_t now_ns)
{
    switch (state) {
    case OCTO_ASK_MORE:
        if (s->state == OCTO_SCRAPE_IDLE && s->ask.used != 0) {
            s->state = OCTO_SCRAPE_READING;
            s->deadline_ns = now_ns + OCTO_SCRAPE_MS * OCTO_NS_PER_MS;
        }
        break;
    case OCTO_ASK_WHOLE:
        decide(s, now_ns);
        break;
    case OCTO_ASK_BAD:
        s->last = true;
        s->head_only = false;
        answer_short(s, "400 Bad Request", "", "no HTTP/1 request, or one too large\n", now_ns);
        break;
    }
}

static void read_some(struct octo_scrape *s, uint64_t now_ns)
{
    size_t room;
    char *at = octo_ask_room(&s->ask, &room);
    long n = octo_sys(SYS_read, s->fd, at, room);

    if (n > 0)
        judge(s, octo_ask_feed(&s->ask, (size_t)n), now_ns);
    else if (n != -EAGAIN && n != -EINTR)
        octo_scrape_close(s);
}

/* The answer is sent. */
static void finish(struct octo_scrape *s, uint64_t now_ns)
{
    if (s->answer)
        octo_answer_put(s->answer);
    s->answer = NULL;
    if (s->last) {
        octo_sys(SYS_shutdown, s->fd, SHUT_WR);
        s->state = OCTO_SCRAPE_LINGERING;
        s->deadline_ns = now_ns + OCTO_SCRAPE_MS / 5 * OCTO_NS_PER_MS;
        return;
    }
    octo_ask_next(&s->ask);
    s->state = OCTO_SCRAPE_IDLE;
    s->deadline_ns = now_ns + OCTO_SCRAPE_IDLE_MS * OCTO_NS_PER_MS;
    judge(s, octo_ask_feed(&s->ask, 0), now_ns);
}

static void send_some(struct octo_scrape *s, uint64_t now_ns)
{
    size_t body = s->answer && !s->head_only ? s->answer->body.used : 0;
    size_t from_head = s->sent < s->head_len ? s->sent : s->head_len;
    struct iovec parts[2] = {
        {s->head + from_head, s->head_len - from_head},
        {body ? s->answer->body.start + (s->sent - from_head) : NULL, body - (s->sent - from_head)},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = body ? 2 : 1};
    long n = octo_sys(SYS_sendmsg, s->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n == -EAGAIN || n == -EINTR)
        return;
    if (n < 0) {
        octo_scrape_close(s);
        return;
    }
    s->sent += (size_t)n;
    if (s->sent == s->head_len + body)
        finish(s, now_ns);
}

static void linger(struct octo_scrape *s)
{
    char rest[4096];
    long n = octo_sys(SYS_read, s->fd, rest, sizeof(rest));

    if (n <= 0 && n != -EAGAIN && n != -EINTR)
        octo_scrape_close(s);
}

uint64_t octo_scrape_go_on(struct octo_scrape *s, struct octo_answers *answers, bool ready, uint64_t now_ns)
{
    uint64_t wait_ns = 0;

    if (ready && (s->state == OCTO_SCRAPE_IDLE || s->state == OCTO_SCRAPE_READING))
        read_some(s, now_ns);
    else if (ready && s->state == OCTO_SCRAPE_LINGERING)
        linger(s);
    if (s->state == OCTO_SCRAPE_WAITING) {
        struct octo_answer *answer = octo_answer_get(answers, s->kind, s->asked_ns, &wait_ns);

        if (answer)
            answer_metrics(s, answer, now_ns);
    }
    if (s->state == OCTO_SCRAPE_WAITING && now_ns >= s->deadline_ns) {
        s->last = true;
        answer_short(s, "503 Service Unavailable", "Retry-After: 5\r\n", "no answer could be made in time\n",
                     now_ns);
    }
    if (s->state == OCTO_SCRAPE_SENDING)
        send_some(s, now_ns);
    if (s->state != OCTO_SCRAPE_CLOSED && now_ns >= s->deadline_ns)
        octo_scrape_close(s);
    return s->state == OCTO_SCRAPE_WAITING ? wait_ns : 0;
}
