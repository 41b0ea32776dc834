/* Samples and places: who has one, and whether a stack is known again; against what is plainly so. */
#include "event/samples.h"

#include "event/segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

enum { PC = 16, PID = 7, S = 1000000000 };

static struct octo_samples *samples;

static int set_up(void **state)
{
    (void)state;
    samples = mmap(NULL, sizeof *samples, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return samples == MAP_FAILED;
}

static int tear_down(void **state)
{
    (void)state;
    return munmap(samples, sizeof *samples);
}

static void test_taken_and_given(void **state)
{
    struct octo_sample *taken[OCTO_SAMPLES];
    uint64_t serial[OCTO_SAMPLES];
    uint32_t pid;

    (void)state;
    assert_null(octo_sample_of(samples, 0, &pid));
    assert_null(octo_sample_of(samples, 16, &pid));
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < OCTO_SAMPLES; i++) {
            taken[i] = octo_sample_take(samples, PID + i, 5);
            assert_non_null(taken[i]);
            serial[i] = octo_sample_serial(samples, taken[i]);
            for (unsigned k = 0; k < i; k++)
                assert_true(taken[k] != taken[i] && serial[k] != serial[i]);
        }
        assert_null(octo_sample_take(samples, PID, 5));
        assert_int_equal(samples->missed, round + 1);
        for (unsigned i = 0; i < OCTO_SAMPLES; i++) {
            assert_ptr_equal(octo_sample_of(samples, serial[i], &pid), taken[i]);
            assert_int_equal(pid, PID + i);
            assert_null(octo_sample_of(samples, serial[i] + OCTO_SAMPLES, &pid));
            octo_sample_give(samples, taken[i]);
            assert_null(octo_sample_of(samples, serial[i], &pid));
        }
    }
    /* A killed process's are given up when they are old. */
    octo_sample_take(samples, PID, 10);
    struct octo_sample *young = octo_sample_take(samples, PID, 20);

    octo_samples_reap(samples, 15);
    for (unsigned i = 0; i < OCTO_SAMPLES - 1; i++)
        assert_non_null(octo_sample_take(samples, PID, 30));
    assert_null(octo_sample_take(samples, PID, 30));
    octo_sample_give(samples, young);
}

static struct octo_stack_place word[OCTO_STACK_FRAMES_MAX];

/* A stack with words at the places of `word`, and anything between them. */
static struct octo_sample *stack_with(uint32_t words, uint64_t pc, uint32_t bytes)
{
    struct octo_sample *sample = octo_sample_take(samples, PID, 1);

    sample->registers[PC] = pc;
    sample->stack_bytes = bytes;
    for (unsigned i = 0; i < sizeof sample->stack; i++)
        sample->stack[i] = (char)rand();
    for (unsigned i = 0; i < words; i++)
        memcpy(sample->stack + word[i].offset, &word[i].value, sizeof word[i].value);
    return sample;
}

static uint32_t some_words(void)
{
    uint32_t n = (uint32_t)rand() % (OCTO_STACK_FRAMES_MAX + 1);
    uint64_t at = 0;

    for (uint32_t i = 0; i < n; i++) {
        at += 8 + (uint64_t)(rand() % 60) * 8;
        word[i] = (struct octo_stack_place){at, ((uint64_t)rand() << 20) + 1};
    }
    return n;
}

static bool known(struct octo_sample *sample, uint64_t now_ns, uint64_t *id)
{
    bool is = octo_place_find(samples, sample, PC, now_ns, id) == OCTO_PLACE_KNOWN;

    octo_sample_give(samples, sample);
    return is;
}

/* Known are the same words from the same instruction on, as far as they were sampled, and nothing else. */
static void test_known_again(void **state)
{
    uint64_t id;

    (void)state;
    srand(3);
    for (unsigned round = 1; round < 2000; round++) {
        uint32_t words = some_words(), bytes = OCTO_SAMPLE_BYTES;
        uint64_t pc = (uint64_t)round << 8;
        struct octo_sample *sample = stack_with(words, pc, bytes);

        assert_false(known(sample, S, &id));
        octo_place_learn(samples, pc, word, words, round, S);
        assert_true(known(stack_with(words, pc, bytes), 2 * (uint64_t)S, &id));
        assert_int_equal(id, round);
        assert_false(known(stack_with(words, pc + 1, bytes), 2 * (uint64_t)S, &id));
        if (words == 0)
            continue;
        sample = stack_with(words, pc, bytes);
        sample->stack[word[(uint32_t)rand() % words].offset + (uint64_t)(rand() % 8)] ^= 1;
        assert_false(known(sample, 2 * (uint64_t)S, &id));
        /* Up to the last word, and one byte less. */
        assert_true(known(stack_with(words, pc, (uint32_t)word[words - 1].offset + 8), 2 * (uint64_t)S, &id));
        assert_false(known(stack_with(words, pc, (uint32_t)word[words - 1].offset + 7), 2 * (uint64_t)S, &id));
        assert_false(known(stack_with(words, pc, 0), 2 * (uint64_t)S, &id));
    }
}

/* Once a minute one of those who ask is sent to look, and the others know it meanwhile. */
static void test_once_a_minute(void **state)
{
    uint64_t id;

    (void)state;
    word[0] = (struct octo_stack_place){16, 1};
    octo_place_learn(samples, 1, word, 1, 42, S);
    for (uint64_t minute = 1; minute < 4; minute++) {
        assert_true(known(stack_with(1, 1, 100), minute * 60 * S - 1 + (minute == 1 ? S : 0), &id));
        assert_false(known(stack_with(1, 1, 100), minute * 60 * S + S, &id));
        assert_true(known(stack_with(1, 1, 100), minute * 60 * S + S, &id));
        octo_place_learn(samples, 1, word, 1, 42, minute * 60 * S + S);
    }
}

/* More places than there is room for: the latest are known. */
static void test_oldest_makes_room(void **state)
{
    uint64_t id;

    (void)state;
    word[0] = (struct octo_stack_place){16, 1};
    for (uint64_t pc = 1; pc <= 2 * OCTO_PLACES; pc++) {
        octo_place_learn(samples, pc, word, 1, pc, S + pc);
        octo_place_learn(samples, pc, word, 1, pc, S + pc); /* learnt again: in the same place */
    }
    for (uint64_t pc = 1; pc <= 2 * OCTO_PLACES; pc++)
        assert_int_equal(known(stack_with(1, pc, 100), S + 1000, &id), pc > OCTO_PLACES);
}

/* Whatever is in the shared memory, no read is beyond the sample's stack. */
static void test_damaged(void **state)
{
    uint64_t id;

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        struct octo_sample *sample = stack_with(0, 9, OCTO_SAMPLE_BYTES);

        for (unsigned i = 0; i < sizeof samples->place; i++)
            ((uint8_t *)samples->place)[i] = (uint8_t)rand();
        for (unsigned i = 0; i < OCTO_PLACES; i++) {
            samples->place[i].pc = 9;
            samples->place[i].turn &= ~1u;
            if (i % 2)
                samples->place[i].words %= OCTO_STACK_FRAMES_MAX;
        }
        known(sample, S, &id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_taken_and_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_known_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_once_a_minute, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_oldest_makes_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
