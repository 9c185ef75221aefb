/* SPDX-License-Identifier: Apache-2.0
 *
 * models/deformable_detr.h -- private: Deformable DETR (Zhu et al., ICLR 2021) behind its two dialects of configs and names.
 * deformable_detr.c reads configs, deformable_pyramid.c makes the pyramid with its positions, deformable_transformer.c is encoder and
 * decoder, deformable_heads.c the heads, the stages and the boxes.
 */
#ifndef DF_MODELS_DEFORMABLE_DETR_H
#define DF_MODELS_DEFORMABLE_DETR_H

#include "models/detr_parts.h"

/* Where parameters are in the state dict. Formats take the number of a level, layer or head (and of a linear layer in it). */
typedef struct {
    const char *backbone, *proj, *extra_proj, *conv, *group_norm; /* extra levels count from 0 if `extra_proj` is not `proj` */
    const char *transformer, *level_embed, *query_embed, *row_embed, *column_embed;
    const char *encoder_layer, *encoder_attention, *encoder_norm[2];
    const char *decoder_layer, *self_attention, *cross_attention, *self_norm, *cross_norm, *ffn_norm;
    const char *linear1, *linear2, *class_head, *box_heads, *box_linear;
    int box_step;                                                  /* of the numbers of a box head's linear layers */
    const char *held;                                              /* another module that holds the heads it uses, or NULL */
    const char *const *ignorable;
} DetrNames;

typedef struct {
    NnMsDeformAttention attention;
    NnMlp ffn;
    NnLayerNorm norm1, norm2;
} DetrEncoderLayer;

typedef struct {
    NnMultiheadAttention self;
    NnMsDeformAttention cross;
    NnMlp ffn;
    NnLayerNorm self_norm, cross_norm, ffn_norm;
} DetrDecoderLayer;

typedef struct {
    DetrBase base; /* first */
    const DetrNames *names;
    NnConv proj[DF_LEVELS];
    NnLayerNorm proj_norm[DF_LEVELS]; /* a group norm's weight and bias                               */
    DfTensor *level_embed, *query_embed;
    DetrEncoderLayer *encoder;
    DetrDecoderLayer *decoder;
    int n_heads;                      /* decoder layers, and one for the first of two stages          */
    NnLinear *class_head;             /* n_heads, or one that all share when boxes are not refined    */
    DetrBoxHead *box_head;
    NnLinear reference_points;        /* one stage                                                    */
    NnLinear enc_output, pos_trans;   /* two stages                                                   */
    NnLayerNorm enc_output_norm, pos_trans_norm;
} Detr;

/* The pyramid as the transformer reads it. */
typedef struct {
    NnField field;
    DfTensor *tokens, *positions;     /* N cells C; positions with the level's embedding */
} DetrPyramid;

/* ---- deformable_pyramid.c ---- */
void df_detr_pyramid_init(NnScope, Detr *);
void df_detr_pyramid(DfCtx *, const Detr *, const DfMaps *, const DfImageMeta *, int H, int W, DetrPyramid *out); /* metas NULL: no padding */

/* ---- deformable_transformer.c ---- */
void df_detr_transformer_init(NnScope, Detr *);
DfTensor *df_detr_encode(DfCtx *, const Detr *, const DetrPyramid *);                                       /* -> N cells C */
DfTensor *df_detr_decode_layer(DfCtx *, const Detr *, int layer, DfTensor *x, DfTensor *position, DfTensor *reference, DfTensor *memory, const NnField *);

/* ---- deformable_heads.c ---- */
void df_detr_heads_init(NnScope, Detr *);
/* `all`: every layer's outputs, for losses; else those of the last one alone. */
void df_detr_decode(DfCtx *, const Detr *, const DetrPyramid *, DfTensor *memory, bool all, DetrOutputs *out);

#endif
