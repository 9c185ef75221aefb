/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/train.c -- the weights of a model as one block of numbers, with the trained ones first, and a block of their
 * gradients.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "nn/origin.h"

/* The floats that a parameter takes, rounded up to cache lines of 64 bytes, so that each begins on one. */
static size_t room(const NnParam *param)
{
    return (df_count(param->shape) + 15) / 16 * 16;
}

static bool has_place(const NnModel *model, const NnParam *param, bool trained)
{
    return nn_is_trained(param) == trained && !nn_is_lean(model, param);
}

static size_t room_for(const NnModel *model, bool trained)
{
    size_t n = 0;
    for (size_t i = 0; i < model->n; i++)
        n += has_place(model, model->params[i], trained) ? room(model->params[i]) : 0;
    return n;
}

/* Moves the numbers of all parameters that are trained, or of all others, to `at`; returns the end of the last one. */
static float *move(NnModel *model, bool trained, float *at)
{
    for (size_t i = 0; i < model->n; i++) {
        NnParam *param = model->params[i];
        if (!has_place(model, param, trained))
            continue;
        const size_t n = df_count(param->shape);
        if (param->tensor->data)
            memcpy(at, param->tensor->data, n * sizeof *at);
        df_packed_drop(param->tensor); /* a packed "copy" may be the numbers themselves (DF_PACK_ITSELF) */
        nn_origin_drop(param);
        memset(at + n, 0, (room(param) - n) * sizeof *at);
        param->tensor->data = at;
        at += room(param);
    }
    return at;
}

int nn_model_lay_out(NnModel *model)
{
    const size_t n_trained = room_for(model, true);
    const size_t n = n_trained + room_for(model, false);
    float *block = df_malloc_filled(n * sizeof *block);
    if (!block)
        return df_fail(DF_ENOMEM, "out of memory for %zu weights", n);
    move(model, false, move(model, true, block));
    df_free(model->weights);
    model->weights = block;
    model->n_trained = n_trained;
    return DF_OK;
}

/* Whether the block already has the trained parameters first, at their offsets. */
static bool is_laid_out(const NnModel *model)
{
    const float *at = model->weights;
    for (size_t i = 0; i < model->n; i++)
        if (nn_is_trained(model->params[i])) {
            if (model->params[i]->tensor->data != at)
                return false;
            at += room(model->params[i]);
        }
    return at == model->weights + model->n_trained;
}

static void attach_gradients(NnModel *model)
{
    for (size_t i = 0; i < model->n; i++) {
        DfTensor *x = model->params[i]->tensor;
        x->wants_grad = nn_is_trained(model->params[i]);
        x->quantization = NULL; /* its scales would not follow the weight */
        x->grad = x->wants_grad ? model->gradients + (x->data - model->weights) : NULL;
    }
    nn_model_zero_gradients(model);
}

/* Gives a lean model memory for all its weights. */
static int keep_weights(NnModel *model)
{
    const int error = nn_model_hold(model);
    if (error < 0)
        return error;
    model->lean = false;
    for (size_t i = 0; i < model->n; i++)
        model->params[i]->tensor->origin = NULL;
    nn_origin_close_files(model);
    return DF_OK;
}

int nn_model_train(NnModel *model)
{
    int error = nn_model_error(model);
    assert(error || model->weights || model->n == 0); /* nn_model_init() comes first */
    if (error == DF_OK)
        error = keep_weights(model);
    if (error == DF_OK && !is_laid_out(model))
        error = nn_model_lay_out(model);
    if (error != DF_OK)
        return error;
    float *gradients = df_malloc_filled(model->n_trained * sizeof *gradients);
    if (!gradients)
        return df_fail(DF_ENOMEM, "out of memory for the gradients of %zu weights", model->n_trained);
    df_free(model->gradients);
    model->gradients = gradients;
    attach_gradients(model);
    return DF_OK;
}

NnTrained nn_model_trained(const NnModel *model)
{
    if (!model->gradients)
        return (NnTrained){ 0 };
    return (NnTrained){ model->weights, model->gradients, model->n_trained };
}

void nn_model_zero_gradients(NnModel *model)
{
    for (size_t i = 0; i < model->n; i++)
        model->params[i]->tensor->reached = false;
    if (model->gradients)
        memset(model->gradients, 0, model->n_trained * sizeof *model->gradients);
}

const NnParam *nn_model_bad_gradient(const NnModel *model)
{
    for (size_t i = 0; model->gradients && i < model->n; i++) {
        const NnParam *param = model->params[i];
        for (size_t j = 0; param->tensor->grad && j < df_count(param->shape); j++)
            if (!isfinite(param->tensor->grad[j]))
                return param;
    }
    return NULL;
}

/* Also drops packed copies of frozen weights, which may have a batch norm folded into them. */
void nn_model_take_statistics(NnModel *model, DfCtx *c)
{
    const bool moved = df_apply_statistics(c);
    for (size_t i = 0; moved && i < model->n; i++)
        df_packed_outdated(model->params[i]->tensor);
}

void nn_model_changed(NnModel *model)
{
    for (size_t i = 0; i < model->n; i++)
        if (nn_is_trained(model->params[i]))
            df_packed_outdated(model->params[i]->tensor);
}
