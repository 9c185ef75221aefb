/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/layout.c -- converts weights between the official order of dimensions, which files have, and ours, which memory
 * has. This happens once, on loading and on saving.
 */
#include "nn/layout.h"

#include <string.h>

DfShape nn_layout_shape(DfShape o, NnLayout layout)
{
    switch (layout) {
    case NN_AS_IS:
        return o;
    case NN_CONV:                                            /* O I kh kw -> O kh kw I */
    case NN_CONV_TRANSPOSE:                                  /* I O kh kw -> I kh kw O */
    case NN_MAP:                                             /* 1 C H W -> 1 H W C     */
        return DF_SHAPE(o.d[0], o.d[2], o.d[3], o.d[1]);
    case NN_DEPTHWISE:                                       /* C 1 kh kw -> kh kw C   */
        return DF_SHAPE(o.d[2], o.d[3], o.d[0]);
    case NN_POINTWISE:                                       /* O I 1 1 -> O I         */
        return DF_SHAPE(o.d[0], o.d[1]);
    }
    return o;
}

void nn_reorder(const float *in, DfShape from, const int order[4], float *out)
{
    size_t size[4];   /* of `out`                                                  */
    size_t stride[4]; /* of `in`, for a step along that dimension of `out`         */
    size_t of[4];     /* sizes of `in`                                             */
    for (int i = 0; i < 4; i++)
        of[i] = i < from.n ? (size_t)from.d[i] : 1;
    for (int i = 0; i < 4; i++) {
        size[i] = of[order[i]];
        stride[i] = 1;
        for (int j = order[i] + 1; j < 4; j++)
            stride[i] *= of[j];
    }
    for (size_t a = 0; a < size[0]; a++)
        for (size_t b = 0; b < size[1]; b++)
            for (size_t k = 0; k < size[2]; k++)
                for (size_t l = 0; l < size[3]; l++)
                    *out++ = in[a * stride[0] + b * stride[1] + k * stride[2] + l * stride[3]];
}

void nn_param_from_official(const NnParam *param, const float *official, float *ours)
{
    switch (param->layout) {
    case NN_AS_IS:
    case NN_POINTWISE:
        memcpy(ours, official, df_count(param->shape) * sizeof *ours);
        break;
    case NN_CONV:
    case NN_CONV_TRANSPOSE:
    case NN_MAP:
        nn_reorder(official, param->shape, (int[4]){ 0, 2, 3, 1 }, ours);
        break;
    case NN_DEPTHWISE:
        nn_reorder(official, param->shape, (int[4]){ 2, 3, 0, 1 }, ours);
        break;
    }
}

void nn_param_to_official(const NnParam *param, const float *ours, float *official)
{
    const DfShape shape = param->tensor->shape;
    switch (param->layout) {
    case NN_AS_IS:
    case NN_POINTWISE:
        memcpy(official, ours, df_count(param->shape) * sizeof *official);
        break;
    case NN_CONV:
    case NN_CONV_TRANSPOSE:
    case NN_MAP:
        nn_reorder(ours, shape, (int[4]){ 0, 3, 1, 2 }, official);
        break;
    case NN_DEPTHWISE: /* kh kw C; the fourth dimension has size 1 */
        nn_reorder(ours, shape, (int[4]){ 2, 3, 0, 1 }, official);
        break;
    }
}
