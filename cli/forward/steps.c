/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/forward/steps.c -- a training step on given targets: losses, gradients and buffers.
 */
#include "cli/forward/forward.h"

/* `loss:NAME` of everything that is logged, and of the sum that is learnt from. */
static void add_losses(CliOutputs *o, const DfLosses *losses)
{
    for (int i = 0; i <= losses->n && o->error == DF_OK; i++) {
        const bool sum = i == losses->n;
        const DfTensor *loss = sum ? losses->total : losses->v[i].loss;
        float *value = df_arena_alloc(o->arena, 1, sizeof *value);
        const char *name = df_arena_text(o->arena, "loss:%s", sum ? "total" : losses->v[i].name);
        if (!value || !name) {
            o->error = df_fail_memory("the outputs");
            return;
        }
        *value = !loss ? sum ? 0 : losses->v[i].figure : loss->data[0];
        cli_add_output(o, name, DF_F32, 1, (int[]){ 1 }, value);
    }
}

/* A parameter with two names has its gradient under both. */
static void add_shared(CliOutputs *o, const NnModel *model)
{
    const NnShared *shared;
    const int n = nn_model_shared(model, &shared);
    for (int i = 0; i < n; i++) {
        NnParam param = *nn_model_at(model, shared[i].param);
        param.name = shared[i].name;
        if (!param.buffer && param.tensor->grad && param.tensor->reached)
            cli_add_param(o, "grad", &param, param.tensor->grad);
    }
}

/* `grad:PARAMETER` of what is trained and had a part in the losses; `buffer_after:NAME` of every buffer. */
static void add_weights(CliOutputs *o, const NnModel *model)
{
    for (int i = 0; i < nn_model_count(model); i++) {
        const NnParam *param = nn_model_at(model, i);
        if (param->buffer)
            cli_add_param(o, "buffer_after", param, param->tensor->data);
        else if (param->tensor->grad && param->tensor->reached)
            cli_add_param(o, "grad", param, param->tensor->grad);
    }
    add_shared(o, model);
}

int cli_forward_losses(CliSession *s, const CliInput *input, CliOutputs *o)
{
    NnModel *weights = df_model_weights(s->model);
    CliBatch given;
    DfLosses losses = { 0 };
    int error = nn_model_train(weights);
    s->c->recording = s->c->training = true;
    if (error == DF_OK)
        error = cli_read_batch(s, input, o->arena, &given);
    if (error == DF_OK)
        error = df_model_losses(s->model, s->c, given.image, &given.batch, &losses);
    if (error == DF_OK && losses.total) {
        df_backward(s->c, losses.total, NULL);
        error = df_ctx_error(s->c);
    }
    if (error < 0)
        return error;
    add_losses(o, &losses);
    add_weights(o, weights);
    return o->error;
}
