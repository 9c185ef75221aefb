/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/model.c -- the parameters of a model. They are a list with full names, like a state dict; the tree is implied by
 * the names.
 */
#include <string.h>

#include "nn/origin.h"

int nn_model_new(NnModel **out)
{
    *out = NULL;
    NnModel *model = df_calloc(1, sizeof *model);
    if (model && !(model->arena = df_arena_new())) {
        df_free(model);
        model = NULL;
    }
    if (!model)
        return df_fail_memory("a model");
    *out = model;
    return DF_OK;
}

void nn_model_free(NnModel *model)
{
    if (!model)
        return;
    for (const NnEnding *ending = model->endings; ending; ending = ending->next)
        ending->done(ending->object);
    for (size_t i = 0; i < model->n; i++) {
        df_packed_drop(model->params[i]->tensor);
        nn_origin_drop(model->params[i]);
    }
    nn_origin_close_files(model);
    df_free(model->files);
    df_free(model->weights);
    df_free(model->gradients);
    df_free(model->params);
    df_free(model->shared);
    df_arena_free(model->arena);
    df_free(model);
}

int nn_model_error(const NnModel *model)
{
    return model->err ? df_fail(model->err, "%s", model->sentence) : DF_OK;
}

DfArena *nn_model_arena(const NnModel *model)
{
    return model->arena;
}

/* ---- looking up -------------------------------------------------------------------------------------------------- */

int nn_model_count(const NnModel *model)
{
    return (int)model->n;
}

NnParam *nn_model_at(const NnModel *model, int i)
{
    return model->params[i];
}

NnParam *nn_model_find(const NnModel *model, const char *name)
{
    for (size_t i = 0; i < model->n; i++)
        if (strcmp(model->params[i]->name, name) == 0)
            return model->params[i];
    return NULL;
}

size_t nn_model_elements(const NnModel *model, const char *prefix)
{
    size_t n = 0;
    for (size_t i = 0; i < model->n; i++)
        if (!model->params[i]->buffer && df_starts_with(model->params[i]->name, prefix))
            n += df_count(model->params[i]->shape);
    return n;
}

int nn_model_shared(const NnModel *model, const NnShared **out)
{
    *out = model->shared;
    return (int)model->n_shared;
}
