/* SPDX-License-Identifier: Apache-2.0
 *
 * core/memory.h -- all allocations of the library: counted, aligned, and made to fail by tests.
 *
 * Three lifetimes (docs/design.md): static tables, arenas that are freed as a whole, and single blocks with an owner.
 */
#ifndef DF_CORE_MEMORY_H
#define DF_CORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/api.h"
#include "core/error.h"

DF_BEGIN_DECLS

/* Single blocks, aligned to 64 bytes. NULL when memory ran out or the size overflows; size 0 gives a valid block. */
DF_API void *df_malloc(size_t size);
DF_API void *df_calloc(size_t count, size_t size);
DF_API void *df_malloc_filled(size_t size);        /* for blocks that are filled at once: large ones in huge pages */
DF_API void *df_realloc(void *block, size_t size); /* keeps the old block on failure, like realloc()            */
DF_API void df_free(void *block);

/* Grows an array by doubling, so that there is room for element `n` of `*array`. False when memory ran out; the array
 * is then as it was.
 *     if (!df_grow((void **)&list, &capacity, n, sizeof *list)) return df_fail_memory("the list"); */
DF_API bool df_grow(void **array, size_t *capacity, size_t n, size_t size);

/* Bytes in blocks: now, and the maximum so far; number of allocations so far. */
typedef struct {
    size_t now, peak, calls;
} DfMemory;
DF_API DfMemory df_memory(void);

/* For tests: the n-th allocation from now (n >= 1) fails, and every later one if `forever`. 0 switches it off. */
DF_API void df_memory_fail_at(size_t n, bool forever);

/* An arena hands out memory that is freed all at once. Blocks are zeroed and aligned to 64 bytes if they are large. */
typedef struct DfArena DfArena;
DF_API DfArena *df_arena_new(void); /* NULL when memory ran out */
DF_API void df_arena_free(DfArena *);
DF_API void *df_arena_alloc(DfArena *, size_t count, size_t size); /* zeroed; NULL when memory ran out */
DF_API char *df_arena_text(DfArena *, const char *format, ...) DF_PRINTF(2, 3);
DF_API char *df_arena_copy(DfArena *, const char *text, size_t length); /* adds the final zero */

DF_END_DECLS

#endif
