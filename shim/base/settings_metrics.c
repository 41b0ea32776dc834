/*
 * The values of the settings about metrics, from their text. See settings_table.h.
 *
 * Context: the constructor and the reading of the file; pure computation.
 */
#include "base/clock.h"
#include "base/settings_table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

enum { PORT_MAX = 65535, ADDRESS_MAX = 46, SECONDS_MAX = 1000000 };

static int parse_port(const char *value, size_t len, uint16_t *port)
{
    unsigned number = 0;

    if (len == 0 || len > 5)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9')
            return -EINVAL;
        number = number * 10 + (unsigned)(value[i] - '0');
    }
    if (number > PORT_MAX)
        return -EINVAL;
    *port = (uint16_t)number;
    return 0;
}

/* An address in digits, `localhost`, or nothing or * for all of IPv4. */
static int parse_address(const char *value, size_t len, struct octo_listen *to)
{
    bool bracketed = len > 2 && value[0] == '[' && value[len - 1] == ']';
    char text[ADDRESS_MAX];

    if (octo_text_same(value, len, "localhost"))
        return parse_address("127.0.0.1", 9, to);
    if (len == 0 || (len == 1 && *value == '*'))
        return parse_address("0.0.0.0", 7, to);
    if (bracketed) {
        value++;
        len -= 2;
    }
    if (len >= sizeof(text))
        return -EINVAL;
    memcpy(text, value, len);
    text[len] = '\0';
    to->kind = bracketed ? OCTO_LISTEN_IPV6 : OCTO_LISTEN_IPV4;
    return inet_pton(bracketed ? AF_INET6 : AF_INET, text, to->address) == 1 ? 0 : -EINVAL;
}

int octo_setting_parse_listen(const char *value, size_t len, struct octo_listen *to)
{
    static const char unix_prefix[] = "unix:";
    const size_t skip = sizeof(unix_prefix) - 1;
    struct octo_listen found = {.kind = OCTO_LISTEN_OFF};
    const char *colon = memrchr(value, ':', len);

    if (octo_text_same(value, len, "off")) {
        *to = found;
        return 0;
    }
    if (len > skip && octo_text_same(value, skip, unix_prefix)) {
        if (value[skip] != '/' || len - skip >= sizeof(found.path))
            return -EINVAL;
        found.kind = OCTO_LISTEN_UNIX;
        memcpy(found.path, value + skip, len - skip);
    } else if (colon == NULL || parse_port(colon + 1, (size_t)(value + len - colon - 1), &found.port) < 0 ||
               parse_address(value, (size_t)(colon - value), &found) < 0) {
        return -EINVAL;
    }
    *to = found;
    return 0;
}

static bool is_name(const char *name, size_t len)
{
    bool good = len > 0 && !(name[0] >= '0' && name[0] <= '9') && !(len >= 2 && name[0] == '_' && name[1] == '_');

    for (size_t i = 0; i < len; i++)
        good &= (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
                (name[i] >= '0' && name[i] <= '9') || name[i] == '_';
    return good;
}

/* True if the shim's own series have a label of that name, or text[0..used) has it already: `a="1",b="2",`. */
static bool is_taken(const char *name, size_t len, const char *text, size_t used)
{
    static const char own[][12] = {"le",        "method", "endpoint", "status", "error_type",
                                   "component", "level",  "reason",   "family", "version",
                                   "libc",      "host",   "provider", "model",  "pool"};

    for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strlen(own[i]) == len && memcmp(name, own[i], len) == 0)
            return true;
    for (size_t at = 0; at + len + 2 <= used; at++) {
        bool begins = at == 0 || (at >= 2 && text[at - 1] == ',' && text[at - 2] == '"');

        if (begins && memcmp(text + at, name, len) == 0 && text[at + len] == '=' && text[at + len + 1] == '"')
            return true;
    }
    return false;
}

/* Values are ASCII without control characters: what Prometheus needs escaped is. */
int octo_setting_parse_labels(const char *value, size_t len, char *to, size_t size)
{
    const char *end = value + len, *next;
    char found[512];
    struct octo_text t;

    octo_text_begin(&t, found, size < sizeof(found) ? size : sizeof(found));
    for (; value < end; value = next + 1) {
        const char *equals;

        next = memchr(value, ',', (size_t)(end - value));
        if (next == NULL)
            next = end;
        equals = memchr(value, '=', (size_t)(next - value));
        if (equals == NULL || !is_name(value, (size_t)(equals - value)) ||
            is_taken(value, (size_t)(equals - value), found, octo_text_len(&t)))
            return -EINVAL;
        octo_text_bytes(&t, value, (size_t)(equals - value));
        octo_text_str(&t, "=\"");
        for (const char *p = equals + 1; p < next; p++) {
            if (*p < ' ' || *p > '~')
                return -EINVAL;
            if (*p == '"' || *p == '\\')
                octo_text_char(&t, '\\');
            octo_text_char(&t, *p);
        }
        octo_text_str(&t, "\",");
    }
    if (t.cut)
        return -EINVAL;
    memcpy(to, found, octo_text_len(&t) + 1);
    return 0;
}

/* 0.05, 1, 2.5: at most nine decimals. */
static int parse_seconds(const char *value, size_t len, uint64_t *ns)
{
    uint64_t whole = 0, part = 0, unit = 100000000;
    size_t i;

    for (i = 0; i < len && value[i] >= '0' && value[i] <= '9'; i++)
        if ((whole = whole * 10 + (uint64_t)(value[i] - '0')) > SECONDS_MAX)
            return -EINVAL;
    if (i == 0)
        return -EINVAL;
    if (i < len && value[i] == '.')
        for (i++; i < len && value[i] >= '0' && value[i] <= '9'; i++, unit /= 10)
            part += unit * (uint64_t)(value[i] - '0');
    if (i < len)
        return -EINVAL;
    *ns = whole * OCTO_NS_PER_S + part;
    return 0;
}

int octo_setting_parse_buckets(const char *value, size_t len, struct octo_buckets *to)
{
    const char *end = value + len, *next;
    struct octo_buckets found = {0};

    for (; value < end; value = next + 1) {
        uint64_t ns = 0;

        next = memchr(value, ',', (size_t)(end - value));
        if (next == NULL)
            next = end;
        while (value < next && *value == ' ')
            value++;
        if (found.count == OCTO_BUCKETS_MAX || parse_seconds(value, (size_t)(next - value), &ns) < 0 || ns == 0 ||
            (found.count > 0 && ns <= found.bound[found.count - 1]))
            return -EINVAL;
        found.bound[found.count++] = ns;
    }
    if (found.count == 0)
        return -EINVAL;
    *to = found;
    return 0;
}
