/*
 * Numbers that do not repeat. See random.h.
 */
#include "base/random.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/clock.h"
#include "base/lone.h"
#include "base/sys.h"

enum { GETRANDOM_NONBLOCK = 1 };

/* One-to-one on 64 bits (each step can be undone), and every input bit moves about half of the output bits.
 * Constants: Stafford's variant 13 of MurmurHash3's finaliser, as in SplitMix64. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

/* What there is without getrandom: seccomp may refuse it, and early in boot it would have to wait. */
static uint64_t poor_entropy(void)
{
    const unsigned char *at_random = (const unsigned char *)getauxval(AT_RANDOM); /* 16 bytes from exec */
    uint64_t word[2] = {0, 0};
    uint64_t x;

    if (at_random != NULL)
        memcpy(word, at_random, sizeof(word));
    x = mix(word[0] ^ octo_clock_real_ns());
    x = mix(x ^ word[1] ^ octo_clock_mono_ns());
    return mix(x ^ ((uint64_t)octo_sys(SYS_getpid) << 32) ^ (uint64_t)octo_sys(SYS_gettid));
}

void octo_random_seed(struct octo_random *r, uint64_t entropy_extra)
{
    uint64_t fresh[3] = {0, 0, 0};
    uint64_t before = r->key[0] ^ mix(r->key[1]);

    if (octo_sys(SYS_getrandom, fresh, sizeof(fresh), GETRANDOM_NONBLOCK) != (long)sizeof(fresh)) {
        fresh[0] ^= poor_entropy();
        fresh[1] ^= mix(fresh[0] + 0x9e3779b97f4a7c15ull);
        fresh[2] ^= mix(fresh[1] + 0x9e3779b97f4a7c15ull);
    }
    r->key[0] = fresh[0] ^ mix(before ^ entropy_extra);
    r->key[1] = fresh[1] ^ mix(before + (uintptr_t)r);
    r->counter = fresh[2];
}

uint64_t octo_random_next(struct octo_random *r)
{
    uint64_t x = octo_lone_add(&r->counter, 1);

    return mix(mix(x ^ r->key[0]) ^ r->key[1]);
}
