/* The encoder: what an error's line says of the stack of its thread. */
#include "encode_rig.h"

#include "event/samples.h"

static const char frames[] =
    "[{\"function\": \"f\", \"offset\": 4, \"module\": \"/m\", \"module_offset\": \"0x1\"}]";

static void put(const struct octo_record *r, const struct octo_line_stack *stack)
{
    char *out = guard_end(OCTO_LINE_ROOM);
    size_t n = octo_encode_stacked(&json, r, stack, OFFSET_NS, out);
    json_t *object;

    assert_in_range(n, 1, OCTO_LINE_MAX);
    memcpy(line, out, n);
    line[n] = '\0';
    object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    assert_non_null(json_object_get(object, "path"));
    json_decref(object);
    fputs(line, lines);
}

static struct octo_record *failed(enum octo_event_kind kind)
{
    struct octo_record *r = record(kind, "/a");

    r->level = OCTO_ERROR;
    if (kind != OCTO_EV_CLIENT_REQUEST_FAILED) {
        r->flags |= OCTO_RECORD_HAS_STATUS;
        r->status = 500;
    }
    return r;
}

static void test_forms(void **state)
{
    const enum octo_event_kind kinds[] = {OCTO_EV_REQUEST_COMPLETED, OCTO_EV_CLIENT_REQUEST_COMPLETED,
                                          OCTO_EV_CLIENT_REQUEST_FAILED};

    (void)state;
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct octo_line_stack stack = {.id = 0xfeed};

        put(failed(kinds[i]), &stack);
        assert_non_null(strstr(line, ", \"stack_id\": \"000000000000feed\"}\n"));
        stack.json = frames;
        stack.json_bytes = sizeof frames - 1;
        put(failed(kinds[i]), &stack);
        assert_non_null(
            strstr(line, ", \"stack_id\": \"000000000000feed\", \"stack\": [{\"function\": \"f\", \"offset\": 4, "
                         "\"module\": \"/m\", \"module_offset\": \"0x1\"}]}\n"));
        stack.cut = true;
        stack.reason = "why";
        stack.reason_len = 3;
        put(failed(kinds[i]), &stack);
        assert_non_null(strstr(line, "\"0x1\"}], \"stack_truncated\": true, \"stack_error\": \"why\"}\n"));
        stack = (struct octo_line_stack){.reason = "why", .reason_len = 3, .cut = true};
        put(failed(kinds[i]), &stack);
        assert_non_null(strstr(line, ", \"stack_error\": \"why\"}\n"));
        assert_null(strstr(line, "stack_id"));
        put(failed(kinds[i]), &(struct octo_line_stack){0});
        assert_null(strstr(line, "stack"));
    }
}

/* Long texts of all lengths and a stack as large as one can be: the line is one, and has a path; of long ones the stack goes. */
static void test_room(void **state)
{
    static char big[OCTO_SAMPLE_JSON], name[128], text[256], path[4000];
    unsigned with = 0, without = 0;

    (void)state;
    memset(big, ' ', sizeof big);
    memcpy(big, "[{}", 3);
    big[sizeof big - 1] = ']';
    memset(name, 'a', sizeof name);
    memset(text, '"', sizeof text);
    memset(path, 0x80, sizeof path);
    path[0] = '/';
    for (unsigned id = 1; id <= 128; id += 21)
        for (unsigned host = 0; host <= 255; host += 51)
            for (unsigned n = 1; n < sizeof path; n += 401) {
                struct octo_line_stack stack = {.id = 1, .json = big, .json_bytes = sizeof big};
                struct octo_record *r =
                    record_n(OCTO_EV_REQUEST_COMPLETED, name, id, "GET", 3, text, host, path, n);

                r->level = OCTO_ERROR;
                r->flags |= OCTO_RECORD_HAS_STATUS;
                r->status = 500;
                put(r, &stack);
                if (strstr(line, "\"stack\": [{}"))
                    with++;
                else if (strstr(line, "\"stack_truncated\": true"))
                    without++;
            }
    assert_true(with > 100 && without > 10);
    assert_int_equal(with + without, 7 * 6 * 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_room)};

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
