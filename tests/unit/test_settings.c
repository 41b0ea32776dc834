/*
 * Settings: environment, file, default; what is complained of and how.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/settings.h"
#include "octoshim/record.h"

#define ALL (1u << 24)

static struct octo_settings s;
static char directory[] = "/tmp/octo-settings-XXXXXX";
static char file[64];

/* Reads the NULL-terminated list of NAME=value. */
#define ENV(...) load((const char *[]){__VA_ARGS__, NULL}, "orders-api")
#define NO_ENV() load((const char *[]){NULL}, "orders-api")

static void load(const char *const *envp, const char *program)
{
    memset(&s, 0xa5, sizeof(s)); /* nothing may be left over */
    octo_settings_from_environment(&s, (char *const *)envp, program);
}

static size_t lines(const char *text)
{
    size_t n = 0;

    for (; (text = strchr(text, '\n')) != NULL; text++)
        n++;
    return n;
}

static void assert_complains(const char *line)
{
    if (strstr(s.complaints, line) == NULL)
        fail_msg("wanted: %s\ngot: %s", line, s.complaints);
}

static void assert_content(const char *text, size_t len)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
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
    return octo_settings_from_file(&s);
}

static void defaults(void **state)
{
    (void)state;
    NO_ENV();
    assert_string_equal(s.complaints, "");
    assert_false(s.disable);
    assert_true(s.children);
    assert_true(s.json);
    assert_int_equal(s.level, OCTO_INFO);
    assert_int_equal(s.inject, OCTO_INJECT_BOTH);
    assert_int_equal(s.rotate, OCTO_ROTATE_DAILY);
    assert_int_equal(s.slow_ns, 1000000000ull);
    assert_int_equal(s.sample, ALL);
    assert_string_equal(s.service, "orders-api");
    assert_string_equal(s.environment, "development");
    assert_string_equal(s.version, "unknown");
    assert_string_equal(s.log, "stderr");
    assert_string_equal(s.runtime_dir, "");
    assert_int_equal(s.from_environment, 0);
    assert_false(octo_settings_inert(&s));
    assert_int_equal(octo_settings_from_file(&s), 0);
}

static void every_variable(void **state)
{
    (void)state;
    ENV("PATH=/bin", "OCTOSHIM_CHILDREN=off", "JSON_LOGS=No", "LOG_LEVEL=warning", "OCTOSHIM_INJECT=Response",
        "OCTOSHIM_LOG_ROTATE=size:100M", "OCTOSHIM_SLOW_MS=250", "OCTOSHIM_SAMPLE=0.25", "SERVICE_NAME=orders",
        "ENVIRONMENT=production", "APP_VERSION=1.2.3", "OCTOSHIM_LOG=/var/log/octollm/%s.log",
        "OCTOSHIM_CONFIG=/etc/octoshim.json", "OCTOSHIM_RUNTIME_DIR=/run/octo", "XDG_RUNTIME_DIR=/run/user/0",
        "OCTOSHIM_INCLUDE=nginx", "OCTOSHIM_EXCLUDE=sh", "OCTOSHIM_LOGS=not-ours");
    assert_string_equal(s.complaints, "");
    assert_false(s.children);
    assert_false(s.json);
    assert_int_equal(s.level, OCTO_WARNING);
    assert_int_equal(s.inject, OCTO_INJECT_RESPONSE);
    assert_int_equal(s.rotate, OCTO_ROTATE_SIZE);
    assert_int_equal(s.rotate_bytes, 100ull << 20);
    assert_int_equal(s.slow_ns, 250000000ull);
    assert_int_equal(s.sample, ALL / 4);
    assert_string_equal(s.service, "orders");
    assert_string_equal(s.environment, "production");
    assert_string_equal(s.version, "1.2.3");
    assert_string_equal(s.log, "/var/log/octollm/orders.log");
    assert_string_equal(s.config, "/etc/octoshim.json");
    assert_string_equal(s.runtime_dir, "/run/octo");
    assert_string_equal(s.xdg_runtime_dir, "/run/user/0");
    assert_string_equal(s.include, "nginx");
    assert_string_equal(s.exclude, "sh");
}

