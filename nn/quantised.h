/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/quantised.h -- private: weights of 8 bits in a checkpoint. A weight NAME of type I8 has two companions:
 *     NAME.scale        O floats: row o of the weight is scale[o] times its integers, which are -127 to 127
 *     NAME.input_range  2 floats: smallest and largest value of its input, mapped to 0..255; 0 lies between them
 */
#ifndef DF_NN_QUANTISED_H
#define DF_NN_QUANTISED_H

#include "nn/dialects/dialects.h"

#define NN_SCALE ".scale"
#define NN_RANGE ".input_range"

/* One weight of a file. */
typedef struct {
    const char *name;   /* of its array                         */
    const void *data;   /* of its array; identifies the weight  */
    int64_t rows;
    const float *scale; /* [rows]                               */
    float low, high;
} NnQuantised;
typedef struct {
    NnQuantised *at;
    int n;
    size_t capacity;
    DfArena *arena;     /* borrowed from the arrays             */
} NnQuantisedList;
void nn_quantised_free(NnQuantisedList *); /* {0} is fine */

/* Removes scales and ranges from `file`, and lists the weights that they belong to. DF_EFORMAT: one is missing or
 * invalid. */
int nn_quantised_take(NnQuantisedList *, NnArrays *file);
/* Converts the weights of the list to float arrays in `file`, because translating names may split or rearrange
 * them. */
int nn_quantised_expand(const NnQuantisedList *, NnArrays *file);
/* The entry of the list that has the numbers of this array, or NULL. */
const NnQuantised *nn_quantised_of(const NnQuantisedList *, const DfArray *);
/* Multiplies its n numbers x, in official order, by the scales of their rows. */
int nn_quantised_scale(const NnQuantised *, float *x, size_t n);

#endif
