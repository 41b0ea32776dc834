/*
 * Choices: where a model test takes its decisions from, a seeded generator or the bytes of a fuzzer's input.
 *
 * For: the editors' models, which thus run the same under cmocka and under libFuzzer. Once the bytes are used
 * up every choice is 0, which each model takes to mean "the ordinary case".
 */
#ifndef OCTO_TESTS_CHOICES_H
#define OCTO_TESTS_CHOICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct choices {
    uint64_t seed; /* of the generator; 0: bytes */
    const uint8_t *bytes;
    size_t left;
};

/* A number below `below`, which is at least 1. */
static inline uint32_t choose(struct choices *c, uint32_t below)
{
    uint32_t value = 0;

    if (c->seed != 0) {
        c->seed ^= c->seed << 13;
        c->seed ^= c->seed >> 7;
        c->seed ^= c->seed << 17;
        return (uint32_t)(((c->seed >> 32) * below) >> 32);
    }
    for (uint32_t range = below; range > 1 && c->left > 0; range >>= 8) {
        value = value << 8 | *c->bytes++;
        c->left--;
    }
    return value % below;
}

/* True once in `n` times. */
static inline bool rarely(struct choices *c, uint32_t n)
{
    return choose(c, n) == n - 1;
}

#endif
