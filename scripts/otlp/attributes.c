/* Attributes of spans and resources, made in an arena. See parts.h. */
#include "parts.h"

typedef OTEL(COMMON, KeyValue) key_value;
typedef OTEL(COMMON, AnyValue) any_value;
typedef OTEL(COMMON, ArrayValue) array_value;

#define VALUE(name) OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_##name

static const key_value new_pair = OPENTELEMETRY__PROTO__COMMON__V1__KEY_VALUE__INIT;
static const any_value new_value = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;
static const array_value new_array = OPENTELEMETRY__PROTO__COMMON__V1__ARRAY_VALUE__INIT;

struct attributes attributes_in(struct obstack *arena, size_t room)
{
    return (struct attributes){
        .arena = arena, .at = obstack_alloc(arena, room * sizeof(key_value *)), .room = room};
}

static any_value *value_in(struct obstack *arena)
{
    any_value *v = obstack_alloc(arena, sizeof *v);

    *v = new_value;
    return v;
}

static any_value *text_value(struct obstack *arena, char *text)
{
    any_value *v = value_in(arena);

    v->value_case = VALUE(STRING_VALUE);
    v->string_value = text;
    return v;
}

static void add(struct attributes *a, const char *key, any_value *value)
{
    key_value *pair;

    if (a->count == a->room)
        return;
    pair = obstack_alloc(a->arena, sizeof *pair);
    *pair = new_pair;
    pair->key = (char *)key; /* the generated code has no const */
    pair->value = value;
    a->at[a->count++] = pair;
}

void attribute_text(struct attributes *a, const char *key, char *text)
{
    add(a, key, text_value(a->arena, text));
}

void attribute_number(struct attributes *a, const char *key, int64_t number)
{
    any_value *v = value_in(a->arena);

    v->value_case = VALUE(INT_VALUE);
    v->int_value = number;
    add(a, key, v);
}

void attribute_list(struct attributes *a, const char *key, char *text)
{
    any_value *v = value_in(a->arena), **only = obstack_alloc(a->arena, sizeof *only);
    array_value *list = obstack_alloc(a->arena, sizeof *list);

    *only = text_value(a->arena, text);
    *list = new_array;
    list->n_values = 1;
    list->values = only;
    v->value_case = VALUE(ARRAY_VALUE);
    v->array_value = list;
    add(a, key, v);
}
