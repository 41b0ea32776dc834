// Those outside can tell which request a thread is on: OTEP 4947's record has the ID and the trace that the request has, from its head to the
// end of its response, whichever thread writes that; and there is none before, after, and once the thread waits for several descriptors
// at once and may go on with any request. A record of another library is left alone. (context.h, thread_context.h)
//
// events: request.started=13 request.completed=13
#include "preload.h"

#include <dlfcn.h>
#include <pthread.h>

/* OTEP 4947, as a reader would have it. */
struct record {
    uint8_t trace_id[16], span_id[8];
    uint8_t valid, trace_flags;
    uint16_t size;
    uint8_t key, length;
    char value[128];
};

static const char OK[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/* This thread's pointer; libc knows where it is. NULL: bare. */
static const struct record **pointer(void)
{
    return dlsym(RTLD_DEFAULT, "otel_thread_ctx_v1");
}

static bool is_on_none(void)
{
    const struct record **p = pointer();

    return p == NULL || *p == NULL || (*p)->valid != 1;
}

/* The record has this ID, or, where none was put into the request ("": OCTOSHIM_INJECT), a made one; and this trace, or any. */
static void check_on(const char *id, const char *trace_id)
{
    const struct record **p = pointer();
    char hex[33], own[sizeof(*p)->value + 1] = "";

    if (p == NULL) {
        CHECK(!shimmed());
        return;
    }
    CHECK(*p != NULL && (*p)->valid == 1 && ((uintptr_t)*p & 1) == 0);
    CHECK((*p)->key == 0 && (*p)->size == 2 + (*p)->length && (*p)->length <= sizeof own);
    memcpy(own, (*p)->value, (*p)->length);
    CHECK(*id != '\0' ? strcmp(own, id) == 0 : is_made(own));
    for (int i = 0; i < 16; i++)
        sprintf(hex + 2 * i, "%02x", (*p)->trace_id[i]);
    if (trace_id != NULL)
        CHECK(strcmp(hex, trace_id) == 0 && (*p)->trace_flags == 1);
    CHECK(memcmp((*p)->span_id, "\0\0\0\0\0\0\0", 8) != 0);
}

/* Reads a request; what is put in by the shim is taken out. Its ID is id, "" if bare. */
static void read_request(int fd, char id[ID_SIZE])
{
    char bytes[4096];
    size_t len = read_head(fd, plain_read, bytes, sizeof bytes);

    check_request(bytes, len, id);
}

static void answer(const struct pair *pair, const char *id)
{
    char bytes[1024];

    reply(pair->server, OK);
    recv_response(pair->client, bytes, sizeof bytes, 2, id);
}

static void from_head_to_end(const struct pair *pair)
{
    char id[ID_SIZE];

    send_text(pair->client, "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    read_request(pair->server, id);
    check_on(id, NULL);
    answer(pair, id);
    CHECK(is_on_none());
}

static void with_its_own_names(const struct pair *pair)
{
    char bytes[1024];

    send_text(pair->client, "GET / HTTP/1.1\r\nX-Request-ID: abc\r\ntraceparent: "
                            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n");
    read_head(pair->server, plain_read, bytes, sizeof bytes);
    check_on("abc", "0af7651916cd43dd8448eb211c80319c");
    answer(pair, "abc");
    CHECK(is_on_none());
}

static void wait_for_several(const struct pair *pair)
{
    struct pollfd fds[3] = {{.fd = pair->server, .events = POLLIN},
                            {.fd = pair->listener, .events = POLLIN},
                            {.fd = pair->client, .events = POLLPRI}};

    CHECK(poll(fds, 3, 0) == 0);
}

/* A connection that makes its reader wait has the thread for itself; of another one it is not known. */
static void waits(const struct pair *pair, bool blocks)
{
    char id[ID_SIZE];
    int flags = fcntl(pair->server, F_GETFL);

    CHECK(fcntl(pair->server, F_SETFL, blocks ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) == 0);
    send_text(pair->client, "GET /w HTTP/1.1\r\nHost: t\r\n\r\n");
    read_request(pair->server, id);
    check_on(id, NULL);
    wait_for_several(pair);
    if (blocks)
        check_on(id, NULL);
    else
        CHECK(is_on_none());
    answer(pair, id);
    CHECK(is_on_none());
    CHECK(fcntl(pair->server, F_SETFL, flags) == 0);
}

static const struct pair *shared;
static char shared_id[ID_SIZE];

static void *answer_elsewhere(void *unused)
{
    CHECK(is_on_none());
    answer(shared, shared_id);
    CHECK(is_on_none());
    return unused;
}

static void handed_over(const struct pair *pair)
{
    pthread_t thread;

    send_text(pair->client, "GET /h HTTP/1.1\r\nHost: t\r\n\r\n");
    read_request(pair->server, shared_id);
    check_on(shared_id, NULL);
    shared = pair;
    CHECK(pthread_create(&thread, NULL, answer_elsewhere, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(is_on_none());
}

/* Of three that were read at once the thread is on the one whose response is due. */
static void pipelined(const struct pair *pair)
{
    char bytes[4096], ids[3][ID_SIZE], *at = bytes;
    size_t len = 0;

    send_text(
        pair->client,
        "GET /1 HTTP/1.1\r\nHost: t\r\n\r\nGET /2 HTTP/1.1\r\nHost: t\r\n\r\nGET /3 HTTP/1.1\r\nHost: t\r\n\r\n");
    for (unsigned heads = 0; heads < 3;) {
        ssize_t n = read(pair->server, bytes + len, sizeof bytes - 1 - len);

        CHECK(n > 0);
        bytes[len += (size_t)n] = '\0';
        heads = 0;
        for (const char *p = bytes; (p = strstr(p, "\r\n\r\n")) != NULL; p++)
            heads++;
    }
    for (int i = 0; i < 3; i++) {
        size_t head;

        len = check_request(at, len, ids[i]);
        head = head_length(at, len);
        at += head;
        len -= head;
    }
    for (int i = 0; i < 3; i++) {
        check_on(ids[i], NULL);
        answer(pair, ids[i]);
    }
    CHECK(is_on_none());
}

/* A child that goes on with the request is on it as well; one that has its own is on that. */
static void forks(const struct pair *pair)
{
    char id[ID_SIZE];
    pid_t child;

    send_text(pair->client, "GET /f HTTP/1.1\r\nHost: t\r\n\r\n");
    read_request(pair->server, id);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct pair own = tcp_pair();

        check_on(id, NULL);
        from_head_to_end(&own);
        exit(0);
    }
    wait_ok(child);
    check_on(id, NULL);
    answer(pair, id);
    CHECK(is_on_none());
}

/* What an SDK of the service's own has attached is what it is. */
static void of_another_library(const struct pair *pair)
{
    static const struct record theirs = {.valid = 1, .size = 0};
    const struct record **p = pointer();
    char id[ID_SIZE];

    if (p != NULL)
        *p = &theirs;
    send_text(pair->client, "GET /o HTTP/1.1\r\nHost: t\r\n\r\n");
    read_request(pair->server, id);
    CHECK(p == NULL || *p == &theirs);
    answer(pair, id);
    CHECK(p == NULL || *p == &theirs);
    if (p != NULL)
        *p = NULL;
    send_text(pair->client, "GET /o HTTP/1.1\r\nHost: t\r\n\r\n");
    read_request(pair->server, id);
    check_on(id, NULL);
    if (p != NULL)
        *p = &theirs;
    answer(pair, id);
    CHECK(p == NULL || *p == &theirs);
    if (p != NULL)
        *p = NULL;
}

static void *on_none(void *unused)
{
    CHECK(is_on_none());
    return unused;
}

int main(void)
{
    struct pair pair = tcp_pair();
    pthread_t thread;

    CHECK((pointer() != NULL) == shimmed());
    CHECK(is_on_none());
    from_head_to_end(&pair);
    from_head_to_end(&pair);
    with_its_own_names(&pair);
    waits(&pair, true);
    waits(&pair, false);
    handed_over(&pair);
    pipelined(&pair);
    forks(&pair);
    of_another_library(&pair);
    CHECK(pthread_create(&thread, NULL, on_none, NULL) == 0 && pthread_join(thread, NULL) == 0);
    pair_close(&pair);
    say("done");
    return 0;
}
