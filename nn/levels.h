/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/levels.h -- feature maps between backbone, neck and head. Part of the door nn/nn.h.
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
    int picture[2];           /* height and width that all pictures fit in, before padding; 0 0: not known */
} DfMaps;

/* Levels of one width from the maps of a backbone: levels.c. Convolutions and a group norm of 32 groups for each. */
typedef struct {
    const char *scope;            /* what a level is called while it runs                                             */
    const char *given;            /* format of its place, by its number                                               */
    const char *conv, *norm;      /* its parts, below that                                                            */
} NnLevelNames;
typedef struct {
    int n_maps;                   /* how many maps are read, the last ones                                            */
    int n;                        /* how many levels there are, at least as many                                      */
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
