/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_masks.c -- DETR's mask head, Carion et al., ECCV 2020: from queries, memory and the backbone's maps
 * to a mask for each query. Queries are independent of one another, so a few at a time are upsampled, and the maps of
 * all never exist at once.
 */
#include "heads/set/detr_masks.h"

#include <math.h>
#include <string.h>

enum { AT_ONCE = 8 }; /* queries */

/* ---- attention of the queries ------------------------------------------------------------------------------------ */

/* -infinity for each of `each` scores of a cell that is padding. */
static void hide_padding(DfTensor *scores, const DfTensor *padding, size_t N, size_t each, size_t S)
{
    for (size_t n = 0; n < N; n++)
        for (size_t i = 0; i < each; i++)
            for (size_t s = 0; s < S; s++)
                if (padding->data[n * S + s] > 0)
                    scores->data[(n * each + i) * S + s] = -INFINITY;
}

/* softmax(q k / sqrt(D)), over all heads and cells together: N Q H S. */
static DfTensor *attention(DfCtx *c, const DfDetrMasks *m, const DfSetOutputs *outputs)
{
    const int N = df_dim(outputs->memory, 0);
    const int S = df_dim(outputs->memory, 1);
    const int Q = df_dim(outputs->hidden, 1);
    const int H = m->heads;
    const int D = m->dim / H;
    const DfMark mark = df_enter(c, "bbox_attention", -1);
    DfTensor *q = df_reshape(c, nn_linear(c, &m->query, outputs->hidden), DF_SHAPE(N, Q, H, D));
    DfTensor *k = df_reshape(c, nn_linear(c, &m->key, outputs->memory), DF_SHAPE(N, S, H, D));
    q = df_permute(c, df_scale(c, q, (float)(1 / sqrt((double)D))), DF_SHAPE(0, 2, 1, 3));   /* N H Q D */
    k = df_permute(c, k, DF_SHAPE(0, 2, 3, 1));                                              /* N H D S */
    DfTensor *scores = df_permute(c, df_matmul(c, q, k), DF_SHAPE(0, 2, 1, 3));              /* N Q H S */
    if (outputs->padding && !df_skip(c, scores))
        hide_padding(scores, outputs->padding, (size_t)N, (size_t)Q * (size_t)H, (size_t)S);
    scores = df_softmax(c, df_reshape(c, scores, DF_SHAPE(N, Q, H * S)), -1);
    return df_leave(c, mark, df_reshape(c, scores, DF_SHAPE(N, Q, H, S)));
}

/* ---- up the maps ------------------------------------------------------------------------------------------------- */

/* What queries first .. first + n - 1 of image b see: the projected map, and beside it their attention. n h w C+H */
static DfTensor *seen(DfCtx *c, const DfDetrMasks *m, const DfSetOutputs *outputs, const DfTensor *attended, int b,
                      int first, int n)
{
    const size_t h = (size_t)df_dim(outputs->projected, 1), w = (size_t)df_dim(outputs->projected, 2);
    const size_t C = (size_t)m->dim, H = (size_t)m->heads, S = h * w, Q = (size_t)df_dim(outputs->hidden, 1);
    DfTensor *x = df_new(c, DF_SHAPE(n, (int)h, (int)w, m->dim + m->heads));
    if (df_skip(c, x))
        return x;
    for (size_t i = 0; i < (size_t)n; i++)
        for (size_t s = 0; s < S; s++) {
            float *to = x->data + (i * S + s) * (C + H);
            memcpy(to, outputs->projected->data + ((size_t)b * S + s) * C, C * sizeof *to);
            for (size_t head = 0; head < H; head++)
                to[C + head] = attended->data[(((size_t)b * Q + (size_t)first + i) * H + head) * S + s];
        }
    return x;
}

/* relu(norm(conv(x))) with a group norm of eight groups, or as many as there are channels */
static DfTensor *layer(DfCtx *c, const DfDetrMasks *m, int i, DfTensor *x)
{
    const int groups = m->conv[i].out < 8 ? m->conv[i].out : 8;
    x = df_group_norm(c, nn_conv(c, &m->conv[i], x), groups, m->norm[i].weight, m->norm[i].bias, 1e-5f);
    return df_act_own(c, x, DF_ACT_RELU);
}

