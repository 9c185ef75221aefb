/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/layers.h -- linear layers, convolutions and norms. Included by nn/nn.h.
 */
#ifndef DF_NN_LAYERS_H
#define DF_NN_LAYERS_H

#include "nn/parameters.h"

DF_BEGIN_DECLS

/* A layer is a struct, nn_X_init() to register its parameters in a scope, and nn_X(), its forward pass. Shapes are at
 * the right margin: B batch, N H W C maps, O and I channels out and in. A layer's weights belong to the model. */

/* Call this before a frozen part of a network: if its input needs no gradient, nothing is recorded for the backward
 * pass. Call df_forget(c, false) after it. */
static inline void nn_enter_frozen(DfCtx *c, bool frozen, const DfTensor *x)
{
    df_forget(c, frozen && !x->wants_grad);
}

/* The end of a residual branch: residual + drop_path(scale * dropout(branch)). Any part may be absent. It is fused into
 * the last linear layer or convolution of the branch, except in training with dropout or drop_path. */
typedef struct {
    DfTensor *residual;         /* of the branch's shape, or NULL                                                   */
    DfTensor *scale;            /* one number a channel (layer scale; Touvron et al., ICCV 2021), or NULL           */
    float drop_path;            /* training: probability that a sample's whole branch is dropped (stochastic depth) */
    float drop;                 /* training: probability that a number of the branch is dropped                     */
} NnResidual;
DF_API DfTensor *nn_add(DfCtx *, DfTensor *branch, NnResidual); /* this sum, after any module */

/* linear.c: y = x W' + b */
typedef struct {
    DfTensor *weight, *bias;    /* O I; O or NULL */
} NnLinear;
DF_API void nn_linear_init(NnScope, NnLinear *, int in, int out, bool bias);        /* PyTorch's default init */
DF_API void nn_linear_init_as(NnScope, NnLinear *, int in, int out, bool bias, NnInit weight, NnInit bias_init);
DF_API void nn_pointwise_init(NnScope, NnLinear *, int in, int out, bool bias);     /* a 1x1 convolution in the files */
DF_API DfTensor *nn_linear(DfCtx *, const NnLinear *, DfTensor *x);                 /* .. I -> .. O */
DF_API DfTensor *nn_linear_add(DfCtx *, const NnLinear *, DfTensor *x, NnResidual); /* .. I -> .. O */

/* linear.c: fc1, activation, fc2: the feed-forward half of a transformer block. Only a few rows of the hidden layer
 * exist at a time. */
typedef struct {
    NnLinear fc1, fc2;
    DfAct act;
    float drop[2];              /* dropout after the activation, and after fc2 instead of NnResidual.drop */
} NnMlp;
DF_API DfTensor *nn_mlp_add(DfCtx *, const NnMlp *, DfTensor *x, NnResidual); /* .. C -> .. C */

/* conv.c: convolutions of maps, with equal settings along both axes except `patch`; depthwise if groups = in = out. */
typedef struct {
    DfTensor *weight, *bias;    /* O kh kw I/groups, or kh kw C if depthwise; O or NULL */
    DfConv conv;
    int in, out, kernel[2];
    float standard_eps;         /* not 0: the weight is standardised before use (Qiao et al., 2019) */
} NnConv;
typedef struct {
    int kernel, stride, padding, dilation, groups; /* 0 means 1, except for padding                   */
    int patch[2];                                  /* height and width of kernel and stride; 0: square */
    bool no_bias;
    float standard_eps;                            /* as in NnConv: from nn_conv_kind()               */
} NnConvShape;
/* Reads mmcv's conv_cfg: 0 for a plain convolution (None, Conv, Conv2d), eps for one with standardised weights
 * (ConvWS). Anything else poisons the model. */
DF_API float nn_conv_kind(NnScope, const DfNode *conv_cfg);
DF_API void nn_conv_init(NnScope, NnConv *, int in, int out, NnConvShape);    /* PyTorch's default init */
DF_API void nn_conv_init_as(NnScope, NnConv *, int in, int out, NnConvShape, NnInit weight, NnInit bias_init);
DF_API DfTensor *nn_conv(DfCtx *, const NnConv *, DfTensor *x);               /* N H W I -> N H' W' O */
DF_API DfTensor *nn_conv_fused(DfCtx *, const NnConv *, DfTensor *x, DfFuse); /* act(conv(x)) * scale + residual */

/* norm.c: layer norm over the last dimension (Ba et al., 2016) */
typedef struct {
    DfTensor *weight, *bias;    /* C each */
    float eps;
} NnLayerNorm;
DF_API void nn_layer_norm_init(NnScope, NnLayerNorm *, int dim, double eps);
DF_API DfTensor *nn_layer_norm(DfCtx *, const NnLayerNorm *, DfTensor *x);    /* .. C -> .. C */

