/* The encoder: service.crashed, from what a process has put down of itself, be it damaged. */
#include "encode_rig.h"

#include <signal.h>
#include <string.h>

static const char frames[] =
    "[{\"function\": \"f\", \"offset\": 4, \"module\": \"/usr/bin/orders\", \"module_offset\": "
    "\"0x1136\", \"build_id\": \"0bad\"}, {\"address\": \"0x0\"}]";

static json_t *encode_death(const struct octo_crash *crash)
{
    char *out = guard_end(OCTO_LINE_ROOM);
    size_t n = octo_encode_death(&json, crash, OFFSET_NS, out);
    json_t *object;

    assert_in_range(n, 1, OCTO_LINE_MAX);
    memcpy(line, out, n);
    line[n] = '\0';
    assert_ptr_equal(strchr(line, '\n'), line + n - 1);
    object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    if (object == NULL)
        fail_msg("not JSON: %s", line);
    fputs(line, lines);
    return object;
}

static void put_request(struct octo_crash *crash, uint64_t number, const char *id, const char *method,
                        const char *host, const char *target)
{
    struct octo_board_entry *e = &crash->request[crash->listed++];

    crash->requests++;
    e->number = number;
    e->head_ns = crash->mono_ns - number * 1000000;
    e->trace[0] = 0xa;
    e->trace[1] = 0xb;
    e->span = 0xc;
    e->id_len = (uint8_t)strlen(id);
    e->method_len = (uint8_t)strlen(method);
    e->host_len = (uint8_t)strlen(host);
    e->target_len = (uint16_t)strlen(target);
    snprintf(e->text, sizeof e->text, "%s%s%s%s", id, method, host, target);
}

static struct octo_crash *segfault(void)
{
    static struct octo_crash crash;

    crash = (struct octo_crash){.pid = 42,
                                .tid = 43,
                                .signal = SIGSEGV,
                                .code = SEGV_MAPERR,
                                .addressed = 1,
                                .address = 0x10,
                                .mono_ns = 123456789,
                                .thread = "a thread of 16b"};
    crash.stack = (struct octo_stack_reply){.version = OCTO_STACK_VERSION, .frames = 2, .id = 0xfeed};
    crash.stack.json_bytes = sizeof frames - 1;
    memcpy(crash.frames, frames, sizeof frames - 1);
    return &crash;
}

static void test_whole(void **state)
{
    struct octo_crash *crash = segfault();

    (void)state;
    put_request(crash, 3, "req_1", "GET", "shop.test", "/orders/7?x=1");
    put_request(crash, 2, "req_2", "POST", "", "/\"");
    crash->number = 2;
    json_decref(encode_death(crash));
    assert_string_equal(
        line, "{\"event\": \"service.crashed\", " WHEN ", \"level\": \"critical\", " IDENTITY
              ", \"request_id\": \"req_2\", \"trace_id\": \"000000000000000a000000000000000b\", \"span_id\": "
              "\"000000000000000c\", \"signal\": \"SIGSEGV\", \"signal_code\": \"SEGV_MAPERR\", \"address\": "
              "\"0x10\", \"thread_id\": 43, \"thread_name\": \"a thread of 16b\", \"stack_id\": "
              "\"000000000000feed\", \"stack\": [{\"function\": \"f\", \"offset\": 4, \"module\": "
              "\"/usr/bin/orders\", \"module_offset\": \"0x1136\", \"build_id\": \"0bad\"}, {\"address\": "
              "\"0x0\"}], \"requests_in_flight\": 2, \"requests\": [{\"request_id\": \"req_1\", \"method\": "
              "\"GET\", \"path\": \"/orders/7\", \"age_ms\": 3.000}, {\"request_id\": \"req_2\", \"method\": "
              "\"POST\", \"path\": \"/\\\"\", \"age_ms\": 2.000}]}\n");
}

