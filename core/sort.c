/* SPDX-License-Identifier: Apache-2.0
 *
 * core/sort.c -- radix sort: items are sorted by their lowest byte, then by the next, up to the highest. Each pass
 * keeps the order of items that are equal in its byte, so the sort is stable. All eight histograms are computed in one
 * pass, and bytes in which all keys agree are skipped. Short lists are sorted by insertion.
 */
#include "core/sort.h"

#include <string.h>

#include "core/memory.h"
#include "core/pool.h"

enum { SHORT_LIST = 48 };

typedef struct {
    uint64_t key;
    uint32_t index;
} Item;

uint64_t df_sort_key(double x)
{
    if (x != x) /* NaN */
        return UINT64_MAX;
    x += 0.0; /* -0 becomes 0 */
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    /* Positive doubles are ordered as their bits are; of negative ones all bits are turned round, so that the
     * largest comes last. */
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static void insertion_sort(uint32_t *order, size_t n, const uint64_t *key)
{
    for (size_t i = 1; i < n; i++) {
        const uint32_t moved = order[i];
        size_t j = i;
        for (; j > 0 && key[order[j - 1]] > key[moved]; j--)
            order[j] = order[j - 1];
        order[j] = moved;
    }
}

/* Puts the items in order of byte `b`, given how many items have each of its values; false if all agree in it, and
 * nothing moved. */
static bool scatter(Item *to, const Item *from, size_t n, size_t counts[256], int b)
{
    if (counts[from[0].key >> (8 * b) & 255] == n)
        return false;
    size_t at = 0;
    for (int i = 0; i < 256; i++) {
        const size_t count = counts[i];
        counts[i] = at;
        at += count;
    }
    for (size_t i = 0; i < n; i++)
        to[counts[from[i].key >> (8 * b) & 255]++] = from[i];
    return true;
}

int df_sort(uint32_t *order, size_t n, const uint64_t *key)
{
    if (n <= SHORT_LIST) {
        insertion_sort(order, n, key);
        return DF_OK;
    }
    Item *items = n > SIZE_MAX / 2 / sizeof *items ? NULL : df_malloc(2 * n * sizeof *items);
    if (!items)
        return df_fail_memory("sorting");
    size_t counts[8][256] = { { 0 } };
    Item *from = items;
    Item *to = items + n;
    for (size_t i = 0; i < n; i++) {
        from[i] = (Item){ key[order[i]], order[i] };
        for (int b = 0; b < 8; b++)
            counts[b][from[i].key >> (8 * b) & 255]++;
    }
    int error = DF_OK;
    for (int b = 0; error == DF_OK && b < 8; b++) {
        if (scatter(to, from, n, counts[b], b)) {
            Item *const swapped = from;
            from = to;
            to = swapped;
        }
        error = df_check_patience();
    }
    for (size_t i = 0; error == DF_OK && i < n; i++)
        order[i] = from[i].index;
    df_free(items);
    return error;
}
