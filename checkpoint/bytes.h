/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/bytes.h -- private: a byte buffer that grows, for the headers that writers assemble in memory.
 */
#ifndef DF_CHECKPOINT_BYTES_H
#define DF_CHECKPOINT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* After memory ran out `failed` is set and nothing is added. */
typedef struct {
    char *at;
    size_t n, capacity;
    bool failed;
} DfBytes;
void df_bytes_put(DfBytes *, const void *bytes, size_t n);
void df_bytes_text(DfBytes *, const char *text); /* without its final zero */
void df_bytes_little(DfBytes *, uint64_t value, int n); /* the lower n bytes, lowest first */

#endif
