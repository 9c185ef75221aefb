/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/resample.h -- private to datasets/image/: the weights of a resize along one axis, and the passes over
 * a picture.
 */
#ifndef DF_DATASETS_IMAGE_RESAMPLE_H
#define DF_DATASETS_IMAGE_RESAMPLE_H

#include "datasets/image/resize.h"

/* The inputs that an output is made of. */
typedef struct {
    int first, n;
} DfSpan;

/* Two weights, of an input and of the next, each in two parts of 16 bits: weight = high 2^DF_LOW_BITS + low. */
enum { DF_LOW_BITS = 11 };
typedef struct {
    int16_t high[2], low[2];
} DfWeightPair;

typedef struct {
    int out;             /* how many outputs                                     */
    int bits;            /* of a weight                                          */
    int most;            /* inputs of an output at most                          */
    DfSpan *spans;       /* [out]                                                */
    double *exact;       /* [out][most]: the weights, in double                  */
    int32_t *weights;    /* [out][most]: as integers; 0 behind the span          */
    DfWeightPair *pairs; /* [out][(most + 1) / 2]: the same again                */
} DfResampling;

/* DF_OK or DF_ENOMEM. Free it in either case. */
int df_resampling_new(DfResampling *, DfPilFilter, DfAntialias, int in, int out);
void df_resampling_free(DfResampling *);

static inline const int32_t *df_weights_of(const DfResampling *f, int i)
{
    return f->weights + (size_t)i * (size_t)f->most;
}

static inline const DfWeightPair *df_pairs_of(const DfResampling *f, int i)
{
    return f->pairs + (size_t)i * (size_t)((f->most + 1) / 2);
}

/* Along lines, into a picture of the new width: DF_OK or DF_ENOMEM. Along columns, into one of the new height. */
int df_resample_lines(DfImage *out, const DfImage *in, const DfResampling *);
void df_resample_columns(DfImage *out, const DfImage *in, const DfResampling *);

#endif
