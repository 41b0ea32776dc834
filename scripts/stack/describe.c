/*
 * The frames as JSON, and the number that is the same for the same frames. For main.c. It writes whole frames or none of them,
 * so that the answer may be sent as it is at any time.
 */
#include <dlfcn.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* FNV-1a, of 64 bits. */
static const uint64_t fnv_start = 0xcbf29ce484222325, fnv_prime = 0x100000001b3;

static void mix(uint64_t *id, const void *bytes, size_t n)
{
    for (const uint8_t *p = bytes; n > 0; p++, n--)
        *id = (*id ^ *p) * fnv_prime;
}

/* By what the frame is known, whatever its address. Nothing is, of code that is in no file and has no name. */
static void mix_frame(uint64_t *id, const struct frame *f)
{
    const struct module *m = f->module;

    if (f->jit) {
        mix(id, f->name, strlen(f->name));
    } else if (m != NULL) {
        if (m->build_id_bytes > 0)
            mix(id, m->build_id, m->build_id_bytes);
        else
            mix(id, m->path, strlen(m->path));
        if (f->placed)
            mix(id, &f->elf_address, sizeof f->elf_address);
    }
    /* So that no two frames are as one. */
    mix(id, "", 1);
}

/* Cuts the text to so many bytes, between characters. */
static size_t cut_text(const char *text, size_t most)
{
    size_t n = strlen(text);

    if (n <= most)
        return n;
    for (n = most; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
        ;
    return n;
}

/* What is no UTF-8 becomes ASCII. */
static json_t *text_json(const char *text, size_t most)
{
    size_t n = cut_text(text, most);
    json_t *json = json_stringn(text, n);
    char *plain;

    if (json != NULL || (plain = strndup(text, n)) == NULL)
        return json;
    for (char *p = plain; *p != '\0'; p++) {
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    }
    json = json_string(plain);
    free(plain);
    return json;
}

/* As the program calls it in its source; C++'s library knows how to, where it is installed. */
static json_t *function_json(const char *name)
{
    static char *(*demangle)(const char *, char *, size_t *, int *);
    static bool asked;
    char *plain = NULL;
    json_t *json;
    int status;

    if (strncmp(name, "_Z", 2) == 0 && !asked) {
        void *library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL), *found;

        asked = true;
        found = library != NULL ? dlsym(library, "__cxa_demangle") : NULL;
        memcpy(&demangle, &found, sizeof found);
    }
    if (strncmp(name, "_Z", 2) == 0 && demangle != NULL)
        plain = demangle(name, NULL, NULL, &status);
    json = text_json(plain != NULL ? plain : name, NAME_MAX_BYTES);
    free(plain);
    return json;
}

static json_t *hex_json(uint64_t value)
{
    return json_sprintf("0x%llx", (unsigned long long)value);
}

static json_t *build_id_json(const struct module *m)
{
    char text[2 * BUILD_ID_MAX + 1];

    for (unsigned i = 0; i < m->build_id_bytes; i++)
        sprintf(text + (size_t)2 * i, "%02x", m->build_id[i]);
    return json_stringn(text, (size_t)2 * m->build_id_bytes);
}

static json_t *frame_json(const struct frame *f)
{
    json_t *json = json_object();

    if (f->name[0] != '\0') {
        json_object_set_new(json, "function", function_json(f->name));
        json_object_set_new(json, "offset", json_integer((json_int_t)f->offset));
    }
    if (f->jit) {
        json_object_set_new(json, "module", json_string("[jit]"));
    } else if (f->module != NULL) {
        json_object_set_new(json, "module", text_json(f->module->path, OCTO_STACK_JSON_MAX));
        if (f->placed)
            json_object_set_new(json, "module_offset", hex_json(f->elf_address));
        if (f->module->build_id_bytes > 0)
            json_object_set_new(json, "build_id", build_id_json(f->module));
    } else {
        json_object_set_new(json, "address", hex_json(f->ip));
    }
    return json;
}

/* Behind those that are there. False: there is no room, so that nothing has changed. */
static bool add(const struct frame *f, size_t room, struct answer *answer)
{
    char text[OCTO_STACK_JSON_MAX];
    json_t *json = frame_json(f);
    size_t used = answer->reply.json_bytes - 1, n = json_dumpb(json, text, sizeof text, JSON_ENSURE_ASCII);
    size_t comma = answer->reply.frames > 0 ? 2 : 0;

    json_decref(json);
    if (n == 0 || used + comma + n + 1 > room)
        return false;
    memcpy(answer->json + used + comma, text, n);
    answer->json[used + comma + n] = ']';
    memcpy(answer->json + used, ", ", comma);
    answer->reply.json_bytes = (uint32_t)(used + comma + n + 1);
    answer->reply.frames++;
    return true;
}

/* The frames that are the shim's own, by whose code the sample was taken. */
static unsigned own_frames(const struct chain *chain)
{
    unsigned n = 0;

    while (n < chain->count && chain->frames[n].module != NULL &&
           chain->frames[n].module == chain->frames[0].module)
        n++;
    return n;
}

/* Where the frames were found. Not of a chain in which there is more than calls; nor on AArch64, whose calls leave the address in a register. */
static void add_places(const struct sample *s, const struct chain *chain, struct answer *answer)
{
    unsigned n = 0;

    for (unsigned i = 1; i < chain->count; i++) {
        const struct frame *f = &chain->frames[i];

        if (f->exact || MACHINE != EM_X86_64)
            return;
        answer->places[n++] = (struct octo_stack_place){f->returns_at - s->head->registers[REGISTER_SP], f->ip};
    }
    answer->reply.places = n;
}

void describe(const struct sample *s, const struct chain *chain, size_t room, struct answer *answer)
{
    unsigned first = s->head != NULL && s->head->trim ? own_frames(chain) : 0;
    uint64_t id = fnv_start;

    if (s->head != NULL && s->head->trim)
        add_places(s, chain, answer);
    for (unsigned i = first; i < chain->count; i++) /* also those for which there is no room */
        mix_frame(&id, &chain->frames[i]);
    for (unsigned i = first; i < chain->count && !answer->reply.cut; i++) {
        if (add(&chain->frames[i], room, answer))
            answer->reply.id = id != 0 ? id : 1;
        else
            answer->reply.cut = 1;
    }
}
