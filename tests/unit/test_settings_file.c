/*
 * Settings from the JSON file: precedence, checks, errors with their place, bounds.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "octoshim/record.h"
#include "settings_test.h"

static char directory[] = "/tmp/octo-settings-XXXXXX";
static char file[64];

static void assert_content(const char *text, size_t len)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
}

/* An environment that names the file. */
static const char *const *with_file(void)
{
    static const char *environment[2];
    static char config[96];

    snprintf(config, sizeof(config), "OCTOSHIM_CONFIG=%s", file);
    environment[0] = config;
    return environment;
}

/* Environment, then the file with this content. Returns what reading it gave. */
static int load_file(const char *text, const char *variable)
{
    char config[96];

    assert_content(text, strlen(text));
    snprintf(config, sizeof(config), "OCTOSHIM_CONFIG=%s", file);
    if (variable != NULL)
        ENV(config, variable);
    else
        ENV(config);
    return octo_settings_from_file(&s, NULL);
}

/* However much is wrong, the complaints are bounded and the last line says how many are not shown. */
static void complaints_are_bounded(void **state)
{
    char text[8192] = "{";
    size_t shown, i;
    char tail[80];

    (void)state;
    for (i = 0; i < 100; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\"no_such_key_%zu\": 1", i ? ", " : "", i);
    strcat(text, "}");
    assert_int_equal(load_file(text, "OCTOSHIM_SAMPLE=9"), 0);
    shown = lines(s.complaints) - 1;
    assert_in_range(shown, 5, 40);
    snprintf(tail, sizeof(tail), "\noctoshim: and %zu more settings were not understood\n", 101 - shown);
    assert_complains(tail);
    assert_string_equal(s.complaints + strlen(s.complaints) - strlen(tail), tail);
    assert_true(strlen(s.complaints) < sizeof(s.complaints));
}

static void file_fills_what_the_environment_left_open(void **state)
{
    (void)state;
    assert_int_equal(
        load_file("{\"service_name\": \"file/d\", \"OCTOSHIM_SLOW_MS\": 500, \"sample\": 0.125,\n"
                  " \"json_logs\": false, \"log_level\": \"error\", \"inject\": null, \"environment\": \"\",\n"
                  " \"exclude\": [\"sh\", \"bash\"], \"log\": \"/l/%s.log\", \"OctoShim_log_rotate\": \"never\"}",
                  "LOG_LEVEL=debug"),
        0);
    assert_string_equal(s.complaints, "");
    assert_string_equal(s.service, "file/d");
    assert_string_equal(s.log, "/l/file_d.log");
    assert_string_equal(s.environment, "development");
    assert_string_equal(s.exclude, "sh,bash");
    assert_int_equal(s.slow_ns, 500000000ull);
    assert_int_equal(s.sample, ALL / 8);
    assert_int_equal(s.level, OCTO_DEBUG);
    assert_int_equal(s.inject, OCTO_INJECT_BOTH);
    assert_int_equal(s.rotate, OCTO_ROTATE_NEVER);
    assert_false(s.json);
}

static void service_of_the_environment_beats_the_file(void **state)
{
    (void)state;
    load_file("{\"service_name\": \"file\"}", "OTEL_SERVICE_NAME=env");
    assert_string_equal(s.service, "env");
    load_file("{\"otel_service_name\": \"otel\", \"service_name\": \"file\"}", NULL);
    assert_string_equal(s.service, "file");
    /* A bad value in the environment uses the default, as its complaint says, not the file's. */
    load_file("{\"slow_ms\": 5}", "OCTOSHIM_SLOW_MS=abc");
    assert_int_equal(s.slow_ns, 1000000000ull);
}

