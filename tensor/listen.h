/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/listen.h -- what a network tells whoever listens while it runs. Included by tensor/tensor.h: include
 * that.
 *
 * Listeners look at tensors during the call and copy what they want to keep. What is heard changes no result.
 */
#ifndef DF_TENSOR_LISTEN_H
#define DF_TENSOR_LISTEN_H

#include "tensor/context.h"
#include "tensor/ops.h"

DF_BEGIN_DECLS

/* A listener hears what df_observe() is given by name and, with `scopes`, the result of every scope under its path. For
 * `deformer forward`, reports and debugging. */
typedef void DfListener(void *user, const char *name, const DfTensor *x);
DF_API void df_listen(DfCtx *, DfListener *listener, bool scopes, void *user);
DF_API bool df_listens(const DfCtx *);
DF_API void df_mute(DfCtx *, bool mute); /* this listener, and that of points, hear nothing for a while */
/* "NAME" or, index >= 0, "NAMEindex" */
DF_API void df_observe(DfCtx *, const DfTensor *x, const char *name, int index);

/* A listener of weights hears, of every product with a weight, the weight and what it is multiplied with: of a linear
 * layer its input, of a convolution the map. So inputs can be measured before they are rounded. While it listens, both
 * layers of an MLP run one by one, and no map is kept in bfloat16. */
typedef void DfWeightListener(void *user, const DfTensor *weight, const DfTensor *input);
DF_API void df_listen_weights(DfCtx *, DfWeightListener *listener, void *user);
DF_API bool df_listens_weights(const DfCtx *);
DF_API void df_observe_weight(DfCtx *, const DfTensor *weight, const DfTensor *input);

/* What df_observe_points() tells of an attention that reads points of its own choosing. It has one of three forms:
 *     shared   DAT: the queries are the cells of a map and all read the same points, each with the softmax of its own
 *              scores: `q`, `k`, `pos`, `bias` and `how` are what df_deform_attention() is given
 *     own      Deformable DETR: every query has points of its own, with given weights; `shared` is false
 *     kernel   a deformable convolution: the queries are the cells of its output, and each has the points of the
 *              kernel, moved by offsets; only `map`, `offset` and what follows are set */
typedef struct {
    bool shared;
    /* shared */
    const DfTensor *q, *k, *pos, *bias; /* B H W C, B Ns C, B G Ns 2 (y, x)                               */
    DfDeformAttention how;
    int cell;                           /* pixels of the network's input from one query to the next       */
    /* own */
    const DfTensor *reference;          /* where the queries stand: B Q 2 or 4, in [0, 1] of the part that
                                         * is no padding                                                  */
    const DfTensor *location;           /* B Q heads levels points 2 (x, y), in [0, 1] of a level         */
    const DfTensor *weight;             /* B Q heads levels points                                        */
    const float *valid_ratios;          /* B levels 2 (x, y): the part of a level that is no padding      */
    /* kernel */
    const DfTensor *map, *offset, *mask; /* what df_deform_conv2d() is given; the mask may be NULL        */
    DfConv conv;
    int kernel[2], offset_groups;
} DfPointAttention;

/* A listener of points hears of every attention that chooses what it reads, under the path of its module, also in a dry
 * pass, where data are NULL. */
typedef void DfPointListener(void *user, const char *path, const DfPointAttention *);
DF_API void df_listen_points(DfCtx *, DfPointListener *listener, void *user);
DF_API bool df_listens_points(const DfCtx *);
DF_API void df_observe_points(DfCtx *, const DfPointAttention *);

DF_END_DECLS

#endif
