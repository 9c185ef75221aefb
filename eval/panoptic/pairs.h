/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/panoptic/pairs.h -- private to eval/: how often each pair of values meets in two maps of one size.
 */
#ifndef DF_EVAL_PANOPTIC_PAIRS_H
#define DF_EVAL_PANOPTIC_PAIRS_H

#include <stddef.h>
#include <stdint.h>

/* {0} to begin with. After counting, `list` has the pairs of which there are any, ascending. */
typedef struct {
    uint64_t key;   /* value of the first map * 2^24 + value of the second */
    uint64_t n;     /* pixels                                              */
} DfPair;
typedef struct {
    DfPair *slots;  /* open addressing; n = 0: free */
    size_t n_slots; /* 0 or a power of two          */
    DfPair *list;
    size_t n, capacity;
} DfPairs;
void df_pairs_done(DfPairs *);

/* Maps of `pixels` pixels of three bytes, R G B, of the value R + 256 G + 65536 B. */
int df_pairs_count(DfPairs *, const uint8_t *first, const uint8_t *second, size_t pixels);

#endif