static void file_values_are_checked(void **state)
{
    (void)state;
    assert_int_equal(load_file("{\"slow_ms\": -5, \"sample\": 1e300, \"inject\": {\"a\": 1}, \"exclude\": [1], "
                               "\"json_logs\": 1, \"log_level\": 1000.5, \"OCTOSHIM_CONFIG\": \"x\"}",
                               NULL),
                     0);
    assert_complains(": OCTOSHIM_SLOW_MS=\"-5\" is not understood; allowed: whole milliseconds");
    assert_complains(": OCTOSHIM_SAMPLE=\"a very large number\" is not understood");
    assert_complains(": OCTOSHIM_INJECT=\"{...}\" is not understood");
    assert_complains(": OCTOSHIM_EXCLUDE=\"[...]\" is not understood");
    assert_complains(": LOG_LEVEL=\"1000.500000000\" is not understood");
    assert_complains(": key \"OCTOSHIM_CONFIG\" can be set in the environment only\n");
    assert_int_equal(lines(s.complaints), 6);
    assert_complains(file);
    assert_int_equal(s.slow_ns, 1000000000ull);
}

static struct {
    unsigned calls;
    uint64_t slow_ns;
    char value[64], file[64], text[128];
} section_was;

static void read_section(const struct json_t *value, const char *path, const char *text, size_t len, void *arg)
{
    assert_ptr_equal(arg, &section_was);
    assert_true(json_dumpb(value, section_was.value, sizeof(section_was.value) - 1, JSON_COMPACT) > 0);
    snprintf(section_was.file, sizeof(section_was.file), "%s", path);
    snprintf(section_was.text, sizeof(section_was.text), "%.*s", (int)len, text);
    section_was.slow_ns = s.slow_ns;
    section_was.calls++;
}

/* Its value goes to its reader, with the whole text, and no setting is read then; without a reader it is passed over. */
static void a_section_is_handed_on(void **state)
{
    static const char text[] = "{\n \"rules\": [1, {\"a\": \"b\"}], \"slow_ms\": 5}\n";
    static const struct octo_settings_section section = {"rules", read_section, &section_was};

    (void)state;
    assert_int_equal(load_file(text, NULL), 0);
    assert_string_equal(s.complaints, "");
    assert_int_equal(s.slow_ns, 5000000);
    assert_int_equal(section_was.calls, 0);

    load(with_file(), "orders-api");
    assert_int_equal(octo_settings_from_file(&s, &section), 0);
    assert_string_equal(s.complaints, "");
    assert_int_equal(section_was.calls, 1);
    assert_int_equal(section_was.slow_ns, 1000000000);
    assert_string_equal(section_was.value, "[1,{\"a\":\"b\"}]");
    assert_string_equal(section_was.file, file);
    assert_string_equal(section_was.text, text);

    load_file("{\"rules\": null, \"Rules\": 1, \"rulez\": 1}", NULL);
    assert_complains("key \"Rules\" is not known; the nearest that is: \"rules\"\n");
    assert_complains("key \"rulez\" is not known; the nearest that is: \"rules\"\n");
    assert_int_equal(lines(s.complaints), 2);
    load(with_file(), "orders-api");
    octo_settings_from_file(&s, &section);
    load_file("{\"slow_ms\": 5}", NULL);
    load(with_file(), "orders-api");
    octo_settings_from_file(&s, &section);
    assert_int_equal(section_was.calls, 1);
}

static void unknown_keys_name_the_nearest(void **state)
{
    (void)state;
    load_file("{\"slow_mss\": 5, \"servicename\": \"x\", \"\": 1, \"sample\": 1, \"OCTOSHIM_SAMPLE\": 0}", NULL);
    assert_complains("key \"slow_mss\" is not known; the nearest that is: \"slow_ms\"\n");
    assert_complains("key \"servicename\" is not known; the nearest that is: \"service_name\"\n");
    assert_complains("key \"OCTOSHIM_SAMPLE\" is given twice, in two spellings; the first is used\n");
    assert_int_equal(s.sample, ALL);
}

