/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/nn/test_train.c -- a model in training: two blocks of numbers, gradients that outlive a step and add up, frozen
 * parameters, packed copies after a change.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "nn/nn.h"
#include "tests/support/rung.h"

/* Two linear layers, 5 -> 7 -> 3, and a buffer between them. */
typedef struct {
    NnModel *model;
    NnLinear first, second;
    DfTensor *buffer;
    DfCtx *c;
} Net;

static Net open_net(void)
{
    Net net = { 0 };
    cr_assert_eq(nn_model_new(&net.model), DF_OK);
    const NnScope s = nn_root(net.model);
    nn_linear_init(nn_at(s, "first"), &net.first, 5, 7, true);
    net.buffer = nn_buffer(s, "buffer", DF_SHAPE(4), 2);
    nn_linear_init(nn_at(s, "second"), &net.second, 7, 3, true);
    cr_assert_eq(nn_model_init(net.model, 1), DF_OK);
    cr_assert_eq(df_ctx_new(&net.c, NULL), DF_OK);
    return net;
}

static void close_net(Net *net)
{
    df_ctx_free(net->c);
    nn_model_free(net->model);
}

static float output_sum(const Net *net, float *x)
{
    DfTensor *y = nn_linear(net->c, &net->second, nn_linear(net->c, &net->first, df_borrow(net->c, DF_SHAPE(2, 5), x)));
    float sum = 0;
    for (size_t i = 0; i < df_size(y); i++)
        sum += y->data[i];
    if (net->c->recording)
        df_backward(net->c, y, NULL);
    cr_assert_eq(df_ctx_error(net->c), DF_OK, "%s", df_error());
    df_reset(net->c);
    return sum;
}

static float input[10] = { 1, -2, 3, 0.5f, -1, 2, 1, 0, -3, 4 };

Test(train, one_block_of_weights_and_one_of_gradients)
{
    Net net = open_net();
    nn_model_find(net.model, "first.bias")->frozen = true;
    cr_assert_null(nn_model_trained(net.model).weights);
    const float before = net.first.bias->data[3];
    cr_assert_eq(nn_model_train(net.model), DF_OK);
    const NnTrained trained = nn_model_trained(net.model);
    cr_expect_eq(trained.n, 48 + 32 + 16, "35, 21 and 3 numbers, each up to a multiple of 16");
    size_t at = 0;
    for (int i = 0; i < nn_model_count(net.model); i++) {
        const NnParam *param = nn_model_at(net.model, i);
        cr_expect_eq(param->tensor->wants_grad, nn_is_trained(param));
        if (!nn_is_trained(param))
            continue;
        cr_expect_eq(param->tensor->data, trained.weights + at);
        cr_expect_eq(param->tensor->grad, trained.gradients + at);
        at += (df_count(param->shape) + 15) / 16 * 16;
    }
    cr_expect_eq(at, trained.n);
    cr_expect_null(net.first.bias->grad);
    cr_expect_eq(net.first.bias->data[3], before, "what was there has moved with it");
    cr_expect_eq(net.buffer->data[3], 2);
    for (size_t i = 35; i < 48; i++)
        cr_expect(trained.weights[i] == 0 && trained.gradients[i] == 0, "a gap");
    close_net(&net);
}

Test(train, gradients_add_up_until_they_are_cleared)
{
    Net net = open_net();
    net.c->recording = true;
    cr_assert_eq(nn_model_train(net.model), DF_OK);
    const NnTrained trained = nn_model_trained(net.model);
    float once[112];
    cr_assert_eq(trained.n, 112);
    output_sum(&net, input);
    memcpy(once, trained.gradients, sizeof once);
    cr_expect(net.first.weight->reached && net.second.bias->reached);
    cr_expect_eq(net.second.bias->grad[0], 2, "a sum over two rows");
    output_sum(&net, input);
    for (size_t i = 0; i < trained.n; i++)
        cr_expect_float_eq(trained.gradients[i], 2 * once[i], 1e-5);
    nn_model_zero_gradients(net.model);
    cr_expect_not(net.first.weight->reached);
    for (size_t i = 0; i < trained.n; i++)
        cr_expect_eq(trained.gradients[i], 0);
    close_net(&net);
}

Test(train, a_frozen_parameter_gets_nothing_and_passes_on)
{
    Net net = open_net();
    net.c->recording = true;
    nn_freeze(nn_at(nn_root(net.model), "second"));
    cr_assert_eq(nn_model_train(net.model), DF_OK);
    output_sum(&net, input);
    cr_expect_null(net.second.weight->grad);
    cr_expect_null(net.second.bias->grad);
    double sum = 0;
    for (size_t i = 0; i < 3; i++)
        sum += 2 * (double)net.second.weight->data[7 * i];
    cr_expect_float_eq((double)net.first.bias->grad[0], sum, 1e-5);
    nn_model_find(net.model, "second.bias")->frozen = false; /* and it may change its mind */
    cr_assert_eq(nn_model_train(net.model), DF_OK);
    cr_expect_not_null(net.second.bias->grad);
    cr_expect_eq(nn_model_trained(net.model).n, 48 + 16 + 16);
    close_net(&net);
}

