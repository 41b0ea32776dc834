// A service that enters seccomp's strict mode, where only read, write and exit may be called: it lives, and
// moves its bytes, after a request and before the first. (H42)
// valgrind: no, it cannot live under a filter
#include "preload.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static void confined(bool served_before)
{
    char bytes[1024], id[ID_SIZE];
    struct pair pair = tcp_pair();
    if (served_before)
        exchange(&pair, "GET /free HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
    ids_optional();
    send_text(pair.client, "GET /strict HTTP/1.1\r\nHost: test\r\n\r\n");
    sleep_ms(20);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
    size_t len = 0;
    while (head_length(bytes, len) == 0)
        len += (size_t)read(pair.server, bytes + len, served_before ? 10 : sizeof bytes - len);
    show("service", bytes, check_request(bytes, len, id));
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for (size_t at = 0, n = 5; at < strlen(response); at += n) {
        n = strlen(response) - at < 5 ? strlen(response) - at : 5;
        write_all(pair.server, plain_write, response + at, n);
    }
    len = 0;
    while (head_length(bytes, len) == 0)
        len += (size_t)read(pair.client, bytes + len, 1);
    CHECK(read(pair.client, bytes + len, 2) == 2);
    show("client", bytes, check_response(bytes, len + 2, ""));
    syscall(SYS_exit, 5);
}

int main(void)
{
    for (int i = 0; i < 2; i++) {
        pid_t pid = forked();
        if (pid == 0)
            confined(i);
        int status;
        CHECK(waitpid(pid, &status, 0) == pid);
        say("ends with %d", status);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    }
    return 0;
}