static void empty_is_unset_and_the_first_of_two_counts(void **state)
{
    (void)state;
    ENV("OCTOSHIM_SLOW_MS=", "SERVICE_NAME=", "OTEL_SERVICE_NAME=otel", "LOG_LEVEL=error", "LOG_LEVEL=debug");
    assert_string_equal(s.complaints, "");
    assert_int_equal(s.slow_ns, 1000000000ull);
    assert_string_equal(s.service, "otel");
    assert_int_equal(s.level, OCTO_ERROR);
}

static void booleans(void **state)
{
    static const char *const on[] = {"true", "1", "yes", "on", "TRUE", "On"};
    static const char *const off[] = {"false", "0", "no", "off", "FALSE", "oFF"};
    char variable[64];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(on) / sizeof(*on); i++) {
        snprintf(variable, sizeof(variable), "OCTOSHIM_DISABLE=%s", on[i]);
        ENV(variable);
        assert_true(s.disable);
        snprintf(variable, sizeof(variable), "JSON_LOGS=%s", off[i]);
        ENV(variable);
        assert_false(s.json);
        assert_string_equal(s.complaints, "");
    }
    ENV("JSON_LOGS=2");
    assert_true(s.json);
    assert_complains("JSON_LOGS=\"2\" is not understood; allowed: true, false");
}

static void service_name_precedence(void **state)
{
    (void)state;
    ENV("OTEL_RESOURCE_ATTRIBUTES=a=b, service.name=my%20res ,c=d", "OTEL_SERVICE_NAME=otel", "SERVICE_NAME=own");
    assert_string_equal(s.service, "own");
    ENV("OTEL_RESOURCE_ATTRIBUTES=service.name=res", "OTEL_SERVICE_NAME=otel");
    assert_string_equal(s.service, "otel");
    ENV("OTEL_RESOURCE_ATTRIBUTES=a=b, service.name=my%20res ,c=d");
    assert_string_equal(s.service, "my res");
    ENV("OTEL_RESOURCE_ATTRIBUTES=service.namespace=x,service.name=,");
    assert_string_equal(s.service, "orders-api");
    assert_string_equal(s.complaints, "");
}

/* As OpenTelemetry has it: an error anywhere discards the whole value. */
static void broken_resource_attributes_are_discarded(void **state)
{
    static const char *const broken[] = {"service.name=x,b", "service.name=%zz", "service.name=x,a=%4",
                                         "service.name=%00", "=x,service.name=y"};
    char variable[96];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
        snprintf(variable, sizeof(variable), "OTEL_RESOURCE_ATTRIBUTES=%s", broken[i]);
        ENV(variable);
        assert_string_equal(s.service, "orders-api");
        assert_complains("octoshim: OTEL_RESOURCE_ATTRIBUTES=\"");
        assert_complains("; using orders-api\n");
    }
}

static void numbers(void **state)
{
    static const struct {
        const char *text;
        uint32_t sample; /* UINT32_MAX: refused */
    } cases[] = {
        {"0", 0},           {"1", ALL},          {"1.0", ALL},        {".5", ALL / 2},    {"0.000000001", 1},
        {"0.0000000000001", 1}, {"1.", ALL},     {"00.5", ALL / 2},   {"1.1", UINT32_MAX}, {"2", UINT32_MAX},
        {"-0.5", UINT32_MAX}, {".", UINT32_MAX}, {"0.5x", UINT32_MAX}, {"nan", UINT32_MAX}, {" 1", UINT32_MAX},
        {"1.0000000000001", UINT32_MAX}, {"99999999999999999999", UINT32_MAX},
    };
    static const char *const bad_ms[] = {"abc", "0", "-1", "1.5", "10ms", "99999999999999999999", "1000000001"};
    char variable[96];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        bool refused = cases[i].sample == UINT32_MAX;

        snprintf(variable, sizeof(variable), "OCTOSHIM_SAMPLE=%s", cases[i].text);
        ENV(variable);
        assert_int_equal(s.complaints[0] != '\0', refused);
        assert_int_equal(s.sample, refused ? ALL : cases[i].sample);
    }
    for (i = 0; i < sizeof(bad_ms) / sizeof(*bad_ms); i++) {
        snprintf(variable, sizeof(variable), "OCTOSHIM_SLOW_MS=%s", bad_ms[i]);
        ENV(variable);
        assert_int_equal(lines(s.complaints), 1);
        assert_int_equal(s.slow_ns, 1000000000ull);
    }
    ENV("OCTOSHIM_SLOW_MS=1000000000");
    assert_int_equal(s.slow_ns, 1000000000000000ull);
}

