/* SPDX-License-Identifier: Apache-2.0
 *
 * core/memory.c -- counted memory blocks and arenas.
 */
#define _GNU_SOURCE
#include "core/memory.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/pages.h"
#include "core/plain.h"
#include "core/sanitizer.h"

enum {
    ALIGN = 64,                /* a cache line, and the widest vector                     */
    CHUNK = 64 * 1024,         /* bytes that an arena takes at a time                     */
    LARGE = 64 * 1024,         /* what is filled at once and so large lies in huge pages  */
    GAP = DF_WATCHED ? 16 : 0  /* bytes between what an arena hands out, fenced           */
};

/* In front of every block stand 64 bytes, so that the block keeps its alignment; they begin with this. */
typedef struct {
    size_t size;
    bool in_pages; /* the block is one of core/pages.h */
} Header;

static atomic_size_t bytes_now, bytes_peak, calls;
static atomic_size_t fail_at; /* 0: never */
static atomic_bool fail_forever;

static bool must_fail(void)
{
    const size_t n = atomic_fetch_add(&calls, 1) + 1;
    const size_t at = atomic_load(&fail_at);
    return at && (atomic_load(&fail_forever) ? n >= at : n == at);
}

static void count(size_t added)
{
    const size_t now = atomic_fetch_add(&bytes_now, added) + added;
    size_t peak = atomic_load(&bytes_peak);
    while (now > peak && !atomic_compare_exchange_weak(&bytes_peak, &peak, now))
        ;
}

static void *allocate(size_t size, bool in_pages)
{
    if (must_fail() || size > SIZE_MAX / 2)
        return NULL;
    const size_t whole = (ALIGN + size + ALIGN - 1) / ALIGN * ALIGN;
    Header *header = in_pages ? df_pages_get(whole) : aligned_alloc(ALIGN, whole);
    if (!header)
        return NULL;
    *header = (Header){ size, in_pages };
    count(size);
    df_fence(header + 1, ALIGN - sizeof *header);
    df_fence((char *)header + ALIGN + size, whole - ALIGN - size);
    return (char *)header + ALIGN;
}

void *df_malloc(size_t size)
{
    return allocate(size, false);
}

void *df_malloc_filled(size_t size)
{
    return allocate(size, size >= LARGE && !DF_WATCHED);
}

void *df_calloc(size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        return NULL;
    void *block = df_malloc(n * size);
    return block ? memset(block, 0, n * size) : NULL;
}

static Header *header_of(void *block)
{
    return (Header *)(void *)((char *)block - ALIGN);
}

void *df_realloc(void *block, size_t size)
{
    void *next = df_malloc(size);
    if (next && block) {
        const size_t old = header_of(block)->size;
        memcpy(next, block, old < size ? old : size);
        df_free(block);
    }
    return next;
}

void df_free(void *block)
{
    if (!block)
        return;
    Header *header = header_of(block);
    atomic_fetch_sub(&bytes_now, header->size);
    if (header->in_pages)
        df_pages_put(header);
    else
        free(header);
}

bool df_grow(void **array, size_t *capacity, size_t n, size_t size)
{
    if (n < *capacity)
        return true;
    size_t wanted = *capacity ? *capacity * 2 : 16;
    while (wanted <= n)
        wanted *= 2;
    if (wanted > SIZE_MAX / 2 / size)
        return false;
    void *next = df_realloc(*array, wanted * size);
    if (!next)
        return false;
    *array = next;
    *capacity = wanted;
    return true;
}

DfMemory df_memory(void)
{
    return (DfMemory){ atomic_load(&bytes_now), atomic_load(&bytes_peak), atomic_load(&calls) };
}

void df_memory_fail_at(size_t n, bool forever)
{
    atomic_store(&fail_forever, forever);
    atomic_store(&fail_at, n ? atomic_load(&calls) + n : 0);
}

/* ---- arenas ---------------------------------------------------------------------------------------------------- */

typedef struct Chunk {
    struct Chunk *next;
    size_t used, size; /* of the bytes behind this struct, which begin 64 bytes after it */
} Chunk;

struct DfArena {
    Chunk *chunks;
};

DfArena *df_arena_new(void)
{
    return df_calloc(1, sizeof(DfArena));
}

void df_arena_free(DfArena *arena)
{
    if (!arena)
        return;
    for (Chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        df_free(chunk);
    }
    df_free(arena);
}

/* A new chunk with room for a block. A large block gets a chunk of its own, behind the first one, whose rest stays
 * in use. */
static Chunk *add_chunk(DfArena *arena, size_t bytes)
{
    const bool own = bytes > CHUNK / 4;
    const size_t room = own ? bytes : CHUNK;
    Chunk *chunk = df_malloc(ALIGN + room);
    if (!chunk)
        return NULL;
    *chunk = (Chunk){ NULL, 0, room };
    df_fence(chunk + 1, ALIGN + room - sizeof *chunk);
    if (own && arena->chunks) {
        chunk->next = arena->chunks->next;
        arena->chunks->next = chunk;
    } else {
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    return chunk;
}

void *df_arena_alloc(DfArena *arena, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / 4 / size)
        return NULL;
    const size_t bytes = n * size;
    const size_t align = bytes >= ALIGN ? ALIGN : 16;
    Chunk *chunk = arena->chunks;
    size_t start = chunk ? (chunk->used + align - 1) / align * align : 0;
    if (!chunk || start > chunk->size || bytes > chunk->size - start) {
        chunk = add_chunk(arena, bytes);
        if (!chunk)
            return NULL;
        start = 0;
    }
    chunk->used = start + bytes + GAP;
    df_unfence((char *)chunk + ALIGN + start, bytes);
    return memset((char *)chunk + ALIGN + start, 0, bytes);
}

char *df_arena_text(DfArena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int length = df_vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : df_arena_alloc(arena, (size_t)length + 1, 1);
    if (text) {
        va_start(args, format);
        df_vsnprintf(text, (size_t)length + 1, format, args);
        va_end(args);
    }
    return text;
}

char *df_arena_copy(DfArena *arena, const char *text, size_t length)
{
    char *copy = df_arena_alloc(arena, length + 1, 1);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}
