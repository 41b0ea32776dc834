/* A line that is a JSON object: see object_line.h. */
#include "proto/object_line.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && is_blank(*p))
        p++;
    return p;
}

/* p is behind the quote that begins a string. Returns where its end quote is, or NULL. */
static const char *string_end(const char *p, const char *end, bool *escapes)
{
    for (*escapes = false; p < end; p++) {
        if (*p == '"')
            return p;
        if ((unsigned char)*p < 0x20)
            return NULL;
        if (*p == '\\') {
            *escapes = true;
            p++;
        }
    }
    return NULL;
}

enum { DEPTH_MAX = 64 };

/* p is where a value begins. Returns where it ends: at the comma or brace that follows it; or NULL. */
static const char *value_end(const char *p, const char *end)
{
    char open[DEPTH_MAX];
    unsigned depth = 0;
    const char *begin = p;
    bool escapes;

    for (; p < end; p++) {
        switch (*p) {
        case '"':
            if ((p = string_end(p + 1, end, &escapes)) == NULL)
                return NULL;
            break;
        case '{':
        case '[':
            if (depth == DEPTH_MAX)
                return NULL;
            open[depth++] = *p;
            break;
        case '}':
        case ']':
            if (depth == 0)
                return *p == '}' && p > begin ? p : NULL;
            if (open[--depth] != (*p == '}' ? '{' : '['))
                return NULL;
            break;
        case ',':
            if (depth == 0)
                return p > begin ? p : NULL;
            break;
        default:
            if ((unsigned char)*p < 0x20 && !is_blank(*p))
                return NULL;
        }
    }
    return NULL;
}

bool octo_object_line(const char *line, size_t n, const char *const names[], unsigned count,
                      struct octo_object_line *found)
{
    const char *end = line + n, *p = skip_blanks(line, end);

    *found = (struct octo_object_line){.empty = true};
    if (p == end || *p != '{')
        return false;
    p = skip_blanks(p + 1, end);
    while (p < end && !(found->empty && *p == '}')) {
        const char *name = p + 1, *name_end;
        bool escapes;

        if (*p != '"' || (name_end = string_end(name, end, &escapes)) == NULL || escapes)
            return false;
        for (unsigned i = 0; i < count; i++)
            if (strlen(names[i]) == (size_t)(name_end - name) &&
                memcmp(names[i], name, (size_t)(name_end - name)) == 0)
                found->has |= 1u << i;
        p = skip_blanks(name_end + 1, end);
        if (p == end || *p != ':')
            return false;
        p = value_end(skip_blanks(p + 1, end), end);
        if (!p)
            return false;
        found->empty = false;
        if (*p == '}')
            break;
        p = skip_blanks(p + 1, end);
        if (p == end || *p == '}')
            return false;
    }
    if (p == end)
        return false;
    found->at = (size_t)(p - line);
    return skip_blanks(p + 1, end) == end;
}
