// A program that never listens, like most that inherit LD_PRELOAD from a service: files, pipes, sockets and
// children as bare, no thread, no event. (H49)
// valgrind: no, it keeps descriptors among the service's own
//
// events: service.started=0 service.stopped=0 request.started=0
#include "preload.h"

int main(void)
{
    char bytes[100], text[200];
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t pid = forked();
    if (pid == 0) {
        CHECK(dup2(ends[1], 1) == 1);
        execlp("echo", "echo", "GET / HTTP/1.1", NULL);
    }
    wait_ok(pid);
    ssize_t k = read(ends[0], bytes, sizeof bytes);
    show("child", bytes, (size_t)k);
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(write(fd, "HTTP/1.1 200 OK\r\n\r\n", 19) == 19 && lseek(fd, 0, SEEK_SET) == 0);
    CHECK(read(fd, bytes, sizeof bytes) == 19);
    show("file", bytes, 19);
    open_descriptors(text, sizeof text);
    say("descriptors %s, tasks %u", text, thread_count());
    return 0;
}
