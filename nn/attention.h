/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/attention.h -- attention modules that several networks use. Included by nn/nn.h; nn/layers.h explains the form of
 * a layer.
 */
#ifndef DF_NN_ATTENTION_H
#define DF_NN_ATTENTION_H

#include "nn/layers.h"

DF_BEGIN_DECLS

/* window_attention.c: the attention of Swin and of DAT's L and S blocks, eq. 4 of the Swin paper. Their backbones
 * initialise it. */
typedef struct {
    NnLinear qkv, proj;
    DfTensor *table;            /* relative_position_bias_table: (2w-1)^2 heads, or NULL */
    DfWindowAttention attn;
    float proj_drop;            /* dropout of the projection, instead of NnResidual.drop */
} NnWindowAttention;
/* x: B H W C, normalised -> B H W C */
DF_API DfTensor *nn_window_attention_add(DfCtx *, const NnWindowAttention *, DfTensor *x, NnResidual);
/* The same of norm(x); faster for large maps. */
DF_API DfTensor *nn_window_attention_branch(DfCtx *, const NnWindowAttention *, const NnLayerNorm *norm, DfTensor *x,
                                            NnResidual);

/* cosine_window_attention.c: the window attention of Swin v2. Keys: logit_scale, q_bias, v_bias, cpb_mlp.0.*,
 * cpb_mlp.2.weight, qkv.weight, proj.*. */
typedef struct {
    NnLinear qkv, proj, cpb[2];
    DfTensor *q_bias, *v_bias;  /* C each, or NULL                                                     */
    DfTensor *logit_scale;      /* heads 1 1                                                           */
    const float *distances;     /* (2w-1)^2 2: of query and key along y and x; the input of `cpb`      */
    DfWindowAttention attn;
    float proj_drop;
} NnCosineWindowAttention;
/* trained: side of the window that the network was pretrained with, at least 2; 0: attn.window */
DF_API void nn_cosine_window_attention_init(NnScope, NnCosineWindowAttention *, int dim, DfWindowAttention attn,
                                            bool bias, int trained);
/* B H W C -> B H W C */
DF_API DfTensor *nn_cosine_window_attention(DfCtx *, const NnCosineWindowAttention *, DfTensor *x);

/* multihead_attention.c: torch.nn.MultiheadAttention between lists of tokens, batch first. Keys: in_proj_weight,
 * in_proj_bias, out_proj.*. */
typedef struct {
    DfTensor *in_weight, *in_bias; /* 3C C, 3C or NULL: of queries, keys and values */
    NnLinear out;
    int heads;                  /* divides C                             */
    float drop;                 /* dropout of the attention weights, in training */
} NnMultiheadAttention;
DF_API void nn_multihead_attention_init(NnScope, NnMultiheadAttention *, int dim, int heads, double drop, bool bias);
/* query B L C; key and value B M C -> B L C. padding_mask: B M, 1 for keys that are padding; borrowed until the end of
 * the step. NULL: no padding. */
DF_API DfTensor *nn_multihead_attention_add(DfCtx *, const NnMultiheadAttention *, DfTensor *query, DfTensor *key,
                                            DfTensor *value, const uint8_t *padding_mask, NnResidual);

/* ms_deform_attention.c: multi-scale deformable attention (Zhu et al., ICLR 2021, eq. 3) and the pyramid that it reads,
 * whose cells are one list of tokens; some may be padding. Keys: sampling_offsets, attention_weights, value_proj,
 * output_proj. */
typedef struct {
    DfPyramid levels;
    const uint8_t *padding_mask; /* B cells: 1 for padding; NULL: none                      */
    const float *valid_ratios;   /* B levels 2 (x, y): the share of a level that is not padding */
} NnField;
typedef struct {
    NnLinear offsets, weights, value, output;
    int heads, levels, points;
} NnMsDeformAttention;
DF_API void nn_ms_deform_attention_init(NnScope, NnMsDeformAttention *, int dim, int heads, int levels, int points);
/* query B Q C; reference B Q 2 or 4 (x y, or cx cy w h, in [0, 1] of the unpadded area); source B cells C -> B Q C */
DF_API DfTensor *nn_ms_deform_attention_add(DfCtx *, const NnMsDeformAttention *, DfTensor *query, DfTensor *reference,
                                            DfTensor *source, const NnField *, NnResidual);

DF_END_DECLS

#endif
