/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/core/test_pages.c -- blocks of huge pages: nobody writes into another's, what is free is used again, and
 * neighbours that are free become one.
 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "core/core.h"
#include "core/sanitizer.h"

enum { BLOCKS = 40, ROUNDS = 3000, MIB = 1 << 20 };

typedef struct {
    uint8_t *data;
    size_t size;
    uint8_t value;
} Filled;

static void fill(Filled *f, size_t size, uint8_t value)
{
    *f = (Filled){ df_malloc_filled(size), size, value };
    cr_assert_not_null(f->data);
    cr_assert_eq((uintptr_t)f->data % 64, 0);
    memset(f->data, value, size);
}

static void release(Filled *f)
{
    for (size_t i = 0; i < f->size; i += 61)
        cr_assert_eq(f->data[i], f->value, "byte %zu of %zu", i, f->size);
    cr_assert_eq(f->size ? f->data[f->size - 1] : f->value, f->value);
    df_free(f->data);
    f->data = NULL;
}

Test(pages, blocks_keep_what_they_hold)
{
    Filled all[BLOCKS] = { 0 };
    DfRandom r = df_random(3, 0);
    const size_t before = df_memory().now;
    for (int round = 0; round < ROUNDS; round++) {
        Filled *f = &all[df_random_bits(&r) % BLOCKS];
        if (f->data)
            release(f);
        else
            fill(f, (size_t)(df_random_bits(&r) % (round % 50 ? 300000 : 20 * MIB)), (uint8_t)round);
    }
    for (int i = 0; i < BLOCKS; i++)
        if (all[i].data)
            release(&all[i]);
    cr_assert_eq(df_memory().now, before);
}

/* Three neighbours, given back in every order, make room for one as large as all. */
Test(pages, neighbours_become_one)
{
    static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    Filled first, last, block[3], large;
    fill(&first, MIB, 1);
    for (int order = 0; order < 6; order++) {
        for (int i = 0; i < 3; i++)
            fill(&block[i], MIB, (uint8_t)i);
        fill(&last, MIB, 9);
        uint8_t *const start = block[0].data;
        for (int i = 0; i < 3; i++)
            release(&block[orders[order][i]]);
        fill(&large, 3 * MIB, 7);
        cr_assert(DF_WATCHED || large.data == start, "order %d", order);
        release(&large);
        release(&last);
    }
    release(&first);
}

static void get_and_put(void *arg, size_t task, void *scratch)
{
    Filled f[4];
    (void)arg;
    (void)scratch;
    for (size_t round = 0; round < 200; round++) {
        for (size_t i = 0; i < 4; i++)
            fill(&f[i], 65536 + (task * 7919 + round * 104729 + i * 31) % 200000, (uint8_t)(task + i));
        for (size_t i = 0; i < 4; i++)
            release(&f[i]);
    }
}

Test(pages, for_any_thread)
{
    DfPool *pool = NULL;
    cr_assert_eq(df_pool_new(&pool, 4), DF_OK);
    cr_assert_eq(df_parallel(pool, 16, 0, get_and_put, NULL), DF_OK);
    df_pool_free(pool);
}

Test(pages, too_much_is_refused)
{
    cr_assert_null(df_malloc_filled(SIZE_MAX));
    if (DF_WATCHED)
        return; /* AddressSanitizer ends a program that asks its allocator for this much */
    cr_assert_null(df_malloc_filled(SIZE_MAX / 2));
    cr_assert_null(df_malloc_filled((size_t)1 << 60));
}

/* Under AddressSanitizer a byte beside what was asked for is not to be touched, though it lies in our block. */
#if DF_WATCHED
Test(memory, what_nobody_asked_for_is_fenced)
{
    DfArena *arena = df_arena_new();
    for (size_t size = 1; size <= 130; size++) {
        uint8_t *block = df_malloc(size);
        cr_assert_null(__asan_region_is_poisoned(block, size));
        cr_expect(__asan_address_is_poisoned(block + size) && __asan_address_is_poisoned(block - 1), "%zu", size);
        df_free(block);
        uint8_t *part = df_arena_alloc(arena, size, 1);
        cr_assert_null(__asan_region_is_poisoned(part, size));
        cr_expect(__asan_address_is_poisoned(part + size) && __asan_address_is_poisoned(part - 1), "%zu", size);
    }
    df_arena_free(arena);
}
#endif
