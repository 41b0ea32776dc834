/* Log lines: see logline.h. */
#include "conn/logline.h"
#include "conn/conn.h"
#include "conn/process.h"
#include "conn/rules.h"

#include <stdint.h>
#include <string.h>

/* Lines of one descriptor, as far as they have come. */
struct lines {
    _Atomic uint32_t taken; /* process that looks at it now; 0: none */
    uint32_t pid;           /* process whose line it is: a fork child begins a new one */
    enum { AT_START, IN_OBJECT, IN_OTHER } place;
    struct octo_pick pick; /* IN_OBJECT */
    char texts[OCTO_PICK_PATHS_MAX * OCTO_PICK_VALUE_MAX];
};

static struct lines logs[2]; /* standard output, standard error */

/* ── one line ──────────────────────────────────────────────────────────────────────────────────────── */

static bool text_of(const void *facts, const struct octo_rule *rule, const struct octo_ref *ref, const char **text,
                    size_t *len)
{
    (void)rule;
    if (ref->kind == OCTO_REF_CONSTANT)
        return octo_rule_give(ref->text, ref->len, text, len);
    return ref->kind == OCTO_REF_LOG && octo_rule_field(facts, ref->index, text, len);
}

static bool number_of(const void *facts, const struct octo_rule *rule, const struct octo_ref *ref,
                      int64_t *millionths)
{
    struct octo_pick_value v = octo_pick_get(facts, ref->index);

    (void)rule;
    *millionths = v.millionths;
    return v.kind == OCTO_PICK_NUMBER ||
           (v.kind == OCTO_PICK_STRING && octo_rule_parse(v.text, v.len, millionths));
}

/* The line is whole: counts, if it was an object. */
static void end_line(struct lines *l)
{
    const struct octo_rule_facts facts = {.text = text_of, .number = number_of, .facts = &l->pick};
    bool counts = l->place == IN_OBJECT;

    l->place = AT_START;
    if (!counts || octo_pick_end(&l->pick) == OCTO_PICK_BAD)
        return;
    for (uint64_t mask = octo_rules.on[OCTO_ON_LOG]; mask;) {
        const struct octo_rule *rule = octo_rules_next(&mask);

        if (octo_rule_holds(rule, &facts))
            octo_rule_count(rule, &facts);
    }
}

static void read_bytes(struct lines *l, const char *p, size_t n)
{
    while (n > 0) {
        const char *feed = memchr(p, '\n', n);
        size_t len = feed ? (size_t)(feed - p) : n;

        if (l->place == AT_START && len > 0) {
            l->place = *p == '{' ? IN_OBJECT : IN_OTHER;
            if (l->place == IN_OBJECT)
                octo_pick_begin(&l->pick, &octo_rules.log, l->texts, sizeof(l->texts), OCTO_LOG_LINE);
        }
        if (l->place == IN_OBJECT)
            octo_pick_feed(&l->pick, p, len);
        if (feed)
            end_line(l);
        len += feed != NULL;
        p += len;
        n -= len;
    }
}

static void read_vector(struct lines *l, const struct iovec *iov, int cnt, size_t n)
{
    for (int i = 0; i < cnt && n > 0; i++) {
        size_t len = iov[i].iov_len < n ? iov[i].iov_len : n;

        read_bytes(l, iov[i].iov_base, len);
        n -= len;
    }
}

/* ── whose ─────────────────────────────────────────────────────────────────────────────────────────── */

/* A thread of the process that this one was forked from may have been at it then: nobody is any more. */
static bool take(struct lines *l, uint32_t pid)
{
    uint32_t by = atomic_load(&l->taken);

    return by != pid && atomic_compare_exchange_strong(&l->taken, &by, pid);
}

static __attribute__((noinline)) void read_alone(const struct iovec *iov, int cnt, size_t n)
{
    struct lines whole;

    whole.place = AT_START;
    read_vector(&whole, iov, cnt, n);
}

void octo_log_wrote(int fd, const struct iovec *iov, int cnt, size_t n)
{
    struct octo_process *process = octo_process();
    const struct octo_conn *entry = atomic_load(&octo_table[fd]);
    struct lines *l = &logs[entry == OCTO_FD_STDERR];

    if (!process || !octo_fd_is_log(entry))
        return;
    if (!take(l, process->pid)) {
        read_alone(iov, cnt, n);
        return;
    }
    if (l->pid != process->pid)
        l->place = AT_START;
    l->pid = process->pid;
    read_vector(l, iov, cnt, n);
    atomic_store(&l->taken, 0);
}
