/* SPDX-License-Identifier: Apache-2.0
 *
 * models/deformable_heads.c -- from the encoder's memory to boxes: where queries begin (learned, or the best cells of a first stage)
 * and the decoder's loop with iterative refinement. Zhu et al., ICLR 2021, section 4.2.
 */
#include <math.h>
#include <string.h>

#include "models/deformable_detr.h"

/* ---- construction --------------------------------------------------------------------------------------------------- */

static void box_head_init(NnScope s, Detr *net, int i, double size_bias)
{
    const int dim = net->base.o.dim;
    float *last = nn_alloc(s, 4, sizeof *last);
    if (!last)
        return;
    last[2] = last[3] = (float)size_bias;
    for (int k = 0; k < 3; k++) {
        const NnInit spread = nn_kaiming_uniform(dim);
        nn_linear_init_as(nn_at(s, net->names->box_linear, k * net->names->box_step), &net->box_head[i].linear[k], dim, k < 2 ? dim : 4, true,
                          k < 2 ? spread : nn_constant(0), k < 2 ? spread : nn_values(last));
    }
}

/* Every layer has a name for its heads: those of the first where boxes are not refined. The decoder holds the box heads by which it
 * refines, and with two stages the class heads. */
static void share_heads(NnScope s, const Detr *net, int own)
{
    const DetrNames *names = net->names;
    for (int i = own; i < net->n_heads; i++) {
        nn_share(nn_at(s, names->class_head, 0), nn_at(s, names->class_head, i));
        nn_share(nn_at(s, names->box_heads, 0), nn_at(s, names->box_heads, i));
    }
    const NnScope held = nn_at(s, "%s", names->held ? names->held : "");
    for (int i = 0; names->held && net->base.o.refine && i < own; i++) {
        nn_share(nn_at(s, names->box_heads, i), nn_at(held, names->box_heads, i));
        if (net->base.o.two_stage)
            nn_share(nn_at(s, names->class_head, i), nn_at(held, names->class_head, i));
    }
}

/* At first everything is background with a hundredth of a chance, and boxes are small, except that a first stage proposes. */
void df_detr_heads_init(NnScope s, Detr *net)
{
    const DetrOptions *o = &net->base.o;
    const int own = o->refine ? o->decoder_layers + o->two_stage : 1;
    net->n_heads = o->decoder_layers + o->two_stage;
    net->class_head = nn_alloc(s, (size_t)own, sizeof *net->class_head);
    net->box_head = nn_alloc(s, (size_t)own, sizeof *net->box_head);
    for (int i = 0; nn_ok(s) && i < own; i++) {
        nn_linear_init_as(nn_at(s, net->names->class_head, i), &net->class_head[i], o->dim, o->classes, true, nn_kaiming_uniform(o->dim), nn_constant(-log(99)));
        box_head_init(nn_at(s, net->names->box_heads, i), net, i, i || o->two_stage ? 0 : -2);
    }
    if (nn_ok(s))
        share_heads(s, net, own);
    const NnScope t = nn_at(s, "%s", net->names->transformer);
    if (!o->two_stage) {
        net->query_embed = nn_param(nn_at(s, "%s", net->names->query_embed), "weight", DF_SHAPE(o->queries, 2 * o->dim), NN_AS_IS, nn_normal(1));
        nn_linear_init_as(nn_at(t, "reference_points"), &net->reference_points, o->dim, 2, true, nn_xavier_uniform(o->dim, 2), nn_constant(0));
        return;
    }
    nn_linear_init_as(nn_at(t, "enc_output"), &net->enc_output, o->dim, o->dim, true, nn_xavier_uniform(o->dim, o->dim), nn_kaiming_uniform(o->dim));
    nn_layer_norm_init(nn_at(t, "enc_output_norm"), &net->enc_output_norm, o->dim, 1e-5);
    nn_linear_init_as(nn_at(t, "pos_trans"), &net->pos_trans, 2 * o->dim, 2 * o->dim, true, nn_xavier_uniform(2 * o->dim, 2 * o->dim), nn_kaiming_uniform(2 * o->dim));
    nn_layer_norm_init(nn_at(t, "pos_trans_norm"), &net->pos_trans_norm, 2 * o->dim, 1e-5);
}

/* ---- heads ---------------------------------------------------------------------------------------------------------- */

static int head_of(const Detr *net, int layer)
{
    return net->base.o.refine ? layer : 0;
}

