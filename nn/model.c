/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/model.c -- the tree of parameters, as a list of full names, and the scopes that build it.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nn/nn.h"

typedef struct Ending {
    struct Ending *next;
    void (*done)(void *object);
    void *object;
} Ending;

struct NnModel {
    DfArena *arena;
    NnParam **params;
    size_t n, capacity;
    float *weights;     /* one block for all of them */
    NnShared *shared;
    size_t n_shared, shared_capacity;
    Ending *endings;
    int err;
    char sentence[800];
    NnParam nowhere;    /* what nn_last() gives after a failure */
};

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
    for (const Ending *ending = model->endings; ending; ending = ending->next)
        ending->done(ending->object);
    for (size_t i = 0; i < model->n; i++)
        df_packed_free(model->params[i]->tensor->packed);
    df_free(model->weights);
    df_free(model->params);
    df_free(model->shared);
    df_arena_free(model->arena);
    df_free(model);
}

int nn_model_error(const NnModel *model)
{
    return model->err ? df_fail(model->err, "%s", model->sentence) : DF_OK;
}

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

DfArena *nn_model_arena(const NnModel *model)
{
    return model->arena;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

static double draw(const NnInit *init, size_t element, DfRandom *random)
{
    switch (init->kind) {
    case NN_CONSTANT:
        return init->a;
    case NN_UNIFORM:
        return init->a + (init->b - init->a) * df_uniform(random);
    case NN_NORMAL:
        return init->a * df_normal(random);
    case NN_TRUNCATED_NORMAL:
        return df_truncated_normal(random, init->a, -2, 2);
    case NN_VALUES:
        return (double)init->values[element];
    }
    return 0;
}

/* Weights stand one behind the other, each on a 64-byte line. */
static size_t room(const NnParam *param)
{
    return (df_count(param->shape) + 15) / 16 * 16;
}

static int give_memory(NnModel *model)
{
    size_t n = 0;
    for (size_t i = 0; i < model->n; i++)
        n += room(model->params[i]);
    model->weights = df_malloc(n * sizeof *model->weights);
    if (!model->weights)
        return df_fail(DF_ENOMEM, "out of memory for %zu weights", n);
    float *at = model->weights;
    for (size_t i = 0; i < model->n; i++) {
        model->params[i]->tensor->data = at;
        at += room(model->params[i]);
    }
    return DF_OK;
}

int nn_model_init(NnModel *model, uint64_t seed)
{
    int error = nn_model_error(model);
    if (error == DF_OK && !model->weights)
        error = give_memory(model);
    for (size_t i = 0; error == DF_OK && i < model->n; i++) {
        const NnParam *param = model->params[i];
        DfRandom random = df_random(seed, df_hash(param->name));
        const size_t n = df_count(param->shape);
        for (size_t j = 0; j < n; j++)
            param->tensor->data[j] = (float)draw(&param->init, j, &random);
        df_packed_free(param->tensor->packed);
        param->tensor->packed = NULL;
    }
    return error;
}

NnInit nn_constant(double value)
{
    return (NnInit){ .kind = NN_CONSTANT, .a = value };
}

NnInit nn_values(const float *values)
{
    return (NnInit){ .kind = NN_VALUES, .values = values };
}

NnInit nn_uniform(double bound)
{
    return (NnInit){ .kind = NN_UNIFORM, .a = -bound, .b = bound };
}

NnInit nn_normal(double std)
{
    return (NnInit){ .kind = NN_NORMAL, .a = std };
}

NnInit nn_truncated_normal(double std)
{
    return (NnInit){ .kind = NN_TRUNCATED_NORMAL, .a = std };
}

NnInit nn_kaiming_uniform(int fan_in)
{
    return nn_uniform(fan_in > 0 ? 1 / sqrt(fan_in) : 0);
}

NnInit nn_xavier_uniform(int fan_in, int fan_out)
{
    return nn_uniform(sqrt(6.0 / (fan_in + fan_out)));
}

/* ---- scopes ------------------------------------------------------------------------------------------------------ */

NnScope nn_root(NnModel *model)
{
    return (NnScope){ model, "" };
}

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
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    poison(s.model, code, s.path, sentence);
}

NnScope nn_at(NnScope s, const char *format, ...)
{
    char name[128];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    const char *path = df_arena_text(s.model->arena, "%s%s%s", s.path, s.path[0] && name[0] ? "." : "", name);
    if (!path)
        nn_fail(s, DF_ENOMEM, "out of memory for a module");
    return (NnScope){ s.model, path ? path : s.path };
}

void *nn_alloc(NnScope s, size_t n, size_t size)
{
    void *memory = df_arena_alloc(s.model->arena, n, size);
    if (!memory)
        nn_fail(s, DF_ENOMEM, "out of memory for a module");
    return memory;
}

static DfShape our_shape(DfShape o, NnLayout layout)
{
    switch (layout) {
    case NN_AS_IS:
        return o;
    case NN_CONV:
    case NN_CONV_TRANSPOSE:
    case NN_MAP:
        return DF_SHAPE(o.d[0], o.d[2], o.d[3], o.d[1]);
    case NN_DEPTHWISE:
        return DF_SHAPE(o.d[2], o.d[3], o.d[0]);
    case NN_POINTWISE:
        return DF_SHAPE(o.d[0], o.d[1]);
    }
    return o;
}

static DfTensor *add(NnScope s, const char *name, DfShape official, NnLayout layout, NnInit init, bool buffer)
{
    NnModel *const model = s.model;
    if (model->err)
        return NULL;
    NnParam *param = nn_alloc(s, 1, sizeof *param);
    DfTensor *tensor = nn_alloc(s, 1, sizeof *tensor);
    const char *full = df_arena_text(model->arena, "%s%s%s", s.path, s.path[0] ? "." : "", name);
    if (!param || !tensor || !full || !df_grow((void **)&model->params, &model->capacity, model->n, sizeof *model->params)) {
        nn_fail(s, DF_ENOMEM, "out of memory for a parameter");
        return NULL;
    }
    tensor->shape = our_shape(official, layout);
    *param = (NnParam){ .name = full, .tensor = tensor, .shape = official, .layout = layout, .init = init, .buffer = buffer };
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
    return s.model->n && nn_ok(s) ? s.model->params[s.model->n - 1] : &s.model->nowhere;
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

void nn_at_end(NnScope s, void (*done)(void *object), void *object)
{
    Ending *ending = nn_alloc(s, 1, sizeof *ending);
    if (!ending) {
        done(object);
        return;
    }
    *ending = (Ending){ s.model->endings, done, object };
    s.model->endings = ending;
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
