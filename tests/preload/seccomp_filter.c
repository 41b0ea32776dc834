// A service confines itself by prctl to the calls it uses; any other kills it. It serves, before its first
// request and after one, with big and small buffers. (H42)
// valgrind: no, it cannot live under a filter
#include "seccomp.h"

static void confined(int listening, bool served_before)
{
    struct sock_filter program[COUNT(SERVICE_CALLS) + 3];
    struct sock_fprog filter = filter_of(program, SERVICE_CALLS, COUNT(SERVICE_CALLS), SECCOMP_RET_KILL_PROCESS);
    if (served_before) {
        int conn = accept(listening, NULL, NULL);
        CHECK(serve_next(conn) && serve_next(conn));
        close(conn);
        sleep_ms(20);
    }
    ids_optional();
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
    serve(accept(listening, NULL, NULL));
    int conn = accept(listening, NULL, NULL);
    char bytes[1024], id[ID_SIZE];
    size_t len = 0;
    while (head_length(bytes, len) == 0)
        len += (size_t)read(conn, bytes + len, 9);
    check_request(bytes, len, id);
    static const char response[] = "HTTP/1.1 200 OK\r\nSeen-ID: -\r\nContent-Length: 12\r\n\r\nhello /small";
    for (size_t at = 0; at < strlen(response); at++)
        CHECK(write(conn, response + at, 1) == 1);
    close(conn);
    _exit(0);
}

int main(void)
{
    for (int i = 0; i < 2; i++) {
        struct address address;
        int listening = listener(AF_INET, &address);
        pid_t pid = forked();
        if (pid == 0)
            confined(listening, i);
        enum demand requests = request_ids, responses = response_ids;
        if (i) {
            int client = dial(&address);
            get_said(client, "/free");
            get_said(client, "/free");
            close(client);
        }
        ids_optional();
        int client = dial(&address);
        get_said(client, "/confined");
        get_said(client, "/confined");
        close(client);
        char bytes[1024];
        client = dial(&address);
        send_text(client, "GET /small HTTP/1.1\r\nHost: test\r\n\r\n");
        size_t len = recv_response(client, bytes, sizeof bytes, 12, "");
        show("client", bytes, len);
        close(client);
        wait_ok(pid);
        request_ids = requests;
        response_ids = responses;
        close(listening);
    }
    return 0;
}
