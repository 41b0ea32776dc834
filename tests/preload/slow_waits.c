// Requests that are stuck in each kind of call that an interruption would end (signal(7), "Interruption of system calls and library
// functions by stop signals"), and in a loop, are told while they last, with stack and call; and the call notices nothing of it: no EINTR, no
// early return, nothing left over.
// env: OCTOSHIM_STACKS=all OCTOSHIM_SLOW_MS=100
// valgrind: no, its own calls are seen
//
// events: request.slow=12 request.started=12 request.completed=12 service.crashed=0
// event: request.slow path=/epoll syscall=epoll_wait stack stack_id thread_id duration_ms>100 duration_ms<600
// event: request.slow path=/poll syscall=poll stack
// event: request.slow path=/select syscall=pselect6 stack
// event: request.slow path=/sleep syscall=clock_nanosleep stack
// event: request.slow path=/semaphores syscall=semtimedop stack
// event: request.slow path=/signals syscall=rt_sigtimedwait stack
// event: request.slow path=/lock syscall=futex stack
// event: request.slow path=/receive syscall stack
// event: request.slow path=/accept syscall=accept stack
// event: request.slow path=/message syscall=msgrcv stack
// event: request.slow path=/child syscall=wait4 stack
// event: request.slow path=/circles stack
// not-event: request.slow path=/circles syscall
// not-event: request.slow stack_error
#include "crash.h"

#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/wait.h>

enum { MS = 700 };

static const struct timespec patience = {.tv_nsec = MS * 1000000l};
static struct pair silent; // a connection on which nothing comes

static void by_epoll(void)
{
    int set = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};

    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, silent.server, &event) == 0);
    say("epoll_wait: %d", epoll_wait(set, &event, 1, MS));
    CHECK(close(set) == 0);
}

static void by_poll(void)
{
    struct pollfd one = {.fd = silent.server, .events = POLLIN};

    say("poll: %d", poll(&one, 1, MS));
}

static void by_select(void)
{
    struct timeval timeout = {.tv_usec = MS * 1000};
    fd_set in;

    FD_ZERO(&in);
    FD_SET(silent.server, &in);
    say("select: %d", select(silent.server + 1, &in, NULL, NULL, &timeout));
}

static void by_sleep(void)
{
    struct timespec left = {0, 0};

    say("nanosleep: %d, left %ld", nanosleep(&patience, &left), left.tv_nsec);
}

static void by_semaphores(void)
{
    int set = semget(IPC_PRIVATE, 1, 0600);
    struct sembuf down = {.sem_op = -1};
    int result = semtimedop(set, &down, 1, &patience);

    say("semtimedop: %d %s", result, strerror(errno));
    CHECK(semctl(set, 0, IPC_RMID) == 0);
}

static void by_signals(void)
{
    sigset_t none;
    int result;

    sigemptyset(&none);
    sigaddset(&none, SIGUSR2);
    result = sigtimedwait(&none, NULL, &patience);
    say("sigtimedwait: %d %s", result, strerror(errno));
}

static void by_lock(void)
{
    sem_t semaphore;
    struct timespec end;
    int result;

    CHECK(sem_init(&semaphore, 0, 0) == 0 && clock_gettime(CLOCK_REALTIME, &end) == 0);
    end.tv_sec += (end.tv_nsec + patience.tv_nsec) / 1000000000;
    end.tv_nsec = (end.tv_nsec + patience.tv_nsec) % 1000000000;
    result = sem_timedwait(&semaphore, &end);
    say("sem_timedwait: %d %s", result, strerror(errno));
}

static void by_receive(void)
{
    char byte;
    ssize_t result;

    CHECK(setsockopt(silent.server, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_usec = MS * 1000},
                     sizeof(struct timeval)) == 0);
    result = recv(silent.server, &byte, 1, 0);
    say("recv: %zd %s", result, strerror(errno));
}

static void by_accept(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), result;

    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_usec = MS * 1000},
                     sizeof(struct timeval)) == 0);
    CHECK(listen(fd, 1) == 0);
    result = accept(fd, NULL, NULL);
    say("accept: %d %s", result, strerror(errno));
    CHECK(close(fd) == 0);
}

// msgrcv has no timeout: a child sends.
static void by_message(void)
{
    int queue = msgget(IPC_PRIVATE, 0600);
    struct {
        long type;
        char text[4];
    } message = {1, "abc"};
    pid_t child = fork();
    int status;

    if (child == 0) {
        usleep(MS * 1000);
        _exit(msgsnd(queue, &message, sizeof message.text, 0) != 0);
    }
    say("msgrcv: %zd %s", msgrcv(queue, &message, sizeof message.text, 0, 0), message.text);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(msgctl(queue, IPC_RMID, NULL) == 0);
}

static void by_child(void)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        usleep(MS * 1000);
        _exit(3);
    }
    CHECK(waitpid(child, &status, 0) == child);
    say("waitpid: %d", WEXITSTATUS(status));
}

static __attribute__((noinline)) void running_in_circles(void)
{
    for (uint64_t end = now_ms() + MS; now_ms() < end;)
        crash_zero++;
}

static void stuck(const char *path, void (*in)(void))
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    struct pair pair = in_flight(path);
    uint64_t began = now_ms();

    in();
    CHECK(now_ms() - began >= MS - 1);
    CHECK(write(pair.server, answer, sizeof answer - 1) == sizeof answer - 1);
    pair_close(&pair);
}

int main(void)
{
    silent = tcp_pair();
    stuck("/epoll", by_epoll);
    stuck("/poll", by_poll);
    stuck("/select", by_select);
    stuck("/sleep", by_sleep);
    stuck("/semaphores", by_semaphores);
    stuck("/signals", by_signals);
    stuck("/lock", by_lock);
    stuck("/receive", by_receive);
    stuck("/accept", by_accept);
    stuck("/message", by_message);
    stuck("/child", by_child);
    stuck("/circles", running_in_circles);
    return 0;
}
