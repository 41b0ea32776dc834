/*
 * See preload.h. Plain libc throughout; the client's sends use MSG_NOSIGNAL.
 */
#include "preload.h"

#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <sys/syscall.h>

enum demand request_ids, response_ids;
int transcript = 1;

void say(const char *format, ...)
{
    char line[4096];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    if (n > (int)sizeof line - 2)
        n = (int)sizeof line - 2;
    line[n++] = '\n';
    for (int done = 0; done < n;) {
        ssize_t k = write(transcript, line + done, (size_t)(n - done));
        if (k <= 0)
            _exit(1);
        done += (int)k;
    }
}

void check_failed(const char *file, int line, const char *what)
{
    int error = errno;
    say("%s:%d: %s (errno %d)", file, line, what, error);
    _exit(1);
}

void skip(const char *reason)
{
    say("skipped: %s", reason);
    _exit(77);
}

void show(const char *label, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    char text[1300];
    size_t at = 0;
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ p[i]) * 1099511628211u;
    for (size_t i = 0; i < len && i < 300; i++) {
        const char *as = p[i] == '\r' ? "\\r" : p[i] == '\n' ? "\\n" : NULL;
        if (as)
            at += (size_t)sprintf(text + at, "%s", as);
        else
            at += (size_t)sprintf(text + at, isprint(p[i]) ? "%c" : "\\x%02x", p[i]);
    }
    text[at] = 0;
    if (len > 300)
        say("%s: %s... %zu bytes, hash %016llx", label, text, len, (unsigned long long)hash);
    else
        say("%s: %s", label, text);
}

/* ---- what this run is to insert ---- */

static bool set(const char *name, const char *value)
{
    const char *is = getenv(name);
    return is && strcmp(is, value) == 0;
}

bool shimmed(void)
{
    static int known = -1;
    if (known < 0) {
        const char *preload = getenv("LD_PRELOAD");
        known = preload && strstr(preload, "liboctoshim") && !set("OCTOSHIM_DISABLE", "1");
    }
    return known;
}

/* Before main, and before programs that wipe their environment. */
__attribute__((constructor)) static void set_demands(void)
{
    bool off = set("OCTOSHIM_INJECT", "off");
    request_ids = shimmed() && !off && !set("OCTOSHIM_INJECT", "response") ? REQUIRED : ABSENT;
    response_ids = shimmed() && !off && !set("OCTOSHIM_INJECT", "request") ? REQUIRED : ABSENT;
}

void ids_optional(void)
{
    if (request_ids == REQUIRED)
        request_ids = OPTIONAL;
    if (response_ids == REQUIRED)
        response_ids = OPTIONAL;
}

void ids_absent(void)
{
    request_ids = response_ids = ABSENT;
}

bool is_made(const char *id)
{
    return strlen(id) == MADE_LEN && strncmp(id, "req_", 4) == 0 && strspn(id + 4, "0123456789abcdef") == 16;
}

size_t head_length(const char *bytes, size_t len)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    return end ? (size_t)(end - bytes) + 4 : 0;
}

/* Finds the line of strip_id() in the head: [*start, *end). False if there is none. */
/* The last line of the head at the front of bytes, if it is of that name: what follows `name` up to its CRLF. */
static bool find_last(const char *bytes, size_t len, const char *name, size_t *start, size_t *end)
{
    size_t head = head_length(bytes, len), name_len = strlen(name);
    if (head == 0)
        return false;
    *end = head - 2; /* past the CRLF of the last line */
    *start = *end - 2;
    while (*start > 0 && bytes[*start - 1] != '\n')
        --*start;
    return *end - *start >= name_len + 3 && memcmp(bytes + *start, name, name_len) == 0;
}

static bool find_id(const char *bytes, size_t len, char id[ID_SIZE], size_t *start, size_t *end)
{
    static const char name[] = "X-Request-ID: ";
    id[0] = 0;
    if (!find_last(bytes, len, name, start, end) || *end - 2 - *start - (sizeof name - 1) >= ID_SIZE)
        return false;
    size_t value = *end - 2 - *start - (sizeof name - 1);
    memcpy(id, bytes + *start + sizeof name - 1, value);
    id[value] = 0;
    return true;
}

