/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/storage.c -- the allocator of a step's buffers: best fit over a free list, with neighbours merged at once.
 *
 * A pass allocates and frees the same sizes in the same order every time, so best fit finds the buffer of the previous
 * pass. The list is searched completely; merging keeps it short. Large buffers are cut from the front of a free one,
 * small ones from its end: otherwise a small one that outlives its large neighbours would occupy the place of the next
 * large one. (So 25 networks need at most 1.2 times their largest sum, and DETR 1.1; cutting from the front only it
 * needs 1.3.)
 */
#include "tensor/storage.h"

#include <stdint.h>

#include "core/core.h"

#if defined(__SANITIZE_ADDRESS__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif
#ifdef WATCHED /* a tensor used after its scope was left is a use after free */
#include <sanitizer/asan_interface.h>
#define HIDE(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define SHOW(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define HIDE(p, n) ((void)(p), (void)(n))
#define SHOW(p, n) ((void)(p), (void)(n))
#endif

enum {
    GRAIN = 64,
    SLAB = 16 << 20,
    PART = 4 /* a buffer is large if so many of them were never in use at once */
};

typedef struct Slab {
    struct Slab *next;
    void *memory;
    size_t size;
} Slab;

struct DfStorage {
    Slab *slabs;
    size_t in_use, most;        /* bytes, now and ever                */
    size_t settled_for;         /* `most` when slabs became one; or 0 */
    DfBuffer *free_list;
};

static void list_free(DfStorage *storage, DfBuffer *buffer)
{
    buffer->free_before = NULL;
    buffer->free_after = storage->free_list;
    if (storage->free_list)
        storage->free_list->free_before = buffer;
    storage->free_list = buffer;
}

static void unlist(DfStorage *storage, DfBuffer *buffer)
{
    if (buffer->free_before)
        buffer->free_before->free_after = buffer->free_after;
    else
        storage->free_list = buffer->free_after;
    if (buffer->free_after)
        buffer->free_after->free_before = buffer->free_before;
}

DfStorage *df_storage_new(void)
{
    return df_calloc(1, sizeof(DfStorage));
}

/* By now every buffer is free. */
static void release_slabs(DfStorage *storage)
{
    for (DfBuffer *buffer = storage->free_list, *next; buffer; buffer = next) {
        next = buffer->free_after;
        df_free(buffer);
    }
    for (Slab *slab = storage->slabs, *next; slab; slab = next) {
        next = slab->next;
        SHOW(slab->memory, slab->size);
        df_free(slab->memory);
        df_free(slab);
    }
    storage->free_list = NULL;
    storage->slabs = NULL;
}

void df_storage_free(DfStorage *storage)
{
    if (!storage)
        return;
    release_slabs(storage);
    df_free(storage);
}

static DfBuffer *add_slab(DfStorage *storage, size_t size)
{
    Slab *slab = df_calloc(1, sizeof *slab);
    DfBuffer *buffer = df_calloc(1, sizeof *buffer);
    const size_t whole = size > SLAB ? size : SLAB;
    void *memory = slab && buffer ? df_malloc_filled(whole) : NULL;
    if (!memory) {
        df_free(slab);
        df_free(buffer);
        return NULL;
    }
    *slab = (Slab){ storage->slabs, memory, whole };
    storage->slabs = slab;
    buffer->data = memory;
    buffer->size = whole;
    HIDE(memory, whole);
    list_free(storage, buffer);
    return buffer;
}

/* Several slabs become one. A quarter more than was ever in use leaves room for holes; where that was too little, as
 * much again. */
void df_storage_settle(DfStorage *storage)
{
    if (storage->in_use || !storage->slabs || !storage->slabs->next)
        return;
    const size_t room = storage->settled_for == storage->most ? storage->most : storage->most / 4;
    storage->settled_for = storage->most;
    release_slabs(storage);
    /* if memory is short, the next get makes what it can */
    add_slab(storage, (storage->most + room + GRAIN - 1) / GRAIN * GRAIN);
}

static DfBuffer *best_fit(const DfStorage *storage, size_t size)
{
    DfBuffer *best = NULL;
    for (DfBuffer *buffer = storage->free_list; buffer; buffer = buffer->free_after)
        if (buffer->size >= size && (!best || buffer->size < best->size))
            best = buffer;
    return best;
}

/* Cuts a buffer in two, the first of `size` bytes. Returns the second; NULL: no memory for its header. */
static DfBuffer *cut(DfBuffer *buffer, size_t size)
{
    DfBuffer *rest = df_calloc(1, sizeof *rest);
    if (!rest)
        return NULL;
    rest->data = buffer->data + size / sizeof(float);
    rest->size = buffer->size - size;
    rest->before = buffer;
    rest->after = buffer->after;
    if (rest->after)
        rest->after->before = rest;
    buffer->after = rest;
    buffer->size = size;
    return rest;
}

/* Takes `size` bytes of a free buffer out of the list. NULL: no memory for the header of the rest. */
static DfBuffer *take(DfStorage *storage, DfBuffer *buffer, size_t size)
{
    const size_t left = buffer->size - size;
    if (left < 4 * GRAIN) {
        unlist(storage, buffer);
        return buffer;
    }
    const bool large = size >= storage->most / PART;
    DfBuffer *rest = cut(buffer, large ? size : left);
    if (!rest || !large)
        return rest; /* what is in front of it stays in the list */
    unlist(storage, buffer);
    list_free(storage, rest);
    return buffer;
}

DfBuffer *df_storage_get(DfStorage *storage, size_t floats)
{
    if (floats > SIZE_MAX / 8)
        return NULL;
    const size_t size = (floats * sizeof(float) + GRAIN - 1) / GRAIN * GRAIN + (floats == 0 ? GRAIN : 0);
    DfBuffer *buffer = best_fit(storage, size);
    if (!buffer && !(buffer = add_slab(storage, size)))
        return NULL;
    buffer = take(storage, buffer, size);
    if (!buffer) /* the whole of it would count as used, and the next slab be larger for that */
        return NULL;
    buffer->refs = 1;
    storage->in_use += buffer->size;
    storage->most = storage->in_use > storage->most ? storage->in_use : storage->most;
    SHOW(buffer->data, buffer->size);
    return buffer;
}

DfBuffer *df_storage_phantom(size_t floats)
{
    DfBuffer *buffer = df_calloc(1, sizeof *buffer);
    if (buffer) {
        buffer->size = floats * sizeof(float);
        buffer->refs = 1;
    }
    return buffer;
}

/* Both are free and not in the list; `second` follows `first`. */
static DfBuffer *merge(DfBuffer *first, DfBuffer *second)
{
    first->size += second->size;
    first->after = second->after;
    if (first->after)
        first->after->before = first;
    df_free(second);
    return first;
}

void df_storage_put(DfStorage *storage, DfBuffer *buffer)
{
    if (!buffer || --buffer->refs > 0)
        return;
    if (!buffer->data) {
        df_free(buffer); /* a phantom */
        return;
    }
    HIDE(buffer->data, buffer->size);
    storage->in_use -= buffer->size;
    if (buffer->after && buffer->after->refs == 0) {
        unlist(storage, buffer->after);
        merge(buffer, buffer->after);
    }
    if (buffer->before && buffer->before->refs == 0) {
        unlist(storage, buffer->before);
        buffer = merge(buffer->before, buffer);
    }
    list_free(storage, buffer);
}
