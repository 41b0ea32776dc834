/*
 * References of rules: $request.task.priority. See rules_parts.h.
 *
 *      $WORD           what is known of the request or connection
 *      $WORD.NAME      one of many: a capture, a header field, a field of INFO
 *      $WORD.PATH      a field of a JSON document, as octo_pick_set_add() has it; also $request[0].id
 */
#include "conn/rules_parts.h"

#include <errno.h>
#include <string.h>

enum { REQUEST = 1 << OCTO_ON_REQUEST, LOG = 1 << OCTO_ON_LOG, INFO = 1 << OCTO_ON_INFO };
enum { CONNECTION = 1 << OCTO_ON_CONNECTION, INFO_MAX = OCTO_RULE_NAME_MAX };

enum more { NOTHING, NAME, PATH };

static const struct {
    const char *word;
    uint8_t kind; /* enum octo_ref_kind */
    uint8_t on;   /* bits: the kinds of rules that can give it */
    uint8_t more; /* enum more */
    bool late;    /* not before the response */
    bool number;  /* may be one */
} words[] = {
    {"path", OCTO_REF_PATH, REQUEST, NAME, false, true},
    {"header", OCTO_REF_HEADER, REQUEST, NAME, false, true},
    {"response_header", OCTO_REF_RESPONSE_HEADER, REQUEST, NAME, true, true},
    {"request", OCTO_REF_REQUEST, REQUEST, PATH, false, true},
    {"response", OCTO_REF_RESPONSE, REQUEST, PATH, true, true},
    {"log", OCTO_REF_LOG, LOG, PATH, false, true},
    {"info", OCTO_REF_INFO, INFO, NAME, false, true},
    {"method", OCTO_REF_METHOD, REQUEST, NOTHING, false, false},
    {"status", OCTO_REF_STATUS, REQUEST, NOTHING, true, false},
    {"host", OCTO_REF_HOST, REQUEST | CONNECTION | INFO, NOTHING, false, false},
    {"address", OCTO_REF_HOST, CONNECTION | INFO, NOTHING, false, false},
    {"port", OCTO_REF_PORT, CONNECTION | INFO, NOTHING, false, false},
    {"protocol", OCTO_REF_PROTOCOL, CONNECTION | INFO, NOTHING, false, false},
};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

static const char *const kind_names[] = {
    [OCTO_ON_REQUEST] = "a request",
    [OCTO_ON_LOG] = "a log line",
    [OCTO_ON_CONNECTION] = "a connection",
    [OCTO_ON_INFO] = "an answer to INFO",
};

bool octo_rules_field(struct octo_rules_reader *r, const char *path, struct octo_ref *ref)
{
    struct octo_pick_set *set = ref->kind == OCTO_REF_REQUEST    ? &octo_rules.request
                                : ref->kind == OCTO_REF_RESPONSE ? &octo_rules.response
                                                                 : &octo_rules.log;
    const char *why;
    size_t column;
    int number = octo_pick_set_add(set, path, strlen(path), &column, &why);

    if (number == -EINVAL)
        return octo_rules_wrong(r, "%q is no path of a field: %s, at byte %u", path, why, (unsigned)column + 1);
    if (number < 0)
        return octo_rules_wrong(r, "the limit of all rules is reached: %s", why);
    ref->index = (uint8_t)number;
    return true;
}

/* What a field's name is made of: RFC 9110 section 5.6.2. */
static bool is_token(const char *name)
{
    for (const char *p = name; *p != '\0'; p++)
        if (!((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') && !(*p >= '0' && *p <= '9') &&
            !strchr("!#$%&'*+-.^_`|~", *p))
            return false;
    return *name != '\0';
}

bool octo_rules_header(struct octo_rules_reader *r, const char *name, struct octo_ref *ref)
{
    bool of_request = ref->kind == OCTO_REF_HEADER;
    unsigned *n = of_request ? &octo_rules.request_headers : &octo_rules.response_headers;
    struct octo_header_name *names = of_request ? octo_rules.request_header : octo_rules.response_header;
    size_t len = strlen(name);

    if (!is_token(name))
        return octo_rules_wrong(r, "%q is no name of a header field", name);
    if (len > OCTO_RULE_NAME_MAX)
        return octo_rules_wrong(r, "a header field's name of more than %u bytes", OCTO_RULE_NAME_MAX);
    for (ref->index = 0; ref->index < *n; ref->index++)
        if (octo_text_same(name, len, names[ref->index].name))
            return true;
    if (*n == OCTO_RULE_HEADERS)
        return octo_rules_wrong(r, "more than %u different header fields of %s in all rules", OCTO_RULE_HEADERS,
                                of_request ? "requests" : "responses");
    names[(*n)++] = (struct octo_header_name){octo_rules_keep(r, name, len, true), (uint8_t)len};
    return true;
}

static bool capture(struct octo_rules_reader *r, const char *name, struct octo_ref *ref)
{
    int index = -1;

    if (r->rule->pattern)
        index = octo_pattern_name(r->rule->pattern, r->rule->pattern_len, name, strlen(name));
    if (index < 0)
        return octo_rules_wrong(r, "the rule's path has no {%s}",
                                octo_rules_is_name(name, strnlen(name, OCTO_PATTERN_MAX)) ? name : "...");
    ref->index = (uint8_t)index;
    return true;
}

static bool info(struct octo_rules_reader *r, const char *name, struct octo_ref *ref)
{
    size_t len = strlen(name);

    if (!is_token(name) || len > INFO_MAX)
        return octo_rules_wrong(r, "%q is no name of a field of INFO", name);
    ref->text = octo_rules_keep(r, name, len, false);
    ref->len = (uint16_t)len;
    return true;
}

bool octo_rules_ref(struct octo_rules_reader *r, const char *text, bool number, struct octo_ref *ref)
{
    size_t len = strcspn(text + 1, ".[");
    const char *rest = text + 1 + len;
    unsigned w = 0;

    while (w < WORDS && (strlen(words[w].word) != len || memcmp(words[w].word, text + 1, len) != 0))
        w++;
    if (w == WORDS)
        return octo_rules_wrong(r, "%q is no reference; a text that begins with $ is written $$...", text);
    if (!(words[w].on >> r->rule->on & 1))
        return octo_rules_wrong(r, "%s has no $%s", kind_names[r->rule->on], words[w].word);
    if (r->early && words[w].late)
        return octo_rules_wrong(r, "$%s is not known while a request is in progress", words[w].word);
    if (number && !words[w].number)
        return octo_rules_wrong(r, "$%s is no number to count", words[w].word);
    *ref = (struct octo_ref){.kind = words[w].kind};
    if (words[w].more == NOTHING)
        return *rest == '\0' || octo_rules_wrong(r, "$%s has no parts", words[w].word);
    if (*rest == '\0' || (*rest == '[' && words[w].more != PATH))
        return octo_rules_wrong(r, "$%s needs a name, as $%s.NAME", words[w].word, words[w].word);
    rest += *rest == '.';
    if (words[w].more == PATH)
        return octo_rules_field(r, rest, ref);
    if (ref->kind == OCTO_REF_PATH)
        return capture(r, rest, ref);
    if (ref->kind != OCTO_REF_INFO)
        return octo_rules_header(r, rest, ref);
    if (!number)
        return octo_rules_wrong(r, "$info is for values only");
    return info(r, rest, ref);
}
