/*
 * Settings from the JSON file. See settings.h.
 *
 * Context: any thread of the service, once, outside signals. The only user of jansson in the library: the archive is
 * linked in hidden, gets its memory from one mapping that is given back at the end, and sees no file of its own. errno is
 * the service's and is put back.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/mman.h>

#include "base/random.h"
#include "base/settings_table.h"
#include "base/sys.h"

enum {
    FILE_MAX = 1 << 20,  /* bytes */
    ARENA_PER_BYTE = 64, /* bytes; `[1,1,…` is the greediest and takes about half of it */
    ARENA_LEAST = 64 << 10,
    DEPTH_MAX = 16, /* jansson recurses and the thread's stack may be small */
    KEY_MAX = 40,   /* bytes of a key that are compared with the known ones */
    LINE_MAX = 600,
    QUOTE_MAX = 128,
};

/* Memory for jansson: only ever handed out, given back as a whole. */
static struct {
    char *at;
    char *end;
} arena;

static void *arena_take(size_t size)
{
    void *p = arena.at;

    size = (size + 15) & ~(size_t)15;
    if (size > (size_t)(arena.end - arena.at))
        return NULL;
    arena.at += size;
    return p;
}

static void arena_keep(void *p)
{
    (void)p;
}

/* Returns memory, or NULL. */
static void *map(size_t size)
{
    long p = octo_sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

    return p < 0 && p > -4096 ? NULL : (void *)p;
}

/* Begins "octoshim: FILE: ". */
static void begin_line(struct octo_text *line, char buffer[LINE_MAX], const struct octo_settings *s)
{
    octo_text_begin(line, buffer, LINE_MAX);
    octo_text_str(line, "octoshim: ");
    octo_settings_quote(line, s->config, strlen(s->config), QUOTE_MAX);
    octo_text_str(line, ": ");
}

static void complain(struct octo_settings *s, const char *what, long code)
{
    char buffer[LINE_MAX];
    struct octo_text line;

    begin_line(&line, buffer, s);
    octo_text_str(&line, what);
    if (code != 0) {
        octo_text_str(&line, " (error ");
        octo_text_i64(&line, code);
        octo_text_char(&line, ')');
    }
    octo_text_str(&line, "; the file is not used");
    octo_settings_complain(s, &line);
}

