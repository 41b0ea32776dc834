// What a process can see of itself is as bare, before and after serving: environment (but for LD_PRELOAD),
// signal dispositions and masks, umask, working directory, timers, limits, priority, children's inheritance.
// (issue point 6)
// valgrind: no, it shows itself in all of these
//
// events: request.started=2 request.completed=2
#include "preload.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>

#define BIT(signal) (1ull << ((signal)-1))
#define CRASHES (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGFPE) | BIT(SIGABRT))

static void look(const char *when)
{
    extern char **environ;
    say("-- %s", when);
    for (char **e = environ; *e; e++)
        if (strncmp(*e, "OCTOSHIM", 8) != 0 && strncmp(*e, "LD_PRELOAD", 10) != 0)
            say("%s", *e);
    char line[512];
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status);
    while (fgets(line, sizeof line, status)) {
        const char *const fields[] = {"Name",   "Umask",      "Uid",      "Groups",       "SigQ",
                                      "SigPnd", "ShdPnd",     "SigBlk",   "SigIgn",       "SigCgt",
                                      "CapEff", "NoNewPrivs", "Seccomp:", "Cpus_allowed:"};
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "SigCgt", 6) == 0) // those of a crash are the shim's where they are nobody's
            sprintf(line, "SigCgt: %llx", strtoull(line + 7, NULL, 16) & ~CRASHES);
        for (size_t i = 0; i < COUNT(fields); i++)
            if (strncmp(line, fields[i], strlen(fields[i])) == 0 && i != 4)
                say("%s", line);
    }
    CHECK(fclose(status) == 0);
    struct itimerval timers[3];
    for (int i = 0; i < 3; i++)
        CHECK(getitimer((__itimer_which_t)i, &timers[i]) == 0 && timers[i].it_value.tv_sec == 0);
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit limit;
        CHECK(getrlimit((__rlimit_resource_t)i, &limit) == 0);
        say("limit %d: %lld %lld", i, (long long)limit.rlim_cur, (long long)limit.rlim_max);
    }
    say("nice %d, dumpable %d, keep caps %d, death signal %d", getpriority(PRIO_PROCESS, 0),
        prctl(PR_GET_DUMPABLE), prctl(PR_GET_KEEPCAPS), prctl(PR_GET_PDEATHSIG, &(int){0}));
    say("leader %d, group %d, root tid %d", getsid(0) == getpid(), getpgrp() == getpid(), gettid() == getpid());
}

int main(void)
{
    look("start");
    struct pair pair = tcp_pair();
    for (int i = 0; i < 2; i++) {
        exchange(&pair, "GET /a HTTP/1.1\r\nHost: test\r\n\r\n", plain_read,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", plain_write);
        sleep_ms(20);
        look("served");
    }
    pair_close(&pair);
    return 0;
}