/* Each signal and code by its name; and one that nobody knows by none. */
static void test_names(void **state)
{
    static const struct {
        int signal, code;
        const char *names;
    } cases[] = {
        {SIGSEGV, SI_KERNEL, "\"SIGSEGV\", \"signal_code\": \"SI_KERNEL\""},
        {SIGBUS, BUS_ADRERR, "\"SIGBUS\", \"signal_code\": \"BUS_ADRERR\""},
        {SIGILL, ILL_ILLOPN, "\"SIGILL\", \"signal_code\": \"ILL_ILLOPN\""},
        {SIGFPE, FPE_INTDIV, "\"SIGFPE\", \"signal_code\": \"FPE_INTDIV\""},
        {SIGABRT, SI_TKILL, "\"SIGABRT\", \"signal_code\": \"SI_TKILL\""},
        {SIGABRT, SI_USER, "\"SIGABRT\", \"signal_code\": \"SI_USER\""},
        {SIGFPE, 99, "\"SIGFPE\", \"thread_id\""},
        {SIGFPE, -77, "\"SIGFPE\", \"thread_id\""},
        {SIGFPE, INT32_MAX, "\"SIGFPE\", \"thread_id\""},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct octo_crash *crash = segfault();
        char wanted[80];

        crash->signal = cases[i].signal;
        crash->code = cases[i].code;
        crash->addressed = 0;
        json_decref(encode_death(crash));
        snprintf(wanted, sizeof wanted, ", \"signal\": %s", cases[i].names);
        if (strstr(line, wanted) == NULL)
            fail_msg("%s not in %s", wanted, line);
    }
}

/* Gone without a word: no signal, no thread, no stack. */
static void test_silent(void **state)
{
    struct octo_crash crash = {.pid = 42, .mono_ns = 123456789};

    (void)state;
    put_request(&crash, 1, "req_1", "GET", "", "/");
    json_decref(encode_death(&crash));
    assert_non_null(strstr(line, IDENTITY ", \"reason\": \"died without a word: "));
    assert_null(strstr(line, "signal\":"));
    assert_null(strstr(line, "stack"));
    assert_null(strstr(line, "thread"));
}

static void test_stack_failed(void **state)
{
    struct octo_crash *crash = segfault();

    (void)state;
    crash->stack = (struct octo_stack_reply){.version = OCTO_STACK_VERSION, .cut = 1};
    strcpy(crash->stack.reason, "octoshim-stack cannot be started: ENOENT");
    json_decref(encode_death(crash));
    assert_non_null(
        strstr(line, ", \"stack_error\": \"octoshim-stack cannot be started: ENOENT\", \"requests_in"));
    assert_null(strstr(line, "\"stack\""));
}

/* However long all is, the line is one, and what was left out is seen by the number in flight. */
static void test_long(void **state)
{
    struct octo_crash *crash = segfault();
    char id[129], target[61];
    json_t *object;

    (void)state;
    memset(id, '"', 128);
    id[128] = '\0';
    memset(target, 0x80, 60);
    target[0] = '/';
    target[60] = '\0';
    for (unsigned i = 0; i < OCTO_CRASH_REQUESTS; i++)
        put_request(crash, i + 1, id, "GET", "", target);
    crash->number = 1;
    memset(crash->frames, ' ', sizeof crash->frames);
    memcpy(crash->frames, "[{}", 3);
    crash->frames[sizeof crash->frames - 1] = ']';
    crash->stack.json_bytes = sizeof crash->frames;
    object = encode_death(crash);
    assert_int_equal(json_integer_value(json_object_get(object, "requests_in_flight")), OCTO_CRASH_REQUESTS);
    assert_in_range(json_array_size(json_object_get(object, "requests")), 1, OCTO_CRASH_REQUESTS - 1);
    json_decref(object);
}

/* Whatever is in the shared memory: one line, of no more than the length of one. */
static void test_damaged(void **state)
{
    static struct octo_crash crash;

    (void)state;
    srand(1);
    for (unsigned round = 0; round < 3000; round++) {
        struct octo_encoder *e = round & 1 ? &json : &console;
        char *out = guard_end(OCTO_LINE_ROOM);
        size_t n;

        for (size_t i = 0; i < sizeof crash; i++)
            ((uint8_t *)&crash)[i] = (uint8_t)rand();
        if (round % 4 == 0)
            for (unsigned i = 0; i < OCTO_CRASH_REQUESTS; i++) {
                crash.request[i].id_len %= 64;
                crash.request[i].method_len %= 64;
                crash.request[i].host_len %= 16;
                crash.request[i].target_len %= 48;
            }
        crash.signal = round % 3 ? SIGSEGV : crash.signal;
        n = octo_encode_death(e, &crash, OFFSET_NS, out);
        assert_in_range(n, 1, OCTO_LINE_MAX);
        assert_ptr_equal(memchr(out, '\n', n), out + n - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),        cmocka_unit_test(test_names), cmocka_unit_test(test_silent),
        cmocka_unit_test(test_stack_failed), cmocka_unit_test(test_long),  cmocka_unit_test(test_damaged),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
