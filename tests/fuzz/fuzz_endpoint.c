/*
 * Fuzzing what hostile clients and clumsy users write: targets to fold, patterns, and both together.
 *
 * Input: a byte that says how much of the rest is the pattern; the pattern; the target. A target folds to a label that is
 * safe, short and its own fold, whatever its query; a pattern that passes has names that find their captures, and these
 * are whole segments; one that does not pass is matched all the same, for the sanitizers.
 */
#include "proto/endpoint.h"
#include "proto/pattern.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

/* A copy of its own size, so that the sanitizer sees every byte too many. */
static char *copy_of(const void *bytes, size_t n)
{
    char *copy = malloc(n);

    if (n > 0)
        memcpy(copy, bytes, n);
    return copy;
}

static void check_fold(const char *target, size_t n)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:*";
    char *out = malloc(OCTO_ENDPOINT_MAX), *again = malloc(OCTO_ENDPOINT_MAX);
    size_t len = octo_endpoint_fold(target, n, out), path, end;

    demand(len >= 1 && len <= OCTO_ENDPOINT_MAX);
    for (size_t i = 0; i < len; i++)
        demand(memchr(safe, out[i], sizeof(safe) - 1) != NULL);
    demand(octo_endpoint_fold(out, len, again) == len && memcmp(out, again, len) == 0);
    if (octo_endpoint_form(target, n, &path) == OCTO_TARGET_PATH) {
        demand(path <= n && out[0] == '/' && (len == 1 || out[len - 1] != '/'));
        for (end = path; end < n && target[end] != '?' && target[end] != '#';)
            end++;
        /* What is before the path and behind it changes nothing. */
        demand(octo_endpoint_fold(target + path, end - path, again) == len && memcmp(out, again, len) == 0);
    }
    free(out);
    free(again);
}

static void check_captures(const char *pattern, size_t n, const char *target, size_t target_len,
                           const struct octo_capture *captures)
{
    const char *floor = target;
    int names = 0;

    for (const char *p = pattern; p < pattern + n; p++) {
        const struct octo_capture *capture = captures + names;
        const char *close;

        if (*p != '{')
            continue;
        close = memchr(p, '}', (size_t)(pattern + n - p));
        demand(close != NULL && octo_pattern_name(pattern, n, p + 1, (size_t)(close - p - 1)) == names++);
        demand(capture->len > 0 && capture->at > floor && capture->at[-1] == '/');
        floor = capture->at + capture->len;
        demand(floor <= target + target_len && (floor == target + target_len || octo_endpoint_ends(*floor)));
        for (size_t i = 0; i < capture->len; i++)
            demand(!octo_endpoint_ends(capture->at[i]));
    }
    demand(names <= OCTO_PATTERN_CAPTURES);
}

static void check_pattern(const char *pattern, size_t n, const char *target, size_t target_len)
{
    struct octo_capture captures[OCTO_PATTERN_CAPTURES];
    const char *why = NULL;
    size_t column = 0;
    bool usable = octo_pattern_check(pattern, n, &column, &why) == 0;
    bool match = octo_pattern_match(pattern, n, target, target_len, captures);

    demand(usable ? column == 0 && why == NULL : column >= 1 && column <= n + 1 && why != NULL);
    octo_pattern_name(pattern, n, target, target_len);
    if (!usable)
        return;
    for (size_t i = 0; i < n; i++)
        demand(pattern[i] > ' ' && pattern[i] < 0x7f && pattern[i] != '"' && pattern[i] != '\\');
    if (match)
        check_captures(pattern, n, target, target_len, captures);
    /* A literal pattern is matched by itself. */
    if (memchr(pattern, '{', n) == NULL && memchr(pattern, '*', n) == NULL)
        demand(octo_pattern_match(pattern, n, pattern, n, captures));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n, target_len;
    char *pattern, *target;

    if (size == 0)
        return 0;
    n = data[0] < size - 1 ? data[0] : size - 1;
    target_len = size - 1 - n;
    pattern = copy_of(data + 1, n);
    target = copy_of(data + 1 + n, target_len);
    check_fold(target, target_len);
    check_fold(pattern, n);
    check_pattern(pattern, n, target, target_len);
    free(pattern);
    free(target);
    return 0;
}
