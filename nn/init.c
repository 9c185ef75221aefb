/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/init.c -- initial weights: the distributions that a parameter can be drawn from, and drawing them.
 */
#include <math.h>

#include "nn/origin.h"

/* ---- what to draw from ------------------------------------------------------------------------------------------- */

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

/* He et al., ICCV 2015, with PyTorch's default a: kaiming_uniform_(a=sqrt(5)) has the bound sqrt(6 / ((1 + 5)
 * fan_in)). */
NnInit nn_kaiming_uniform(int fan_in)
{
    return nn_uniform(fan_in > 0 ? 1 / sqrt(fan_in) : 0);
}

/* Glorot and Bengio, AISTATS 2010: a compromise that roughly keeps the variances of activations and of
 * gradients. */
NnInit nn_xavier_uniform(int fan_in, int fan_out)
{
    return nn_uniform(sqrt(6.0 / (fan_in + fan_out)));
}

/* ---- drawing ----------------------------------------------------------------------------------------------------- */

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

void nn_param_draw(const NnParam *param, uint64_t seed, float *out)
{
    DfRandom random = df_random(seed, df_hash(param->name)); /* its own stream: a new parameter changes no other */
    const size_t n = df_count(param->shape);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)draw(&param->init, i, &random);
}

int nn_model_init(NnModel *model, uint64_t seed)
{
    int error = nn_model_error(model);
    if (error == DF_OK && !model->weights)
        error = nn_model_lay_out(model);
    for (size_t i = 0; error == DF_OK && i < model->n; i++) {
        NnParam *param = model->params[i];
        df_packed_drop(param->tensor);
        if (nn_is_lean(model, param))
            error = nn_origin_draw(model, param, seed);
        else
            nn_param_draw(param, seed, param->tensor->data);
    }
    if (error == DF_OK)
        nn_origin_close_files(model); /* no weight is read from them any more */
    return error;
}
