/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_tape.c -- the walk back: when a parameter's gradient is complete, and what memory the walk keeps.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tensor/tensor.h"

enum { ROWS = 64, C = 32, DEPTH = 6 };

typedef struct {
    DfTensor weight[DEPTH], bias; /* the bias belongs to all layers */
    float w[DEPTH][C * C], b[C], gw[DEPTH][C * C], gb[C];
    int arrivals[DEPTH + 1], n;
    float at_arrival[DEPTH + 1];  /* the sum of a gradient when it was complete */
} Net;

static float sum(const float *x, size_t n)
{
    float s = 0;
    for (size_t i = 0; i < n; i++)
        s += x[i];
    return s;
}

static void net_init(Net *net)
{
    memset(net, 0, sizeof *net);
    for (int l = 0; l < DEPTH; l++) {
        for (int i = 0; i < C * C; i++)
            net->w[l][i] = 0.02f * (float)((i * 7 + l) % 13 - 6);
        net->weight[l] = (DfTensor){ .data = net->w[l], .grad = net->gw[l], .shape = DF_SHAPE(C, C), .wants_grad = true };
    }
    net->bias = (DfTensor){ .data = net->b, .grad = net->gb, .shape = DF_SHAPE(C), .wants_grad = true };
}

static void arrived(void *user, DfTensor *parameter)
{
    Net *net = user;
    const int which = parameter == &net->bias ? DEPTH : (int)(parameter - net->weight);
    net->arrivals[net->n++] = which;
    net->at_arrival[which] = sum(parameter->grad, df_size(parameter));
}

static DfTensor *run(DfCtx *c, Net *net, float *x)
{
    DfTensor *y = df_borrow(c, DF_SHAPE(ROWS, C), x);
    for (int l = 0; l < DEPTH; l++)
        y = df_gelu(c, df_linear(c, y, &net->weight[l], &net->bias));
    return df_sum(c, y);
}

static float input[ROWS * C];

static size_t pass(Net *net, bool frugal)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    for (int i = 0; i < ROWS * C; i++)
        input[i] = (float)(i % 11) / 5 - 1;
    net_init(net);
    c->recording = true;
    c->frugal = frugal;
    c->arrived = arrived;
    c->arrived_user = net;
    DfTensor *loss = run(c, net, input);
    const float value = loss->data[0];
    df_backward(c, loss, NULL);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    cr_expect_eq(loss->data[0], value, "a loss can be read behind the walk");
    const size_t peak = c->peak;
    df_reset(c);
    cr_expect_eq(c->live, 0);
    df_ctx_free(c);
    for (int l = 0; l < DEPTH; l++)
        df_packed_drop(&net->weight[l]);
    return peak;
}

Test(tape, parameters_arrive_once_and_complete)
{
    static Net net;
    pass(&net, false);
    cr_assert_eq(net.n, DEPTH + 1);
    for (int i = 0; i < DEPTH - 1; i++)
        cr_expect_eq(net.arrivals[i], DEPTH - 1 - i, "the last layer is complete first");
    for (int l = 0; l < DEPTH; l++)
        cr_expect_eq(net.at_arrival[l], sum(net.gw[l], C * C));
    cr_expect_eq(net.at_arrival[DEPTH], sum(net.gb, C), "what all layers share is complete with the first");
}

Test(tape, a_frugal_walk_gives_the_same_gradients_in_less_memory)
{
    static Net whole, frugal;
    const size_t more = pass(&whole, false);
    const size_t less = pass(&frugal, true);
    cr_expect_eq(memcmp(whole.gw, frugal.gw, sizeof whole.gw), 0);
    cr_expect_eq(memcmp(whole.gb, frugal.gb, sizeof whole.gb), 0);
    cr_expect(4 * less < 3 * more, "%zu bytes of %zu", less, more);
}

static int twice(void *user, double *sums, size_t n)
{
    (void)user;
    for (size_t i = 0; i < n; i++)
        sums[i] *= 2;
    return DF_OK;
}

Test(tape, numbers_of_all_processes_are_summed)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    cr_expect_eq(df_ctx_sum(c, 3), 3, "there is one process");
    c->reduce = twice;
    cr_expect_eq(df_ctx_sum(c, 3), 6);
    df_ctx_free(c);
}
