/* SPDX-License-Identifier: Apache-2.0
 *
 * core/pages.c -- regions of huge pages, divided into blocks by first fit; free neighbours are merged.
 *
 * A region is address space; its pages become memory when they are first written to. Shared regions are large, and
 * fill from their low end. A block that would take much of one gets its own region of exactly its size.
 */
#define _GNU_SOURCE
#include "core/pages.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

enum {
    GRAIN = 64,
    SMALL_PAGE = 4096,
    HUGE_PAGE = 2 << 20,
    SHARED = 32 << 20 /* bytes of a region that is shared */
};

typedef struct Region Region;

/* In front of every block, used or free. */
typedef struct Block {
    Region *region;
    struct Block *before; /* the block before it; NULL: it is the first */
    size_t span;          /* bytes from here to the next block          */
    bool used;
} Block;

struct Region {
    Region *next;
    size_t size; /* bytes, from here on */
};

/* Each takes a whole grain, so that what follows is aligned. */
_Static_assert(sizeof(Block) <= GRAIN && sizeof(Region) <= GRAIN, "a header has a grain");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Region *regions;

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Address space that begins at a huge page. */
static void *map(size_t size)
{
    const size_t whole = size + HUGE_PAGE;
    char *all = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return NULL;
    const size_t before = round_up((size_t)(uintptr_t)all, HUGE_PAGE) - (size_t)(uintptr_t)all;
    if (before)
        munmap(all, before);
    munmap(all + before + size, whole - before - size);
#ifdef MADV_HUGEPAGE
    madvise(all + before, size, MADV_HUGEPAGE);
#endif
    return all + before;
}

static Block *first_of(Region *r)
{
    return (Block *)(void *)((char *)r + GRAIN);
}

static Block *after(const Block *b) /* NULL: it is the last */
{
    const char *next = (const char *)b + b->span;
    return next < (const char *)b->region + b->region->size ? (Block *)(uintptr_t)next : NULL;
}

static Region *new_region(size_t span)
{
    const size_t size = span > SHARED / 4 ? round_up(GRAIN + span, SMALL_PAGE) : SHARED;
    Region *r = map(size);
    if (!r)
        return NULL;
    *r = (Region){ regions, size };
    *first_of(r) = (Block){ .region = r, .span = size - GRAIN };
    regions = r;
    return r;
}

static Block *find(size_t span)
{
    for (Region *r = regions; r; r = r->next)
        for (Block *b = first_of(r); b; b = after(b))
            if (!b->used && b->span >= span)
                return b;
    return NULL;
}

/* Leaves `span` bytes in the block; the rest becomes a free one. */
static void split(Block *b, size_t span)
{
    if (b->span - span < 2 * GRAIN)
        return;
    Block *rest = (Block *)(void *)((char *)b + span);
    *rest = (Block){ .region = b->region, .before = b, .span = b->span - span };
    b->span = span;
    Block *next = after(rest);
    if (next)
        next->before = rest;
}

void *df_pages_get(size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    const size_t span = GRAIN + round_up(size, GRAIN);
    pthread_mutex_lock(&lock);
    Block *b = find(span);
    if (!b) {
        Region *r = new_region(span);
        b = r ? first_of(r) : NULL;
    }
    if (b) {
        split(b, span);
        b->used = true;
    }
    pthread_mutex_unlock(&lock);
    return b ? (char *)b + GRAIN : NULL;
}

static void join(Block *b, const Block *next)
{
    b->span += next->span;
    Block *behind = after(b);
    if (behind)
        behind->before = b;
}

static void free_region(Region *r)
{
    Region **at = &regions;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    munmap(r, r->size);
}

void df_pages_put(void *block)
{
    Block *b = (Block *)(void *)((char *)block - GRAIN);
    pthread_mutex_lock(&lock);
    b->used = false;
    Block *next = after(b);
    if (next && !next->used)
        join(b, next);
    if (b->before && !b->before->used) {
        b = b->before;
        join(b, after(b));
    }
    if (!b->before && !after(b))
        free_region(b->region);
    pthread_mutex_unlock(&lock);
}