static void rotation(void **state)
{
    static const char *const bad[] = {"weekly", "size:", "size:M", "size:0", "size:0G", "size:1T", "size:1MB",
                                      "size:-1", "size:99999999999G", "size:1 M"};
    char variable[96];
    size_t i;

    (void)state;
    ENV("OCTOSHIM_LOG_ROTATE=size:2g");
    assert_int_equal(s.rotate_bytes, 2ull << 30);
    ENV("OCTOSHIM_LOG_ROTATE=SIZE:512K");
    assert_int_equal(s.rotate_bytes, 512ull << 10);
    ENV("OCTOSHIM_LOG_ROTATE=size:1234");
    assert_int_equal(s.rotate_bytes, 1234);
    ENV("OCTOSHIM_LOG_ROTATE=Never");
    assert_int_equal(s.rotate, OCTO_ROTATE_NEVER);
    assert_string_equal(s.complaints, "");
    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        snprintf(variable, sizeof(variable), "OCTOSHIM_LOG_ROTATE=%s", bad[i]);
        ENV(variable);
        assert_int_equal(s.rotate, OCTO_ROTATE_DAILY);
        assert_complains("is not understood; allowed: daily, hourly, never, size:100M (K, M or G); using daily\n");
    }
}

static void log_pattern(void **state)
{
    char deep[OCTO_PATH_MAX + 32] = "OCTOSHIM_LOG=/";

    (void)state;
    ENV("OCTOSHIM_LOG=/l/%s/%s%%.log", "SERVICE_NAME=a/b");
    assert_string_equal(s.log, "/l/a_b/a_b%.log");
    ENV("OCTOSHIM_LOG=STDERR");
    assert_string_equal(s.log, "stderr");
    ENV("OCTOSHIM_LOG=logs/x.log");
    assert_string_equal(s.log, "logs/x.log");
    assert_string_equal(s.complaints, "");
    ENV("OCTOSHIM_LOG=/l/%d.log");
    assert_string_equal(s.log, "stderr");
    assert_complains("OCTOSHIM_LOG=\"/l/%d.log\" is not understood");
    ENV("OCTOSHIM_LOG=/l/%");
    assert_complains("using stderr\n");

    memset(deep + strlen(deep), 'x', OCTO_PATH_MAX - 5); /* fits, but not once the service's name is in */
    strcat(deep, "%s");
    ENV(deep);
    assert_string_equal(s.log, "stderr");
    assert_int_equal(lines(s.complaints), 1);
}

