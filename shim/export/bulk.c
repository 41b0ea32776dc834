/* Bulk: see bulk.h. */
#include "export/bulk.h"

#include "base/sys.h"

#include <string.h>
#include <sys/mman.h>

enum { FIRST_SIZE = 64 << 10 };

bool octo_bulk_grow(struct octo_bulk *b, size_t more)
{
    size_t size = b->size ? b->size : FIRST_SIZE;
    long at;

    while (size - b->used < more && size < b->limit)
        size *= 2;
    size = size < b->limit ? size : b->limit;
    if (size < b->used + more || b->cut) {
        b->cut = true;
        return false;
    }
    at = b->start ? octo_sys(SYS_mremap, b->start, b->size, size, MREMAP_MAYMOVE)
                  : octo_sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at < 0 && at > -4096) {
        b->cut = true;
        return false;
    }
    b->start = (char *)at;
    b->size = size;
    return true;
}

void octo_bulk_bytes(struct octo_bulk *b, const void *bytes, size_t n)
{
    char *at = octo_bulk_room(b, n);

    if (!at)
        return;
    memcpy(at, bytes, n);
    b->used += n;
}

void octo_bulk_str(struct octo_bulk *b, const char *text)
{
    octo_bulk_bytes(b, text, strlen(text));
}

void octo_bulk_u64(struct octo_bulk *b, uint64_t value)
{
    char *at = octo_bulk_room(b, 20);

    if (at)
        b->used = (size_t)(octo_put_u64(at, value) - b->start);
}

void octo_bulk_end(struct octo_bulk *b)
{
    if (b->start)
        octo_sys(SYS_munmap, b->start, b->size);
    b->start = NULL;
    b->used = b->size = 0;
}
