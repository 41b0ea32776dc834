/*
 * The page of a service's metrics: its segment and its processes, as they are now.
 *
 * For: the exposer's answers, and what is pushed. Context: any thread of ours with descriptors of its own.
 */
#ifndef OCTO_EXPORT_PAGE_H
#define OCTO_EXPORT_PAGE_H

#include "export/expose.h"

/* Writes it into b, in place of what was there; b->cut if it did not fit. scrape_ns: how long the last one took, or 0.
 * keep: see account.h. */
void octo_page_write(struct octo_bulk *b, struct octo_segment *segment, enum octo_exposition format,
                     uint64_t scrape_ns, bool keep);

#endif