size_t strip_trace(char *bytes, size_t len)
{
    static const char like[] = "traceparent: 00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-0x\r\n";
    size_t start, end;
    bool found = find_last(bytes, len, "traceparent: ", &start, &end);
    CHECK(found ? request_ids != ABSENT : request_ids != REQUIRED);
    if (!found)
        return len;
    CHECK(end - start == sizeof like - 1);
    for (size_t i = 0; like[i]; i++)
        CHECK(like[i] == 'x' ? strchr("0123456789abcdef", bytes[start + i]) != NULL : bytes[start + i] == like[i]);
    memmove(bytes + start, bytes + end, len - end);
    return len - (end - start);
}

size_t strip_id(char *bytes, size_t len, char id[ID_SIZE])
{
    size_t start, end;
    if (!find_id(bytes, len, id, &start, &end))
        return len;
    memmove(bytes + start, bytes + end, len - end);
    return len - (end - start);
}

static size_t check(char *bytes, size_t len, char id[ID_SIZE], enum demand demand)
{
    size_t start, end;
    CHECK(head_length(bytes, len) > 0);
    bool found = find_id(bytes, len, id, &start, &end);
    CHECK(found ? demand != ABSENT : demand != REQUIRED);
    return strip_id(bytes, len, id);
}

size_t check_request(char *bytes, size_t len, char id[ID_SIZE])
{
    len = check(bytes, len, id, request_ids);
    CHECK(!id[0] || is_made(id));
    return strip_trace(bytes, len);
}

size_t check_response(char *bytes, size_t len, const char *want)
{
    char id[ID_SIZE];
    len = check(bytes, len, id, response_ids);
    if (id[0] && want[0])
        CHECK(strcmp(id, want) == 0);
    else if (id[0])
        CHECK(is_made(id));
    return len;
}

/* ---- connections ---- */

int listener(int family, struct address *address)
{
    memset(address, 0, sizeof *address);
    address->sa.ss_family = (sa_family_t)family;
    socklen_t len = sizeof(sa_family_t); /* AF_UNIX: the kernel picks an abstract name */
    if (family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)&address->sa;
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        len = sizeof *in;
    } else if (family == AF_INET6) {
        struct sockaddr_in6 *in = (struct sockaddr_in6 *)&address->sa;
        in->sin6_addr = in6addr_loopback;
        len = sizeof *in;
    }
    int fd = socket(family, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    if (bind(fd, (struct sockaddr *)&address->sa, len) != 0) {
        CHECK(family == AF_INET6 && errno == EADDRNOTAVAIL);
        skip("no IPv6 loopback");
    }
    CHECK(listen(fd, 511) == 0);
    address->len = sizeof address->sa;
    CHECK(getsockname(fd, (struct sockaddr *)&address->sa, &address->len) == 0);
    return fd;
}

/* By an instruction of its own: so the shim does not see that this process is a client, too. */
int connect_unseen(int fd, const struct sockaddr *address, socklen_t len)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_connect), "D"((long)fd), "S"(address), "d"((long)len)
                     : "rcx", "r11", "memory");
    errno = result < 0 ? (int)-result : errno;
    return result < 0 ? -1 : 0;
}

int dial(const struct address *address)
{
    int fd = socket(address->sa.ss_family, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK(connect_unseen(fd, (const struct sockaddr *)&address->sa, address->len) == 0);
    if (address->sa.ss_family != AF_UNIX)
        CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) == 0);
    return fd;
}

struct pair make_pair(int family)
{
    struct pair pair;
    pair.listener = listener(family, &pair.address);
    pair.client = dial(&pair.address);
    pair.server = accept(pair.listener, NULL, NULL);
    CHECK(pair.server >= 0);
    if (family != AF_UNIX)
        CHECK(setsockopt(pair.server, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) == 0);
    return pair;
}

struct pair tcp_pair(void)
{
    return make_pair(AF_INET);
}

struct pair tcp6_pair(void)
{
    return make_pair(AF_INET6);
}

struct pair unix_pair(void)
{
    return make_pair(AF_UNIX);
}

