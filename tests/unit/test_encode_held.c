/* The encoder: what a request has taken of the threads that were on it. */
#include "encode_rig.h"

#include <sys/syscall.h>

static struct octo_record *completed(const struct octo_held_facts *facts)
{
    struct octo_record *r = held_record(OCTO_EV_REQUEST_COMPLETED, "id", 2, "GET", 3, "h", 1, "/", 1, facts);

    r->flags |= OCTO_RECORD_HAS_STATUS;
    r->status = 200;
    return r;
}

/* What a request has taken: what is known, and only that. */
static void test_what_was_taken(void **state)
{
    struct octo_held_facts facts = {.cpu_ns = 1500000, .run_queue_ns = OCTO_NS_UNKNOWN};
    struct octo_record *r = completed(&facts);
    json_t *object = encode(r);

    (void)state;
    assert_non_null(strstr(line, ", \"cpu_ms\": 1.500}\n"));
    json_decref(object);

    facts = (struct octo_held_facts){.cpu_ns = 0,
                                     .run_queue_ns = 2000,
                                     .calls = 9,
                                     .class_ns = {[OCTO_SEAT_WAIT] = 30000000,
                                                  [OCTO_SEAT_FILE] = 2000000,
                                                  [OCTO_SEAT_NET] = 300000,
                                                  [OCTO_SEAT_OTHER] = 4000},
                                     .calls_run_queue_ns = 5000,
                                     .top = {{SYS_fsync, 2, 2000000}, {511, 1, 4000}}};
    r = completed(&facts);
    json_decref(encode(r));
    assert_non_null(strstr(
        line, ", \"cpu_ms\": 0.000, \"run_queue_ms\": 0.002, \"syscalls\": {\"count\": 9, \"total_ms\": 32.304, "
              "\"wait_ms\": 30.000, \"file_ms\": 2.000, \"net_ms\": 0.300, \"run_queue_ms\": 0.005, \"top\": "
              "[{\"syscall\": \"fsync\", \"count\": 2, \"ms\": 2.000}, {\"syscall\": \"syscall_511\", "
              "\"count\": 1, \"ms\": 0.004}]}}\n"));

    facts.calls_run_queue_ns = OCTO_NS_UNKNOWN;
    r = completed(&facts);
    json_decref(encode(r));
    assert_null(strstr(line, "\"run_queue_ms\": 0.005"));

    /* A damaged record that says there are facts, and has no room for them. */
    r = record(OCTO_EV_REQUEST_COMPLETED, "/");
    r->flags |= OCTO_RECORD_HELD | OCTO_RECORD_HAS_STATUS;
    r->status = 200;
    json_decref(encode(r));
    assert_null(strstr(line, "syscalls"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_was_taken)};

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
