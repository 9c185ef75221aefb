/* SPDX-License-Identifier: Apache-2.0
 *
 * core/hash.c -- the FNV-1a hash.
 */
#include "core/hash.h"

#include <string.h>

uint64_t df_hash_add(uint64_t hash, const void *bytes, size_t size)
{
    for (const uint8_t *p = bytes, *end = p + size; p < end; p++)
        hash = (hash ^ *p) * DF_HASH_PRIME;
    return hash;
}

uint64_t df_hash_add_text(uint64_t hash, const char *text)
{
    return df_hash_add(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

uint64_t df_hash(const char *text)
{
    return df_hash_add(DF_HASH_START, text, strlen(text));
}
