/*
 * Oracle: http_parser (libhttp-parser-dev), the parser of Node up to version 11.
 *
 * One fault of its own is known: a field whose name only begins with "Transfer-Encoding" counts as one. It is not
 * asked further then.
 */
#include "oracle.h"

#include <http_parser.h>
#include <strings.h>

struct run {
    struct oracle_trace *trace;
    size_t at;
    bool bodyless;
    char name[18]; /* the present field's, as far as it matters */
    size_t name_len;
    bool misread; /* see above */
    bool closed;  /* the last message said that it is the last */
};

static int on_head(http_parser *parser)
{
    struct run *run = parser->data;

    oracle_note(run->trace, run->at, 'B');
    return run->bodyless ||
           (parser->status_code == 304 && parser->type == HTTP_RESPONSE); /* theirs to say, as in Node */
}

static int on_end(http_parser *parser)
{
    struct run *run = parser->data;

    oracle_note(run->trace, run->at, 'E');
    run->closed = !http_should_keep_alive(parser);
    return 0;
}

static int on_name(http_parser *parser, const char *p, size_t n)
{
    struct run *run = parser->data;

    for (; n > 0 && run->name_len < sizeof(run->name); n--)
        run->name[run->name_len++] = *p++;
    if (run->name_len == 18 && strncasecmp(run->name, "transfer-encoding", 17) == 0)
        run->misread = true;
    return 0;
}

static int on_value(http_parser *parser, const char *p, size_t n)
{
    (void)p;
    (void)n;
    ((struct run *)parser->data)->name_len = 0;
    return 0;
}

static void run(struct oracle_trace *t, enum octo_role role, bool bodyless, const uint8_t *p, size_t n)
{
    static const http_parser_settings settings = {.on_header_field = on_name,
                                                  .on_header_value = on_value,
                                                  .on_headers_complete = on_head,
                                                  .on_message_complete = on_end};
    struct run state = {t, 0, bodyless, "", 0, false, false};
    http_parser parser;

    t->events = 0;
    t->stopped = SIZE_MAX;
    t->why = "";
    http_parser_init(&parser, role == OCTO_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE);
    parser.data = &state;
    for (size_t i = 0; i < n; i++) {
        size_t used;

        state.at = i + 1;
        used = http_parser_execute(&parser, &settings, (const char *)p + i, 1);
        if (used == 1 && HTTP_PARSER_ERRNO(&parser) == HPE_OK && !parser.upgrade && !state.closed &&
            !state.misread)
            continue;
        t->stopped = i + 1;
        t->why = parser.upgrade                  ? "upgrade"
                 : state.closed || state.misread ? "closed"
                                                 : http_errno_name(HTTP_PARSER_ERRNO(&parser));
        return;
    }
}

const struct oracle oracle_http_parser = {"http_parser", run};