/* levels[] of one image: C4, C3, C2 after their adapters, h w C each. */
static DfTensor *climb(DfCtx *c, const DfDetrMasks *m, DfTensor *const *levels, DfTensor *x)
{
    x = layer(c, m, 1, layer(c, m, 0, x));
    for (int i = 0; i < DF_DETR_MASK_MAPS; i++) {
        x = df_interpolate(c, x, df_dim(levels[i], 0), df_dim(levels[i], 1), DF_NEAREST, false);
        x = layer(c, m, i + 2, df_add(c, x, levels[i]));
    }
    return nn_conv(c, &m->out, x);                                                           /* n h w 1 */
}

static void masks_of_image(DfCtx *c, const DfDetrMasks *m, const DfMaps *maps, const DfSetOutputs *outputs,
                           const DfTensor *attended, int b, DfTensor *out)
{
    const int Q = df_dim(out, 1);
    const size_t pixels = (size_t)df_dim(out, 2) * (size_t)df_dim(out, 3);
    DfTensor *levels[DF_DETR_MASK_MAPS];
    const DfMark whole = df_enter(c, "mask_head", -1);
    for (int i = 0; i < DF_DETR_MASK_MAPS; i++)
        levels[i] = df_select(c, nn_conv(c, &m->adapter[i], maps->map[maps->n - 2 - i]), b);
    for (int first = 0; first < Q && !c->err; first += AT_ONCE) {
        const int n = Q - first < AT_ONCE ? Q - first : AT_ONCE;
        const DfMark few = df_enter(c, NULL, -1);
        DfTensor *x = climb(c, m, levels, seen(c, m, outputs, attended, b, first, n));
        if (!df_skip(c, x))
            memcpy(out->data + ((size_t)b * (size_t)Q + (size_t)first) * pixels, x->data,
                   (size_t)n * pixels * sizeof *x->data);
        df_leave_all(c, few, NULL, 0);
    }
    df_leave_all(c, whole, NULL, 0);
}

DfTensor *df_detr_masks(DfCtx *c, const DfDetrMasks *m, const DfMaps *maps, const DfSetOutputs *outputs)
{
    if (c->recording) {
        df_ctx_fail(c, DF_EVALUE, "the masks of DETR cannot be trained");
        return &c->nil;
    }
    if (maps->n <= DF_DETR_MASK_MAPS) {
        df_ctx_fail(c, DF_EVALUE, "the masks of DETR: the backbone gives %d maps: want all %d", maps->n,
                    DF_DETR_MASK_MAPS + 1);
        return &c->nil;
    }
    const DfTensor *large = maps->map[maps->n - 1 - DF_DETR_MASK_MAPS];
    const int N = df_dim(outputs->hidden, 0);
    const int Q = df_dim(outputs->hidden, 1);
    DfTensor *out = df_new(c, DF_SHAPE(N, Q, df_dim(large, 1), df_dim(large, 2)));
    const DfTensor *attended = attention(c, m, outputs);
    for (int b = 0; b < N && !c->err; b++)
        masks_of_image(c, m, maps, outputs, attended, b, out);
    return out;
}

/* ---- construction ---------------------------------------------------------------------------------------------- */

void df_detr_masks_init(NnScope s, DfDetrMasks *m, int dim, int heads, const int channels[DF_DETR_MASK_MAPS])
{
    const NnScope head = nn_at(s, "mask_head");
    const NnScope attends = nn_at(s, "bbox_attention");
    const int width[DF_DETR_MASK_CONVS + 1] = { dim + heads, dim + heads, dim / 2, dim / 4, dim / 8, dim / 16 };
    const NnConvShape three = { .kernel = 3, .padding = 1 };
    m->dim = dim;
    m->heads = heads;
    if (dim < 16 || dim % heads) {
        nn_fail(s, DF_EVALUE, "masks of %d channels and %d heads: want at least 16 channels, a multiple of the heads",
                dim, heads);
        return;
    }
    nn_linear_init(nn_at(attends, "q_linear"), &m->query, dim, dim, true);
    nn_linear_init(nn_at(attends, "k_linear"), &m->key, dim, dim, true);
    for (int i = 0; nn_ok(s) && i < DF_DETR_MASK_CONVS; i++) {
        nn_conv_init(nn_at(head, "lay%d", i + 1), &m->conv[i], width[i], width[i + 1], three);
        nn_layer_norm_init(nn_at(head, "gn%d", i + 1), &m->norm[i], width[i + 1], 1e-5);
    }
    nn_conv_init(nn_at(head, "out_lay"), &m->out, width[DF_DETR_MASK_CONVS], 1, three);
    for (int i = 0; nn_ok(s) && i < DF_DETR_MASK_MAPS; i++)
        nn_conv_init(nn_at(head, "adapter%d", i + 1), &m->adapter[i], channels[i], width[i + 2],
                     (NnConvShape){ .kernel = 1 });
}
