/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/support/sha256.h -- the hash by which tests know arrays that are too large to be kept.
 */
#ifndef DF_TESTS_SUPPORT_SHA256_H
#define DF_TESTS_SUPPORT_SHA256_H

#include <stddef.h>

/* SHA-256 (FIPS 180-4) as 64 letters, until the next call. */
const char *sha256(const void *data, size_t size);

#endif