static DfTensor *classify(DfCtx *c, const Detr *net, int layer, DfTensor *x)                /* N Q C -> N Q classes */
{
    return nn_linear(c, &net->class_head[head_of(net, layer)], x);
}

static DfTensor *locate(DfCtx *c, const Detr *net, int layer, DfTensor *x)                  /* N Q C -> N Q 4, before the sigmoid */
{
    return df_detr_locate(c, &net->box_head[head_of(net, layer)], x);
}

/* A reference point moves the centre, a reference box all four. */
static DfTensor *boxes_from(DfCtx *c, DfTensor *moves, DfTensor *reference)
{
    DfTensor *start = df_inverse_sigmoid(c, reference);
    if (c->err)
        return &c->nil;
    if (df_dim(reference, -1) == 2)
        start = df_concat(c, (DfTensor *[]){ start, df_zeros(c, reference->shape) }, 2, -1);
    return df_sigmoid(c, df_add(c, moves, start));
}

/* The same numbers, through which nothing flows back. */
static DfTensor *detached(DfCtx *c, const DfTensor *x)
{
    DfTensor *y = df_new(c, x->shape);
    if (!df_skip(c, y))
        memcpy(y->data, x->data, df_size(x) * sizeof *y->data);
    return y;
}

/* ---- where queries begin --------------------------------------------------------------------------------------------- */

typedef struct {
    DfTensor *position, *content, *reference; /* N Q C twice, N Q 2 or 4 */
} Start;

static Start learned_start(DfCtx *c, const Detr *net, int N)
{
    const int C = net->base.o.dim, Q = net->base.o.queries;
    DfTensor *all = df_add(c, df_zeros(c, DF_SHAPE(N, Q, 2 * C)), net->query_embed);
    Start s = { df_slice(c, all, -1, 0, C), df_slice(c, all, -1, C, C), NULL };
    s.reference = df_sigmoid(c, nn_linear(c, &net->reference_points, s.position));
    return s;
}

static bool within(float x)
{
    return x > 0.01f && x < 0.99f;
}

/* A box around every cell, 0.05 2^level of the image wide, before the sigmoid; infinity, and `off`, where it is padding or too near
 * to the border. */
static DfTensor *cell_boxes(DfCtx *c, const NnField *field, int N, uint8_t *off)
{
    const int L = field->levels.n;
    DfTensor *b = df_new(c, DF_SHAPE(N, df_pyramid_cells(&field->levels), 4));
    if (df_skip(c, b))
        return b;
    float *to = b->data;
    size_t i = 0;
    for (int n = 0; n < N; n++)
        for (int l = 0; l < L; l++) {
            const int h = field->levels.h[l], w = field->levels.w[l];
            const float *const ratio = field->valid_ratios + (n * L + l) * 2;
            const float used_w = roundf(ratio[0] * (float)w), used_h = roundf(ratio[1] * (float)h), size = 0.05f * (float)(1 << l);
            for (int cell = 0; cell < h * w; cell++, i++, to += 4) {
                const float box[4] = { ((float)(cell % w) + 0.5f) / used_w, ((float)(cell / w) + 0.5f) / used_h, size, size };
                off[i] = (field->padding_mask && field->padding_mask[i]) || !within(box[0]) || !within(box[1]) || !within(size);
                for (int k = 0; k < 4; k++)
                    to[k] = off[i] ? INFINITY : logf(box[k] / (1 - box[k]));
            }
        }
    return b;
}

/* The cells most likely to be of class 0, which in the first stage means any object. */
static DfTensor *best_cells(DfCtx *c, const Detr *net, const DfTensor *logits, const DfTensor *boxes)
{
    const int N = df_dim(logits, 0), Q = net->base.o.queries;
    const size_t S = (size_t)df_dim(logits, 1), classes = (size_t)df_dim(logits, 2), queries = (size_t)Q;
    if (S < queries) {
        df_ctx_fail(c, DF_ESHAPE, "%zu cells for %d queries: want a larger image", S, Q);
        return &c->nil;
    }
    DfTensor *best = df_new(c, DF_SHAPE(N, Q, 4)), *which = df_new(c, DF_SHAPE(N, Q)), *values = df_new(c, DF_SHAPE(N, Q));
    float *scores = df_workspace(c, S);
    uint32_t *index = (uint32_t *)(void *)df_workspace(c, queries);
    if (df_skip(c, best) || !scores || !index)
        return best;
    for (size_t n = 0; n < (size_t)N; n++) {
        for (size_t i = 0; i < S; i++)
            scores[i] = logits->data[(n * S + i) * classes];
        if (df_top_k(S, scores, queries, index) < 0) {
            df_ctx_fail(c, DF_ENOMEM, "%s", df_error());
            return best;
        }
        for (size_t q = 0; q < queries; q++) {
            memcpy(best->data + (n * queries + q) * 4, boxes->data + (n * S + index[q]) * 4, 4 * sizeof *best->data);
            which->data[n * queries + q] = (float)index[q];
            values->data[n * queries + q] = scores[index[q]];
        }
    }
    df_observe(c, which, "topk_proposals", -1);
    df_observe(c, values, "topk_values", -1);
    return best;
}

