/* Text from the network as UTF-8. See parts.h. Source: Unicode 15 section 3.9. */
#include <string.h>

#include "export/put.h"
#include "parts.h"

enum { REPLACEMENT = 0xfffd };

/* Of one character at s[0..n): its bytes; *bad: it is none. */
static size_t step(const char *s, size_t n, bool *bad)
{
    uint32_t code = (uint8_t)*s;
    size_t taken = 1;

    if (code >= 0x80)
        taken = octo_put_decode((const uint8_t *)s, n, &code);
    /* A real U+FFFD, ef bf bd, looks the same. */
    *bad = code == 0 || (code == REPLACEMENT && !(taken == 3 && memcmp(s, "\xef\xbf\xbd", 3) == 0));
    return taken;
}

char *text_in(struct obstack *arena, const char *text, size_t n)
{
    bool bad;

    for (size_t at = 0, taken; at < n; at += taken) {
        taken = step(text + at, n - at, &bad);
        if (bad)
            obstack_grow(arena, "\xef\xbf\xbd", 3);
        else
            obstack_grow(arena, text + at, taken);
    }
    obstack_1grow(arena, '\0');
    return obstack_finish(arena);
}

bool text_is_utf8(const char *text)
{
    bool bad = false;

    for (size_t n = strlen(text), taken; n > 0 && !bad; text += taken, n -= taken)
        taken = step(text, n, &bad);
    return !bad;
}
