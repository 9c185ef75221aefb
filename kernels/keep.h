/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/keep.h -- the random numbers of dropout, as a function of a key and an index: no mask is stored, since the
 * backward pass can compute it again. Included by kernels/kernels.h: include that.
 */
#ifndef DF_KERNELS_KEEP_H
#define DF_KERNELS_KEEP_H

#include <stdint.h>

/* The key of a stream of random numbers. */
typedef struct {
    uint32_t a, b;
} DfKey;

/* Number i of a stream, evenly distributed: Wellons' lowbias32 (2018), with the key in front and in the middle. */
static inline uint32_t df_key_bits(DfKey key, uint32_t i)
{
    uint32_t x = (i * 0x9e3779b1u) ^ key.a;
    x = (x ^ (x >> 16)) * 0x7feb352du + key.b;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

/* The threshold for dropping with probability p in [0, 1]: indices whose random bits are below it are dropped. */
static inline uint32_t df_key_threshold(float p)
{
    return p < 1 ? (uint32_t)((double)p * 4294967296.0) : UINT32_MAX;
}

/* Dropout of a batch, with one key for each sample. */
typedef struct {
    const DfKey *key; /* of every sample; NULL: nothing is dropped          */
    uint32_t below;   /* random bits below this are dropped: df_key_threshold() */
    float scale;      /* factor of the numbers that are kept                */
} DfDropout;

#endif
