/*
 * Deaths: the leading writer writes service.crashed: of crashes that their own process has told of, and of processes that are gone without
 * a word (SIGKILL), by the requests that they have left on their boards.
 *
 * A process that leaves SIGTERM to the kernel may have been stopped like that, which is no crash: without requests in flight nothing
 * is said of its end. For: writer.c. Context: the writer thread, holding the lead.
 */
#ifndef OCTO_EXPORT_DEATHS_H
#define OCTO_EXPORT_DEATHS_H

#include "export/writer_parts.h"

/* Writes what has been told, if the sink takes it. After the records that are in the rings. */
void octo_deaths_write(struct octo_writer *w, struct octo_segment *segment, struct octo_encoder *encoder);

/* Looks for processes that are over, and tells for them. over: all are. */
void octo_deaths_look(struct octo_segment *segment, bool over);

#endif
