/* SPDX-License-Identifier: Apache-2.0
 *
 * models/detr.h -- private: DETR (Carion et al., ECCV 2020) behind its dialects of configs and names. detr.c reads configs and runs,
 * detr_transformer.c is encoder and decoder.
 */
#ifndef DF_MODELS_DETR_H
#define DF_MODELS_DETR_H

#include "models/detr_parts.h"

/* Where parameters are in the state dict. Formats take the number of a layer. */
typedef struct {
    const char *backbone, *input_proj, *query_embed, *row_embed, *column_embed, *class_head, *box_head[3], *transformer;
    const char *encoder_layer, *decoder_layer, *encoder_end, *decoder_end; /* the ends: norms behind the last layers */
    const char *encoder_self, *decoder_self, *cross, *encoder_norm[2], *decoder_norm[3], *linear1, *linear2;
    const char *const *ignorable;
} PlainDetrNames;

typedef struct {
    NnMultiheadAttention self, cross; /* cross: in the decoder */
    NnMlp ffn;
    NnLayerNorm norm[3];              /* before (pre_norm) or after each of these; two in the encoder */
} PlainDetrLayer;

typedef struct {
    DetrBase base; /* first */
    const PlainDetrNames *names;
    NnLinear input_proj, class_head;
    DetrBoxHead box_head;
    DfTensor *query_embed;
    PlainDetrLayer *encoder, *decoder;
    NnLayerNorm encoder_end, decoder_end;
} PlainDetr;

/* The map as the transformer reads it. */
typedef struct {
    DfTensor *tokens, *positions; /* N cells C      */
    const uint8_t *padding_mask;  /* N cells: 1 for padding; NULL: none */
} PlainDetrMemory;

/* ---- detr_transformer.c ---- */
void df_plain_detr_transformer_init(NnScope, PlainDetr *);
DfTensor *df_plain_detr_encode(DfCtx *, const PlainDetr *, const PlainDetrMemory *); /* -> N cells C */
/* hidden[layer], N Q C each: of every layer, or of the last alone. Gives their number. */
int df_plain_detr_decode(DfCtx *, const PlainDetr *, const PlainDetrMemory *, bool all, DfTensor **hidden);

#endif
