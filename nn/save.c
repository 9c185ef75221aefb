/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/save.c -- a model into a checkpoint, under its official keys and in the official order of dimensions.
 */
#include "nn/nn.h"

/* Numbers that stand channels last, seen in the official order: the same memory, with other strides. */
DfArray nn_param_array(const NnParam *param, const char *name, const float *ours)
{
    int64_t size[DF_ARRAY_DIMS];
    for (int d = 0; d < param->shape.n; d++)
        size[d] = param->shape.d[d];
    DfArray array = df_array(name, DF_F32, param->shape.n, size, ours);
    switch (param->layout) {
    case NN_AS_IS:
    case NN_POINTWISE:
        break;
    case NN_CONV:
    case NN_CONV_TRANSPOSE:
    case NN_MAP:                             /* a b h w, standing as a h w b */
        array.stride[0] = size[2] * size[3] * size[1];
        array.stride[1] = 1;
        array.stride[2] = size[3] * size[1];
        array.stride[3] = size[1];
        break;
    case NN_DEPTHWISE:                       /* c 1 h w, standing as h w c   */
        array.stride[0] = 1;
        array.stride[1] = 1;
        array.stride[2] = size[3] * size[0];
        array.stride[3] = size[0];
        break;
    }
    return array;
}

int nn_model_save(const NnModel *model, const char *path, const char *const *metadata, int n_metadata)
{
    const NnShared *shared;
    const int n = nn_model_count(model);
    const int n_shared = nn_model_shared(model, &shared);
    DfArray *arrays = df_calloc((size_t)n + (size_t)n_shared + 1, sizeof *arrays);
    if (!arrays)
        return df_fail_memory("a checkpoint to write");
    int error = DF_OK;
    for (int i = 0; i < n && error == DF_OK; i++) {
        const NnParam *param = nn_model_at(model, i);
        error = df_hold(param->tensor);
        arrays[i] = nn_param_array(param, param->name, param->tensor->data);
    }
    for (int i = 0; i < n_shared; i++) {     /* the same numbers under another name */
        arrays[n + i] = arrays[shared[i].param];
        arrays[n + i].name = shared[i].name;
    }
    if (error == DF_OK)
        error = df_checkpoint_write(path, arrays, n + n_shared, metadata, n_metadata);
    df_free(arrays);
    return error;
}
