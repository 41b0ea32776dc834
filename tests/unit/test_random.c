/*
 * The number generator: no number twice, balanced bits, different seeds and processes differ, threads share it.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"

enum { MANY = 10000000, BITS = 64, THREADS = 4, EACH = 200000, RADIX = 1 << 16 };

/* Least significant digit first, four passes of 16 bits: much faster than qsort on this many. */
static void sort_numbers(uint64_t *numbers, uint64_t *spare, size_t count)
{
    unsigned shift;
    size_t i;

    for (shift = 0; shift < BITS; shift += 16) {
        static size_t place[RADIX + 1];
        uint64_t *swap;

        memset(place, 0, sizeof(place));
        for (i = 0; i < count; i++)
            place[(numbers[i] >> shift & (RADIX - 1)) + 1]++;
        for (i = 0; i < RADIX; i++)
            place[i + 1] += place[i];
        for (i = 0; i < count; i++)
            spare[place[numbers[i] >> shift & (RADIX - 1)]++] = numbers[i];
        swap = numbers;
        numbers = spare;
        spare = swap;
    }
}

static void assert_distinct(uint64_t *numbers, size_t count)
{
    uint64_t *spare = malloc(count * sizeof(*spare));
    size_t i, twice = 0;

    assert_non_null(spare);
    sort_numbers(numbers, spare, count);
    for (i = 1; i < count; i++) {
        assert_true(numbers[i - 1] <= numbers[i]);
        twice += numbers[i - 1] == numbers[i];
    }
    free(spare);
    assert_int_equal(twice, 0);
}

static void ten_million_without_a_repeat(void **state)
{
    uint64_t *numbers = malloc(MANY * sizeof(*numbers));
    struct octo_random r = {0};
    uint64_t started_ns;
    size_t i;

    (void)state;
    assert_non_null(numbers);
    octo_random_seed(&r, 0);
    started_ns = octo_clock_mono_ns();
    for (i = 0; i < MANY; i++)
        numbers[i] = octo_random_next(&r);
    print_message("%.1f ns a number\n", (double)(octo_clock_mono_ns() - started_ns) / MANY);
    assert_distinct(numbers, MANY);
    free(numbers);
}

/* Each bit is set in half of 2^20 numbers, and flips in half of the steps: both within 5 standard deviations. */
static void bits_are_balanced(void **state)
{
    enum { COUNT = 1 << 20, SIGMA = 512 };
    unsigned set[BITS] = {0}, flipped[BITS] = {0};
    struct octo_random r = {0};
    uint64_t before;
    unsigned bit;
    size_t i;

    (void)state;
    octo_random_seed(&r, 1);
    before = octo_random_next(&r);
    for (i = 0; i < COUNT; i++) {
        uint64_t now = octo_random_next(&r);

        for (bit = 0; bit < BITS; bit++) {
            set[bit] += now >> bit & 1;
            flipped[bit] += (now ^ before) >> bit & 1;
        }
        before = now;
    }
    for (bit = 0; bit < BITS; bit++) {
        assert_in_range(set[bit], COUNT / 2 - 5 * SIGMA, COUNT / 2 + 5 * SIGMA);
        assert_in_range(flipped[bit], COUNT / 2 - 5 * SIGMA, COUNT / 2 + 5 * SIGMA);
    }
}

static void seeds_differ_even_without_extra_entropy(void **state)
{
    struct octo_random a = {0}, b = {0};
    uint64_t first;

    (void)state;
    octo_random_seed(&a, 0);
    octo_random_seed(&b, 0);
    first = octo_random_next(&a);
    assert_true(first != octo_random_next(&b));
    octo_random_seed(&a, 0);
    assert_true(first != octo_random_next(&a));
}

/* Two fork children that seed again share nothing with each other or with their parent. */
static void forks_diverge(void **state)
{
    enum { FAMILY = 3, COUNT = 100000 };
    uint64_t *numbers = malloc(FAMILY * COUNT * sizeof(*numbers));
    struct octo_random r = {0};
    size_t i, who;

    (void)state;
    assert_non_null(numbers);
    octo_random_seed(&r, 0);
    for (who = 0; who < 2; who++) {
        int ends[2];
        char *to = (char *)(numbers + who * COUNT);
        size_t left = COUNT * sizeof(*numbers);
        pid_t child;
        int status;

        assert_int_equal(pipe(ends), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            octo_random_seed(&r, 0);
            for (i = 0; i < COUNT; i++) {
                uint64_t number = octo_random_next(&r);

                if (write(ends[1], &number, sizeof(number)) != (ssize_t)sizeof(number))
                    _exit(1);
            }
            _exit(0);
        }
        close(ends[1]);
        while (left > 0) {
            ssize_t n = read(ends[0], to, left);

            assert_true(n > 0);
            to += n;
            left -= (size_t)n;
        }
        close(ends[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    for (i = 0; i < COUNT; i++)
        numbers[2 * COUNT + i] = octo_random_next(&r);
    assert_distinct(numbers, FAMILY * COUNT);
    free(numbers);
}

static struct octo_random shared;
static uint64_t drawn[THREADS][EACH];

static void *draw(void *to)
{
    uint64_t *numbers = to;
    size_t i;

    for (i = 0; i < EACH; i++)
        numbers[i] = octo_random_next(&shared);
    return NULL;
}

static void threads_share_one_generator(void **state)
{
    pthread_t threads[THREADS];
    size_t i;

    (void)state;
    octo_random_seed(&shared, 0);
    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, draw, drawn[i]), 0);
    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_distinct(drawn[0], (size_t)THREADS * EACH);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_million_without_a_repeat),
        cmocka_unit_test(bits_are_balanced),
        cmocka_unit_test(seeds_differ_even_without_extra_entropy),
        cmocka_unit_test(forks_diverge),
        cmocka_unit_test(threads_share_one_generator),
    };

    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
