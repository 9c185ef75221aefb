/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_parts.h -- private: the parts of DETR (Carion et al., ECCV 2020) and of Deformable DETR (Zhu et al.,
 * ICLR 2021).
 *
 * Shapes: N pictures, S cells of all levels together, Q queries, C channels. A reference is a point (x, y) or a box
 * (cx, cy, w, h) in [0, 1] of what is no padding.
 */
#ifndef DF_HEADS_DETR_PARTS_H
#define DF_HEADS_DETR_PARTS_H

#include "heads/set/detr.h"

/* Where parameters stand below the head. Formats take the number of a level or layer. */
typedef struct {
    const char *query_embed, *row_embed, *column_embed;
    const char *transformer, *encoder_layer, *decoder_layer;
    const char *encoder_self_attention, *decoder_self_attention, *cross_attention;
    const char *encoder_norm[2];        /* of self attention and the feed-forward network         */
    const char *decoder_norm[3];        /* of self attention, cross attention and that network    */
    const char *linear1, *linear2;      /* of the feed-forward network                            */
    const char *class_head, *box_head;  /* Deformable DETR: formats                               */
    const char *box_linear[3];          /* below the box head: the last layer, the one before it, those before that;
                                         * formats, of the number of a layer times */
    int box_step;
    const char *input_proj;             /* DETR alone, as are these                               */
    const char *encoder_end, *decoder_end; /* norms behind the last layers                        */
    NnLevelNames levels;                /* Deformable DETR alone, as are these                    */
    const char *level_embed;
    const char *heads_also_at;          /* a module that holds the heads it uses; NULL: none      */
} DetrNames;
extern const DetrNames df_detr_names[DF_DETR_NAMINGS], df_deformable_detr_names[DF_DETR_NAMINGS]; /* detr_names.c */

/* ---- detr_padding.c -------------------------------------------------------------------------------------------- */

/* Sets padding_mask (NULL if there is no padding at all) and valid_ratios of field->levels, for N pictures and as long
 * as the step. */
void df_detr_mark_padding(DfCtx *, NnField *field, const DfSetBatch *, int N);
int df_detr_valid_cells(const NnField *, int n, int level, int axis); /* axis 0: of a row, 1: of a column */
void df_detr_observe_padding(DfCtx *, const NnField *, int N);

/* ---- positional_encoding.c ------------------------------------------------------------------------------------- */

typedef struct {
    DfPositionalEncoding how;
    int dim;
    DfTensor *row_embed, *column_embed; /* rows C/2, columns C/2: learned ones */
} DetrPositions;
void df_detr_positions_init(NnScope, DetrPositions *, const DfPositionalEncoding *, int dim, const DetrNames *);
DfTensor *df_detr_positions(DfCtx *, const DetrPositions *, const NnField *, int N, int level);       /* -> N h w C */
/* Sines and cosines of one place: out[n], at wavelengths from 2 pi to temperature 2 pi. */
void df_detr_sines(double temperature, float place, size_t n, float *out);

/* ---- detr_tokens.c --------------------------------------------------------------------------------------------- */

/* All levels as one list of tokens. */
typedef struct {
    NnField field;                      /* sizes of the levels, padding mask, valid ratios */
    DfTensor *tokens, *positions;       /* N S C; positions with the level's embedding     */
} DetrTokens;
void df_detr_tokens(DfCtx *, const DetrPositions *, const DfMaps *levels, DfTensor *level_embed /* levels C, or NULL */,
                    const DfSetBatch *, DetrTokens *out);

/* ---- what both transformers have: detr_layers.c ---------------------------------------------------------------- */

DfDetrOptions df_detr_of_decoder(const DfDetrOptions *); /* with its own heads, hidden channels and dropout */
void df_detr_ffn_init(NnScope, const DfDetrOptions *, NnMlp *, const DetrNames *);
NnResidual df_detr_residual(DfTensor *x, double drop);   /* x + dropout(branch) */

/* Linear layers with ReLU between: three in the papers. The last one starts at
 * 0, with a bias, or NULL: as PyTorch's. */
typedef struct {
    int n;
    NnLinear *linear;
} DetrBoxHead;
void df_detr_box_head_init(NnScope, const DfDetrOptions *, DetrBoxHead *, const DetrNames *, const float last_bias[4]);
/* What a query says of classes: by a softmax also that it sees nothing. */
int df_detr_class_columns(const DfDetrOptions *);
DfTensor *df_detr_box_head(DfCtx *, const DetrBoxHead *, DfTensor *x); /* N Q C -> N Q 4, before the sigmoid */

/* ---- detr_outputs.c, detr_decode.c: behind the decoder --------------------------------------------------------- */

void df_detr_leave(DfCtx *, DfMark, const DfSetOutputs *);            /* leaves a scope with them */

/* Functions of the records; `self` is a head, which begins with its options. */
int df_detr_classes(const void *self);
void df_detr_losses(DfCtx *, const void *self, const DfSetOutputs *, const DfLossBatch *, DfLosses *out);
int df_detr_decode(const void *self, const DfSetOutputs *, int n, const DfImageMeta *, bool rescale, DfDetections *out);

