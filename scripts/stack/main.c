/*
 * octoshim-stack: started by liboctoshim.so when a stack is wanted. The sample in, the answer out. See parts.h.
 *
 *      0  a socket: the sample up to its end, then the answer; or one that listens: see attend.c
 *
 * It fails as an answer, too: whatever signal ends a stage of the work, the next one goes on with what there is.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "parts.h"

/* A sanitizer wants to see a fault itself, and needs more of an address space than there is to be given. */
#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum {
    SAMPLE_MAX = sizeof(struct octo_stack_sample) + 2 * OCTO_STACK_BYTES_MAX + MAPS_MAX,
    CPU_S = 2,
    TIME_S = 5,
    SIGNAL_STACK = 64 << 10,
    EXIT_USAGE = 64, /* sysexits.h's EX_USAGE */
};

static const rlim_t memory_most = (rlim_t)4 << 30;

static struct chain chain;
static struct answer answer = {.reply = {.version = OCTO_STACK_VERSION, .json_bytes = 2}, .json = "[]"};
static size_t json_room = OCTO_STACK_JSON_MAX;
static char *maps; /* of who asks the attendant. NULL: those that come with the sample */
static int maps_error;
static sigjmp_buf stage_end;

static void fail(int signal)
{
    (void)signal;
    siglongjmp(stage_end, 1);
}

static void limit(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit now;

    if (getrlimit(resource, &now) != 0)
        return;
    now.rlim_max = now.rlim_max < hard ? now.rlim_max : hard;
    now.rlim_cur = now.rlim_max < soft ? now.rlim_max : soft;
    setrlimit(resource, &now);
}

/* What holds of this process, whatever the service has set for itself. */
static void settle(void)
{
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}, times[] = {SIGALRM, SIGXCPU};
    struct sigaction action = {.sa_handler = fail, .sa_flags = SA_ONSTACK};
    stack_t stack = {.ss_sp = malloc(SIGNAL_STACK), .ss_size = SIGNAL_STACK};

    if (stack.ss_sp != NULL)
        sigaltstack(&stack, NULL);
    for (size_t i = 0; !SANITIZED && i < sizeof faults / sizeof *faults; i++)
        sigaction(faults[i], &action, NULL);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        sigaction(times[i], &action, NULL);
    sigprocmask(SIG_SETMASK, &(sigset_t){0}, NULL);
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_CPU, CPU_S, 2 * CPU_S);
    if (!SANITIZED)
        limit(RLIMIT_AS, memory_most, memory_most);
}

