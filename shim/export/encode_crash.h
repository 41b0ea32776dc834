/*
 * The fields of service.crashed. See encode.h, of which this is a part: every byte is taken as hostile.
 *
 * For: encode.c.
 */
#ifndef OCTO_EXPORT_ENCODE_CRASH_H
#define OCTO_EXPORT_ENCODE_CRASH_H

#include "event/crash.h"
#include "export/form.h"

/* Puts them at p, and returns where they end: before `end`, and what does not fit is marked as left out. */
char *octo_encode_crash(char *p, const struct octo_form *form, const struct octo_crash *crash, const char *end);

#endif
