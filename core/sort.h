/* SPDX-License-Identifier: Apache-2.0
 *
 * core/sort.h -- stable sorting of indices by a 64-bit key.
 */
#ifndef DF_CORE_SORT_H
#define DF_CORE_SORT_H

#include <stddef.h>
#include <stdint.h>

#include "core/api.h"
#include "core/error.h"

DF_BEGIN_DECLS

/* Reorders order[0..n) so that key[order[i]] ascends; equal keys keep the order they are given in. Keys are
 * indexed by element, not by place. Fails for lack of memory, or if it is stopped
 * (df_pool_ask()); then it changes nothing. */
DF_API int df_sort(uint32_t *order, size_t n, const uint64_t *key);

/* Keys that ascend with the number: -inf first, -0 and 0 equal, NaN last. For descending order take the key of -x. */
DF_API uint64_t df_sort_key(double x);

DF_END_DECLS

#endif
