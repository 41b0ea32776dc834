/*
 * Settings from the environment: each variable, defaults, and how a bad value is complained of.
 */
#include <stdio.h>

#include "octoshim/record.h"
#include "settings_test.h"

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
    assert_int_equal(s.context, OCTO_CONTEXT_CERTAIN);
    assert_int_equal(s.enrich, OCTO_ENRICH_OFF);
    assert_int_equal(s.propagators, OCTO_PROPAGATE_TRACECONTEXT);
    assert_int_equal(s.sampler, OCTO_SAMPLER_PARENT | OCTO_SAMPLER_ON);
    assert_int_equal(s.sampler_ratio, ALL);
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
    assert_int_equal(octo_settings_from_file(&s, NULL), 0);
}

static void every_variable(void **state)
{
    (void)state;
    ENV("PATH=/bin", "OCTOSHIM_CHILDREN=off", "JSON_LOGS=No", "LOG_LEVEL=warning", "OCTOSHIM_INJECT=Response",
        "OCTOSHIM_LOG_ROTATE=size:100M", "OCTOSHIM_SLOW_MS=250", "OCTOSHIM_SAMPLE=0.25", "SERVICE_NAME=orders",
        "ENVIRONMENT=production", "APP_VERSION=1.2.3", "OCTOSHIM_LOG=/var/log/octollm/%s.log",
        "OCTOSHIM_CONFIG=/etc/octoshim.json", "OCTOSHIM_RUNTIME_DIR=/run/octo", "XDG_RUNTIME_DIR=/run/user/0",
        "OCTOSHIM_CONTEXT=Inferred", "OCTOSHIM_ENRICH_LOGS=text", "OTEL_PROPAGATORS=b3, baggage ,tracecontext",
        "OCTOSHIM_INCLUDE=nginx", "OCTOSHIM_EXCLUDE=sh", "OCTOSHIM_LOGS=not-ours");
    assert_string_equal(s.complaints, "");
    assert_false(s.children);
    assert_false(s.json);
    assert_int_equal(s.level, OCTO_WARNING);
    assert_int_equal(s.inject, OCTO_INJECT_RESPONSE);
    assert_int_equal(s.context, OCTO_CONTEXT_INFERRED);
    assert_int_equal(s.enrich, OCTO_ENRICH_TEXT_TOO);
    assert_int_equal(s.propagators, OCTO_PROPAGATE_TRACECONTEXT | OCTO_PROPAGATE_B3);
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

static void propagators(void **state)
{
    static const char *const bad[] = {"jaeger",           "tracecontext,",   ",b3",
                                      "tracecontext,,b3", "b3 tracecontext", "tracecontex"};

    (void)state;
    ENV("OTEL_PROPAGATORS=none");
    assert_int_equal(s.propagators, 0);
    ENV("OTEL_PROPAGATORS=baggage");
    assert_int_equal(s.propagators, 0);
    ENV("OTEL_PROPAGATORS=B3");
    assert_int_equal(s.propagators, OCTO_PROPAGATE_B3);
    assert_string_equal(s.complaints, "");
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char variable[64];

        snprintf(variable, sizeof(variable), "OTEL_PROPAGATORS=%s", bad[i]);
        ENV(variable);
        assert_non_null(strstr(s.complaints, "OTEL_PROPAGATORS"));
        assert_int_equal(s.propagators, OCTO_PROPAGATE_TRACECONTEXT);
    }
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
        {"0", 0},
        {"1", ALL},
        {"1.0", ALL},
        {".5", ALL / 2},
        {"0.000000001", 1},
        {"0.0000000000001", 1},
        {"1.", ALL},
        {"00.5", ALL / 2},
        {"1.1", UINT32_MAX},
        {"2", UINT32_MAX},
        {"-0.5", UINT32_MAX},
        {".", UINT32_MAX},
        {"0.5x", UINT32_MAX},
        {"nan", UINT32_MAX},
        {" 1", UINT32_MAX},
        {"1.0000000000001", UINT32_MAX},
        {"99999999999999999999", UINT32_MAX},
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

static void samplers(void **state)
{
    (void)state;
    ENV("OTEL_TRACES_SAMPLER=TraceIDRatio", "OTEL_TRACES_SAMPLER_ARG=0.25");
    assert_int_equal(s.sampler, OCTO_SAMPLER_RATIO);
    assert_int_equal(s.sampler_ratio, ALL / 4);
    ENV("OTEL_TRACES_SAMPLER=parentbased_always_off");
    assert_int_equal(s.sampler, OCTO_SAMPLER_PARENT | OCTO_SAMPLER_OFF);
    assert_string_equal(s.complaints, "");
    ENV("OTEL_TRACES_SAMPLER=jaeger_remote", "OTEL_TRACES_SAMPLER_ARG=2");
    assert_int_equal(s.sampler, OCTO_SAMPLER_PARENT | OCTO_SAMPLER_ON);
    assert_int_equal(s.sampler_ratio, ALL);
    assert_complains("octoshim: OTEL_TRACES_SAMPLER=\"jaeger_remote\" is not understood; allowed: always_on");
    assert_complains("octoshim: OTEL_TRACES_SAMPLER_ARG=\"2\" is not understood");
}

static void rotation(void **state)
{
    static const char *const bad[] = {
        "weekly",  "size:", "size:M", "size:0", "size:0G", "size:1T", "size:1MB", "size:-1", "size:99999999999G",
        "size:1 M"};
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_variable),
        cmocka_unit_test(propagators),
        cmocka_unit_test(empty_is_unset_and_the_first_of_two_counts),
        cmocka_unit_test(booleans),
        cmocka_unit_test(service_name_precedence),
        cmocka_unit_test(broken_resource_attributes_are_discarded),
        cmocka_unit_test(numbers),
        cmocka_unit_test(samplers),
        cmocka_unit_test(rotation),
        cmocka_unit_test(log_pattern),
        cmocka_unit_test(a_bad_value_is_quoted_safely),
        cmocka_unit_test(who_is_left_alone),
        cmocka_unit_test(a_long_program_name_is_cut),
    };

    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
