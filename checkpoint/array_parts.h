/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/array_parts.h -- private: checks of an array from an untrusted file, and functions for writers of its
 * bytes.
 */
#ifndef DF_CHECKPOINT_ARRAY_PARTS_H
#define DF_CHECKPOINT_ARRAY_PARTS_H

#include "checkpoint/array.h"

/* Checks that shape and stride stay within `room` elements after `offset`, and that the count is no absurd number. */
int df_array_check(const DfArray *, int64_t offset, int64_t room);

/* Calls `take` with the array's bytes in row-major order, piece by piece. */
typedef void DfTakeBytes(void *context, const void *bytes, size_t size);
void df_array_stream(const DfArray *, DfTakeBytes *take, void *context);

#endif
