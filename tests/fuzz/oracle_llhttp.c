/*
 * Oracle: llhttp (C sources in node-llhttp), the parser of Node from version 12 on, in its strict mode.
 */
#include "oracle.h"

#include <llhttp.h>

struct run {
    struct oracle_trace *trace;
    size_t at;
    bool bodyless;
    bool closed; /* the last message said that it is the last */
};

static int on_head(llhttp_t *parser)
{
    struct run *run = parser->data;

    oracle_note(run->trace, run->at, 'B');
    return run->bodyless ||
           (parser->status_code == 304 && parser->type == HTTP_RESPONSE); /* theirs to say, as in Node */
}

static int on_end(llhttp_t *parser)
{
    struct run *run = parser->data;

    oracle_note(run->trace, run->at, 'E');
    run->closed = !llhttp_should_keep_alive(parser);
    return 0;
}

static void run(struct oracle_trace *t, enum octo_role role, bool bodyless, const uint8_t *p, size_t n)
{
    struct run state = {t, 0, bodyless, false};
    llhttp_settings_t settings;
    llhttp_t parser;

    t->events = 0;
    t->stopped = SIZE_MAX;
    t->why = "";
    llhttp_settings_init(&settings);
    settings.on_headers_complete = on_head;
    settings.on_message_complete = on_end;
    llhttp_init(&parser, role == OCTO_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
    parser.data = &state;
    for (size_t i = 0; i < n; i++) {
        llhttp_errno_t error;

        state.at = i + 1;
        error = llhttp_execute(&parser, (const char *)p + i, 1);
        if (error == HPE_OK && !state.closed)
            continue;
        t->stopped = i + 1;
        t->why = state.closed ? "closed" : llhttp_errno_name(error);
        return;
    }
}

const struct oracle oracle_llhttp = {"llhttp", run};
