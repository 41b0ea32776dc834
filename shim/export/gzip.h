/*
 * gzip: a text, compressed.
 *
 * For: the exposer. Context: one thread at a time. zlib, static and hidden; its memory is one mapping, given back at once.
 */
#ifndef OCTO_EXPORT_GZIP_H
#define OCTO_EXPORT_GZIP_H

#include "export/bulk.h"

/* Appends text[0..n) as a gzip member. False: no memory. */
bool octo_gzip(struct octo_bulk *out, const char *text, size_t n);

#endif
