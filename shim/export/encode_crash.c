/*
 * service.crashed: see encode_crash.h. Of the lists, `stack` comes first and has its room; `requests` has what is left.
 *
 *   "signal": "SIGSEGV", "signal_code": "SEGV_MAPERR", "address": "0x0", "thread_id": 7, "thread_name": "orders",
 *   "stack_id": "…", "stack": [{"function": "f", "offset": 4, "module": "/usr/bin/orders", "module_offset": "0x1136", "build_id": "…"}],
 *   "requests_in_flight": 1, "requests": [{"request_id": "…", "method": "GET", "path": "/orders/7", "age_ms": 1.500}]
 */
#include "export/encode_crash.h"

#include "export/field.h"

#include <signal.h>

enum {
    REQUEST_MAX = 160, /* bytes of one request in the list, but for its texts */
    REQUEST_PATH = 80, /* and of its path at least, or it is left out */
};

static const char silent[] = "died without a word: SIGKILL (the kernel's, where memory has run out), or a signal "
                             "that the service leaves to the kernel";

#define CODE(name)                                                                                                \
    case name:                                                                                                    \
        return #name

static const char *fault_name(int signal, int code)
{
    switch (signal << 16 | code) {
#define FAULT(signal, name)                                                                                       \
    case (signal) << 16 | (name):                                                                                 \
        return #name
        FAULT(SIGSEGV, SEGV_MAPERR);
        FAULT(SIGSEGV, SEGV_ACCERR);
        FAULT(SIGSEGV, SEGV_BNDERR);
        FAULT(SIGSEGV, SEGV_PKUERR);
        FAULT(SIGBUS, BUS_ADRALN);
        FAULT(SIGBUS, BUS_ADRERR);
        FAULT(SIGBUS, BUS_OBJERR);
        FAULT(SIGBUS, BUS_MCEERR_AR);
        FAULT(SIGBUS, BUS_MCEERR_AO);
        FAULT(SIGILL, ILL_ILLOPC);
        FAULT(SIGILL, ILL_ILLOPN);
        FAULT(SIGILL, ILL_ILLADR);
        FAULT(SIGILL, ILL_ILLTRP);
        FAULT(SIGILL, ILL_PRVOPC);
        FAULT(SIGILL, ILL_PRVREG);
        FAULT(SIGFPE, FPE_INTDIV);
        FAULT(SIGFPE, FPE_INTOVF);
        FAULT(SIGFPE, FPE_FLTDIV);
        FAULT(SIGFPE, FPE_FLTOVF);
        FAULT(SIGFPE, FPE_FLTUND);
        FAULT(SIGFPE, FPE_FLTRES);
        FAULT(SIGFPE, FPE_FLTINV);
        FAULT(SIGFPE, FPE_FLTSUB);
#undef FAULT
    default:
        return NULL;
    }
}

/* si_code, by what sigaction(2) calls it. */
static const char *code_name(int signal, int code)
{
    switch (code) {
        CODE(SI_USER);
        CODE(SI_TKILL);
        CODE(SI_QUEUE);
        CODE(SI_KERNEL);
        CODE(SI_TIMER);
        CODE(SI_MESGQ);
        CODE(SI_ASYNCIO);
        CODE(SI_SIGIO);
    default:
        return code > 0 && code < 1 << 16 ? fault_name(signal, code) : NULL;
    }
}

static char *put_hex(char *p, uint64_t value)
{
    char digits[16];
    unsigned zeroes = 0;

    octo_hex_put16(digits, value);
    while (zeroes < 15 && digits[zeroes] == '0')
        zeroes++;
    return octo_put_bytes(OCTO_PUT(p, "0x"), digits + zeroes, 16 - zeroes);
}

static char *put_cause(char *p, const struct octo_form *form, const struct octo_crash *c)
{
    const char *code = code_name(c->signal, c->code);
    unsigned kind = octo_death_kind(c->signal);

    if (kind == OCTO_DEATH_SILENT)
        return octo_field_word(p, form, OCTO_KEY_REASON, silent);
    p = octo_field_word(p, form, OCTO_KEY_SIGNAL, octo_death_name(kind));
    if (code)
        p = octo_field_word(p, form, OCTO_KEY_SIGNAL_CODE, code);
    if (c->addressed)
        p = octo_field_close(put_hex(octo_field_key(p, form, OCTO_KEY_ADDRESS), c->address), &form->text_end);
    if (c->sender)
        p = octo_field_number(p, form, OCTO_KEY_SENDER_PID, c->sender);
    if (c->tid)
        p = octo_field_number(p, form, OCTO_KEY_THREAD_ID, c->tid);
    if (c->thread[0])
        p = octo_field_short(p, form, OCTO_KEY_THREAD_NAME, c->thread, strnlen(c->thread, sizeof c->thread));
    return p;
}

