/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/save.c -- a model into a checkpoint, under its official keys and in the official order of dimensions.
 */
#include "nn/nn.h"

/* Contiguous, in its official shape. */
static DfArray array_of(const NnParam *param, float *data)
{
    DfArray array = { .name = param->name, .dtype = DF_F32, .ndim = param->shape.n, .data = data };
    int64_t stride = 1;
    for (int d = param->shape.n - 1; d >= 0; d--) {
        array.shape[d] = param->shape.d[d];
        array.stride[d] = stride;
        stride *= param->shape.d[d];
    }
    return array;
}

int nn_model_save(const NnModel *model, const char *path, const char *const *metadata, int n_metadata)
{
    const NnShared *shared;
    const int n = nn_model_count(model);
    const int n_shared = nn_model_shared(model, &shared);
    size_t floats = 0;
    for (int i = 0; i < n; i++)
        floats += df_count(nn_model_at(model, i)->shape);
    DfArray *arrays = df_calloc((size_t)n + (size_t)n_shared + 1, sizeof *arrays);
    float *official = df_malloc(floats * sizeof *official);
    float *at = official;
    int error = arrays && official ? DF_OK : df_fail_memory("a checkpoint to write");
    for (int i = 0; error == DF_OK && i < n; i++) {
        const NnParam *param = nn_model_at(model, i);
        nn_param_to_official(param, param->tensor->data, at);
        arrays[i] = array_of(param, at);
        at += df_count(param->shape);
    }
    for (int i = 0; error == DF_OK && i < n_shared; i++) { /* the same numbers under another name */
        arrays[n + i] = arrays[shared[i].param];
        arrays[n + i].name = shared[i].name;
    }
    if (error == DF_OK)
        error = df_checkpoint_write(path, arrays, n + n_shared, metadata, n_metadata);
    df_free(arrays);
    df_free(official);
    return error;
}
