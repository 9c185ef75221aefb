/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/quantised.h -- private: weights of 8 bits in a checkpoint. Beside a weight NAME of type I8 stand
 *     NAME.scale        O floats: row o of the weight is scale[o] times its whole numbers, which are -127 to 127
 *     NAME.input_range  2 floats: the least and the largest number of its input, which becomes 0 to 255; 0 lies between
 */
#ifndef DF_NN_QUANTISED_H
#define DF_NN_QUANTISED_H

#include "nn/dialects/dialects.h"

#define NN_SCALE ".scale"
#define NN_RANGE ".input_range"

/* One weight of a file. */
typedef struct {
    const char *name;   /* of its array                         */
    const void *data;   /* of its array: by this it is found    */
    int64_t rows;
    const float *scale; /* [rows]                               */
    float low, high;
} NnQuantised;
typedef struct {
    NnQuantised *at;
    int n;
    size_t capacity;
    DfArena *arena;     /* borrowed: that of the arrays         */
} NnQuantisedList;
void nn_quantised_free(NnQuantisedList *); /* {0} is fine */

/* Takes scales and ranges out of `file`, and lists the weights that they belong to. DF_EFORMAT with a sentence: one is
 * missing, or is not what it should be. */
int nn_quantised_take(NnQuantisedList *, NnArrays *file);
/* The weights of the list become float arrays in `file`: for names that are to
 * be translated, which may cut or turn them. */
int nn_quantised_expand(const NnQuantisedList *, NnArrays *file);
/* Whose numbers an array has; NULL: nobody's in the list. */
const NnQuantised *nn_quantised_of(const NnQuantisedList *, const DfArray *);
/* The numbers of its array, n in the official order, times the scales of their rows. */
int nn_quantised_scale(const NnQuantised *, float *x, size_t n);

#endif
