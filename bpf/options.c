/* The command line: see options.h. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/settings_table.h"
#include "syscalls.h"

static const char usage[] =
    "usage: octoprobe [top] [options] -p PID[,PID...] | -n NAME | -c CGROUP | -- command [argument...]\n"
    "\n"
    "Which:\n"
    "  -p, --pid PID,...     these processes, their threads and their children\n"
    "  -n, --name NAME       those of this name (as in ps -o comm), now and later; up to 8 times\n"
    "  -c, --cgroup PATH     those of this control group (version 2) and below; up to 8 times\n"
    "  -- command ...        start it, and follow it\n"
    "      --no-follow       not their children\n"
    "  -t, --tid TID         only this thread\n"
    "  -x, --failures        only calls that fail\n"
    "  -e, --errno ERRNO     only calls that fail with this: ENOENT, or 2\n"
    "What:\n"
    "  -L, --latency         how long calls take, too\n"
    "  -H, --histograms      the same in full\n"
    "  -P, --process         by process\n"
    "      --inflight        what is blocked in what, and for how long\n"
    "      --slow MS         each call that takes as long, unless it waits by nature\n"
    "How:\n"
    "  -i, --interval SEC    every SEC seconds (else at the end)\n"
    "  -d, --duration SEC    end after SEC seconds\n"
    "  -T, --top N           at most N rows (10)\n"
    "  -m, --milliseconds    not microseconds\n"
    "      --json            one JSON object a line\n"
    "      --prometheus ADDR serve metrics at 127.0.0.1:9465, [::1]:9465, unix:/path\n"
    "      --join WHERE      let preloaded services join: @octoprobe (as without it), /path, off\n"
    "Else:\n"
    "      --check           what this kernel and this user can do\n"
    "  -l, --list            the names of system calls\n"
    "  -v, --verbose         what the loader has to say\n"
    "  -h, --help, -V, --version\n"
    "\n"
    "Exit codes: 0; 1 trouble; 2 usage; 66 no such process; 69 no BPF here, or not for this user; of a command: "
    "its own.\n";

__attribute__((noreturn, format(printf, 1, 2))) static void mistake(const char *format, ...)
{
    va_list args;

    fputs("octoprobe: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("; see octoprobe --help\n", stderr);
    exit(EXIT_USAGE);
}

static unsigned long number(const char *what, const char *text, unsigned long least, unsigned long most)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || n < least || n > most)
        mistake("%s %s: a number from %lu to %lu is wanted", what, text, least, most);
    return n;
}

static uint64_t seconds(const char *what, const char *text)
{
    char *end;
    double s = strtod(text, &end);

    if (end == text || *end != '\0' || !(s >= 0.1 && s <= 31536000))
        mistake("%s %s: seconds, 0.1 to 31536000, are wanted", what, text);
    return (uint64_t)(s * 1e9);
}

static void read_pids(struct options *o, char *list)
{
    char *rest;

    if (*list == '\0')
        mistake("-p: a process is wanted");
    for (char *pid = strtok_r(list, ",", &rest); pid != NULL; pid = strtok_r(NULL, ",", &rest)) {
        if (o->pids == OPTIONS_PIDS)
            mistake("-p: more than %d processes", OPTIONS_PIDS);
        o->pid[o->pids++] = (pid_t)number("-p", pid, 1, OCTO_PIDS - 1);
    }
}

/* ENOENT, or 2. */
static int read_errno(const char *text)
{
    for (int i = 1; i < 4096; i++) {
        const char *name = strerrorname_np(i);

        if (name != NULL && strcasecmp(name, text) == 0)
            return i;
    }
    return (int)number("-e", text, 1, 4095);
}

static void list_calls(void)
{
    for (unsigned i = 0; i < octo_calls_known(); i++)
        printf("%3u %-28s %s\n", i, octo_call_name(i), octo_class_name(octo_call_class(i)));
    exit(fflush(stdout) != 0 ? EXIT_TROUBLE : 0);
}

static void say(const char *text)
{
    fputs(text, stdout);
    exit(fflush(stdout) != 0 ? EXIT_TROUBLE : 0);
}

enum { NO_FOLLOW = 256, IN_FLIGHT, SLOW, JSON, PROMETHEUS, JOIN, CHECK };

