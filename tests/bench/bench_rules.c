/*
 * What rules cost the service's threads: a log line, a call to redis, a request, with the shipped rules and without.
 *
 * The bytes are only shown, as the hooks show them after the real call. Prints the best of several runs: everything else on
 * the machine only ever adds.
 */
#include "base/sys.h"
#include "conn/conn.h"
#include "conn/link.h"
#include "conn/logline.h"
#include "conn/process.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUNS = 9, ROUNDS = 20000, FD = 300 };

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double best(void (*round)(void))
{
    double least = 1e12;

    for (int run = 0; run < RUNS; run++) {
        double begin = now_ns();

        for (int i = 0; i < ROUNDS; i++)
            round();
        begin = (now_ns() - begin) / ROUNDS;
        least = begin < least ? begin : least;
    }
    return least;
}

static void show(int fd, enum octo_side side, const char *text)
{
    struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
    struct octo_conn *conn = octo_conn_enter(fd, side);

    if (!conn || (fd == FD + 1 && conn->opaque)) {
        printf("%d is not followed\n", fd);
        exit(1);
    }
    octo_conn_take_turn(conn, side);
    if (side == OCTO_IN)
        octo_edit_passed(&conn->in, &octo_conn_in_ops, conn, &iov, 1, iov.iov_len);
    else
        octo_edit_passed(&conn->out, &octo_conn_out_ops, conn, &iov, 1, iov.iov_len);
    octo_conn_leave(conn, side);
}

static void write_line(const char *line)
{
    struct iovec iov = {(void *)(uintptr_t)line, strlen(line)};

    octo_log_wrote(1, &iov, 1, iov.iov_len);
}

static void plain_line(void)
{
    write_line(
        "127.0.0.1 - - [26/Nov/2026:12:00:00 +0000] \"GET /tasks HTTP/1.1\" 200 17 \"-\" \"curl/7.88.1\"\n");
}

static void json_line(void)
{
    write_line("{\"number\": \"17\", \"task\": {\"priority\": \"high\", \"source\": \"api\"}, \"event\": "
               "\"task.completed\", "
               "\"level\": \"info\", \"logger\": \"executor\", \"timestamp\": \"2026-11-26T12:00:00.123456Z\"}\n");
}

static void counted_line(void)
{
    write_line("{\"number\": \"17\", \"task\": {\"priority\": \"high\", \"source\": \"api\"}, \"event\": "
               "\"task.failed\", "
               "\"level\": \"error\", \"logger\": \"executor\", \"error_code\": \"no_arm\", \"x\": 1}\n");
}

static void ping(void)
{
    show(FD, OCTO_OUT, "*1\r\n$4\r\nPING\r\n");
    show(FD, OCTO_IN, "+PONG\r\n");
}

static void request(void)
{
    show(FD + 1, OCTO_IN,
         "POST /tasks HTTP/1.1\r\nHost: a\r\nContent-Length: 55\r\n\r\n"
         "{\"task\": {\"priority\": \"high\", \"source\": \"api\", \"n\": 1}}");
    show(FD + 1, OCTO_OUT, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
}

static void connect_redis(void)
{
    const struct sockaddr_in peer = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (dup2(fd, FD) != FD)
        exit(1);
    octo_fd_connected(FD, (const struct sockaddr *)&peer, sizeof(peer), true);
}

static void run(const char *config)
{
    static char dir[] = "/tmp/octo-bench-XXXXXX",
                runtime_dir[64] = "OCTOSHIM_RUNTIME_DIR=", file[256] = "OCTOSHIM_CONFIG=";
    static char log[] = "OCTOSHIM_LOG=/dev/null", level[] = "LOG_LEVEL=CRITICAL";
    static char *environment[] = {runtime_dir, log, level, file, NULL};
    const struct sockaddr_in peer = {.sin_family = AF_INET};

    if (!mkdtemp(dir))
        exit(1);
    strcat(runtime_dir, dir);
    strcat(file, config);
    environment[3] = *config ? file : NULL;
    octo_process_load(environment, "bench", "bench", "");
    if (!octo_service_wake(-1))
        exit(1);
    octo_fd_accepted(FD + 1, (const struct sockaddr *)&peer, sizeof(peer));
    printf("  %-46s %8.1f ns\n", "a request, events off", best(request));
    if (*config) {
        connect_redis();
        printf("  %-46s %8.1f ns\n", "a command of redis and its answer", best(ping));
        printf("  %-46s %8.1f ns\n", "a log line that is no JSON", best(plain_line));
        printf("  %-46s %8.1f ns\n", "a JSON log line that no rule counts", best(json_line));
        printf("  %-46s %8.1f ns\n", "a JSON log line that one counts", best(counted_line));
    }
    unlink(octo_service.segment_path);
    rmdir(dir);
}

int main(void)
{
    static const char *const configs[] = {"", "deploy/rules/tasks.json"};

    for (unsigned i = 0; i < 2; i++) {
        pid_t child;

        printf("  %s\n", *configs[i] ? configs[i] : "without rules");
        fflush(stdout);
        child = fork();
        if (child == 0) {
            run(configs[i]);
            exit(0);
        }
        waitpid(child, NULL, 0);
    }
    return 0;
}
