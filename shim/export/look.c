/* A look at another thread: see look.h. */
#include "export/look.h"

#include "base/clock.h"
#include "base/sys.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

enum {
    TRIES = 3,
    STACK_BYTES = 256 << 10,
    PERF_STACK_BYTES = 32 << 10, /* its samples are of less than 64 KiB */
    TICK_NS = 1000000,           /* of processor time */
    TICK_PATIENCE_MS = 20,       /* for it: it may run on a processor that others use as well */
    PERF_PAGES = 16,
    PAGE = 4096, /* after the first; there is room for one sample at least */
};

static char stack[STACK_BYTES]; /* touched with the first look only */

/* "nr arguments… sp pc", "-1 sp pc", or "running". */
static long read_state(uint32_t tid, char *text, size_t size)
{
    char path[64];
    struct octo_text t;
    long fd, n;

    octo_text_begin(&t, path, sizeof path);
    octo_text_str(&t, "/proc/self/task/");
    octo_text_u64(&t, tid);
    octo_text_str(&t, "/syscall");
    fd = octo_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fd;
    n = octo_sys(SYS_read, fd, text, size - 1);
    octo_sys(SYS_close, fd);
    if (n > 0)
        text[n] = '\0';
    return n != 0 ? n : -ESRCH;
}

static uint64_t hex(const char *text)
{
    uint64_t value = 0;

    for (text += text[0] == '0' && text[1] == 'x' ? 2 : 0; *text; text++) {
        unsigned digit = *text >= 'a' ? (unsigned)(*text - 'a') + 10 : (unsigned)(*text - '0');

        if (digit > 15)
            break;
        value = value << 4 | digit;
    }
    return value;
}

/* The words of a state that is not "running": the last two, and the first. False: it has none. */
static bool parse(const char *text, struct octo_look *look)
{
    const char *word[16];
    unsigned n = 0;
    int number = 0;

    for (const char *p = text; *p && *p != '\n';) {
        if (n == sizeof word / sizeof *word)
            return false;
        word[n++] = p;
        while (*p && *p != ' ' && *p != '\n')
            p++;
        while (*p == ' ')
            p++;
    }
    if (n < 3)
        return false;
    for (const char *p = word[0]; *p >= '0' && *p <= '9' && number < 100000; p++)
        number = number * 10 + (*p - '0');
    look->call = word[0][0] == '-' ? -1 : number;
    memset(look->registers, 0, sizeof look->registers);
    look->registers[OCTO_STACK_SP] = hex(word[n - 2]);
    look->registers[OCTO_STACK_PC] = hex(word[n - 1]);
    look->known = UINT64_C(1) << OCTO_STACK_SP | UINT64_C(1) << OCTO_STACK_PC;
    return look->registers[OCTO_STACK_SP] != 0;
}

/* It has waited in the same call from before its stack was read until after that. */
static bool look_waiting(uint32_t tid, struct octo_look *look)
{
    char before[256], after[256];
    long n = read_state(tid, before, sizeof before), read;

    if (n < 0) {
        look->reason = "its state in /proc cannot be read";
        look->error = n;
        return false;
    }
    if (!parse(before, look))
        return false;
    read = octo_stack_read(look->registers[OCTO_STACK_SP], stack, sizeof stack);
    if (read <= 0 || read_state(tid, after, sizeof after) != n || memcmp(before, after, (size_t)n) != 0)
        return false;
    look->stack_bytes = (size_t)read;
    return true;
}

#if defined(__x86_64__)
/* perf's registers in the order of their bits (asm/perf_regs.h), by DWARF's numbers: ax bx cx dx si di bp sp ip, r8..r15. */
static const uint8_t perf_order[] = {0, 3, 2, 1, 4, 5, 6, 7, 16, 8, 9, 10, 11, 12, 13, 14, 15};
enum { PERF_MASK = 0x1ff | 0xff << 16 };
#elif defined(__aarch64__)
static const uint8_t perf_order[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                                     17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};
#define PERF_MASK ((UINT64_C(1) << 33) - 1)
#endif

/* PERF_RECORD_SAMPLE: header, abi, registers, size, stack, size of what was there. */
static bool take_sample(const char *data, size_t size, struct octo_look *look)
{
    const struct perf_event_header *header = (const void *)data;
    const uint64_t *at = (const void *)(header + 1);
    size_t registers = sizeof perf_order, least = sizeof *header + (1 + registers + 1) * sizeof *at;
    uint64_t room, there;

    if (size < sizeof *header || header->type != PERF_RECORD_SAMPLE || header->size > size ||
        header->size < least || *at == PERF_SAMPLE_REGS_ABI_NONE)
        return false;
    for (size_t i = 0; i < registers; i++)
        look->registers[perf_order[i]] = at[1 + i];
    look->known = (UINT64_C(1) << registers) - 1;
    at += 1 + registers;
    room = *at++;
    if (room == 0 || room > sizeof stack || header->size < least + room + sizeof *at)
        return false;
    memcpy(&there, (const char *)at + room, sizeof there);
    look->stack_bytes = there < room ? there : room;
    memcpy(stack, at, look->stack_bytes);
    look->call = -1;
    return true;
}

static bool wait_for_sample(int fd, struct octo_look *look)
{
    const struct timespec patience = {.tv_nsec = TICK_PATIENCE_MS * (long)OCTO_NS_PER_MS};
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t bytes = (1 + PERF_PAGES) * (size_t)PAGE;
    long map = octo_sys(SYS_mmap, 0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    bool got = false;

    if (map < 0 && map > -4096) {
        look->error = map;
        return false;
    }
    octo_sys(SYS_ppoll, &p, 1, &patience, NULL, 0);
    struct perf_event_mmap_page *head = (struct perf_event_mmap_page *)map;
    uint64_t end = __atomic_load_n(&head->data_head, __ATOMIC_ACQUIRE);

    /* From an empty buffer on: the first sample begins it, and does not wrap. */
    if (end != 0)
        got = take_sample((const char *)map + PAGE, end < bytes - PAGE ? end : bytes - PAGE, look);
    octo_sys(SYS_munmap, map, bytes);
    return got;
}

static bool look_running(uint32_t tid, struct octo_look *look)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof attr,
        .config = PERF_COUNT_SW_CPU_CLOCK,
        .sample_period = TICK_NS,
        .sample_type = PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER,
        .sample_regs_user = PERF_MASK,
        .sample_stack_user = PERF_STACK_BYTES,
        .exclude_kernel = 1,
        .exclude_hv = 1,
        .wakeup_events = 1,
    };
    long fd = octo_sys(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    bool got;

    look->reason = "it runs, and perf_event_open(2) does not show where";
    look->error = 0;
    if (fd < 0) {
        look->error = fd;
        return false;
    }
    got = wait_for_sample((int)fd, look);
    octo_sys(SYS_close, fd);
    return got;
}

bool octo_look(uint32_t tid, struct octo_look *look)
{
    *look = (struct octo_look){.call = -1, .stack = stack};
    for (unsigned i = 0; i < TRIES; i++) {
        if (look_waiting(tid, look))
            return true;
        if (look->reason != NULL && look->error == -ESRCH)
            return false;
        if (look_running(tid, look))
            return true;
        if (look->error != 0)
            return false;
    }
    return false;
}
