/*
 * Where in a JSON text a value stands, so that a complaint about it can name line and column.
 *
 * For: what reads settings with jansson, which forgets places. Pure; owns nothing. Context: any thread, signal-safe.
 *
 *      path    rules[3].labels.priority     [0].when     a["b.c"]["say \"a\\b\""]     "" is the document itself
 *
 * A bare key is of any characters but . [ ] " \; within ["…"] " and \ are escaped by a \. The text must be one that jansson
 * has accepted; of another the answer is undefined, but nothing outside of it is read. Time is linear in len; the
 * stack does not grow with nesting.
 */
#ifndef OCTO_BASE_JSON_LOCATE_H
#define OCTO_BASE_JSON_LOCATE_H

#include <stdbool.h>
#include <stddef.h>

/* The offsets of the value's first byte and of the quotation mark that begins its key (of an item or the document: the same
 * as the value). False if the path is none or leads nowhere. */
bool octo_json_find(const char *text, size_t len, const char *path, size_t *value, size_t *key);

/* The line and the column of text[at], both counted from 1, the column in bytes. */
void octo_json_place(const char *text, size_t at, size_t *line, size_t *column);

/* Both: the place of the value. */
bool octo_json_locate(const char *text, size_t len, const char *path, size_t *line, size_t *column);

#endif