/* Sines of all four numbers of a box. */
static DfTensor *box_positions(DfCtx *c, const Detr *net, const DfTensor *boxes)             /* N Q 4 -> N Q 2C */
{
    const size_t n = (size_t)net->base.o.dim / 2;
    DfTensor *p = df_new(c, DF_SHAPE(df_dim(boxes, 0), df_dim(boxes, 1), 2 * net->base.o.dim));
    if (df_skip(c, p))
        return p;
    for (size_t i = 0; i < df_size(boxes); i++)
        for (size_t k = 0; k < n; k++) {
            const float wave = powf(10000.0f, (float)(2 * (k / 2)) / (float)n), angle = boxes->data[i] * 6.283185307179586f / wave;
            p->data[i * n + k] = k % 2 ? cosf(angle) : sinf(angle);
        }
    return p;
}

static Start proposed_start(DfCtx *c, const Detr *net, const DetrPyramid *p, DfTensor *memory, DetrOutputs *out)
{
    const int N = df_dim(memory, 0), S = df_dim(memory, 1), C = net->base.o.dim, last = net->n_heads - 1;
    uint8_t *off = (uint8_t *)df_workspace(c, ((size_t)N * (size_t)S + 3) / 4);
    DfTensor *cells = cell_boxes(c, &p->field, N, off);
    DfTensor *x = nn_layer_norm(c, &net->enc_output_norm, nn_linear(c, &net->enc_output, df_zero_rows(c, memory, off)));
    out->first_logits = classify(c, net, last, x);
    DfTensor *moved = df_add(c, locate(c, net, last, x), cells);
    out->first_boxes = df_sigmoid(c, moved);
    if (c->err)
        return (Start){ &c->nil, &c->nil, &c->nil };
    df_observe(c, out->first_logits, "enc_logits", -1);
    df_observe(c, moved, "enc_coord_unact", -1);
    df_observe(c, out->first_boxes, "enc_boxes", -1);
    DfTensor *reference = df_sigmoid(c, best_cells(c, net, out->first_logits, moved));
    if (c->err)
        return (Start){ &c->nil, &c->nil, &c->nil };
    DfTensor *both = nn_layer_norm(c, &net->pos_trans_norm, nn_linear(c, &net->pos_trans, box_positions(c, net, reference)));
    return (Start){ df_slice(c, both, -1, 0, C), df_slice(c, both, -1, C, C), reference };
}

/* ---- the decoder's loop ---------------------------------------------------------------------------------------------- */

void df_detr_decode(DfCtx *c, const Detr *net, const DetrPyramid *p, DfTensor *memory, bool all, DetrOutputs *out)
{
    const int layers = net->base.o.decoder_layers;
    *out = (DetrOutputs){ 0 };
    if (c->err)
        return;
    const Start s = net->base.o.two_stage ? proposed_start(c, net, p, memory, out) : learned_start(c, net, df_dim(memory, 0));
    DfTensor *x = s.content, *reference = s.reference, *hidden[DETR_LAYERS], *references[DETR_LAYERS];
    df_observe(c, reference, "init_reference", -1);
    for (int i = 0; !c->err && i < layers; i++) {
        const bool last = i + 1 == layers, given = all || last;
        hidden[i] = x = df_detr_decode_layer(c, net, i, x, s.position, reference, memory, &p->field);
        DfTensor *boxes = given || net->base.o.refine ? boxes_from(c, locate(c, net, i, x), reference) : NULL;
        if (given) {
            out->logits[out->n] = classify(c, net, i, x);
            out->boxes[out->n++] = boxes;
        }
        if (net->base.o.refine)
            reference = detached(c, boxes);
        references[i] = reference;
    }
    df_detr_observe_layers(c, hidden, layers, "hs");
    df_detr_observe_layers(c, references, layers, "inter_references");
    if (!c->err)
        df_detr_observe_outputs(c, out);
}