static void file_errors(void **state)
{
    static const struct {
        const char *text, *complaint;
    } cases[] = {
        {"{\n  \"slow_ms\": 5,\n  oops\n}",
         ": line 3, column 6: string or '}' expected near 'oops'; the file is not used"},
        {"{\"slow_ms\": 5, \"slow_ms\": 6}", ": line 1, column 24: duplicate object key"},
        {"", ": line 1, column 0: '[' or '{' expected near end of file"},
        {"[]", ": must hold one object"},
        {"{\"a\": \"\xff\"}", ": line 1, column "},
        {"{\"a\": [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", ": is nested too deeply"},
        {"{\"a\": 1} x", ": line 1, column 10: end of file expected near 'x'"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(load_file(cases[i].text, NULL), -EINVAL);
        assert_complains(cases[i].complaint);
        assert_int_equal(lines(s.complaints), 1);
        assert_int_equal(s.slow_ns, 1000000000ull);
    }
}

static void unreadable_files(void **state)
{
    char *big = malloc(2 << 20);
    char config[96];

    (void)state;
    assert_non_null(big);
    ENV("OCTOSHIM_CONFIG=/no/such/file.json");
    errno = EBADMSG;
    assert_int_equal(octo_settings_from_file(&s, NULL), -ENOENT);
    assert_int_equal(errno, EBADMSG);
    assert_string_equal(s.complaints,
                        "octoshim: /no/such/file.json: no such file (error 2); the file is not used\n");
    ENV("OCTOSHIM_CONFIG=/tmp");
    assert_int_equal(octo_settings_from_file(&s, NULL), -EISDIR);
    assert_complains("/tmp: is a directory");

    memset(big, ' ', 2 << 20);
    assert_content(big, 2 << 20);
    snprintf(config, sizeof(config), "OCTOSHIM_CONFIG=%s", file);
    ENV(config);
    assert_int_equal(octo_settings_from_file(&s, NULL), -EFBIG);
    assert_complains("is larger than 1 MiB");
    free(big);

    unlink(file);
    assert_int_equal(mkfifo(file, 0600), 0); /* no writer: must not wait for one */
    ENV(config);
    assert_int_equal(octo_settings_from_file(&s, NULL), -EINVAL);
    unlink(file);
}

/* The largest and greediest file stays within its memory, or is refused; nothing stays open or mapped. */
static void a_greedy_file(void **state)
{
    enum { COUNT = 500000 };
    char *text = malloc(COUNT * 2 + 64);
    char config[96], *p = text;
    size_t i;
    int fd;

    (void)state;
    assert_non_null(text);
    p += sprintf(p, "{\"sample\": 0.5, \"exclude\": [");
    for (i = 0; i < COUNT; i++)
        p += sprintf(p, i ? ",1" : "1");
    p += sprintf(p, "]}");
    assert_content(text, (size_t)(p - text));
    free(text);
    snprintf(config, sizeof(config), "OCTOSHIM_CONFIG=%s", file);
    fd = dup(0);
    close(fd);
    ENV(config);
    errno = EBADMSG;
    assert_int_equal(octo_settings_from_file(&s, NULL), 0);
    assert_int_equal(errno, EBADMSG);
    assert_int_equal(s.sample, ALL / 2);
    assert_complains("OCTOSHIM_EXCLUDE=\"[...]\"");
    assert_int_equal(dup(0), fd);
    close(fd);
}

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(file, sizeof(file), "%s/octo.json", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(file);
    return rmdir(directory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(complaints_are_bounded),
        cmocka_unit_test(file_fills_what_the_environment_left_open),
        cmocka_unit_test(service_of_the_environment_beats_the_file),
        cmocka_unit_test(file_values_are_checked),
        cmocka_unit_test(a_section_is_handed_on),
        cmocka_unit_test(unknown_keys_name_the_nearest),
        cmocka_unit_test(file_errors),
        cmocka_unit_test(unreadable_files),
        cmocka_unit_test(a_greedy_file),
    };

    return cmocka_run_group_tests_name("settings_file", tests, make_directory, remove_directory);
}
