/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/bytes.c -- a byte buffer that grows.
 */
#include "checkpoint/bytes.h"

#include <string.h>

#include "core/core.h"

void df_bytes_put(DfBytes *b, const void *bytes, size_t n)
{
    if (n == 0 || b->failed)
        return;
    b->failed = n > SIZE_MAX / 4 - b->n || !df_grow((void **)&b->at, &b->capacity, b->n + n - 1, 1);
    if (b->failed)
        return;
    memcpy(b->at + b->n, bytes, n);
    b->n += n;
}

void df_bytes_text(DfBytes *b, const char *text)
{
    df_bytes_put(b, text, strlen(text));
}

void df_bytes_little(DfBytes *b, uint64_t value, int n)
{
    uint8_t bytes[8];
    for (int i = 0; i < n; i++, value >>= 8)
        bytes[i] = (uint8_t)value;
    df_bytes_put(b, bytes, (size_t)n);
}
