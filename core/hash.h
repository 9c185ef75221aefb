/* SPDX-License-Identifier: Apache-2.0
 *
 * core/hash.h -- 64-bit FNV-1a hash (Fowler, Noll and Vo), to notice that something has changed. It does not protect
 * against someone who constructs collisions.
 *
 *     uint64_t hash = df_hash_add_text(DF_HASH_START, name);
 */
#ifndef DF_CORE_HASH_H
#define DF_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "core/api.h"

DF_BEGIN_DECLS

#define DF_HASH_START UINT64_C(0xcbf29ce484222325)
#define DF_HASH_PRIME UINT64_C(0x100000001b3)

DF_API uint64_t df_hash_add(uint64_t hash, const void *bytes, size_t size);
/* with its end, so that "ab", "c" is not "a", "bc" */
DF_API uint64_t df_hash_add_text(uint64_t hash, const char *text);
DF_API uint64_t df_hash(const char *text);                         /* of a text alone */

DF_END_DECLS

#endif
