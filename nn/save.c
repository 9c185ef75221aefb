/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/save.c -- saves a model as a checkpoint, under its official keys and in the official order of dimensions.
 */
#include "nn/quantised.h"

/* A view of channels-last numbers in the official order: the same memory with other strides. */
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

/* ---- weights of 8 bits ------------------------------------------------------------------------------------------- */

typedef struct {
    DfArray *array;
    int n;
    DfArena *arena; /* numbers of 8 bits, and names */
} Arrays;

static const int8_t *whole_numbers(const DfTensor *w, DfArena *arena)
{
    const size_t n = df_size(w);
    const size_t columns = n / (size_t)df_dim(w, 0);
    int8_t *q = df_arena_alloc(arena, n, sizeof *q);
    for (size_t i = 0; q && i < n; i++)
        q[i] = df_int8_of(w->data[i], w->quantization->scale[i / columns]);
    return q;
}

/* The weight, its scales and the range of its input (quantised.h). */
static int add_quantised(Arrays *a, const NnParam *param, const char *name)
{
    const DfQuantization *q = param->tensor->quantization;
    const int8_t *numbers = whole_numbers(param->tensor, a->arena);
    const char *scale = df_arena_text(a->arena, "%s" NN_SCALE, name);
    const char *range = df_arena_text(a->arena, "%s" NN_RANGE, name);
    if (!numbers || !scale || !range)
        return df_fail_memory("a checkpoint to write");
    DfArray *weight = &a->array[a->n];
    *weight = nn_param_array(param, name, param->tensor->data);
    weight->dtype = DF_I8;
    weight->data = numbers;
    a->array[a->n + 1] = df_array(scale, DF_F32, 1, (int64_t[]){ df_dim(param->tensor, 0) }, q->scale);
    a->array[a->n + 2] = df_array(range, DF_F32, 1, (int64_t[]){ 2 }, q->range);
    a->n += 3;
    return DF_OK;
}

static int add(Arrays *a, const NnParam *param, const char *name)
{
    const int error = df_hold(param->tensor);
    if (error < 0)
        return error;
    if (param->tensor->quantization)
        return add_quantised(a, param, name);
    a->array[a->n++] = nn_param_array(param, name, param->tensor->data);
    return DF_OK;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static int add_all(Arrays *a, const NnModel *model)
{
    const NnShared *shared;
    const int n = nn_model_count(model);
    const int n_shared = nn_model_shared(model, &shared);
    int error = DF_OK;
    a->array = df_calloc(3 * ((size_t)n + (size_t)n_shared) + 1, sizeof *a->array);
    a->arena = df_arena_new();
    if (!a->array || !a->arena)
        return df_fail_memory("a checkpoint to write");
    for (int i = 0; error == DF_OK && i < n; i++)
        error = add(a, nn_model_at(model, i), nn_model_at(model, i)->name);
    for (int i = 0; error == DF_OK && i < n_shared; i++)     /* the same numbers under another name */
        error = add(a, nn_model_at(model, shared[i].param), shared[i].name);
    return error;
}

int nn_model_save(const NnModel *model, const char *path, const char *const *metadata, int n_metadata)
{
    Arrays a = { 0 };
    int error = add_all(&a, model);
    if (error == DF_OK)
        error = df_checkpoint_write(path, a.array, a.n, metadata, n_metadata);
    df_arena_free(a.arena);
    df_free(a.array);
    return error;
}
