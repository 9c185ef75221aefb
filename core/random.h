/* SPDX-License-Identifier: Apache-2.0
 *
 * core/random.h -- seeded random numbers: the same stream on every machine.
 * Generator: xoshiro256** of Blackman and Vigna (2018), seeded through splitmix64.
 */
#ifndef DF_CORE_RANDOM_H
#define DF_CORE_RANDOM_H

#include <stdint.h>

#include "core/hash.h"

DF_BEGIN_DECLS

typedef struct {
    uint64_t state[4];
} DfRandom;

/* Equal seed and stream: equal numbers. Streams of one seed are independent; a name's hash makes a good stream. */
DF_API DfRandom df_random(uint64_t seed, uint64_t stream);

/* Bits that nobody can foresee, other ones each time: for names of files, and for hash tables whose keys a stranger may
 * choose. Never for results. */
DF_API uint64_t df_unforeseen_bits(void);

DF_API uint64_t df_random_bits(DfRandom *);
DF_API double df_uniform(DfRandom *);                                /* [0, 1)            */
DF_API double df_normal(DfRandom *);                                 /* mean 0, deviation 1 */
/* mean 0, redrawn until lo <= x <= hi */
DF_API double df_truncated_normal(DfRandom *, double std, double lo, double hi);

DF_END_DECLS

#endif