/* All that comes, with a NUL behind it; more than a sample can be is left unread. */
static char *read_all(size_t *length)
{
    char *text =
        mmap(NULL, SAMPLE_MAX + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ssize_t n;

    *length = 0;
    if (text == MAP_FAILED)
        return NULL;
    while (*length < SAMPLE_MAX &&
           ((n = read(OCTO_STACK_FD, text + *length, SAMPLE_MAX - *length)) > 0 || (n < 0 && errno == EINTR))) {
        if (n > 0)
            *length += (size_t)n;
    }
    return text;
}

/* s->head remains NULL if there is none that is of use. */
static void read_stage(struct sample *s)
{
    size_t length;
    char *text = read_all(&length);
    const struct octo_stack_sample *head = (const struct octo_stack_sample *)text;

    if (text == NULL || length < sizeof *head) {
        chain_cut(&chain, "the sample is cut off");
    } else if (head->version != OCTO_STACK_VERSION) {
        chain_cut(&chain, "the sample is of version %u, octoshim-stack of %d", head->version, OCTO_STACK_VERSION);
    } else if (head->machine != MACHINE) {
        chain_cut(&chain, "the sample is of another kind of processor");
    } else if (head->stack_bytes > OCTO_STACK_BYTES_MAX || head->other_bytes > OCTO_STACK_BYTES_MAX ||
               head->stack_bytes + head->other_bytes > length - sizeof *head ||
               head->stack_at + head->stack_bytes < head->stack_at ||
               head->other_at + head->other_bytes < head->other_at) {
        chain_cut(&chain, "the sample is cut off");
    } else if (maps == NULL && text[sizeof *head + head->stack_bytes + head->other_bytes] == '\0') {
        chain_cut(&chain, "the maps in /proc cannot be read: %s", strerror(maps_error));
    } else {
        s->head = head;
        s->stack = (const uint8_t *)(head + 1);
        s->other = s->stack + head->stack_bytes;
        maps_read(maps != NULL ? maps : text + sizeof *head + head->stack_bytes + head->other_bytes);
        chain.max = head->frames_max < OCTO_STACK_FRAMES_MAX ? head->frames_max : OCTO_STACK_FRAMES_MAX;
        json_room = head->json_max < OCTO_STACK_JSON_MAX ? head->json_max : OCTO_STACK_JSON_MAX;
    }
}

static void walk_stage(struct sample *s)
{
    if (s->head != NULL)
        walk(s, &chain);
}

/* All frames of a module are named at once. */
static void name_stage(struct sample *s)
{
    if (chain.count > 0)
        jit_name(s, &chain);
    for (unsigned i = 0; i < chain.count; i++) {
        const struct module *module = chain.frames[i].module;
        bool seen = module == NULL || module->image == NULL;

        for (unsigned k = 0; k < i; k++)
            seen |= chain.frames[k].module == module;
        if (!seen)
            symbols_name(&chain, module);
    }
}

static void describe_stage(struct sample *s)
{
    describe(s, &chain, json_room, &answer);
}

static void send_all(const void *data, size_t left)
{
    const char *p = data;
    ssize_t n;

    while (left > 0 && ((n = send(OCTO_STACK_FD, p, left, MSG_NOSIGNAL)) > 0 || (n < 0 && errno == EINTR))) {
        if (n > 0) {
            p += n;
            left -= (size_t)n;
        }
    }
}

static void answer_stage(struct sample *s)
{
    static char all[sizeof answer];
    size_t json = answer.reply.json_bytes, places = answer.reply.places * sizeof *answer.places;

    (void)s;
    /* That there was no room for more is nearer than why there would have been no more. */
    if (chain.cut && !answer.reply.cut) {
        answer.reply.cut = 1;
        memcpy(answer.reply.reason, chain.reason, sizeof answer.reply.reason);
    }
    /* At once: who asks may have a look at no more than what comes first. */
    memcpy(all, &answer.reply, sizeof answer.reply);
    memcpy(all + sizeof answer.reply, answer.json, json);
    memcpy(all + sizeof answer.reply + json, answer.places, places);
    send_all(all, sizeof answer.reply + json + places);
}

/* The socket's option, a number; -1: it is no socket. */
static int option(int socket, int name)
{
    int value;

    return getsockopt(socket, SOL_SOCKET, name, &value, &(socklen_t){sizeof value}) == 0 ? value : -1;
}

int main(int argc, char **argv)
{
    static void (*const stages[])(struct sample *) = {read_stage, walk_stage, name_stage, describe_stage,
                                                      answer_stage};
    static struct sample sample;
    static volatile unsigned next;
    static const char what[] = "says what functions a thread was in; liboctoshim.so starts it, see octoshim(7)";

    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printf("octoshim-stack %s\n", OCTO_VERSION) < 0 || fflush(stdout) != 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return printf("octoshim-stack %s\nusage: octoshim-stack --version | --help\n", what) < 0 ||
               fflush(stdout) != 0;
    if (argc > 1 || option(OCTO_STACK_FD, SO_TYPE) != SOCK_STREAM) {
        fprintf(stderr, "octoshim-stack: %s\n", what);
        return EXIT_USAGE;
    }
    if (option(OCTO_STACK_FD, SO_ACCEPTCONN) == 1)
        maps = attend(&maps_error);
    settle();
    /* A signal ends a stage. */
    if (sigsetjmp(stage_end, 1) != 0)
        chain_cut(&chain, "octoshim-stack itself failed");
    while (next < sizeof stages / sizeof *stages) {
        alarm(TIME_S);
        stages[next++](&sample);
    }
    return 0;
}