/* norm.c: the norms of mmcv's norm_cfg: BN, SyncBN, GN, LN, or IN, which is GN with one group for each channel. */
typedef struct {
    enum { NN_NORM_NONE, NN_NORM_BATCH, NN_NORM_GROUP, NN_NORM_LAYER } kind;
    DfTensor *weight, *bias;                /* C each; NULL in IN without affine                                   */
    DfTensor *running_mean, *running_var;   /* C each; batch norms only                                            */
    int groups;
    float eps, momentum;                    /* momentum: weight of a batch in the running statistics               */
    bool evaluates;                         /* use the running statistics in training, too, and do not change them */
    bool sync;                              /* SyncBN: statistics over the batches of all processes                */
} NnNorm;
/* The name of its module in official keys: "bn", "gn", "ln", "in". */
DF_API const char *nn_norm_name(const DfNode *norm_cfg);
/* An unknown type poisons the model. */
DF_API void nn_norm_init(NnScope, NnNorm *, const DfNode *norm_cfg, int channels);
DF_API void nn_batch_norm_init(NnScope, NnNorm *, int channels);              /* torch.nn.BatchNorm2d(channels) */
DF_API DfTensor *nn_norm(DfCtx *, const NnNorm *, DfTensor *x);                    /* N H W C; kind NONE: x itself */
/* Whether each pixel of the result depends only on the same pixel of x: then a map can be normalised in pieces. */
DF_API bool nn_norm_is_local(const DfCtx *, const NnNorm *);
/* act(norm(x) + residual); residual or NULL */
DF_API DfTensor *nn_norm_fused(DfCtx *, const NnNorm *, DfTensor *x, DfAct, DfTensor *residual);
/* conv_module.c: act(norm(conv(x)) + residual); residual may be NULL. Without a tape, a batch norm is folded into the
 * convolution. */
DF_API DfTensor *nn_conv_norm(DfCtx *, const NnConv *, const NnNorm *, DfTensor *x, DfAct, DfTensor *residual);
/* The same without a residual. `reader` is the only convolution that reads the result (DfFuse.reader), or NULL. */
DF_API DfTensor *nn_conv_norm_for(DfCtx *, const NnConv *, const NnNorm *, DfTensor *x, DfAct, const NnConv *reader);
/* Two in a row, y = first(x) and *z = second(y), computed together (df_conv2d_pair()). If that is not possible, or
 * `second` is NULL, only y is computed, and *z is NULL. */
typedef struct {
    const NnConv *conv;
    const NnNorm *norm;
    DfFuse fuse; /* act, residual (added before act), reader */
} NnConvNorm;
DF_API DfTensor *nn_conv_norm_pair(DfCtx *, DfTensor *x, const NnConvNorm *first, const NnConvNorm *second,
                                   DfTensor **z);
/* The same, where the residual of `first` is residual(side), computed on the way (df_conv2d_pair_with()). NULL: this is
 * not possible, and nothing was computed. */
DF_API DfTensor *nn_conv_norm_pair_with(DfCtx *, DfTensor *x, const NnConvNorm *first, const NnConvNorm *second,
                                        DfTensor *side, const NnConvNorm *residual, DfTensor **z);

/* norm.c: an activation by its name in PyTorch, in upper or lower case: ReLU, GELU, SiLU, ..; or in transformers:
 * QuickGELU, Laplace, .. Anything else poisons the model. */
DF_API DfAct nn_act_named(NnScope, const char *name);
/* mmcv's act_cfg, whose `type` is such a name; NULL: no activation. */
DF_API DfAct nn_act(NnScope, const DfNode *act_cfg);

/* conv_module.c: mmcv's ConvModule: conv, norm, activation. The conv has a bias only if there is no norm. Keys: conv.*,
 * bn.* or gn.*. */
typedef struct {
    NnConv conv;
    NnNorm norm;
    DfAct act;
} NnConvModule;
DF_API void nn_conv_module_init(NnScope, NnConvModule *, int in, int out, NnConvShape, const DfNode *norm_cfg,
                                DfAct act, NnInit weight);
DF_API DfTensor *nn_conv_module(DfCtx *, const NnConvModule *, DfTensor *x);  /* N H W I -> N H' W' O */
/* nn_conv_module(x) + residual. */
DF_API DfTensor *nn_conv_module_add(DfCtx *, const NnConvModule *, DfTensor *x, DfTensor *residual);

/* nn_conv_module() of n maps, which are resized to the first one's size (bilinear) and concatenated, computed in strips
 * of rows. Maps that are much smaller are not enlarged; their products are computed at their own size
 * (df_conv2d_taps()). Tensors that nn_join_maps() makes live in the caller's scope. */
typedef struct {
    const NnConvModule *module;
    DfTensor *map[DF_SOURCES];       /* maps to be enlarged         */
    DfTensor *taps[DF_SOURCES];      /* products of maps that are not enlarged */
    int n, n_taps, H, W;
    DfTensor *scale, *bias;          /* scale: of the norm, or NULL */
    bool align_corners;
} NnJoinedConv;
DF_API NnJoinedConv nn_join_maps(DfCtx *, const NnConvModule *, DfTensor *const *x, int n, bool align_corners);
/* Computes rows first .. first + rows - 1 of the result. */
DF_API DfTensor *nn_joined_rows(DfCtx *, const NnJoinedConv *, int first, int rows);  /* -> N rows W O */

DF_END_DECLS

#endif