void pair_close(struct pair *pair)
{
    CHECK(close(pair->client) == 0);
    CHECK(close(pair->server) == 0);
    CHECK(close(pair->listener) == 0);
}

/* ---- moving bytes ---- */

ssize_t plain_read(int fd, void *bytes, size_t n)
{
    return read(fd, bytes, n);
}

ssize_t plain_write(int fd, void *bytes, size_t n)
{
    return write(fd, bytes, n);
}

void send_all(int fd, const void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t k = send(fd, (const char *)bytes + done, n - done, MSG_NOSIGNAL);
        CHECK(k > 0);
        done += (size_t)k;
    }
}

void send_text(int fd, const char *text)
{
    send_all(fd, text, strlen(text));
}

void recv_all(int fd, void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t k = recv(fd, (char *)bytes + done, n - done, 0);
        CHECK(k > 0);
        done += (size_t)k;
    }
}

size_t recv_to_end(int fd, void *bytes, size_t size)
{
    size_t done = 0;
    for (;;) {
        ssize_t k = recv(fd, (char *)bytes + done, size - done, 0);
        CHECK(k >= 0);
        if (k == 0)
            return done;
        done += (size_t)k;
        CHECK(done < size);
    }
}

size_t recv_head(int fd, char *bytes, size_t size)
{
    size_t len = 0;
    do {
        CHECK(len < size);
        recv_all(fd, bytes + len, 1);
        len++;
    } while (len < 4 || memcmp(bytes + len - 4, "\r\n\r\n", 4) != 0);
    return len;
}

size_t recv_response(int fd, char *bytes, size_t size, size_t body_len, const char *want)
{
    size_t len = recv_head(fd, bytes, size);
    len = check_response(bytes, len, want);
    CHECK(len + body_len <= size);
    recv_all(fd, bytes + len, body_len);
    return len + body_len;
}

static void wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    CHECK(poll(&p, 1, 10000) == 1);
}

void write_all(int fd, mover writer, const void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t k = writer(fd, (char *)(uintptr_t)bytes + done, n - done);
        if (k < 0 && errno == EAGAIN) {
            wait_for(fd, POLLOUT);
            continue;
        }
        CHECK(k > 0 && (size_t)k <= n - done);
        done += (size_t)k;
    }
}

void reply(int fd, const char *text)
{
    write_all(fd, plain_write, text, strlen(text));
}

static size_t read_more(int fd, mover reader, char *bytes, size_t len, size_t size)
{
    CHECK(len < size);
    ssize_t k;
    while ((k = reader(fd, bytes + len, size - len)) < 0 && errno == EAGAIN)
        wait_for(fd, POLLIN);
    CHECK(k > 0 && (size_t)k <= size - len);
    return len + (size_t)k;
}

size_t read_head(int fd, mover reader, char *bytes, size_t size)
{
    size_t len = 0;
    while (head_length(bytes, len) == 0)
        len = read_more(fd, reader, bytes, len, size);
    return len;
}

