/*
 * Slabs: objects of one size from memory that is mapped once and never given back.
 *
 * For: connections and exchanges. A pointer to a slab object stays readable for ever (it may be another
 * object of the same type by then), so a thread that looked a connection up just before another one closed
 * it cannot fault. Lock-free; a handle (a small number, never 0) names an object in 4 bytes.
 * Context: any thread, signal-safe. A chunk of 64 objects is mapped when none is free: one system call.
 */
#ifndef OCTO_CONN_SLAB_H
#define OCTO_CONN_SLAB_H

#include <stddef.h>
#include <stdint.h>

enum { OCTO_SLAB_CHUNK = 64, OCTO_SLAB_CHUNKS = 16384 };

struct octo_slab {
    size_t object_size;      /* bytes, a multiple of 64 */
    _Atomic uint64_t free;   /* tag << 32 | handle of the first free object; the tag defeats ABA */
    _Atomic uint32_t chunks; /* chunks mapped so far */
    char *_Atomic chunk[OCTO_SLAB_CHUNKS];
};

/* A free object, its bytes as the last owner left them (zero at first), or NULL: no memory. *handle names it. */
void *octo_slab_take(struct octo_slab *slab, uint32_t *handle);

/* Maps a chunk if nothing is free. */
void octo_slab_prepare(struct octo_slab *slab);

/* Gives an object back. Its first 4 bytes are overwritten. */
void octo_slab_give(struct octo_slab *slab, uint32_t handle);

/* True if there is an object of that number. */
static inline int octo_slab_has(const struct octo_slab *slab, uint32_t handle)
{
    return handle - 1 < slab->chunks * (uint32_t)OCTO_SLAB_CHUNK &&
           slab->chunk[(handle - 1) / OCTO_SLAB_CHUNK] != NULL;
}

static inline void *octo_slab_object(struct octo_slab *slab, uint32_t handle)
{
    uint32_t i = handle - 1;

    return slab->chunk[i / OCTO_SLAB_CHUNK] + (size_t)(i % OCTO_SLAB_CHUNK) * slab->object_size;
}

#endif