/* For listeners: outputs by their official names; x[n], N Q C each, as one n N Q C; what has four dimensions and
 * is no map. */
void df_detr_observe_outputs(DfCtx *, const DfSetOutputs *);
void df_detr_observe_layers(DfCtx *, DfTensor *const *x, int n, const char *name);
void df_detr_observe(DfCtx *, DfTensor *x, const char *name, int index);

/* ---- DETR: detr_transformer.c, detr_head.c --------------------------------------------------------------------- */

typedef struct {
    NnMultiheadAttention self_attention;
    NnMlp ffn;
    NnLayerNorm norm[2];
} DetrEncoderLayer;

typedef struct {
    NnMultiheadAttention self_attention, cross_attention;
    NnMlp ffn;
    NnLayerNorm norm[3];
} DetrDecoderLayer;

typedef struct {
    DfDetrOptions o;                    /* first                        */
    NnLinear input_proj;                /* a 1x1 convolution            */
    DetrPositions positions;
    DetrEncoderLayer *encoder;
    DetrDecoderLayer *decoder;
    NnLayerNorm encoder_end, decoder_end;
    DfTensor *query_embed;              /* Q C: positions of the queries */
    NnLinear class_head;
    DetrBoxHead box_head;
} Detr;

void df_detr_forward(DfCtx *, const void *self, const DfMaps *, const DfSetBatch *, bool all_layers, DfSetOutputs *out);
void df_detr_transformer_init(NnScope, Detr *, const DetrNames *);
DfTensor *df_detr_encoder(DfCtx *, const Detr *, const DetrTokens *);                          /* -> memory, N S C */
/* hidden[layer], N Q C each: of every layer, or of the last alone. Gives their number. */
int df_detr_decoder(DfCtx *, const Detr *, const DetrTokens *, DfTensor *memory, bool all_layers, DfTensor **hidden);

/* ---- Deformable DETR ------------------------------------------------------------------------------------------- */

typedef struct {
    NnMsDeformAttention self_attention;
    NnMlp ffn;
    NnLayerNorm norm[2];
} DeformableEncoderLayer;

typedef struct {
    NnMultiheadAttention self_attention;
    NnMsDeformAttention cross_attention;
    NnMlp ffn;
    NnLayerNorm norm[3];
} DeformableDecoderLayer;

typedef struct {
    DfDetrOptions o;                    /* first                                                                 */
    NnLevels input_proj;                /* without a neck                                                        */
    DetrPositions positions;
    DfTensor *level_embed;              /* levels C                                                              */
    DeformableEncoderLayer *encoder;
    DeformableDecoderLayer *decoder;
    NnLinear *class_head;               /* of each layer and of the first of two stages; one alone if !o.refine  */
    DetrBoxHead *box_head;
    DfTensor *query_embed;              /* one stage: Q 2C, positions and contents of the queries                */
    NnLinear reference_points;          /* one stage: C -> 2                                                     */
    NnLinear enc_output, pos_trans;     /* two stages                                                            */
    NnLayerNorm enc_output_norm, pos_trans_norm;
} DeformableDetr;

/* deformable_predict.c: from queries to classes and boxes, before the sigmoid; `layer` is that of the decoder, or
 * the one behind the last for the first of two stages. */
void df_deformable_predict_init(NnScope, DeformableDetr *, const DetrNames *);
DfTensor *df_deformable_class_head(DfCtx *, const DeformableDetr *, int layer, DfTensor *x); /* N Q C -> N Q classes */
DfTensor *df_deformable_box_head(DfCtx *, const DeformableDetr *, int layer, DfTensor *x); /* N Q C -> N Q 4       */

/* deformable_transformer.c */
void df_deformable_transformer_init(NnScope, DeformableDetr *, const DetrNames *);
DfTensor *df_deformable_encoder(DfCtx *, const DeformableDetr *, const DetrTokens *); /* -> memory, N S C     */
DfTensor *df_deformable_decoder_layer(DfCtx *, const DeformableDetr *, int layer, DfTensor *x, DfTensor *query_position,
                                      DfTensor *reference, DfTensor *memory, const NnField *); /* N Q C -> N Q C */

/* deformable_queries.c: where the decoder begins. Two stages leave the outputs of the first in `out`. */
typedef struct {
    DfTensor *position, *content;       /* N Q C each                      */
    DfTensor *reference;                /* N Q 2, with two stages N Q 4    */
} DetrQueries;
void df_deformable_queries_init(NnScope head, NnScope transformer, DeformableDetr *, const DetrNames *);
DetrQueries df_deformable_queries(DfCtx *, const DeformableDetr *, const DetrTokens *, DfTensor *memory,
                                  DfSetOutputs *out);

/* deformable_head.c */
void df_deformable_detr_forward(DfCtx *, const void *self, const DfMaps *, const DfSetBatch *, bool all_layers,
                                DfSetOutputs *out);

#endif
