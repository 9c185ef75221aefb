/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/origin.c -- weights that are not kept in memory. At inference a matrix product reads its weight packed, so the
 * weight itself is only needed when a packed copy is made. Then it is read again from the checkpoint, which stays
 * mapped, or drawn again from the parameter's random stream, which gives the same numbers.
 */
#include "nn/origin.h"

#include <stdint.h>
#include <string.h>

enum { LEAST = 4096 }; /* smaller weights are kept: dropping less than a page of 4 KiB saves nothing */

typedef struct {
    DfOrigin base; /* first */
    const NnParam *param;
    uint64_t seed;
    const DfCheckpoint *file; /* NULL: drawn  */
    const DfArray *part;      /* in this file */
    int parts;
    const float *scale;       /* of each row; NULL: none */
} Origin;

bool nn_is_lean(const NnModel *model, const NnParam *param)
{
    return model->lean && param->product && df_count(param->shape) >= LEAST;
}

const float *nn_array_floats(const DfArray *array)
{
    const bool plain = array->dtype == DF_F32 && df_array_is_packed(array);
    return plain && (uintptr_t)array->data % sizeof(float) == 0 ? array->data : NULL;
}

/* ---- the numbers ------------------------------------------------------------------------------------------------- */

static bool is_in_our_order(const NnParam *param)
{
    const bool one_tap = param->layout == NN_CONV && param->shape.d[2] == 1 && param->shape.d[3] == 1;
    return one_tap || param->layout == NN_AS_IS || param->layout == NN_POINTWISE;
}

/* The numbers in the mapped file, if they need no conversion; else NULL. */
static const float *in_place(const Origin *o)
{
    return o->parts == 1 && is_in_our_order(o->param) ? nn_array_floats(&o->part[0]) : NULL;
}

/* Reads the numbers as float32 in official order. */
static void gather(const Origin *o, float *out)
{
    for (int i = 0; i < o->parts; i++) {
        df_array_f32(&o->part[i], out);
        out += df_array_count(&o->part[i]);
    }
}

static int convert(const Origin *o, float *out)
{
    const float *official = o->parts == 1 ? nn_array_floats(&o->part[0]) : NULL;
    float *staging = NULL;
    if (is_in_our_order(o->param)) {
        gather(o, out);
        return DF_OK;
    }
    if (!official) {
        official = staging = df_malloc(df_count(o->param->shape) * sizeof *staging);
        if (!staging)
            return df_fail_memory("a weight");
        gather(o, staging);
    }
    nn_param_from_official(o->param, official, out);
    df_free(staging);
    return DF_OK;
}

static void scale_rows(float *x, const DfTensor *w, const float *scale)
{
    const size_t columns = df_size(w) / (size_t)df_dim(w, 0);
    for (size_t i = 0; i < df_size(w); i++)
        x[i] *= scale[i / columns];
}

static int open_origin(const DfOrigin *origin, const DfTensor *w, DfNumbers *out)
{
    const Origin *o = (const Origin *)origin;
    const float *there = in_place(o);
    *out = (DfNumbers){ .at = there };
    if (there)
        return DF_OK;
    out->own = df_malloc(df_size(w) * sizeof *out->own);
    out->at = out->own;
    if (!out->own)
        return df_fail_memory("a weight");
    int error = DF_OK;
    if (o->file)
        error = convert(o, out->own);
    if (o->file && error == DF_OK && o->scale)
        scale_rows(out->own, w, o->scale);
    if (!o->file)
        nn_param_draw(o->param, o->seed, out->own);
    if (error < 0)
        df_free(out->own);
    return error;
}

static int close_origin(const DfOrigin *origin, const DfTensor *w, DfNumbers *numbers)
{
    const Origin *o = (const Origin *)origin;
    (void)w;
    df_free(numbers->own);
    if (!o->file)
        return DF_OK;
    for (int i = 0; i < o->parts; i++)
        df_checkpoint_release(o->file, &o->part[i]);
    return df_checkpoint_check(o->file);
}

/* ---- a parameter and its origin ---------------------------------------------------------------------------------- */

static int set_origin(NnModel *model, NnParam *param, const Origin *from)
{
    Origin *origin = df_arena_alloc(model->arena, 1, sizeof *origin);
    if (!origin)
        return df_fail_memory("a weight");
    *origin = *from;
    origin->base = (DfOrigin){ open_origin, close_origin };
    origin->param = param;
    nn_origin_drop(param);
    df_packed_drop(param->tensor);
    param->tensor->origin = &origin->base;
    return DF_OK;
}

int nn_origin_draw(NnModel *model, NnParam *param, uint64_t seed)
{
    return set_origin(model, param, &(Origin){ .seed = seed });
}

static int share(NnModel *model, DfCheckpoint *file)
{
    if (model->n_files && model->files[model->n_files - 1] == file)
        return DF_OK;
    if (!df_grow((void **)&model->files, &model->files_capacity, model->n_files, sizeof *model->files))
        return df_fail_memory("the files of a model");
    model->files[model->n_files++] = df_checkpoint_share(file);
    return DF_OK;
}

int nn_origin_read(NnModel *model, NnParam *param, DfCheckpoint *file, const DfArray *part, int parts,
                   const float *scale)
{
    DfArray *copy = df_arena_alloc(model->arena, (size_t)parts, sizeof *copy);
    if (!copy)
        return df_fail_memory("a weight");
    memcpy(copy, part, (size_t)parts * sizeof *copy);
    const int error = share(model, file);
    return error < 0 ? error : set_origin(model, param, &(Origin){ .file = file, .part = copy, .parts = parts,
                                                                      .scale = scale });
}

int nn_origin_make_room(NnParam *param)
{
    DfTensor *tensor = param->tensor;
    if (!tensor->data)
        tensor->data = tensor->held = df_malloc(df_size(tensor) * sizeof *tensor->held);
    return tensor->data ? DF_OK : df_fail_memory("a weight");
}

void nn_origin_drop(NnParam *param)
{
    DfTensor *tensor = param->tensor;
    if (tensor->data == tensor->held)
        tensor->data = NULL;
    df_free(tensor->held);
    tensor->held = NULL;
}

void nn_origin_close_files(NnModel *model)
{
    for (size_t i = 0; i < model->n_files; i++)
        df_checkpoint_close(model->files[i]);
    model->n_files = 0;
}

/* ---- the model --------------------------------------------------------------------------------------------------- */

void nn_model_lean(NnModel *model)
{
    model->lean = model->weights == NULL; /* after nn_model_init() it is too late */
}

int nn_model_hold(NnModel *model)
{
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < model->n; i++)
        error = df_hold(model->params[i]->tensor);
    return error;
}
