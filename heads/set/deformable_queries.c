/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/deformable_queries.c -- the input of Deformable DETR's decoder (Zhu et al., ICLR 2021). With one stage the
 * queries are learned, and a linear layer predicts their first reference points. With two stages (section 4.2,
 * appendix A.4) the encoder is a detector, too: every cell of the pyramid proposes a box around itself, and the best
 * proposals become the queries.
 */
#include <math.h>
#include <string.h>

#include "heads/set/detr_parts.h"

/* ---- one stage ------------------------------------------------------------------------------------------------- */

static DetrQueries learned_queries(DfCtx *c, const DeformableDetr *net, int N)
{
    const int C = net->o.dim;
    DfTensor *both = df_zeros(c, DF_SHAPE(N, net->o.queries, 2 * C));
    both = df_add(c, both, net->query_embed);                                         /* N Q 2C */
    DetrQueries q = { .position = df_slice(c, both, -1, 0, C), .content = df_slice(c, both, -1, C, C) };
    q.reference = df_sigmoid(c, nn_linear(c, &net->reference_points, q.position));    /* N Q 2  */
    return q;
}

/* ---- two stages: what a cell proposes -------------------------------------------------------------------------- */

static bool within(float x)
{
    return x > 0.01f && x < 0.99f;
}

/* Before the sigmoid; the official code marks an invalid cell by infinity. */
static void proposal_of_cell(const float box[4], bool valid, float to[4])
{
    for (int k = 0; k < 4; k++)
        to[k] = valid ? logf(box[k] / (1 - box[k])) : INFINITY; /* the inverse of the sigmoid */
}

/* A box around the centre of every cell, 0.05 2^level of the image wide and high (A.4). invalid[N S]: cells that
 * are padding, or too near to the border. */
static DfTensor *proposals(DfCtx *c, const NnField *field, int N, uint8_t *invalid)   /* -> N S 4 */
{
    DfTensor *out = df_new(c, DF_SHAPE(N, df_pyramid_cells(&field->levels), 4));
    if (df_skip(c, out))
        return out;
    size_t i = 0;
    for (int n = 0; n < N; n++)
        for (int l = 0; l < field->levels.n; l++) {
            const int w = field->levels.w[l];
            const float valid_w = (float)df_detr_valid_cells(field, n, l, 0);
            const float valid_h = (float)df_detr_valid_cells(field, n, l, 1);
            const float size = 0.05f * (float)(1 << l);
            for (int cell = 0; cell < field->levels.h[l] * w; cell++, i++) {
                const float x = ((float)(cell % w) + 0.5f) / valid_w;
                const float y = ((float)(cell / w) + 0.5f) / valid_h;
                const bool padded = field->padding_mask && field->padding_mask[i];
                invalid[i] = padded || !within(x) || !within(y) || !within(size);
                proposal_of_cell((float[4]){ x, y, size, size }, !invalid[i], out->data + 4 * i);
            }
        }
    return out;
}

/* ---- two stages: the best proposals ---------------------------------------------------------------------------- */

typedef struct {
    DfTensor *boxes;    /* N Q 4           */
    DfTensor *cells;    /* N Q: which ones */
    DfTensor *scores;   /* N Q: logits     */
} Best;

/* Those of picture n. Class 0 of the first stage means any object. Workspaces: scores[S], index[Q]. */
static int best_of_picture(size_t n, const DfTensor *logits, const DfTensor *boxes, float *scores, uint32_t *index,
                           Best *best)
{
    const size_t S = (size_t)df_dim(logits, 1);
    const size_t classes = (size_t)df_dim(logits, 2);
    const size_t Q = (size_t)df_dim(best->cells, 1);
    for (size_t i = 0; i < S; i++)
        scores[i] = logits->data[(n * S + i) * classes];
    const int error = df_top_k(S, scores, Q, index);
    for (size_t q = 0; error == DF_OK && q < Q; q++) {
        const float *box = boxes->data + (n * S + index[q]) * 4;
        memcpy(best->boxes->data + (n * Q + q) * 4, box, 4 * sizeof *box);
        best->cells->data[n * Q + q] = (float)index[q];
        best->scores->data[n * Q + q] = scores[index[q]];
    }
    return error;
}

/* The boxes of the Q cells that are likeliest to hold something; nothing flows back through the choice. */
static DfTensor *best_proposals(DfCtx *c, const DfTensor *logits, const DfTensor *boxes, int Q)   /* -> N Q 4 */
{
    const int N = df_dim(logits, 0);
    const int S = df_dim(logits, 1);
    if (S < Q) {
        df_ctx_fail(c, DF_ESHAPE, "%d cells for %d queries: want a larger image", S, Q);
        return &c->nil;
    }
    Best best = { df_new(c, DF_SHAPE(N, Q, 4)), df_new(c, DF_SHAPE(N, Q)), df_new(c, DF_SHAPE(N, Q)) };
    float *scores = df_workspace(c, (size_t)S);
    uint32_t *index = (uint32_t *)(void *)df_workspace(c, (size_t)Q);
    if (df_skip(c, best.boxes))
        return best.boxes;
    for (size_t n = 0; n < (size_t)N; n++)
        if (best_of_picture(n, logits, boxes, scores, index, &best) < 0) {
            df_ctx_fail(c, DF_ENOMEM, "%s", df_error());
            return best.boxes;
        }
    df_observe(c, best.cells, "topk_proposals", -1);
    df_observe(c, best.scores, "topk_values", -1);
    return best.boxes;
}

