/* redis' INFO: see info.h. */
#include "proto/info.h"

#include <stdatomic.h>
#include <string.h>

/* ── commands ──────────────────────────────────────────────────────────────────────────────────────── */

static void end_name(struct octo_info *info)
{
    uint32_t in = info->in;

    if (info->word_len == 4 && memcmp(info->word, "INFO", 4) == 0 && in - info->out < OCTO_INFOS) {
        info->due[in % OCTO_INFOS] = info->asks.messages;
        info->in = in + 1;
    }
    info->word_len = 0;
}

void octo_info_asked(struct octo_info *info, const uint8_t *p, size_t n)
{
    const uint8_t *end = p + n, *text;
    enum octo_resp_event event;
    size_t len;

    while ((event = octo_resp_next(&info->asks, &p, end, &text, &len)) == OCTO_RESP_TEXT ||
           event == OCTO_RESP_END) {
        if (info->asks.number != 1) /* the first text of a command is its name */
            continue;
        if (event == OCTO_RESP_END)
            end_name(info);
        else
            for (size_t i = 0; i < len && info->word_len < sizeof(info->word); i++)
                info->word[info->word_len++] = (char)(text[i] & ~0x20);
    }
}

/* ── answers ───────────────────────────────────────────────────────────────────────────────────────── */

/* True if the present answer is due to an INFO. */
static bool is_due(struct octo_info *info)
{
    for (uint32_t out = info->out; out != info->in;) {
        uint64_t due = info->due[out % OCTO_INFOS];

        if (due > info->answers.messages)
            return false;
        info->out = ++out;
        if (due == info->answers.messages)
            return true;
    }
    return false;
}

/* In RESP3 a type goes before the first heading. */
static bool is_heading(const char *line, size_t len)
{
    static const char type[] = "txt:";
    size_t skip = len >= sizeof(type) - 1 && memcmp(line, type, sizeof(type) - 1) == 0 ? sizeof(type) - 1 : 0;

    return len - skip > 2 && memcmp(line + skip, "# ", 2) == 0;
}

static void end_line(struct octo_info *info, void (*take)(void *owner, const char *line, size_t len), void *owner)
{
    bool fits = info->line_len <= sizeof(info->line);
    size_t len = fits ? info->line_len : sizeof(info->line);

    info->line_len = 0;
    if (fits && len > 0 && info->line[len - 1] == '\r')
        len--;
    if (info->text == OCTO_TEXT_BEGUN)
        info->text = is_heading(info->line, len) ? OCTO_TEXT_INFO : OCTO_TEXT_OTHER;
    else if (fits)
        take(owner, info->line, len);
}

/* Bytes of an answer that is a text. */
static void read_lines(struct octo_info *info, const uint8_t *p, size_t n,
                       void (*take)(void *owner, const char *line, size_t len), void *owner)
{
    if (info->text == OCTO_TEXT_NONE)
        info->text = is_due(info) ? OCTO_TEXT_BEGUN : OCTO_TEXT_OTHER;
    while (n > 0 && info->text != OCTO_TEXT_OTHER) {
        const uint8_t *feed = memchr(p, '\n', n);
        size_t len = feed ? (size_t)(feed - p) : n;
        size_t held = info->line_len < sizeof(info->line) ? info->line_len : sizeof(info->line);
        size_t room = sizeof(info->line) - held;

        memcpy(info->line + held, p, len < room ? len : room);
        info->line_len = (uint16_t)(info->line_len + len < UINT16_MAX ? info->line_len + len : UINT16_MAX);
        if (feed)
            end_line(info, take, owner);
        len += feed != NULL;
        p += len;
        n -= len;
    }
}

void octo_info_answered(struct octo_info *info, const uint8_t *p, size_t n,
                        void (*take)(void *owner, const char *line, size_t len), void *owner)
{
    const uint8_t *end = p + n, *text;
    enum octo_resp_event event;
    size_t len;

    while ((event = octo_resp_next(&info->answers, &p, end, &text, &len)) == OCTO_RESP_TEXT ||
           event == OCTO_RESP_END) {
        if (info->answers.number != 0)
            continue;
        if (event == OCTO_RESP_TEXT) {
            read_lines(info, text, len, take, owner);
        } else {
            info->text = OCTO_TEXT_NONE;
            info->line_len = 0;
        }
    }
}
