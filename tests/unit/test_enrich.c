/* A short write of an enriched call, at every byte: how many bytes are the service's, and what of an addition is missing. */
#include "service_rig.h"

#include "conn/enrich.h"

static void short_writes(void **state)
{
    static const char first[] = "{\"a\": 1", one[] = ", \"x\": 2", second[] = "}\n{\"b\": 1", two[] = ", \"y\": 3",
                      last[] = "}\nplain\n";
    struct octo_enriched e = {.count = 5};
    const char *parts[] = {first, one, second, two, last};
    size_t total = 0, own = 0, k = 0;

    (void)state;
    for (int i = 0; i < 5; i++) {
        e.v[i] = (struct iovec){(void *)(uintptr_t)parts[i], strlen(parts[i])};
        total += e.v[i].iov_len;
    }
    for (int i = 0; i < 5; i++)
        for (size_t j = 0; j < e.v[i].iov_len; j++) {
            struct iovec rest;

            own += i % 2 == 0;
            k++;
            assert_int_equal(octo_enriched_took(&e, k, &rest), own);
            assert_int_equal(rest.iov_len, i % 2 == 0 ? 0 : e.v[i].iov_len - j - 1);
            if (rest.iov_len)
                assert_ptr_equal(rest.iov_base, (char *)e.v[i].iov_base + j + 1);
        }
    assert_int_equal(k, total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(short_writes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
