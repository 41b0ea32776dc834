/*
 * Fuzzing the event encoder: whatever a record holds, both forms give one line of printable ASCII within bounds, and
 * the JSON form parses, tells no query, no fragment and no user information, and says the text that went in.
 *
 * Input: a record's fixed part (as far as it goes), then its text, cut to lengths that fit as the ring checks them.
 */
#include "export/encode.h"
#include "export/target.h"

#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *line, size_t n, bool json)
{
    if (n == 0 || n > OCTO_LINE_MAX || line[n - 1] != '\n')
        abort();
    for (size_t i = 0; i < n - 1; i++)
        if ((line[i] < 0x20 && !(line[i] == 0x1b && !json)) || line[i] == 0x7f)
            abort();
}

static void check_json(const char *line, size_t n, const struct octo_record *r)
{
    json_t *event = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    json_t *path = json_object_get(event, "path");
    const char *target = r->text + r->id_len + r->method_len + r->host_len;

    if (event == NULL || !json_is_string(json_object_get(event, "timestamp")))
        abort();
    if (r->kind <= OCTO_EV_LLM_CALL_FAILED && r->method_len > 0) {
        if (json_string_length(path) == 0 ||
            memchr(json_string_value(path), '?', json_string_length(path)) != NULL ||
            memchr(json_string_value(path), '#', json_string_length(path)) != NULL)
            abort();
        /* Outside the origin form an '@' ends user information. */
        if (r->target_len != 0 && target[0] != '/' && json_string_value(path)[0] != '/' &&
            memchr(json_string_value(path), '@', json_string_length(path)) != NULL)
            abort();
        if (strchr(json_string_value(json_object_get(event, "host")) ?: "", '@') != NULL)
            abort();
    }
    json_decref(event);
}

enum { FACTS_MAX = sizeof(struct octo_llm_facts) + OCTO_LLM_PROVIDER_MAX + 2 * OCTO_LLM_MODEL_MAX };

static bool is_call(const struct octo_record *r)
{
    return r->kind == OCTO_EV_LLM_CALL_COMPLETED || r->kind == OCTO_EV_LLM_CALL_FAILED;
}

/* Facts as llm.c may make them, the last FACTS_MAX bytes of the texts. */
static void bound_facts(struct octo_record *r)
{
    struct octo_llm_facts facts;
    char *at = (char *)(uintptr_t)octo_record_behind(r);

    memcpy(&facts, at, sizeof(facts));
    facts.provider_len %= OCTO_LLM_PROVIDER_MAX + 1;
    facts.model_len %= OCTO_LLM_MODEL_MAX + 1;
    facts.answer_model_len %= OCTO_LLM_MODEL_MAX + 1;
    memcpy(at, &facts, sizeof(facts));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct octo_encoder encoder[2];
    static char line[OCTO_LINE_ROOM];
    uint64_t room[OCTO_RECORD_MAX / sizeof(uint64_t)] = {0};
    struct octo_record *r = (struct octo_record *)room;
    size_t text;

    if (encoder[0].form == NULL) {
        octo_encoder_init(&encoder[0], true, "fuzz\"\xff", "test", "1");
        octo_encoder_init(&encoder[1], false, "fuzz", "test\x1b", "1");
    }
    memcpy((char *)r, data, size < OCTO_RECORD_MAX ? size : OCTO_RECORD_MAX);
    text = size > OCTO_RECORD_HEAD ? (size < OCTO_RECORD_MAX ? size : OCTO_RECORD_MAX) - OCTO_RECORD_HEAD : 0;
    r->kind %= OCTO_EVENT_KINDS;
    r->level %= OCTO_LEVELS;
    /* Integers that JSON readers of 64 bits can hold; times of this era. */
    r->bytes_in >>= 1;
    r->bytes_out >>= 1;
    r->count >>= 1;
    r->mono_ns >>= 4;
    if (is_call(r) && text < FACTS_MAX)
        r->kind = OCTO_EV_CLIENT_REQUEST_COMPLETED;
    if (is_call(r)) {
        text -= FACTS_MAX;
        r->method_len %= 5; /* it is POST */
    }
    if (r->id_len > text)
        r->id_len = 0;
    text -= r->id_len;
    if (r->method_len > text)
        r->method_len = 0;
    text -= r->method_len;
    if (r->host_len > text)
        r->host_len = 0;
    text -= r->host_len;
    if (r->family == OCTO_PEER_UNIX && r->port > text)
        r->port = 0;
    if (r->family == OCTO_PEER_UNIX)
        text -= r->port;
    r->target_len = (uint16_t)text;
    if (is_call(r))
        bound_facts(r);

    for (unsigned form = 0; form < 2; form++) {
        size_t n = octo_encode(&encoder[form], r, 1762770645000000000, line);

        check_line(line, n, form == 0);
        if (form == 0)
            check_json(line, n, r);
    }
    return 0;
}
