/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/draws.h -- the random numbers of one sample. A transform draws the same numbers as the official
 * code, in its order and by the same kind of call, so that numbers recorded there give the same picture here.
 *
 *     DfDraws draws = { .random = df_random(seed, sample) };           fresh numbers
 *     DfDraws draws = { .given = list, .n_given = n };                 numbers that are played back
 */
#ifndef DF_DATASETS_PIPELINE_DRAWS_H
#define DF_DATASETS_PIPELINE_DRAWS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/core.h"

DF_BEGIN_DECLS

typedef enum {
    DF_DRAW_SHARE,   /* numpy's rand(), random_sample(): [0, 1)      */
    DF_DRAW_UNIFORM, /* uniform(low, high)                           */
    DF_DRAW_INTEGER, /* randint(low, high): high is not drawn        */
    DF_DRAW_CHOICE,  /* choice(list): the index, high of them        */
    DF_DRAW_NORMAL,  /* gauss(mean, deviation): low and high     */
    DF_DRAW_ORDER    /* one item of permutation(high)                */
} DfDrawKind;

/* One number, as it was drawn. */
typedef struct {
    DfDrawKind kind;
    double low, high;
    double value;
} DfDrawn;

typedef struct {
    DfRandom random;
    const DfDrawn *given; /* [n_given]: these in place of fresh numbers, or NULL           */
    size_t n_given, used;
    bool astray;          /* other calls were made than those that the numbers belong to   */
} DfDraws;

DF_API double df_draw_share(DfDraws *);                              /* [0, 1)                                  */
DF_API double df_draw_uniform(DfDraws *, double low, double high);   /* low + (high - low) * share; either order */
DF_API int df_draw_integer(DfDraws *, int low, int high);            /* low .. high - 1; wants low < high        */
DF_API double df_draw_normal(DfDraws *, double mean, double deviation);
DF_API int df_draw_choice(DfDraws *, int n, const double *weights);  /* 0 .. n - 1; weights sum to 1, or NULL    */
DF_API void df_draw_order(DfDraws *, int n, int *out);               /* 0 .. n - 1 shuffled                      */

DF_END_DECLS

#endif
