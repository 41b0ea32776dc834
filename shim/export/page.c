/* The page of a service's metrics: see page.h. */
#include "export/page.h"

#include "event/owners.h"

void octo_page_write(struct octo_bulk *b, struct octo_segment *segment, enum octo_exposition format,
                     uint64_t scrape_ns, bool keep)
{
    struct octo_metrics *m = octo_segment_metrics(segment);
    struct octo_account account;
    const struct octo_view view = {
        .segment = segment, .format = format, .account = &account, .scrape_ns = scrape_ns};

    if (m)
        octo_owner_reap(m, octo_account_is_over);
    octo_account_take(&account, segment, keep);
    octo_bulk_clear(b);
    octo_expose(b, &view);
}
