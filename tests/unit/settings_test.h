/*
 * What the tests of the settings share.
 */
#ifndef OCTO_TEST_SETTINGS_H
#define OCTO_TEST_SETTINGS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/settings.h"

#define ALL (1u << 24)

static struct octo_settings s;

/* Reads a list of "NAME=value". */
#define ENV(...) load((const char *[]){__VA_ARGS__, NULL}, "orders-api")
#define NO_ENV() load((const char *[]){NULL}, "orders-api")

static void load(const char *const *envp, const char *program)
{
    memset(&s, 0, sizeof(s));
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

#endif
