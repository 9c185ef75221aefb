/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/ms_deform_attention.c -- multi-scale deformable attention: Zhu et al., "Deformable DETR", ICLR 2021, section 4.1,
 * eq. 3:
 *     z' = sum over heads m: W_m [ sum over levels l and points k: A_mlk W'_m x_l(phi_l(p) + offset_mlk) ]
 * The offsets and the weights A are linear functions of the query z; the weights of a head sum to 1. Padded cells of
 * the pyramid read as zeros.
 *
 * Dimensions: B batch, Q queries, S cells of all levels, C channels in `heads` heads.
 */
#include <math.h>

#include "nn/nn.h"

/* Initial offsets: the points of head m are on the ray of angle 2 pi m / heads; point k is k + 1 cells away along the
 * larger axis. (dx, dy) each. */
static const float *rays(NnScope s, const NnMsDeformAttention *a)
{
    const int per_head = a->levels * a->points;
    float *bias = nn_alloc(s, (size_t)(a->heads * per_head) * 2, sizeof *bias);
    for (int head = 0; bias && head < a->heads; head++) {
        const double angle = 2 * 3.14159265358979323846 * head / a->heads;
        const double x = cos(angle), y = sin(angle);
        const double longest = fmax(fabs(x), fabs(y));
        for (int i = 0; i < per_head; i++) {
            float *point = bias + 2 * (head * per_head + i);
            point[0] = (float)(x / longest * (i % a->points + 1));
            point[1] = (float)(y / longest * (i % a->points + 1));
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
    const NnInit zero = nn_constant(0);
    const NnInit spread = nn_xavier_uniform(dim, dim);
    nn_linear_init_as(nn_at(s, "sampling_offsets"), &a->offsets, dim, 2 * samples, true, zero, nn_values(rays(s, a)));
    nn_linear_init_as(nn_at(s, "attention_weights"), &a->weights, dim, samples, true, zero, zero);
    nn_linear_init_as(nn_at(s, "value_proj"), &a->value, dim, dim, true, spread, zero);
    nn_linear_init_as(nn_at(s, "output_proj"), &a->output, dim, dim, true, spread, zero);
}

DfTensor *nn_ms_deform_attention_add(DfCtx *c, const NnMsDeformAttention *a, DfTensor *query, DfTensor *reference,
                                     DfTensor *source, const NnField *field, NnResidual r)
{
    const DfMark m = df_enter(c, NULL, -1);
    const int B = df_dim(query, 0), Q = df_dim(query, 1), C = df_dim(query, 2), S = df_dim(source, 1);
    const int samples = a->levels * a->points;                                   /* of a head */

    DfTensor *value = df_zero_rows(c, nn_linear(c, &a->value, source), field->padding_mask);
    value = df_reshape(c, value, DF_SHAPE(B, S, a->heads, C / a->heads));        /* B S heads D */

    DfTensor *offset = nn_linear(c, &a->offsets, query);                         /* B Q heads*levels*points*2 */
    DfTensor *location = df_sampling_locations(c, reference, offset, field->valid_ratios, &field->levels, a->heads,
                                               a->points);
    df_release(c, offset);

    DfTensor *flat = nn_linear(c, &a->weights, query);                           /* B Q heads*levels*points   */
    DfTensor *logits = df_reshape(c, flat, DF_SHAPE(B, Q, a->heads, samples));
    DfTensor *weight = df_softmax(c, logits, -1);
    df_release(c, flat);
    df_release(c, logits);                                                       /* shares memory with `flat` */

    df_observe_points(c, &(DfPointAttention){
        .reference = reference, .location = location, .weight = weight, .valid_ratios = field->valid_ratios,
    });
    DfTensor *y = df_ms_deform_attention(c, value, location, weight, &field->levels); /* B Q C */
    df_release(c, location);
    return df_leave(c, m, nn_linear_add(c, &a->output, y, r));
}
