/*
 * What the tests of both editors share: cmocka, CHECK for the models, numbers from the environment.
 */
#ifndef OCTO_TESTS_TEST_EDIT_H
#define OCTO_TESTS_TEST_EDIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t test_case; /* the seed of the model's present case, printed if it fails */

#define CHECK(condition)                                                                                          \
    do {                                                                                                          \
        if (!(condition))                                                                                         \
            fail_msg("%s:%d: %s; OCTO_TEST_CASES=1 OCTO_TEST_SEED=%llu", __FILE__, __LINE__, #condition,          \
                     (unsigned long long)test_case);                                                              \
    } while (0)

static uint64_t test_number(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);

    return value != NULL ? strtoull(value, NULL, 10) : otherwise;
}

#endif
