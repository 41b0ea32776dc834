/* The pure parts of the probe: slots against long double arithmetic, sums and quantiles, outcomes, names of calls. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "slots.h"
#include "syscalls.h"

#include "base/call_names.h"

static struct octo_slot_tables tables;

/* By the definition: the least slot whose bound is not below the duration. */
static unsigned by_definition(unsigned long long ns)
{
    for (unsigned i = 0; i < OCTO_SLOTS - 1; i++)
        if ((long double)ns <= 1e9L * exp2l(OCTO_OCTAVE_FIRST + (long double)(i + 1) / 4))
            return i;
    return OCTO_SLOTS - 1;
}

static void check(unsigned long long ns)
{
    unsigned got = octo_slot(&tables, ns), wanted = by_definition(ns);

    if (got != wanted)
        fail_msg("%llu ns: slot %u, wanted %u", ns, got, wanted);
}

static void bounds(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OCTO_SLOTS; i++)
        for (long long by = -2; by <= 2; by++)
            check((unsigned long long)((long long)(1e9L * exp2l(OCTO_OCTAVE_FIRST + (long double)(i + 1) / 4)) +
                                       by));
    for (unsigned bit = 0; bit < 64; bit++)
        for (int by = -1; by <= 1; by++)
            check((1ULL << bit) + (unsigned long long)by);
    for (unsigned long long ns = 0; ns < 100000; ns++)
        check(ns);
    check(~0ULL);
}

static void any_duration(void **state)
{
    (void)state;
    srandom(7);
    for (int i = 0; i < 1000000; i++) {
        unsigned long long ns =
            ((unsigned long long)random() << 32 ^ (unsigned long long)random()) >> random() % 64;

        check(ns);
        assert_true(octo_slot(&tables, ns) <= octo_slot(&tables, ns + 1));
        if (ns != 0)
            assert_int_equal(octo_log2(ns), 63 - __builtin_clzll(ns));
    }
}

/* Each fourth bound is a power of two, to the last bit: what Prometheus' classic and native buckets need. */
static void powers(void **state)
{
    (void)state;
    for (int n = 1; n <= OCTO_OCTAVES; n++)
        assert_true(octo_slot_bound((unsigned)(4 * n - 1)) == ldexp(1, OCTO_OCTAVE_FIRST + n));
}

static void quantiles(void **state)
{
    static double all[1000];
    struct octo_tally t = {.max_ns = 0};

    (void)state;
    assert_true(octo_tally_quantile(&t, 0.5) == 0);
    for (int i = 0; i < 1000; i++) { /* ascending, over five decades */
        all[i] = 200 * pow(10, i / 200.0);
        t.slot[octo_slot(&tables, (unsigned long long)all[i])]++;
        t.sum_ns += (unsigned long long)all[i];
    }
    t.max_ns = (unsigned long long)all[999];
    assert_int_equal(octo_tally_count(&t), 1000);
    for (int i = 0; i <= 100; i++) {
        double got = octo_tally_quantile(&t, i / 100.0), wanted = all[i == 100 ? 999 : i * 10];

        if (fabs(got - wanted) > 0.19 * wanted + 1)
            fail_msg("%d %%: %.0f ns, wanted %.0f", i, got, wanted);
    }
    assert_true(octo_tally_quantile(&t, 1) <= (double)t.max_ns);
    assert_int_equal(octo_tally_upto(&t, 0), 0);
}

/* What came since: sums that fit, a longest that is never below the truth. */
static void since(void **state)
{
    (void)state;
    srandom(8);
    for (int round = 0; round < 200; round++) {
        struct octo_tally before = {.max_ns = 0}, now, out;
        unsigned long long longest = 0, sum = 0;
        int n = (int)(random() % 50);

        for (int i = 0; i < 50; i++) {
            unsigned long long ns = (unsigned long long)random() >> random() % 31;

            before.slot[octo_slot(&tables, ns)]++;
            before.max_ns = ns > before.max_ns ? ns : before.max_ns;
        }
        now = before;
        for (int i = 0; i < n; i++) {
            unsigned long long ns = (unsigned long long)random() >> random() % 31;

            now.slot[octo_slot(&tables, ns)]++;
            now.sum_ns += ns;
            now.failed += ns % 2;
            sum += ns;
            longest = ns > longest ? ns : longest;
            now.max_ns = ns > now.max_ns ? ns : now.max_ns;
        }
        octo_tally_since(&out, &now, &before);
        assert_int_equal(octo_tally_count(&out), n);
        assert_int_equal(out.sum_ns, sum);
        assert_int_equal(out.failed, now.failed);
        if (n > 0)
            assert_true(out.max_ns + 1 >= longest && (double)out.max_ns <= 1.19 * (double)longest + 70);
        octo_tally_add(&out, &before);
        assert_memory_equal(out.slot, now.slot, sizeof out.slot);
    }
}

static void outcomes(void **state)
{
    (void)state;
    for (long returned = -5000; returned < 5000; returned++) {
        enum octo_outcome wanted = returned >= 0 || returned < -4095      ? OCTO_CALL_DONE
                                   : returned <= -512 && returned >= -516 ? OCTO_CALL_INTERRUPTED
                                                                          : OCTO_CALL_FAILED;
        assert_int_equal(octo_outcome(returned), wanted);
    }
    assert_int_equal(octo_outcome((long)0x7ffff0000000), OCTO_CALL_DONE); /* mmap */
}

static void names(void **state)
{
    unsigned known = octo_calls_known(), classes[6] = {0}, labels = 0;

    (void)state;
    assert_true(known > 300 && known <= OCTO_CALL_NAMES);
    for (unsigned i = 0; i < known; i++) {
        classes[octo_call_class(i)]++;
        labels += strcmp(octo_call_label(i), "other") != 0;
        if (strcmp(octo_call_label(i), "other") != 0)
            assert_string_equal(octo_call_label(i), octo_call_name(i));
    }
    for (int i = 0; i < 6; i++)
        assert_true(classes[i] > 2);
    assert_in_range(labels, 25, 50);
    assert_string_equal(octo_call_name(0xffff), "syscall_65535");
    assert_int_equal(octo_call_class(0xffff), OCTO_CLASS_OTHER);
#ifdef __x86_64__
    assert_string_equal(octo_call_name(0), "read");
    assert_int_equal(octo_call_class(232), OCTO_CLASS_WAIT);
    assert_string_equal(octo_class_name(octo_call_class(74)), "file"); /* fsync */
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds),    cmocka_unit_test(any_duration), cmocka_unit_test(powers),
        cmocka_unit_test(quantiles), cmocka_unit_test(since),        cmocka_unit_test(outcomes),
        cmocka_unit_test(names),
    };

    octo_slot_fill(&tables);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
