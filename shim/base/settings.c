/*
 * Settings from the environment, and what the environment and the file have in common. See settings.h.
 *
 * Context: the constructor, and once more when the file is read; pure computation.
 */
#include "base/settings.h"

#include <errno.h>
#include <string.h>

#include "base/settings_table.h"

enum {
    QUOTE_MAX = 64,        /* bytes of a bad value that are shown */
    CLOSING_LINE_MAX = 64, /* room kept for "and N more" */
    LINE_MAX = 600,
};

#define MEMBER_SIZE(member) sizeof(((struct octo_settings *)0)->member)

const struct octo_setting_row octo_setting_rows[OCTO_SETTING_COUNT] = {
#define ROW(symbol, name, kind, source, member, fallback, allowed)                                                \
    {name,                                                                                                        \
     fallback,                                                                                                    \
     allowed,                                                                                                     \
     offsetof(struct octo_settings, member),                                                                      \
     MEMBER_SIZE(member),                                                                                         \
     OCTO_SETTING_##kind,                                                                                         \
     OCTO_FROM_##source},
    OCTO_SETTINGS(ROW)
#undef ROW
};

_Static_assert(OCTO_SETTING_COUNT <= 64, "from_environment has a bit for each");

void octo_settings_quote(struct octo_text *line, const char *text, size_t len, size_t most)
{
    size_t i;

    for (i = 0; i < len && i < most; i++)
        octo_text_char(line, text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
    if (len > most)
        octo_text_str(line, "...");
}

/*
 *      complaints
 *      | lines ............ | closing line, once something did not fit | free |
 *      0                    complaints_len
 */
void octo_settings_complain(struct octo_settings *s, const struct octo_text *line)
{
    size_t len = octo_text_len(line);
    struct octo_text out;

    if (s->complaints[0] == '\0') { /* none yet, or those before have been printed and cleared */
        s->complaints_len = 0;
        s->complaints_more = 0;
    }
    octo_text_begin(&out, s->complaints + s->complaints_len, sizeof(s->complaints) - s->complaints_len);
    if (s->complaints_more == 0 && s->complaints_len + len + 1 + CLOSING_LINE_MAX < sizeof(s->complaints)) {
        octo_text_bytes(&out, line->start, len);
        octo_text_char(&out, '\n');
        s->complaints_len = (uint16_t)(s->complaints_len + len + 1);
        return;
    }
    if (s->complaints_more < UINT16_MAX)
        s->complaints_more++;
    octo_text_str(&out, "octoshim: and ");
    octo_text_u64(&out, s->complaints_more);
    octo_text_str(&out, " more settings were not understood\n");
}

bool octo_setting_taken(uint64_t given, unsigned row)
{
    unsigned i;

    for (i = 0; i < OCTO_SETTING_COUNT; i++)
        if ((given & (1ull << i)) && octo_setting_rows[i].offset == octo_setting_rows[row].offset)
            return true;
    return false;
}

static const char *fallback_text(const struct octo_settings *s, const struct octo_setting_row *row)
{
    return row->fallback != NULL ? row->fallback : s->program;
}

static void set_fallback(struct octo_settings *s, const struct octo_setting_row *row)
{
    const char *text = fallback_text(s, row);
    size_t len = strlen(text);

    if (row->fallback == NULL && len >= row->size) /* a program's name has no limit of ours */
        len = row->size - 1u;
    octo_setting_parse(s, row, text, len);
}

/* octoshim: [FILE: ]NAME="VALUE" is not understood; allowed: …; using … */
static void complain_of_value(struct octo_settings *s, const struct octo_setting_row *row, const char *file,
                              const char *value, size_t len)
{
    const char *using = fallback_text(s, row);
    char buffer[LINE_MAX];
    struct octo_text line;

    octo_text_begin(&line, buffer, sizeof(buffer));
    octo_text_str(&line, "octoshim: ");
    if (file != NULL) {
        octo_settings_quote(&line, file, strlen(file), 2 * QUOTE_MAX);
        octo_text_str(&line, ": ");
    }
    octo_text_str(&line, row->name);
    octo_text_str(&line, "=\"");
    octo_settings_quote(&line, value, len, QUOTE_MAX);
    octo_text_str(&line, "\" is not understood; allowed: ");
    octo_text_str(&line, row->allowed);
    octo_text_str(&line, "; using ");
    octo_settings_quote(&line, *using != '\0' ? using : "none", *using != '\0' ? strlen(using) : 4, QUOTE_MAX);
    octo_settings_complain(s, &line);
}

void octo_setting_refuse(struct octo_settings *s, unsigned row, const char *file, const char *value, size_t len)
{
    const struct octo_setting_row *r = &octo_setting_rows[row];

    set_fallback(s, r);
    if (r->kind != OCTO_SETTING_ABSOLUTE)
        complain_of_value(s, r, file, value, len);
}

bool octo_setting_apply(struct octo_settings *s, unsigned row, const char *file, const char *value, size_t len)
{
    int verdict = octo_setting_parse(s, &octo_setting_rows[row], value, len);

    if (verdict == -EINVAL)
        octo_setting_refuse(s, row, file, value, len);
    return verdict == 0;
}

void octo_settings_expand_log(struct octo_settings *s)
{
    struct octo_text out;
    const char *p;
    const char *c;

    octo_text_begin(&out, s->log, sizeof(s->log));
    for (p = s->log_pattern; *p != '\0'; p++) {
        if (*p != '%') {
            octo_text_char(&out, *p);
        } else if (*++p == '%') {
            octo_text_char(&out, '%');
        } else { /* %s, the parser saw to it; a service's name is one part of a path, never several */
            for (c = s->service; *c != '\0'; c++)
                octo_text_char(&out, *c == '/' ? '_' : *c);
        }
    }
    if (out.cut) {
        complain_of_value(s, &octo_setting_rows[OCTO_SET_LOG], NULL, s->log_pattern, strlen(s->log_pattern));
        octo_text_begin(&out, s->log, sizeof(s->log));
        octo_text_str(&out, "stderr");
    }
}

/* values[row]: what the environment says, NULL if nothing or the empty string, which counts as nothing. */
static void find_values(char *const *envp, const char *values[OCTO_SETTING_COUNT])
{
    unsigned row;
    size_t len;

    memset(values, 0, OCTO_SETTING_COUNT * sizeof(*values));
    for (; envp != NULL && *envp != NULL; envp++) {
        for (row = 0; row < OCTO_SETTING_COUNT; row++) {
            if (**envp != octo_setting_rows[row].name[0])
                continue;
            len = strlen(octo_setting_rows[row].name);
            /* strncmp stops at the variable's NUL; the first of two of one name counts, as with getenv. */
            if (strncmp(*envp, octo_setting_rows[row].name, len) != 0 || (*envp)[len] != '=')
                continue;
            if (values[row] == NULL)
                values[row] = *envp + len + 1;
            break;
        }
    }
    for (row = 0; row < OCTO_SETTING_COUNT; row++)
        if (values[row] != NULL && *values[row] == '\0')
            values[row] = NULL;
}

void octo_settings_from_environment(struct octo_settings *s, char *const *envp, const char *program)
{
    const char *values[OCTO_SETTING_COUNT];
    struct octo_text name;
    unsigned row;

    octo_text_begin(&name, s->program, sizeof(s->program));
    octo_text_str(&name, program != NULL && *program != '\0' ? program : "unknown");
    for (row = 0; row < OCTO_SETTING_COUNT; row++)
        if (*fallback_text(s, &octo_setting_rows[row]) !=
            '\0') /* else it is there already: pages stay untouched */
            set_fallback(s, &octo_setting_rows[row]);

    find_values(envp, values);
    for (row = 0; row < OCTO_SETTING_COUNT; row++) {
        /* OCTOSHIM_DISABLE is the first row: who turns the shim off hears nothing about the others. */
        if (s->disable)
            break;
        if (values[row] == NULL || octo_setting_taken(s->from_environment, row))
            continue;
        /* A bad value also keeps the file out: the complaint says that the default is used. */
        if (octo_setting_apply(s, row, NULL, values[row], strlen(values[row])) ||
            octo_setting_rows[row].fallback != NULL)
            s->from_environment |= 1ull << row;
    }
    if (!s->disable)
        octo_settings_exporter_from_environment(s, envp);
    octo_settings_expand_log(s);
}

/* True if one of the comma-separated globs matches. Spaces around a glob do not count. */
static bool listed(const char *globs, const char *program)
{
    const char *end;
    const char *next;

    for (; *globs != '\0'; globs = *next == ',' ? next + 1 : next) {
        while (*globs == ' ')
            globs++;
        next = strchr(globs, ',');
        if (next == NULL)
            next = globs + strlen(globs);
        for (end = next; end > globs && end[-1] == ' ';)
            end--;
        if (end > globs && octo_text_glob(globs, (size_t)(end - globs), program))
            return true;
    }
    return false;
}

bool octo_settings_inert(const struct octo_settings *s)
{
    return s->disable || listed(s->exclude, s->program) ||
           (s->include[0] != '\0' && !listed(s->include, s->program));
}