static char *put_stack(char *p, const struct octo_form *form, const struct octo_crash *c)
{
    const struct octo_line_stack stack = {
        .id = c->stack.frames != 0 ? c->stack.id : 0,
        .json = c->frames,
        .json_bytes = c->stack.json_bytes < sizeof c->frames ? c->stack.json_bytes : sizeof c->frames,
        .cut = c->stack.cut != 0,
        .reason = c->stack.reason,
        .reason_len = (uint8_t)strnlen(c->stack.reason, sizeof c->stack.reason),
    };

    return c->stack.version != 0 ? octo_field_stack(p, form, &stack, sizeof c->frames) : p;
}

/* The texts of an entry, or false: it is damaged. */
static bool texts(const struct octo_board_entry *e, struct octo_span *id, struct octo_span *method,
                  struct octo_target *target)
{
    const char *at = e->text;

    if ((size_t)e->id_len + e->method_len + e->host_len + e->target_len > OCTO_BOARD_TEXT)
        return false;
    *id = (struct octo_span){at, e->id_len};
    *method = (struct octo_span){at += e->id_len, e->method_len};
    at += (size_t)e->method_len + e->host_len;
    *target = octo_target_split(at, e->target_len);
    return true;
}

static char *put_text(char *p, const char *end, struct octo_span text)
{
    bool cut = false;

    return octo_put_text(p, end, text.at, text.len, &cut);
}

/* One object of the list, or NULL: no room for it. */
static char *put_request(char *p, const struct octo_crash *c, const struct octo_board_entry *e, const char *end)
{
    struct octo_span id, method;
    struct octo_target target;
    bool cut = false;

    if (!texts(e, &id, &method, &target) ||
        p + (id.len + method.len) * OCTO_ESCAPE_MAX + REQUEST_MAX + REQUEST_PATH > end)
        return NULL;
    p = put_text(OCTO_PUT(p, "{\"request_id\": \""), end, id);
    p = put_text(OCTO_PUT(p, "\", \"method\": \""), end, method);
    p = octo_target_put(OCTO_PUT(p, "\", \"path\": \""), end - REQUEST_MAX, target.path, &cut);
    p = OCTO_PUT(p, "\"");
    if (cut || (e->cut && !target.path_whole))
        p = OCTO_PUT(p, ", \"path_truncated\": true");
    p = OCTO_PUT(p, ", \"age_ms\": ");
    return OCTO_PUT(octo_put_ms(p, c->mono_ns > e->head_ns ? c->mono_ns - e->head_ns : 0), "}");
}

static char *put_requests(char *p, const struct octo_form *form, const struct octo_crash *c, const char *end)
{
    uint32_t n = c->listed < OCTO_CRASH_REQUESTS ? c->listed : OCTO_CRASH_REQUESTS;
    char *next;

    p = octo_field_number(p, form, OCTO_KEY_REQUESTS_IN_FLIGHT, c->requests);
    p = OCTO_PUT(octo_field_key(p, form, OCTO_KEY_REQUESTS), "[");
    for (uint32_t i = 0; i < n; i++) {
        next = put_request(i == 0 ? p : OCTO_PUT(p, ", "), c, &c->request[i], end);
        if (!next)
            break;
        p = next;
    }
    return octo_field_close(OCTO_PUT(p, "]"), &form->number_end);
}

/* The request that the thread was on: its IDs. */
static char *put_own(char *p, const struct octo_form *form, const struct octo_crash *c)
{
    uint32_t n = c->listed < OCTO_CRASH_REQUESTS ? c->listed : OCTO_CRASH_REQUESTS;
    const struct octo_board_entry *e = c->request;

    while (n != 0 && e->number != c->number) {
        e++;
        n--;
    }
    if (c->number == 0 || n == 0 || e->id_len > OCTO_BOARD_TEXT)
        return p;
    if (e->id_len != 0)
        p = octo_field_short(p, form, OCTO_KEY_REQUEST_ID, e->text, e->id_len);
    return e->trace[0] | e->trace[1] ? octo_field_trace(p, form, e->trace, e->span) : p;
}

char *octo_encode_crash(char *p, const struct octo_form *form, const struct octo_crash *c, const char *end)
{
    p = put_cause(put_own(p, form, c), form, c);
    return put_requests(put_stack(p, form, c), form, c, end);
}
