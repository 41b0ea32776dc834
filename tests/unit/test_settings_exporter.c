/* What the exporter of spans is told: which variables are kept, from where, and whether there is anything to export. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "settings_test.h"

static void assert_told(const char *name, const char *value)
{
    const char *told = octo_settings_exporter(&s, name);

    if (value == NULL)
        assert_null(told);
    else if (told == NULL)
        fail_msg("%s is not kept", name);
    else
        assert_string_equal(told, value);
}

static void kept(void **state)
{
    (void)state;
    ENV("PATH=/bin", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318/x=1", "OTEL_EXPORTER_OTLP_HEADERS=a=b,c=d",
        "OTEL_BSP_SCHEDULE_DELAY=", "OTEL_BSP_MAX_QUEUE_SIZE=7", "OTEL_BSP_", "OTEL_EXPORTER_JAEGER_ENDPOINT=no",
        "SSL_CERT_FILE=/etc/ca", "ssl_cert_file=/no", "http_proxy=http://p", "no_proxy=*",
        "OTEL_RESOURCE_ATTRIBUTES=team=a", "OTEL_BSP_MAX_QUEUE_SIZE=8");
    assert_told("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/x=1");
    assert_told("OTEL_EXPORTER_OTLP_HEADERS", "a=b,c=d");
    assert_told("OTEL_BSP_SCHEDULE_DELAY", NULL);
    assert_told("OTEL_BSP_MAX_QUEUE_SIZE", "7");
    assert_told("OTEL_BSP_MAX_QUEUE", NULL);
    assert_told("OTEL_EXPORTER_JAEGER_ENDPOINT", NULL);
    assert_told("SSL_CERT_FILE", "/etc/ca");
    assert_told("ssl_cert_file", NULL);
    assert_told("http_proxy", "http://p");
    assert_told("no_proxy", "*");
    assert_told("OTEL_RESOURCE_ATTRIBUTES", "team=a");
    assert_told("PATH", NULL);
    assert_string_equal(s.complaints, "");
    NO_ENV();
    assert_told("OTEL_EXPORTER_OTLP_ENDPOINT", NULL);
    assert_int_equal(s.exporter_len, 0);
}

static void wanted(void **state)
{
    static const char endpoint[] = "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318",
                      traces[] = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c/t";

    (void)state;
    NO_ENV();
    assert_false(octo_settings_export_spans(&s));
    ENV(endpoint);
    assert_true(octo_settings_export_spans(&s));
    ENV(traces);
    assert_true(octo_settings_export_spans(&s));
    ENV("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://c/m", "OTEL_EXPORTER_OTLP_ENDPOINT=");
    assert_false(octo_settings_export_spans(&s));
    ENV("OTEL_TRACES_EXPORTER=otlp");
    assert_true(octo_settings_export_spans(&s));
    ENV(endpoint, "OTEL_TRACES_EXPORTER=none");
    assert_false(octo_settings_export_spans(&s));
    ENV(endpoint, traces, "OTEL_TRACES_EXPORTER=OTLP", "OTEL_SDK_DISABLED=TRUE");
    assert_false(octo_settings_export_spans(&s));
    ENV(endpoint, "OTEL_TRACES_EXPORTER=zipkin", "OTEL_SDK_DISABLED=perhaps");
    assert_true(octo_settings_export_spans(&s));
    assert_complains("octoshim: OTEL_TRACES_EXPORTER=\"zipkin\" is not understood; allowed: otlp, none");
    assert_complains("octoshim: OTEL_SDK_DISABLED=\"perhaps\" is not understood");
    ENV(endpoint, "OCTOSHIM_DISABLE=1");
    assert_false(octo_settings_export_spans(&s));
}

/* Metrics: only where they are asked for. */
static void metrics_wanted(void **state)
{
    (void)state;
    NO_ENV();
    assert_false(octo_settings_export_metrics(&s));
    assert_int_equal(s.metrics_interval_ns, 60000000000);
    ENV("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318");
    assert_false(octo_settings_export_metrics(&s));
    ENV("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://c/m", "OTEL_METRIC_EXPORT_INTERVAL=250");
    assert_true(octo_settings_export_metrics(&s));
    assert_int_equal(s.metrics_interval_ns, 250000000);
    for (int i = 0; i < 6; i++) {
        static const struct {
            const char *value;
            bool pushed;
        } cases[] = {{"otlp", true},  {"prometheus, OTLP", true}, {"otlp,none", true}, {"prometheus", false},
                     {"none", false}, {"none,prometheus", false}};
        char setting[64];

        snprintf(setting, sizeof setting, "OTEL_METRICS_EXPORTER=%s", cases[i].value);
        ENV(setting, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://c/m");
        assert_int_equal(octo_settings_export_metrics(&s), cases[i].pushed);
        assert_string_equal(s.complaints, "");
    }
    ENV("OTEL_METRICS_EXPORTER=otlp", "OTEL_SDK_DISABLED=true");
    assert_false(octo_settings_export_metrics(&s));
    ENV("OTEL_METRICS_EXPORTER=otlp,statsd", "OTEL_METRIC_EXPORT_INTERVAL=0");
    assert_false(octo_settings_export_metrics(&s));
    assert_complains("octoshim: OTEL_METRICS_EXPORTER=\"otlp,statsd\" is not understood");
    assert_complains("octoshim: OTEL_METRIC_EXPORT_INTERVAL=\"0\" is not understood");
}

/* More than there is room for: said, and what came before is kept. */
static void too_much(void **state)
{
    static char headers[OCTO_EXPORTER_MAX + 100], name[200];

    (void)state;
    snprintf(headers, sizeof headers, "OTEL_EXPORTER_OTLP_HEADERS=%0*d", OCTO_EXPORTER_MAX, 0);
    snprintf(name, sizeof name, "OTEL_BSP_%0*d=1", 150, 0);
    ENV("OTEL_EXPORTER_OTLP_ENDPOINT=http://c", headers, name, "OTEL_BSP_MAX_QUEUE_SIZE=9");
    assert_told("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c");
    assert_told("OTEL_EXPORTER_OTLP_HEADERS", NULL);
    assert_told("OTEL_BSP_MAX_QUEUE_SIZE", "9");
    assert_complains("octoshim: OTEL_EXPORTER_OTLP_HEADERS is too long, or holds a zero byte; it is left out");
    assert_int_equal(lines(s.complaints), 2);
    assert_true(strlen(s.complaints) < 300); /* values, which may be secret, are not shown; long names are cut */

    /* To the last byte. */
    for (int len = OCTO_EXPORTER_MAX - 60; len < OCTO_EXPORTER_MAX; len++) {
        snprintf(headers, sizeof headers, "OTEL_BSP_X=%0*d", len, 0);
        ENV(headers, "OTEL_BSP_Y=2");
        assert_true(s.exporter_len < sizeof s.exporter);
        assert_int_equal(s.exporter[sizeof s.exporter - 1], 0);
        if (octo_settings_exporter(&s, "OTEL_BSP_X") != NULL)
            assert_int_equal(strlen(octo_settings_exporter(&s, "OTEL_BSP_X")), len);
        else
            assert_told("OTEL_BSP_Y", "2");
    }
}

/* By the settings' file: any case, numbers and lists; the environment first. */
static void by_file(void **state)
{
    char path[] = "/tmp/octo-exporter-XXXXXX", config[64];
    const char text[] =
        "{\"otel_exporter_otlp_endpoint\": \"http://file\", \"OTEL_BSP_MAX_QUEUE_SIZE\": 12,"
        " \"otel_bsp_schedule_delay\": 34, \"otel_bsp_export_timeout\": null,"
        " \"otel_exporter_otlp_headers\": {\"a\": 1}, \"otel_resource_attributes\": \"service.name=shop,team=a\","
        " \"ssl_cert_file\": \"/no\"}";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    snprintf(config, sizeof config, "OCTOSHIM_CONFIG=%s", path);
    ENV(config, "OTEL_BSP_SCHEDULE_DELAY=56");
    octo_settings_from_file(&s, NULL);
    unlink(path);
    assert_told("OTEL_EXPORTER_OTLP_ENDPOINT", "http://file");
    assert_told("OTEL_BSP_MAX_QUEUE_SIZE", "12");
    assert_told("OTEL_BSP_SCHEDULE_DELAY", "56");
    assert_told("OTEL_BSP_EXPORT_TIMEOUT", NULL);
    assert_told("OTEL_EXPORTER_OTLP_HEADERS", NULL);
    assert_told("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop,team=a");
    assert_told("SSL_CERT_FILE", NULL);
    assert_string_equal(s.service, "shop");
    assert_true(octo_settings_export_spans(&s));
    assert_complains("otel_exporter_otlp_headers");
    assert_complains("ssl_cert_file");
    assert_int_equal(lines(s.complaints), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept),     cmocka_unit_test(wanted),  cmocka_unit_test(metrics_wanted),
        cmocka_unit_test(too_much), cmocka_unit_test(by_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