static void scale_second(Net *net, float factor)
{
    for (size_t i = 0; i < 21; i++)
        net->second.weight->data[i] *= factor;
    for (size_t i = 0; i < 3; i++)
        net->second.bias->data[i] *= factor;
    nn_model_changed(net->model);
}

/* The output is linear in the last layer. */
Test(train, changed_weights_are_used)
{
    Net net = open_net();
    cr_assert_eq(nn_model_train(net.model), DF_OK);
    for (int pass = 0; pass < 4; pass++) {
        net.c->recording = pass % 2 == 0; /* as a step, as an evaluation */
        const float before = output_sum(&net, input);
        scale_second(&net, 2);
        const float after = output_sum(&net, input);
        cr_expect_float_eq(after, 2 * before, 1e-3);
        scale_second(&net, 0.5f);
    }
    close_net(&net);
}

Test(train, a_weight_that_is_used_several_times_in_a_step_is_packed_once)
{
    if (rung_is_blas())
        return;
    Net net = open_net();
    net.c->recording = true;
    cr_assert_eq(nn_model_train(net.model), DF_OK);
    output_sum(&net, input);
    cr_expect_null(net.second.weight->packed, "for one use");
    output_sum(&net, input);
    scale_second(&net, 2);
    const float before = output_sum(&net, input);
    const struct DfPacked *packed = net.second.weight->packed;
    cr_expect_not_null(packed);
    output_sum(&net, input);
    cr_expect_eq(net.second.weight->packed, packed);
    scale_second(&net, 2);
    const size_t memory = df_memory().now;
    const float after = output_sum(&net, input);
    cr_expect_float_eq(after, 2 * before, 1e-3);
    cr_expect_eq(net.second.weight->packed, packed, "in the same memory");
    cr_expect_eq(df_memory().now, memory);
    scale_second(&net, 2);
    cr_expect_null(net.second.weight->packed, "it was used once");
    close_net(&net);
}

Test(train, short_memory)
{
    Net net = open_net();
    nn_model_find(net.model, "first.bias")->frozen = true;
    for (size_t n = 1; n <= 2; n++) {
        df_memory_fail_at(n, false);
        cr_expect_eq(nn_model_train(net.model), DF_ENOMEM);
        df_memory_fail_at(0, false);
        cr_expect_not(net.first.weight->wants_grad);
        output_sum(&net, input);
    }
    cr_expect_eq(nn_model_train(net.model), DF_OK);
    close_net(&net);
}

/* ---- numbers that are none ----------------------------------------------------------------------------------------- */

static void poisoned(Net *net, float *x)
{
    df_ctx_check(net->c, true);
    net->c->recording = true;
    const DfMark m = df_enter(net->c, "first", -1);
    DfTensor *y = df_leave(net->c, m, nn_linear(net->c, &net->first, df_borrow(net->c, DF_SHAPE(2, 5), x)));
    const DfMark n = df_enter(net->c, "blocks", 1);
    y = df_leave(net->c, n, nn_linear(net->c, &net->second, y));
    df_backward(net->c, y, NULL);
}

Test(train, the_module_that_gives_no_number)
{
    Net net = open_net();
    cr_assert_eq(nn_model_train(net.model), DF_OK);
    poisoned(&net, input);
    cr_expect_eq(df_ctx_error(net.c), DF_OK);
    cr_expect_null(nn_model_bad_gradient(net.model));
    df_reset(net.c);
    net.second.weight->data[8] = NAN;
    nn_model_changed(net.model);
    poisoned(&net, input);
    cr_expect_eq(df_ctx_error(net.c), DF_EVALUE);
    cr_expect_str_eq(df_error(), "blocks.1: linear gives a result (2 3) whose number 1 is NaN");
    df_reset(net.c);
    close_net(&net);
}

Test(train, the_gradient_that_is_no_number)
{
    Net net = open_net();
    cr_assert_eq(nn_model_train(net.model), DF_OK);
    nn_model_zero_gradients(net.model);
    net.first.bias->grad[2] = INFINITY;
    cr_expect_str_eq(nn_model_bad_gradient(net.model)->name, "first.bias");
    poisoned(&net, input);
    cr_expect_eq(df_ctx_error(net.c), DF_EVALUE);
    cr_expect_str_eq(df_error(), "first: linear gives its argument 3 (7) a gradient whose number 2 is infinite");
    close_net(&net);
}