/* Reads the file into to[0..FILE_MAX]. Returns its length, or -errno, and has complained. */
static long read_file(struct octo_settings *s, char *to)
{
    /* O_NONBLOCK: a FIFO in the file's place must not stop the service. */
    long fd = octo_sys(SYS_openat, AT_FDCWD, s->config, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
    long len = 0;
    long n = 1;

    if (fd < 0) {
        complain(s, fd == -ENOENT ? "no such file" : fd == -EACCES ? "may not be read" : "cannot be opened", -fd);
        return fd;
    }
    while (len <= FILE_MAX && n > 0) {
        n = octo_sys(SYS_read, fd, to + len, FILE_MAX + 1 - len);
        len += n > 0 ? n : 0;
        if (n == -EINTR)
            n = 1;
    }
    octo_sys(SYS_close, fd);
    if (n < 0)
        complain(s, n == -EISDIR ? "is a directory" : "cannot be read", -n);
    else if (len > FILE_MAX)
        complain(s, "is larger than 1 MiB", 0);
    return n < 0 ? n : len > FILE_MAX ? -EFBIG : len;
}

/* How deep brackets nest, those in strings aside. */
static unsigned depth_of(const char *text, size_t len)
{
    unsigned depth = 0;
    unsigned deepest = 0;
    bool quoted = false;
    size_t i;

    for (i = 0; i < len; i++) {
        char c = text[i];

        if (c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            deepest = ++depth > deepest ? depth : deepest;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return deepest;
}

/* The one key that is no setting. */
static const char rules_key[] = "rules";

/* How a setting is called in the file: its name without OCTOSHIM_. */
static const char *key_of(unsigned row)
{
    static const char prefix[] = "OCTOSHIM_";
    const char *name = octo_setting_rows[row].name;

    return strncmp(name, prefix, sizeof(prefix) - 1) == 0 ? name + sizeof(prefix) - 1 : name;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* How many letters must be changed, added or taken away to make b of a (Levenshtein), regardless of case. */
static unsigned distance(const char *a, const char *b)
{
    unsigned cost[KEY_MAX + 1]; /* of making b[0..j) of the part of a that was seen */
    size_t i, j;
    size_t b_len = strnlen(b, KEY_MAX);

    for (j = 0; j <= b_len; j++)
        cost[j] = (unsigned)j;
    for (i = 0; i < KEY_MAX && a[i] != '\0'; i++) {
        unsigned diagonal = cost[0]++;

        for (j = 1; j <= b_len; j++) {
            unsigned best = diagonal + (lower(a[i]) != lower(b[j - 1]));

            diagonal = cost[j];
            if (cost[j] + 1 < best)
                best = cost[j] + 1;
            if (cost[j - 1] + 1 < best)
                best = cost[j - 1] + 1;
            cost[j] = best;
        }
    }
    return cost[b_len];
}

static void complain_of_key(struct octo_settings *s, const char *key, const char *problem)
{
    char buffer[LINE_MAX];
    struct octo_text line;
    const char *nearest = rules_key;
    unsigned best = distance(key, nearest);
    unsigned row;

    begin_line(&line, buffer, s);
    octo_text_str(&line, "key \"");
    octo_settings_quote(&line, key, strlen(key), QUOTE_MAX / 2);
    octo_text_str(&line, "\" ");
    octo_text_str(&line, problem != NULL ? problem : "is not known; the nearest that is: \"");
    for (row = 0; problem == NULL && row < OCTO_SETTING_COUNT; row++) {
        unsigned d = octo_setting_rows[row].source == OCTO_FROM_BOTH ? distance(key, key_of(row)) : UINT32_MAX;

        if (d < best) {
            best = d;
            nearest = key_of(row);
        }
    }
    if (problem == NULL) {
        for (; *nearest != '\0'; nearest++)
            octo_text_char(&line, lower(*nearest));
        octo_text_char(&line, '"');
    }
    octo_settings_complain(s, &line);
}

/* A number with a point or an exponent, in digits: nine behind the point, none if they are all 0. */
static void write_real(struct octo_text *t, double value)
{
    uint64_t nano;
    uint64_t unit;

    if (!(value >= 0 && value <= 1e9)) { /* no setting is negative or that large */
        octo_text_str(t, value < 0 ? "a negative number" : "a very large number");
        return;
    }
    nano = (uint64_t)(value * 1e9 + 0.5);
    octo_text_u64(t, nano / 1000000000);
    if (nano % 1000000000 == 0)
        return;
    octo_text_char(t, '.');
    for (unit = 100000000; unit > 0; unit /= 10)
        octo_text_char(t, (char)('0' + nano / unit % 10));
}

/* The value as the environment would give it. False if it has no such form. */
static bool write_value(struct octo_text *t, const json_t *value)
{
    size_t i;

    switch (json_typeof(value)) {
    case JSON_STRING:
        octo_text_bytes(t, json_string_value(value), json_string_length(value));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        octo_text_str(t, json_typeof(value) == JSON_TRUE ? "true" : "false");
        return true;
    case JSON_INTEGER:
        octo_text_i64(t, json_integer_value(value));
        return true;
    case JSON_REAL:
        write_real(t, json_real_value(value));
        return true;
    case JSON_ARRAY: /* of strings: a list, as of programs */
        for (i = 0; i < json_array_size(value); i++) {
            if (json_typeof(json_array_get(value, i)) != JSON_STRING)
                return false;
            if (i > 0)
                octo_text_char(t, ',');
            octo_text_str(t, json_string_value(json_array_get(value, i)));
        }
        return true;
    default:
        return false;
    }
}

/* The row that a key names, or OCTO_SETTING_COUNT. */
static unsigned row_of(const char *key)
{
    unsigned row;
    size_t len = strlen(key);

    for (row = 0; row < OCTO_SETTING_COUNT; row++)
        if (octo_text_same(key, len, octo_setting_rows[row].name) || octo_text_same(key, len, key_of(row)))
            break;
    return row;
}

/* Returns true if the value decided the member. null and the empty string say nothing. */
static bool apply_value(struct octo_settings *s, unsigned row, const json_t *value)
{
    char buffer[OCTO_ENDPOINTS_MAX + 64]; /* longer than any setting may be: what is cut is refused */
    struct octo_text text;

    octo_text_begin(&text, buffer, sizeof(buffer));
    if (json_is_null(value))
        return false;
    if (!write_value(&text, value)) {
        octo_text_begin(&text, buffer, sizeof(buffer));
        octo_text_str(&text, json_is_object(value) ? "{...}" : "[...]");
        octo_setting_refuse(s, row, s->config, text.start, octo_text_len(&text));
        return false;
    }
    return octo_text_len(&text) > 0 && octo_setting_apply(s, row, s->config, text.start, octo_text_len(&text));
}

static void tell_exporter(struct octo_settings *s, const char *key, const json_t *value)
{
    char buffer[OCTO_EXPORTER_MAX];
    struct octo_text text;

    octo_text_begin(&text, buffer, sizeof(buffer));
    if (!json_is_null(value) && !write_value(&text, value))
        complain_of_key(s, key, "is no text, number or list");
    else
        octo_settings_tell_exporter(s, key, text.start, octo_text_len(&text));
}

/* What is read, and who reads what is no setting. */
struct source {
    const char *text;
    size_t len;
    const struct octo_settings_section *section; /* or NULL */
};

static void apply_section(struct octo_settings *s, const json_t *root, const struct source *from)
{
    const json_t *value = from->section != NULL ? json_object_get(root, from->section->key) : NULL;

    if (value != NULL && !json_is_null(value))
        from->section->read(value, s->config, from->text, from->len, from->section->arg);
}

static void apply_object(struct octo_settings *s, json_t *root)
{
    const json_t *values[OCTO_SETTING_COUNT] = {NULL};
    uint64_t given = s->from_environment;
    const char *key;
    json_t *value;
    unsigned row;

    json_object_foreach (root, key, value) {
        row = row_of(key);
        if (strcmp(key, rules_key) == 0)
            continue;
        if (octo_setting_is_exporters(key, strlen(key)))
            tell_exporter(s, key, value);
        else if (row == OCTO_SETTING_COUNT)
            complain_of_key(s, key, NULL);
        if (row == OCTO_SETTING_COUNT)
            continue; /* the attributes of the resource have both: one of them names the service */
        if (octo_setting_rows[row].source == OCTO_FROM_ENVIRONMENT)
            complain_of_key(s, key, "can be set in the environment only");
        else if (values[row] != NULL)
            complain_of_key(s, key, "is given twice, in two spellings; the first is used");
        else
            values[row] = value;
    }
    for (row = 0; row < OCTO_SETTING_COUNT; row++)
        if (values[row] != NULL && !octo_setting_taken(given, row) && apply_value(s, row, values[row]))
            given |= 1ull << row;
}

static void complain_of_syntax(struct octo_settings *s, const json_error_t *error)
{
    char buffer[LINE_MAX];
    struct octo_text line;

    begin_line(&line, buffer, s);
    octo_text_str(&line, "line ");
    octo_text_i64(&line, error->line);
    octo_text_str(&line, ", column ");
    octo_text_i64(&line, error->column);
    octo_text_str(&line, ": ");
    octo_settings_quote(&line, error->text, strlen(error->text), QUOTE_MAX);
    octo_text_str(&line, "; the file is not used");
    octo_settings_complain(s, &line);
}

/* Parses the text and applies what it holds, with all of jansson's memory in the arena. Returns 0 or -EINVAL. */
static int parse_and_apply(struct octo_settings *s, const struct source *from)
{
    struct octo_random random = {0};
    json_malloc_t malloc_before;
    json_free_t free_before;
    json_error_t error;
    json_t *root;
    int verdict = 0;

    json_get_alloc_funcs(&malloc_before, &free_before);
    json_set_alloc_funcs(arena_take, arena_keep);
    /* Seeded by us, or jansson would open /dev/urandom. It takes the first seed that is not 0. */
    octo_random_seed(&random, 0);
    json_object_seed((size_t)octo_random_next(&random) | 1);

    root = json_loadb(from->text, from->len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        complain_of_syntax(s, &error);
        verdict = -EINVAL;
    } else if (!json_is_object(root)) {
        complain(s, "must hold one object, as {\"service_name\": \"orders\"}", 0);
        verdict = -EINVAL;
    } else if (from->section != NULL) {
        apply_section(s, root, from);
    } else {
        apply_object(s, root);
    }
    json_set_alloc_funcs(malloc_before, free_before);
    return verdict;
}

static int use_text(struct octo_settings *s, const struct source *from)
{
    size_t size = ARENA_LEAST + from->len * ARENA_PER_BYTE;
    char *memory;
    int verdict;

    if (depth_of(from->text, from->len) > DEPTH_MAX) {
        complain(s, "is nested too deeply", 0);
        return -EINVAL;
    }
    memory = map(size);
    if (memory == NULL) {
        complain(s, "no memory to read it", 0);
        return -ENOMEM;
    }
    arena.at = memory;
    arena.end = memory + size;
    verdict = parse_and_apply(s, from);
    octo_sys(SYS_munmap, memory, size);
    return verdict;
}

int octo_settings_from_file(struct octo_settings *s, const struct octo_settings_section *section)
{
    int errno_of_service = errno;
    char *text;
    long len;

    if (s->config[0] == '\0' || s->disable)
        return 0;
    text = map(FILE_MAX + 1);
    if (text == NULL) {
        complain(s, "no memory to read it", 0);
        return -ENOMEM;
    }
    len = read_file(s, text);
    if (len >= 0)
        len = use_text(s, &(struct source){text, (size_t)len, section});
    octo_sys(SYS_munmap, text, FILE_MAX + 1);
    octo_settings_expand_log(s);
    errno = errno_of_service;
    return (int)len;
}
