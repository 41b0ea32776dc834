/* Slabs: see slab.h. The free list is a Treiber stack whose links live in the first 4 bytes of free objects. */
#include "conn/slab.h"
#include "conn/process.h"
#include "base/lone.h"
#include "base/sys.h"

#include <stdatomic.h>
#include <sys/mman.h>

static _Atomic uint32_t *link_of(struct octo_slab *slab, uint32_t handle)
{
    return octo_slab_object(slab, handle);
}

static void push(struct octo_slab *slab, uint32_t first, uint32_t last)
{
    uint64_t old = atomic_load_explicit(&slab->free, memory_order_relaxed);
    uint64_t new;

    do {
        atomic_store_explicit(link_of(slab, last), (uint32_t)old, memory_order_relaxed);
        new = ((old >> 32) + 1) << 32 | first;
    } while (!octo_lone_exchange(&slab->free, &old, new));
}

/* Maps one more chunk and returns the handle of its first object; the others go to the free list. 0: none. */
static uint32_t grow(struct octo_slab *slab)
{
    size_t bytes = slab->object_size * OCTO_SLAB_CHUNK;
    uint32_t n = atomic_load(&slab->chunks);
    uint32_t first;
    long memory;

    if (octo_service.sandboxed)
        return 0;
    memory = octo_sys(SYS_mmap, 0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory < 0 && memory > -4096)
        return 0;
    for (char *none = NULL; n < OCTO_SLAB_CHUNKS; n++, none = NULL)
        if (atomic_compare_exchange_strong(&slab->chunk[n], &none, (char *)memory))
            break;
    if (n == OCTO_SLAB_CHUNKS) {
        octo_sys(SYS_munmap, memory, bytes);
        return 0;
    }
    atomic_fetch_add(&slab->chunks, 1);
    first = n * OCTO_SLAB_CHUNK + 1;
    for (uint32_t i = 1; i < OCTO_SLAB_CHUNK - 1; i++)
        atomic_store_explicit(link_of(slab, first + i), first + i + 1, memory_order_relaxed);
    push(slab, first + 1, first + OCTO_SLAB_CHUNK - 1);
    return first;
}

void *octo_slab_take(struct octo_slab *slab, uint32_t *handle)
{
    uint64_t old = atomic_load_explicit(&slab->free, memory_order_acquire);
    uint64_t new;

    do {
        *handle = (uint32_t)old;
        if (*handle == 0) {
            *handle = grow(slab);
            return *handle ? octo_slab_object(slab, *handle) : NULL;
        }
        new = ((old >> 32) + 1) << 32 | atomic_load_explicit(link_of(slab, *handle), memory_order_relaxed);
    } while (!octo_lone_exchange(&slab->free, &old, new));
    return octo_slab_object(slab, *handle);
}

void octo_slab_prepare(struct octo_slab *slab)
{
    uint32_t handle;

    if (octo_slab_take(slab, &handle))
        octo_slab_give(slab, handle);
}

void octo_slab_give(struct octo_slab *slab, uint32_t handle)
{
    push(slab, handle, handle);
}