static const struct option words[] = {
    {"pid", required_argument, NULL, 'p'},
    {"name", required_argument, NULL, 'n'},
    {"cgroup", required_argument, NULL, 'c'},
    {"no-follow", no_argument, NULL, NO_FOLLOW},
    {"tid", required_argument, NULL, 't'},
    {"failures", no_argument, NULL, 'x'},
    {"errno", required_argument, NULL, 'e'},
    {"latency", no_argument, NULL, 'L'},
    {"histograms", no_argument, NULL, 'H'},
    {"process", no_argument, NULL, 'P'},
    {"slow", required_argument, NULL, SLOW},
    {"inflight", no_argument, NULL, IN_FLIGHT},
    {"interval", required_argument, NULL, 'i'},
    {"duration", required_argument, NULL, 'd'},
    {"top", required_argument, NULL, 'T'},
    {"milliseconds", no_argument, NULL, 'm'},
    {"json", no_argument, NULL, JSON},
    {"prometheus", required_argument, NULL, PROMETHEUS},
    {"check", no_argument, NULL, CHECK},
    {"list", no_argument, NULL, 'l'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {"join", required_argument, NULL, JOIN},
    {NULL, 0, NULL, 0},
};

static void take(struct options *o, int letter, char *value)
{
    switch (letter) {
    case 'p':
        read_pids(o, value);
        break;
    case 'n':
        if (o->names == OCTO_NAMES || *value == '\0' || strlen(value) >= OCTO_NAME_MAX)
            mistake("-n %s: up to %d names of up to %d bytes", value, OCTO_NAMES, OCTO_NAME_MAX - 1);
        o->name[o->names++] = value;
        break;
    case 'c':
        if (o->cgroups == OCTO_CGROUPS)
            mistake("-c: more than %d control groups", OCTO_CGROUPS);
        o->cgroup[o->cgroups++] = value;
        break;
    case 't':
        o->thread = (pid_t)number("-t", value, 1, OCTO_PIDS - 1);
        break;
    case 'e':
        o->error = read_errno(value);
        break;
    case 'i':
        o->interval_ns = seconds("-i", value);
        break;
    case 'd':
        o->duration_ns = seconds("-d", value);
        break;
    case 'T':
        o->rows = (unsigned)number("-T", value, 1, 100000);
        break;
    case PROMETHEUS:
        if (octo_setting_parse_listen(value, strlen(value), &o->listen) != 0 || o->listen.kind == OCTO_LISTEN_OFF)
            mistake("--prometheus %s: 127.0.0.1:9465, [::1]:9465 or unix:/path is wanted", value);
        break;
    case JOIN:
        if (strcmp(value, "off") != 0 &&
            ((value[0] != '@' && value[0] != '/') || value[1] == '\0' || strlen(value) > 107))
            mistake("--join %s: @name, /path of at most 107 bytes, or off is wanted", value);
        o->join = value;
        o->join_wanted = true;
        break;
    case NO_FOLLOW:
        o->follow = false;
        break;
    case 'x':
        o->failures = true;
        break;
    case 'L':
        o->latency = true;
        break;
    case 'H':
        o->histograms = true;
        break;
    case 'P':
        o->by_process = true;
        break;
    case 'm':
        o->milliseconds = true;
        break;
    case 'v':
        o->verbose = true;
        break;
    case SLOW:
        o->slow_ns = number("--slow", value, 1, 1000000000) * OCTO_NS_PER_MS;
        break;
    case IN_FLIGHT:
        o->in_flight = true;
        break;
    case JSON:
        o->json = true;
        break;
    case CHECK:
        o->check = true;
        break;
    case 'l':
        list_calls();
        break;
    case 'h':
        say(usage);
        break;
    case 'V':
        say("octoprobe " OCTO_VERSION "\n");
        break;
    default:
        fputs("octoprobe: see octoprobe --help\n", stderr);
        exit(EXIT_USAGE);
    }
}

void options_read(struct options *o, int argc, char **argv)
{
    int letter;

    *o = (struct options){.follow = true, .rows = 10, .join = "@octoprobe"};
    if (argc > 1 && strcmp(argv[1], "top") == 0) {
        o->screen = o->latency = true;
        o->interval_ns = 2000000000;
        o->rows = 20;
        argv[1] = argv[0];
        argv++;
        argc--;
    }
    while ((letter = getopt_long(argc, argv, "+p:n:c:t:xe:LHPi:d:T:mlvhV", words, NULL)) != -1)
        take(o, letter, optarg);
    if (optind < argc && strcmp(argv[optind - 1], "--") != 0)
        mistake("%s: an option is wanted, or -- before a command", argv[optind]);
    if (optind < argc)
        o->command = argv + optind;
    if (!o->check && o->pids + o->names + o->cgroups == 0 && o->command == NULL)
        mistake("which processes? -p, -n, -c, or -- and a command");
    if (o->screen && o->json)
        mistake("top refreshes a screen; --json is for programs");
}