static void a_bad_value_is_quoted_safely(void **state)
{
    char variable[400] = "OCTOSHIM_SLOW_MS=";
    const char *c;

    (void)state;
    ENV("OCTOSHIM_SLOW_MS=abc");
    assert_string_equal(s.complaints, "octoshim: OCTOSHIM_SLOW_MS=\"abc\" is not understood; allowed: whole "
                                      "milliseconds, 1 to 1000000000; using 1000\n");
    memset(variable + 17, 'v', 300);
    memcpy(variable + 17, "\033[31m\r\n\t\x7f\xff", 10);
    ENV(variable);
    assert_int_equal(lines(s.complaints), 1);
    for (c = s.complaints; *c != '\n'; c++)
        assert_in_range(*c, ' ', '~');
    assert_complains("=\"?[31m?????vvv");
    assert_complains("v...\" is not");
    assert_true(strlen(s.complaints) < 240);
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

static void who_is_left_alone(void **state)
{
    (void)state;
    ENV("OCTOSHIM_DISABLE=1", "OCTOSHIM_SLOW_MS=abc");
    assert_true(octo_settings_inert(&s));
    assert_string_equal(s.complaints, ""); /* who turns us off hears nothing */
    ENV("OCTOSHIM_INCLUDE=nginx, orders-*");
    assert_false(octo_settings_inert(&s));
    ENV("OCTOSHIM_INCLUDE=nginx,orders");
    assert_true(octo_settings_inert(&s));
    ENV("OCTOSHIM_INCLUDE=orders-*", "OCTOSHIM_EXCLUDE=,*-ap?,");
    assert_true(octo_settings_inert(&s));
    ENV("OCTOSHIM_EXCLUDE=nginx,,sh");
    assert_false(octo_settings_inert(&s));
}

static void a_long_program_name_is_cut(void **state)
{
    static const char *const envp[] = {NULL};
    char program[600];

    (void)state;
    memset(program, 'p', sizeof(program) - 1);
    program[sizeof(program) - 1] = '\0';
    load(envp, program);
    assert_int_equal(strlen(s.service), sizeof(s.service) - 1);
    assert_int_equal(strlen(s.program), sizeof(s.program) - 1);
    assert_string_equal(s.complaints, "");
    load(envp, "");
    assert_string_equal(s.service, "unknown");
}

static void file_fills_what_the_environment_left_open(void **state)
{
    (void)state;
    assert_int_equal(load_file("{\"service_name\": \"file/d\", \"OCTOSHIM_SLOW_MS\": 500, \"sample\": 0.125,\n"
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
        {"{\n  \"slow_ms\": 5,\n  oops\n}", ": line 3, column 6: string or '}' expected near 'oops'; the file is not used"},
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
    assert_int_equal(octo_settings_from_file(&s), -ENOENT);
    assert_int_equal(errno, EBADMSG);
    assert_string_equal(s.complaints, "octoshim: /no/such/file.json: no such file (error 2); the file is not used\n");
    ENV("OCTOSHIM_CONFIG=/tmp");
    assert_int_equal(octo_settings_from_file(&s), -EISDIR);
    assert_complains("/tmp: is a directory");

    memset(big, ' ', 2 << 20);
    assert_content(big, 2 << 20);
    snprintf(config, sizeof(config), "OCTOSHIM_CONFIG=%s", file);
    ENV(config);
    assert_int_equal(octo_settings_from_file(&s), -EFBIG);
    assert_complains("is larger than 1 MiB");
    free(big);

    unlink(file);
    assert_int_equal(mkfifo(file, 0600), 0); /* no writer: must not wait for one */
    ENV(config);
    assert_int_equal(octo_settings_from_file(&s), -EINVAL);
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
    assert_int_equal(octo_settings_from_file(&s), 0);
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
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_variable),
        cmocka_unit_test(empty_is_unset_and_the_first_of_two_counts),
        cmocka_unit_test(booleans),
        cmocka_unit_test(service_name_precedence),
        cmocka_unit_test(broken_resource_attributes_are_discarded),
        cmocka_unit_test(numbers),
        cmocka_unit_test(rotation),
        cmocka_unit_test(log_pattern),
        cmocka_unit_test(a_bad_value_is_quoted_safely),
        cmocka_unit_test(complaints_are_bounded),
        cmocka_unit_test(who_is_left_alone),
        cmocka_unit_test(a_long_program_name_is_cut),
        cmocka_unit_test(file_fills_what_the_environment_left_open),
        cmocka_unit_test(service_of_the_environment_beats_the_file),
        cmocka_unit_test(file_values_are_checked),
        cmocka_unit_test(unknown_keys_name_the_nearest),
        cmocka_unit_test(file_errors),
        cmocka_unit_test(unreadable_files),
        cmocka_unit_test(a_greedy_file),
    };

    return cmocka_run_group_tests_name("settings", tests, make_directory, remove_directory);
}
