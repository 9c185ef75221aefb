/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/scope.c -- building a model: scopes, which know their path, and registering parameters in them. The first failure
 * poisons the model, and nothing more is registered, so modules need not check each step.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nn/layout.h"
#include "nn/model.h"

NnScope nn_root(NnModel *model)
{
    return (NnScope){ model, "" };
}

/* PATH.NAME, or the non-empty one of the two. */
static const char *join(NnScope s, const char *name)
{
    return df_arena_text(s.model->arena, "%s%s%s", s.path, s.path[0] && name[0] ? "." : "", name);
}

NnScope nn_at(NnScope s, const char *format, ...)
{
    char name[128];
    va_list args;
    va_start(args, format);
    df_vsnprintf(name, sizeof name, format, args);
    va_end(args);
    const char *path = join(s, name);
    if (!path)
        nn_fail(s, DF_ENOMEM, "out of memory for a module");
    return (NnScope){ s.model, path ? path : s.path };
}

/* ---- failures ---------------------------------------------------------------------------------------------------- */

bool nn_ok(NnScope s)
{
    return s.model->err == DF_OK;
}

static void poison(NnModel *model, int code, const char *path, const char *sentence)
{
    if (model->err)
        return;
    model->err = code;
    snprintf(model->sentence, sizeof model->sentence, "%s%s%s", path, path[0] ? ": " : "", sentence);
}

void nn_fail(NnScope s, int code, const char *format, ...)
{
    char sentence[512];
    va_list args;
    va_start(args, format);
    df_vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    poison(s.model, code, s.path, sentence);
}

bool nn_configure(NnScope s, const DfNode *dict, const DfOpt *opts, void *out, const char *what)
{
    if (!nn_ok(s))
        return false;
    const int error = df_bind(dict, opts, out, s.model->arena, what);
    if (error < 0)
        poison(s.model, error, "", df_error()); /* the sentence names file and key: no path in front */
    return error == DF_OK;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

void *nn_alloc(NnScope s, size_t n, size_t size)
{
    void *memory = df_arena_alloc(s.model->arena, n, size);
    if (!memory)
        nn_fail(s, DF_ENOMEM, "out of memory for a module");
    return memory;
}

void nn_at_end(NnScope s, void (*done)(void *object), void *object)
{
    NnEnding *ending = nn_alloc(s, 1, sizeof *ending);
    if (!ending) {
        done(object);
        return;
    }
    *ending = (NnEnding){ s.model->endings, done, object };
    s.model->endings = ending;
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

static DfTensor *add(NnScope s, const char *name, DfShape official, NnLayout layout, NnInit init, bool buffer)
{
    NnModel *const model = s.model;
    if (model->err)
        return NULL;
    NnParam *param = nn_alloc(s, 1, sizeof *param);
    DfTensor *tensor = nn_alloc(s, 1, sizeof *tensor);
    const char *full = join(s, name);
    const bool grown = df_grow((void **)&model->params, &model->capacity, model->n, sizeof *model->params);
    if (!param || !tensor || !full || !grown) {
        nn_fail(s, DF_ENOMEM, "out of memory for a parameter");
        return NULL;
    }
    tensor->shape = nn_layout_shape(official, layout);
    *param = (NnParam){
        .name = full,
        .tensor = tensor,
        .shape = official,
        .layout = layout,
        .init = init,
        .buffer = buffer,
    };
    model->params[model->n++] = param;
    return tensor;
}

DfTensor *nn_param(NnScope s, const char *name, DfShape official, NnLayout layout, NnInit init)
{
    return add(s, name, official, layout, init, false);
}

DfTensor *nn_buffer(NnScope s, const char *name, DfShape official, double value)
{
    return add(s, name, official, NN_AS_IS, nn_constant(value), true);
}

NnParam *nn_last(NnScope s)
{
    NnModel *const model = s.model;
    return model->n && nn_ok(s) ? model->params[model->n - 1] : &model->nowhere;
}

void nn_optional(NnScope s)
{
    for (size_t i = 0; i < s.model->n; i++)
        if (df_starts_with(s.model->params[i]->name, s.path))
            s.model->params[i]->optional = true;
}

void nn_freeze(NnScope s)
{
    for (size_t i = 0; i < s.model->n; i++)
        if (df_starts_with(s.model->params[i]->name, s.path))
            s.model->params[i]->frozen = true;
}

void nn_share(NnScope first, NnScope other)
{
    NnModel *const model = first.model;
    const size_t length = strlen(first.path);
    for (size_t i = 0; nn_ok(first) && i < model->n; i++) {
        const char *name = model->params[i]->name;
        if (!df_starts_with(name, first.path) || name[length] != '.')
            continue;
        const char *also = df_arena_text(model->arena, "%s%s", other.path, name + length);
        if (!also || !df_grow((void **)&model->shared, &model->shared_capacity, model->n_shared, sizeof *model->shared))
            nn_fail(other, DF_ENOMEM, "out of memory for a parameter");
        else
            model->shared[model->n_shared++] = (NnShared){ also, (int)i };
    }
}
