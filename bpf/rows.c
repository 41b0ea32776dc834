/* Entries, summed up by call or process: see show.h. */
#include <stdlib.h>
#include <string.h>

#include "show.h"

struct making {
    struct rows rows;
    unsigned room, by;
    bool since_start;
};

/* Entries come process by process, so that a row is not far. */
static struct row *row_for(struct making *m, const struct readout_entry *e)
{
    const struct readout_process *process = m->by & ROWS_BY_PROCESS ? e->process : NULL;
    struct row *row;

    for (unsigned i = m->rows.count; i-- > 0;) {
        row = &m->rows.at[i];
        if (row->process == process &&
            (!(m->by & ROWS_BY_CALL) || (row->nr == e->key.nr && row->flags == e->key.flags)))
            return row;
    }
    if (m->rows.count == m->room) {
        m->room = 2 * m->room + 64;
        m->rows.at = realloc(m->rows.at, m->room * sizeof *m->rows.at);
        if (m->rows.at == NULL)
            abort();
    }
    row = &m->rows.at[m->rows.count++];
    memset(row, 0, sizeof *row);
    row->process = process;
    row->nr = e->key.nr;
    row->flags = e->key.flags;
    return row;
}

static void add_entry(const struct readout_entry *e, void *arg)
{
    struct making *m = arg;
    struct octo_tally since;
    uint64_t count;
    struct row *row;

    if (m->since_start)
        since = e->all;
    else
        octo_tally_since(&since, &e->all, &e->shown);
    count = octo_tally_count(&since);
    if (count == 0)
        return;
    row = row_for(m, e);
    octo_tally_add(&row->tally, &since);
    row->count += count;
}

struct rows rows_of(const struct readout *r, unsigned by, bool since_start)
{
    struct making m = {.by = by, .since_start = since_start};

    readout_each(r, add_entry, &m);
    return m.rows;
}
