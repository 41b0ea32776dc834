/*
 * A protobuf message as JSON. See parts.h.
 *
 * By the message's own description, so that no field needs a line here. Source: protobuf's ProtoJSON format, with what
 * OTLP has changed in it: the IDs of traces and spans in hexadecimal, and enumerations as numbers. Fields that hold
 * their default are left out.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

static json_t *object_of(const ProtobufCMessage *message);

/* lower_snake_case as lowerCamelCase. */
static void camel(char *out, size_t room, const char *name)
{
    for (; *name && room > 1; name++, room--) {
        if (*name == '_' && name[1] >= 'a' && name[1] <= 'z')
            *out++ = (char)(*++name - 'a' + 'A');
        else
            *out++ = *name;
    }
    *out = '\0';
}

static json_t *hex_of(ProtobufCBinaryData data)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * 16];
    size_t n = data.len < 16 ? data.len : 16;

    for (size_t i = 0; i < n; i++) {
        text[2 * i] = digits[data.data[i] >> 4];
        text[2 * i + 1] = digits[data.data[i] & 15];
    }
    return json_stringn(text, 2 * n);
}

/* A 64-bit number is a text: JavaScript's numbers are shorter. */
static json_t *long_of(const void *at, bool is_signed)
{
    char text[24];

    snprintf(text, sizeof text, is_signed ? "%" PRId64 : "%" PRIu64, *(const uint64_t *)at);
    return json_string(text);
}

/* What stands at `at`, or NULL if that is the default of a field that need not be there. */
static json_t *value_of(const ProtobufCFieldDescriptor *field, const void *at, bool always)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(ProtobufCMessage *const *)at != NULL ? object_of(*(ProtobufCMessage *const *)at) : NULL;
    case PROTOBUF_C_TYPE_STRING:
        return always || **(char *const *)at != '\0' ? json_string(*(char *const *)at) : NULL;
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)at)->len > 0 ? hex_of(*(const ProtobufCBinaryData *)at) : NULL;
    case PROTOBUF_C_TYPE_BOOL:
        return always || *(const protobuf_c_boolean *)at ? json_boolean(*(const protobuf_c_boolean *)at) : NULL;
    case PROTOBUF_C_TYPE_DOUBLE:
        return always || *(const double *)at != 0 ? json_real(*(const double *)at) : NULL;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_UINT64:
        return always || *(const uint64_t *)at != 0
                   ? long_of(at, field->type == PROTOBUF_C_TYPE_INT64 || field->type == PROTOBUF_C_TYPE_SFIXED64)
                   : NULL;
    default: /* 32 bits, and enumerations */
        return always || *(const uint32_t *)at != 0 ? json_integer(*(const uint32_t *)at) : NULL;
    }
}

static size_t size_of(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_STRING ? sizeof(void *)
                                                                                           : sizeof(uint64_t);
}

static json_t *list_of(const ProtobufCFieldDescriptor *field, const char *items, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, value_of(field, items + i * size_of(field), true));
    return list;
}

static json_t *field_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const char *at = (const char *)message + field->offset,
               *quantifier = (const char *)message + field->quantifier_offset;

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)quantifier > 0
                   ? list_of(field, *(const char *const *)at, *(const size_t *)quantifier)
                   : NULL;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)quantifier == field->id ? value_of(field, at, true) : NULL;
    return value_of(field, at, false);
}

static json_t *object_of(const ProtobufCMessage *message)
{
    json_t *object = json_object();
    char key[64];

    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        json_t *value = field_of(message, field);

        camel(key, sizeof key, field->name);
        if (value != NULL)
            json_object_set_new_nocheck(object, key, value);
    }
    return object;
}

char *body_json(const ProtobufCMessage *message)
{
    json_t *object = object_of(message);
    char *text = json_dumps(object, JSON_COMPACT);

    json_decref(object);
    if (text == NULL)
        abort();
    return text;
}
