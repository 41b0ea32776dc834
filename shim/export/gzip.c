/* gzip: see gzip.h. */
#include "export/gzip.h"

#include "base/sys.h"

#include <sys/mman.h>
#include <zlib.h>

enum {
    ARENA = 320 << 10, /* what deflate takes with these settings, and some more */
    LEVEL = 1,         /* three times as fast as the usual 6, for a tenth more bytes */
    GZIP_WINDOW = 15 + 16,
    MEMORY = 8,
};

struct arena {
    char *at, *end;
};

static void *take(void *opaque, unsigned items, unsigned size)
{
    struct arena *arena = opaque;
    size_t bytes = ((size_t)items * size + 15) / 16 * 16;
    char *at = arena->at;

    if ((size_t)(arena->end - at) < bytes)
        return NULL;
    arena->at += bytes;
    return at;
}

static void keep(void *opaque, void *address)
{
    (void)opaque;
    (void)address;
}

bool octo_gzip(struct octo_bulk *out, const char *text, size_t n)
{
    long memory = octo_sys(SYS_mmap, 0, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct arena arena = {(char *)memory, (char *)memory + ARENA};
    z_stream z = {.zalloc = take, .zfree = keep, .opaque = &arena};
    bool done = false;
    char *room;

    if (memory < 0 && memory > -4096)
        return false;
    if (deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) == Z_OK &&
        (room = octo_bulk_room(out, deflateBound(&z, n))) != NULL) {
        z.next_in = (Bytef *)(uintptr_t)text;
        z.avail_in = (uInt)n;
        z.next_out = (Bytef *)room;
        z.avail_out = (uInt)(out->size - out->used);
        done = deflate(&z, Z_FINISH) == Z_STREAM_END;
        if (done)
            out->used += z.total_out;
    }
    octo_sys(SYS_munmap, memory, ARENA);
    return done;
}
