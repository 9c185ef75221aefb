/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/ms_deform_attention.c -- the module around multi-scale deformable attention: Zhu et al., "Deformable DETR", ICLR 2021, section
 * 4.1. Places and weights are linear functions of the query; padded cells of the pyramid read as zeros.
 */
#include <math.h>

#include "nn/nn.h"

/* At first the points of head k stand on the ray of angle 2 pi k / heads, point i at i + 1 cells by the larger axis. */
static const float *rays(NnScope s, const NnMsDeformAttention *a)
{
    const int per_head = a->levels * a->points;
    float *bias = nn_alloc(s, (size_t)(a->heads * per_head) * 2, sizeof *bias);
    for (int head = 0; bias && head < a->heads; head++) {
        const double angle = 2 * 3.14159265358979323846 * head / a->heads, x = cos(angle), y = sin(angle), longest = fmax(fabs(x), fabs(y));
        for (int i = 0; i < per_head; i++) {
            bias[2 * (head * per_head + i)] = (float)(x / longest * (i % a->points + 1));
            bias[2 * (head * per_head + i) + 1] = (float)(y / longest * (i % a->points + 1));
        }
    }
    return bias;
}

void nn_ms_deform_attention_init(NnScope s, NnMsDeformAttention *a, int dim, int heads, int levels, int points)
{
    if (heads < 1 || dim % heads)
        nn_fail(s, DF_EVALUE, "%d heads do not divide %d channels", heads, dim);
    a->heads = heads;
    a->levels = levels;
    a->points = points;
    if (!nn_ok(s))
        return;
    const int samples = heads * levels * points;
    const NnInit zero = nn_constant(0), spread = nn_xavier_uniform(dim, dim);
    nn_linear_init_as(nn_at(s, "sampling_offsets"), &a->offsets, dim, 2 * samples, true, zero, nn_values(rays(s, a)));
    nn_linear_init_as(nn_at(s, "attention_weights"), &a->weights, dim, samples, true, zero, zero);
    nn_linear_init_as(nn_at(s, "value_proj"), &a->value, dim, dim, true, spread, zero);
    nn_linear_init_as(nn_at(s, "output_proj"), &a->output, dim, dim, true, spread, zero);
}

DfTensor *nn_ms_deform_attention_add(DfCtx *c, const NnMsDeformAttention *a, DfTensor *query, DfTensor *reference, DfTensor *source, const NnField *field,
                                     NnResidual r)
{
    const DfMark m = df_enter(c, NULL, -1);
    const int B = df_dim(query, 0), Q = df_dim(query, 1), C = df_dim(query, 2), S = df_dim(source, 1);
    DfTensor *value = df_zero_rows(c, nn_linear(c, &a->value, source), field->padding_mask);
    value = df_reshape(c, value, DF_SHAPE(B, S, a->heads, C / a->heads));
    DfTensor *location = df_sampling_locations(c, reference, nn_linear(c, &a->offsets, query), field->valid_ratios, &field->levels, a->heads, a->points);
    DfTensor *weight = df_reshape(c, nn_linear(c, &a->weights, query), DF_SHAPE(B, Q, a->heads, a->levels * a->points));
    weight = df_softmax(c, weight, -1);
    df_observe_points(c, &(DfPointAttention){ .reference = reference, .location = location, .weight = weight, .valid_ratios = field->valid_ratios });
    return df_leave(c, m, nn_linear_add(c, &a->output, df_ms_deform_attention(c, value, location, weight, &field->levels), r));
}
