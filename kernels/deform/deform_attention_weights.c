/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/deform_attention_weights.c -- the attention weights of one query of DAT's deformable attention, in
 * float64: the softmax of section 3.2 of Xia et al., Vision Transformer with Deformable Attention (CVPR 2022). The
 * fast kernels never store these weights. This is also the simplest code for what they compute.
 */
#include "kernels/deform/plan.h"

static double table_entry(const DfDeformProblem *p, int head, double y, double x)
{
    if (y < 0 || x < 0 || y >= p->table_h || x >= p->table_w)
        return 0;
    return (double)p->table[((size_t)head * (size_t)p->table_h + (size_t)y) * (size_t)p->table_w + (size_t)x];
}

/* Bilinear, zeros outside; NaN where a coordinate is. */
static double table_at(const DfDeformProblem *p, int head, double y, double x)
{
    if (!isfinite(y) || !isfinite(x))
        return NAN;
    const double y0 = floor(y), x0 = floor(x);
    const double ay = y - y0, ax = x - x0;
    const double above = (1 - ax) * table_entry(p, head, y0, x0) + ax * table_entry(p, head, y0, x0 + 1);
    const double below = (1 - ax) * table_entry(p, head, y0 + 1, x0) + ax * table_entry(p, head, y0 + 1, x0 + 1);
    return (1 - ay) * above + ay * below;
}

static double bias_of(const DfDeformProblem *p, int b, int head, int query, int key)
{
    const size_t keys = (size_t)p->keys;
    const size_t map = (size_t)p->H * (size_t)p->W;
    if (p->table) {
        const int group = head / (p->heads / p->groups);
        const float *pos = p->pos + (((size_t)b * (size_t)p->groups + (size_t)group) * keys + (size_t)key) * 2;
        const double y = df_deform_query_cell(query / p->W, p->H, p->half_pixel,
                                              p->table_h) - (double)pos[0] * df_deform_cells(p->table_h);
        const double x = df_deform_query_cell(query % p->W, p->W, p->half_pixel,
                                              p->table_w) - (double)pos[1] * df_deform_cells(p->table_w);
        return table_at(p, head, y, x);
    }
    if (!p->dense)
        return 0;
    const size_t sample = p->dense_batched ? (size_t)b : 0;
    return (double)p->dense[((sample * (size_t)p->heads + (size_t)head) * map + (size_t)query) * keys + (size_t)key];
}

/* scale <q, k> + bias */
static double score_of(const DfDeformProblem *p, int b, int head, int query, int key)
{
    const size_t depth = (size_t)(p->C / p->heads);
    const size_t C = (size_t)p->C;
    const float *q = p->q + ((size_t)b * (size_t)p->H * (size_t)p->W + (size_t)query) * C + (size_t)head * depth;
    const float *k = p->k + ((size_t)b * (size_t)p->keys + (size_t)key) * C + (size_t)head * depth;
    double sum = 0;
    for (size_t d = 0; d < depth; d++)
        sum += (double)q[d] * (double)k[d];
    return sum * (double)p->scale + bias_of(p, b, head, query, key);
}

/* Computes the scores twice instead of keeping them: `weight` is float32 and would round them, and one row is fast. */
void df_deform_attention_weights(const DfDeformProblem *p, int b, int head, int query, float *weight)
{
    double max = -INFINITY;
    double sum = 0;
    for (int key = 0; key < p->keys; key++)
        max = fmax(max, score_of(p, b, head, query, key));
    for (int key = 0; key < p->keys; key++)
        sum += exp(score_of(p, b, head, query, key) - max);
    for (int key = 0; key < p->keys; key++)
        weight[key] = (float)(exp(score_of(p, b, head, query, key) - max) / sum);
}
