/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/inflate.h -- zlib streams (RFC 1950, 1951) whose size is known, at once; private to this room.
 */
#ifndef DF_DATASETS_IMAGE_INFLATE_H
#define DF_DATASETS_IMAGE_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False for a stream that is damaged, or does not give exactly `size` bytes, or has a code that leaves bits without a
 * meaning: who called asks zlib then. The sum at the end (Adler-32) is not looked at: a PNG's chunks have one of their own. */
bool df_inflate(uint8_t *out, size_t size, const uint8_t *in, size_t n);

#endif
