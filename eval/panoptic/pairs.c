/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/panoptic/pairs.c -- counts the pairs of values of two maps. Maps are mostly flat: so runs of equal pixels are
 * found, eight bytes at a time, and counted at once.
 */
#include "eval/panoptic/pairs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"

enum { BYTES = 3 /* of a pixel */, LEAST_SLOTS = 256 };

void df_pairs_done(DfPairs *p)
{
    df_free(p->slots);
    df_free(p->list);
    *p = (DfPairs){ 0 };
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

static uint64_t eight(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Are 32 bytes like those a pixel further on? */
static bool is_repeated(const uint8_t *map)
{
    uint64_t other = 0;
    for (size_t k = 0; k < 32; k += 8)
        other |= eight(map + k) ^ eight(map + k + BYTES);
    return other == 0;
}

/* The first pixel behind pixel i that is not like it; `pixels` if there is none. A byte that is not like the one a
 * pixel further on tells. */
static size_t run_end(const uint8_t *map, size_t i, size_t pixels)
{
    size_t at = BYTES * i;
    const size_t last = BYTES * (pixels - 1);
    while (at + 32 <= last && is_repeated(map + at))
        at += 32;
    while (at + 8 <= last && eight(map + at) == eight(map + at + BYTES))
        at += 8;
    while (at < last && map[at] == map[at + BYTES])
        at++;
    return at < last ? at / BYTES + 1 : pixels;
}

static uint64_t value(const uint8_t *map, size_t i)
{
    const uint8_t *const rgb = map + BYTES * i;
    return rgb[0] | (uint64_t)rgb[1] << 8 | (uint64_t)rgb[2] << 16;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static size_t slot_of(const DfPairs *p, uint64_t key)
{
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (p->n_slots - 1);
}

static DfPair *find(const DfPairs *p, uint64_t key)
{
    size_t at = slot_of(p, key);
    while (p->slots[at].n > 0 && p->slots[at].key != key)
        at = (at + 1) & (p->n_slots - 1);
    return &p->slots[at];
}

/* Twice as many slots. */
static int grow(DfPairs *p)
{
    DfPair *const before = p->slots;
    const size_t n = p->n_slots;
    p->n_slots = n ? 2 * n : LEAST_SLOTS;
    if (!(p->slots = df_calloc(p->n_slots, sizeof *p->slots))) {
        p->slots = before;
        p->n_slots = n;
        return df_fail_memory("pairs of segments");
    }
    for (size_t i = 0; i < n; i++)
        if (before[i].n > 0)
            *find(p, before[i].key) = before[i];
    df_free(before);
    return DF_OK;
}

static int add(DfPairs *p, uint64_t key, uint64_t n)
{
    DfPair *slot = find(p, key);
    if (slot->n == 0) {
        if (2 * p->n >= p->n_slots) {
            const int error = grow(p);
            if (error < 0)
                return error;
            slot = find(p, key);
        }
        slot->key = key;
        p->n++;
    }
    slot->n += n;
    return DF_OK;
}

static int compare(const void *a, const void *b)
{
    const DfPair *const x = a;
    const DfPair *const y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static int make_list(DfPairs *p)
{
    size_t n = 0;
    if (p->n > p->capacity) {
        df_free(p->list);
        p->capacity = 2 * p->n;
        if (!(p->list = df_malloc(p->capacity * sizeof *p->list))) {
            p->capacity = 0;
            return df_fail_memory("pairs of segments");
        }
    }
    for (size_t i = 0; i < p->n_slots; i++)
        if (p->slots[i].n > 0)
            p->list[n++] = p->slots[i];
    if (n > 0)
        qsort(p->list, n, sizeof *p->list, compare);
    return DF_OK;
}

int df_pairs_count(DfPairs *p, const uint8_t *first, const uint8_t *second, size_t pixels)
{
    size_t first_end = 0;  /* of the run in which pixel i is */
    size_t second_end = 0;
    p->n = 0;
    if (p->n_slots)
        memset(p->slots, 0, p->n_slots * sizeof *p->slots);
    int error = p->n_slots ? DF_OK : grow(p);
    for (size_t i = 0, end; error == DF_OK && i < pixels; i = end) {
        if (i == first_end)
            first_end = run_end(first, i, pixels);
        if (i == second_end)
            second_end = run_end(second, i, pixels);
        end = first_end < second_end ? first_end : second_end;
        error = add(p, value(first, i) << 24 | value(second, i), end - i);
    }
    return error == DF_OK ? make_list(p) : error;
}
