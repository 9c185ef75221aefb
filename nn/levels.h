/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/levels.h -- the feature maps that a backbone passes to neck and head. Included by nn/nn.h.
 */
#ifndef DF_NN_LEVELS_H
#define DF_NN_LEVELS_H

#include "nn/layers.h"

DF_BEGIN_DECLS

enum { DF_LEVELS = 8 };
typedef struct {
    int n;
    DfTensor *map[DF_LEVELS]; /* N H W C, finest first; they are the context's                   */
    DfTensor *logits;         /* N classes, of a backbone in its classification form; or NULL    */
    int picture[2];           /* largest height and width of the pictures before padding; 0 0: unknown     */
} DfMaps;

/* Feature levels of equal width from a backbone's maps (levels.c): a convolution and a group norm of 32 groups each. */
typedef struct {
    const char *scope;            /* the name of a level in messages and profiles                                     */
    const char *given;            /* format of a level's path, with its index                                         */
    const char *conv, *norm;      /* names of its parts, below this path                                              */
} NnLevelNames;
typedef struct {
    int n_maps;                   /* number of maps that are read, the last ones                                      */
    int n;                        /* number of levels, at least n_maps                                                */
    const char *scope;
    NnConv conv[DF_LEVELS];
    NnLayerNorm norm[DF_LEVELS];  /* weight and bias of the group norms                                               */
} NnLevels;
/* channels[n_maps] of the maps; `dim`, a multiple of 32, of every level. */
DF_API void nn_levels_init(NnScope, NnLevels *, const NnLevelNames *, int n_maps, const int *channels, int levels,
                           int dim);
/* Poisons the context with DF_ESHAPE if there are fewer maps; then out->n is 0. */
DF_API void nn_levels(DfCtx *, const NnLevels *, const DfMaps *in, DfMaps *out);

DF_END_DECLS

#endif
