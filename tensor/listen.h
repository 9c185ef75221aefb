/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/listen.h -- listeners: callbacks that observe a network while it runs. Included by tensor/tensor.h: include
 * that.
 *
 * Listeners read tensors during the call and copy what they want to keep. They do not change any result.
 */
#ifndef DF_TENSOR_LISTEN_H
#define DF_TENSOR_LISTEN_H

#include "tensor/context.h"
#include "tensor/ops.h"

DF_BEGIN_DECLS

/* A listener gets the tensors of df_observe() by name and, with `scopes`, the result of every scope by its path. For
 * `deformer forward`, reports and debugging. */
typedef void DfListener(void *user, const char *name, const DfTensor *x);
DF_API void df_listen(DfCtx *, DfListener *listener, bool scopes, void *user);
DF_API bool df_listens(const DfCtx *);
DF_API void df_mute(DfCtx *, bool mute); /* pauses this listener and the listener of points */
/* "NAME" or, index >= 0, "NAMEindex" */
DF_API void df_observe(DfCtx *, const DfTensor *x, const char *name, int index);

/* A listener of weights gets every weight together with the input that it is multiplied with: the input of a linear
 * layer, the map of a convolution. It serves to measure inputs before they are rounded. While it listens, the two
 * layers of an MLP are not fused, and no map is stored in bfloat16. */
typedef void DfWeightListener(void *user, const DfTensor *weight, const DfTensor *input);
DF_API void df_listen_weights(DfCtx *, DfWeightListener *listener, void *user);
DF_API bool df_listens_weights(const DfCtx *);
DF_API void df_observe_weight(DfCtx *, const DfTensor *weight, const DfTensor *input);

/* What df_observe_points() reports about an attention that samples chosen points. It has one of three forms:
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
    const DfTensor *reference;          /* positions of the queries: B Q 2 or 4, in [0, 1] of the part
                                         * without padding                                                */
    const DfTensor *location;           /* B Q heads levels points 2 (x, y), in [0, 1] of a level         */
    const DfTensor *weight;             /* B Q heads levels points                                        */
    const float *valid_ratios;          /* B levels 2 (x, y): the fraction of a level without padding     */
    /* kernel */
    const DfTensor *map, *offset, *mask; /* the arguments of df_deform_conv2d(); the mask may be NULL     */
    DfConv conv;
    int kernel[2], offset_groups;
} DfPointAttention;

/* A listener of points is called for every attention that samples chosen points, with the path of its module; also in a
 * dry pass, where data are NULL. */
typedef void DfPointListener(void *user, const char *path, const DfPointAttention *);
DF_API void df_listen_points(DfCtx *, DfPointListener *listener, void *user);
DF_API bool df_listens_points(const DfCtx *);
DF_API void df_observe_points(DfCtx *, const DfPointAttention *);

DF_END_DECLS

#endif