/* Sines of all four numbers of a box, C/2 for each. */
static DfTensor *box_encoding(DfCtx *c, const DeformableDetr *net, const DfTensor *boxes) /* N Q 4 -> N Q 2C */
{
    const size_t n = (size_t)net->o.dim / 2;
    DfTensor *out = df_new(c, DF_SHAPE(df_dim(boxes, 0), df_dim(boxes, 1), 2 * net->o.dim));
    if (df_skip(c, out))
        return out;
    for (size_t i = 0; i < df_size(boxes); i++)
        df_detr_sines(10000, boxes->data[i] * 6.283185307179586f, n, out->data + i * n);
    return out;
}

static DetrQueries proposed_queries(DfCtx *c, const DeformableDetr *net, const DetrTokens *in, DfTensor *memory,
                                    DfSetOutputs *out)
{
    const int N = df_dim(memory, 0);
    const int S = df_dim(memory, 1);
    const int C = df_dim(memory, 2);
    const int first_stage = net->o.decoder_layers; /* its heads stand behind those of the decoder's layers */
    uint8_t *invalid = (uint8_t *)df_workspace(c, ((size_t)N * (size_t)S + 3) / 4);
    DfTensor *cells = proposals(c, &in->field, N, invalid);                           /* N S 4 */
    DfTensor *x = nn_linear(c, &net->enc_output, df_zero_rows(c, memory, invalid));   /* N S C */
    x = nn_layer_norm(c, &net->enc_output_norm, x);
    out->encoder_logits = df_deformable_class_head(c, net, first_stage, x);           /* N S classes */
    DfTensor *boxes = df_deformable_box_head(c, net, first_stage, x);
    boxes = df_add(c, boxes, cells);                                                  /* N S 4, before the sigmoid */
    out->encoder_boxes = df_sigmoid(c, boxes);
    df_observe(c, out->encoder_logits, "enc_logits", -1);
    df_observe(c, boxes, "enc_coord_unact", -1);
    df_observe(c, out->encoder_boxes, "enc_boxes", -1);
    DfTensor *reference = df_sigmoid(c, best_proposals(c, out->encoder_logits, boxes, net->o.queries));   /* N Q 4 */
    DfTensor *both = nn_linear(c, &net->pos_trans, box_encoding(c, net, reference));  /* N Q 2C */
    both = nn_layer_norm(c, &net->pos_trans_norm, both);
    return (DetrQueries){ df_slice(c, both, -1, 0, C), df_slice(c, both, -1, C, C), reference };
}

DetrQueries df_deformable_queries(DfCtx *c, const DeformableDetr *net, const DetrTokens *in, DfTensor *memory,
                                  DfSetOutputs *out)
{
    if (net->o.two_stage)
        return proposed_queries(c, net, in, memory, out);
    return learned_queries(c, net, df_dim(memory, 0));
}

/* ---- construction ---------------------------------------------------------------------------------------------- */

void df_deformable_queries_init(NnScope head, NnScope transformer, DeformableDetr *net, const DetrNames *names)
{
    const int C = net->o.dim;
    if (!net->o.two_stage) {
        const NnScope embed = nn_at(head, "%s", names->query_embed);
        const NnScope points = nn_at(transformer, "reference_points");
        net->query_embed = nn_param(embed, "weight", DF_SHAPE(net->o.queries, 2 * C), NN_AS_IS, nn_normal(1));
        nn_linear_init_as(points, &net->reference_points, C, 2, true, nn_xavier_uniform(C, 2), nn_constant(0));
        return;
    }
    const NnScope enc_output = nn_at(transformer, "enc_output");
    const NnScope pos_trans = nn_at(transformer, "pos_trans");
    const NnInit twice = nn_xavier_uniform(2 * C, 2 * C);
    nn_linear_init_as(enc_output, &net->enc_output, C, C, true, nn_xavier_uniform(C, C), nn_kaiming_uniform(C));
    nn_layer_norm_init(nn_at(transformer, "enc_output_norm"), &net->enc_output_norm, C, 1e-5);
    nn_linear_init_as(pos_trans, &net->pos_trans, 2 * C, 2 * C, true, twice, nn_kaiming_uniform(2 * C));
    nn_layer_norm_init(nn_at(transformer, "pos_trans_norm"), &net->pos_trans_norm, 2 * C, 1e-5);
}