/* The value of the X-Request-ID that head brings along; false if it brings none. */
static bool own_id(const char *head, char value[ID_SIZE])
{
    value[0] = 0;
    const char *line = strcasestr(head, "\r\nx-request-id:");
    if (!line)
        return false;
    line += strlen("\r\nx-request-id:");
    line += strspn(line, " \t");
    size_t n = strcspn(line, "\r\n");
    if (n < ID_SIZE) {
        memcpy(value, line, n);
        value[n] = 0;
    }
    if (strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:/+=@-") != n)
        value[0] = 0;
    return true;
}

void exchange(const struct pair *pair, const char *request, mover reader, const char *response, mover writer)
{
    size_t request_len = strlen(request), response_len = strlen(response);
    size_t size = request_len + response_len + HEAD_MAX;
    char *bytes = malloc(size), id[ID_SIZE];

    send_all(pair->client, request, request_len);
    size_t len = read_head(pair->server, reader, bytes, size);
    size_t all = head_length(bytes, len) + request_len - head_length(request, request_len);
    while (len < all)
        len = read_more(pair->server, reader, bytes, len, size);
    CHECK(len == all);
    len = own_id(request, id) ? strip_trace(bytes, len) : check_request(bytes, len, id);
    CHECK(len == request_len && memcmp(bytes, request, len) == 0);
    show("service", bytes, len);

    write_all(pair->server, writer, response, response_len);
    char returned[ID_SIZE];
    size_t head = head_length(response, response_len);
    if (own_id(response, returned)) {
        len = recv_head(pair->client, bytes, size);
        recv_all(pair->client, bytes + len, response_len - head);
        len += response_len - head;
    } else {
        len = recv_response(pair->client, bytes, size, response_len - head, id);
    }
    CHECK(len == response_len && memcmp(bytes, response, len) == 0);
    show("client", bytes, len);
    free(bytes);
}

/* ---- a service and its client ---- */

bool serve_next(int conn)
{
    char bytes[4096], id[ID_SIZE], path[256];
    size_t len = 0;
    while (head_length(bytes, len) == 0) {
        ssize_t k = read(conn, bytes + len, sizeof bytes - len);
        if (k == 0 && len == 0)
            return false;
        CHECK(k > 0);
        len += (size_t)k;
    }
    len = check_request(bytes, len, id);
    CHECK(len == head_length(bytes, len));
    bytes[len - 1] = 0;
    CHECK(sscanf(bytes, "GET %255s HTTP/1.1", path) == 1);
    len = (size_t)sprintf(bytes, "HTTP/1.1 200 OK\r\nSeen-ID: %-20s .\r\nContent-Length: %zu\r\n\r\nhello %s",
                          id[0] ? id : "-", strlen("hello ") + strlen(path), path);
    write_all(conn, plain_write, bytes, len);
    return true;
}

void serve(int conn)
{
    while (serve_next(conn))
        ;
    CHECK(close(conn) == 0);
}

void get(int client, const char *path)
{
    char bytes[4096], seen[ID_SIZE], body[300];
    int n = sprintf(bytes, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path);
    send_all(client, bytes, (size_t)n);
    size_t len = recv_head(client, bytes, sizeof bytes - 1);
    bytes[len] = 0;
    CHECK(sscanf(bytes, "HTTP/1.1 200 OK\r\nSeen-ID: %128s", seen) == 1);
    if (strcmp(seen, "-") == 0)
        seen[0] = 0;
    CHECK(request_ids == REQUIRED ? is_made(seen) : request_ids == OPTIONAL || !seen[0]);
    check_response(bytes, len, seen);
    size_t body_len = (size_t)sprintf(body, "hello %s", path);
    recv_all(client, bytes, body_len);
    CHECK(memcmp(bytes, body, body_len) == 0);
}

void get_said(int client, const char *path)
{
    get(client, path);
    say("answered %s", path);
}

void get_once(const struct address *address, const char *path)
{
    int client = dial(address);
    get(client, path);
    CHECK(close(client) == 0);
}

pid_t forked(void)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    return pid;
}

void wait_ok(pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
}

const char *own_path(void)
{
    static char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    CHECK(n > 0);
    path[n] = 0;
    return path;
}

void run_self(const char *argument)
{
    char *const argv[] = {"self", (char *)(uintptr_t)argument, NULL};
    execv(own_path(), argv);
    check_failed(__FILE__, __LINE__, "exec");
}

pid_t forked_self(const char *argument)
{
    pid_t pid = forked();
    if (pid == 0)
        run_self(argument);
    return pid;
}

unsigned thread_count(void)
{
    DIR *dir = opendir("/proc/self/task");
    CHECK(dir);
    unsigned n = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

void open_descriptors(char *text, size_t size)
{
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir);
    int fds[256], n = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir) && n < (int)COUNT(fds))
            fds[n++] = atoi(entry->d_name);
    closedir(dir);
    size_t at = 0;
    text[0] = 0;
    for (int low = 0; low >= 0;) { /* in order: the directory's own order is the kernel's business */
        int next = -1;
        for (int i = 0; i < n; i++)
            if (fds[i] >= low && (next < 0 || fds[i] < next))
                next = fds[i];
        if (next >= 0)
            at += (size_t)snprintf(text + at, size - at, at ? " %d" : "%d", next);
        low = next < 0 ? -1 : next + 1;
    }
}

uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void sleep_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}
