/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_conv2d_pair.c -- convolutions that are computed together have the bits of one after the other: two in a
 * row, and one that another one adds.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/tensor/one_context.h"

TestSuite(conv2d_pair, .init = open_context, .fini = close_context);

/* Two 1x1 convolutions that are computed together have the bits of one after the other, and go together on large maps
 * alone, where no tape is kept. */
static void check_pair(int side)
{
    const DfConv point = { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 };
    DfTensor *x = random_tensor(DF_SHAPE(1, side, side, 12), 1), *r[2] = { NULL }, *y, *z[2];
    DfTensor *w1 = random_tensor(DF_SHAPE(40, 1, 1, 12), 2), *w2 = random_tensor(DF_SHAPE(14, 1, 1, 40), 3), *b = random_tensor(DF_SHAPE(40), 4);
    for (int i = 0; i < 2; i++)
        r[i] = random_tensor(DF_SHAPE(1, side, side, 40), 5);
    const DfConvLayer first = { w1, b, point, { .act = DF_ACT_RELU, .residual = r[0], .inside = true, .spent = true } };
    const DfConvLayer second = { w2, NULL, point, { .act = DF_ACT_RELU } };
    DfTensor *apart = df_conv2d(c, x, w1, b, point, (DfFuse){ .act = DF_ACT_RELU, .residual = r[1], .inside = true });
    z[1] = df_conv2d(c, apart, w2, NULL, point, second.fuse);
    y = df_conv2d_pair(c, x, &first, &second, &z[0]);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    cr_assert_eq(z[0] != NULL, side > 200);
    cr_assert_eq(y->data, r[0]->data);
    const double tolerance = c->k->gemm.product ? 1e-5 : 0; /* OpenBLAS adds a residual that is its result in another order */
    for (size_t i = 0; i < df_size(y); i++)
        cr_assert_float_eq(y->data[i], apart->data[i], tolerance * (1 + fabs((double)y->data[i])));
    for (size_t i = 0; z[0] && i < df_size(z[1]); i++)
        cr_assert_float_eq(z[0]->data[i], z[1]->data[i], 10 * tolerance * (1 + fabs((double)z[1]->data[i])));
    df_reset(c);
}

/* On each rung, in each precision that it has. */
static void on_all_rungs(void (*check)(void))
{
    for (int i = 0; df_kernels_rung(i); i++)
        for (DfPrecision p = DF_PRECISION_F32; p <= DF_PRECISION_BF16; p++) {
            c->k = df_kernels_named(df_kernels_rung(i));
            if (df_precision_check(p, c->k) < 0)
                continue;
            c->precision = p;
            check();
        }
}

static void check_pairs(void)
{
    check_pair(230);
    check_pair(40);
}

Test(conv2d_pair, pairs)
{
    on_all_rungs(check_pairs);
}

/* A residual that is a convolution of its own, of another map, as in the first block of a stage. */
static void check_pair_with(int N, int height, int width, int step_y, int step_x)
{
    const DfConv point = { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 }, steps = { { step_y, step_x }, { 0, 0 }, { 1, 1 }, 1 };
    const int H = (height - 1) / step_y + 1, W = (width - 1) / step_x + 1;
    DfTensor *x = random_tensor(DF_SHAPE(N, H, W, 12), 1), *side = random_tensor(DF_SHAPE(N, height, width, 22), 5);
    DfTensor *w1 = random_tensor(DF_SHAPE(40, 1, 1, 12), 2), *w2 = random_tensor(DF_SHAPE(14, 1, 1, 40), 3);
    DfTensor *b = random_tensor(DF_SHAPE(40), 4), *factor = random_tensor(DF_SHAPE(40), 6), *z;
    const DfConvLayer residual = { random_tensor(DF_SHAPE(40, 1, 1, 22), 7), random_tensor(DF_SHAPE(40), 8), steps,
                                   { .fold = factor } };
    const DfConvLayer first = { w1, b, point, { .act = DF_ACT_RELU, .inside = true } };
    const DfConvLayer second = { w2, NULL, point, { .act = DF_ACT_RELU } };
    DfFuse fuse = first.fuse;
    fuse.residual = df_conv2d(c, side, residual.weight, residual.bias, steps, residual.fuse);
    const DfTensor *apart = df_conv2d(c, x, w1, b, point, fuse);
    cr_assert(df_conv2d_goes_along(c, x, &first, &second, &residual));
    const DfTensor *y = df_conv2d_pair_with(c, x, &first, &second, side, &residual, &z);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    const DfTensor *behind = df_conv2d(c, (DfTensor *)(uintptr_t)y, w2, NULL, point, second.fuse);
    const double tolerance = c->k->gemm.product ? 1e-5 : 0; /* OpenBLAS adds in another order for other numbers of rows */
    for (size_t i = 0; i < df_size(y); i++)
        cr_assert_float_eq(y->data[i], apart->data[i], tolerance * (1 + fabs((double)y->data[i])));
    for (size_t i = 0; i < df_size(z); i++)
        cr_assert_float_eq(z->data[i], behind->data[i], 10 * tolerance * (1 + fabs((double)z->data[i])));
    df_reset(c);
}

static void check_pairs_with(void)
{
    check_pair_with(1, 230, 240, 1, 1);
    check_pair_with(2, 361, 321, 2, 2);
    check_pair_with(1, 240, 461, 1, 2);
}

Test(conv2d_pair, pairs_whose_residual_is_a_convolution)
{
    on_all_rungs(check_pairs_with);
}

Test(conv2d_pair, residuals_that_do_not_go_along)
{
    const DfConv point = { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 }, same = { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 };
    DfTensor *x = random_tensor(DF_SHAPE(1, 600, 600, 4), 1), *small = random_tensor(DF_SHAPE(1, 60, 60, 4), 1), *z;
    DfTensor *w1 = random_tensor(DF_SHAPE(6, 1, 1, 4), 2), *w2 = random_tensor(DF_SHAPE(5, 1, 1, 6), 3);
    const DfConvLayer one = { w1, NULL, point, { 0 } }, two = { w2, NULL, point, { 0 } };
    const DfConvLayer square = { random_tensor(DF_SHAPE(6, 3, 3, 4), 3), NULL, same, { 0 } };
    const DfConvLayer curved = { w1, NULL, point, { .act = DF_ACT_RELU } };
    cr_assert(df_conv2d_goes_along(c, x, &one, &two, &one));
    cr_assert(!df_conv2d_goes_along(c, small, &one, &two, &one));
    cr_assert(!df_conv2d_goes_along(c, x, &one, &two, &square));
    cr_assert(!df_conv2d_goes_along(c, x, &one, &two, &curved));
    df_conv2d_pair_with(c, x, &one, &two, small, &one, &z);
    cr_assert_eq(df_ctx_error(c), DF_ESHAPE);
    cr_assert(strstr(df_error(), "a residual that is a convolution, of (1 60 60 6): want (1 600 600 6)"), "%s", df_error());
}

Test(conv2d_pair, residuals_of_small_maps_are_refused)
{
    const DfConv point = { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 };
    DfTensor *small = random_tensor(DF_SHAPE(1, 60, 60, 4), 1), *z;
    const DfConvLayer one = { random_tensor(DF_SHAPE(6, 1, 1, 4), 2), NULL, point, { 0 } };
    const DfConvLayer two = { random_tensor(DF_SHAPE(5, 1, 1, 6), 3), NULL, point, { 0 } };
    df_conv2d_pair_with(c, small, &one, &two, small, &one, &z);
    cr_assert_eq(df_ctx_error(c), DF_ESHAPE);
    cr_assert(!z && strstr(df_error(), "want one that goes along"), "%s", df_error());
}

Test(conv2d_pair, pairs_that_stay_apart)
{
    const DfConv point = { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 }, same = { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 };
    DfTensor *x = random_tensor(DF_SHAPE(1, 600, 600, 4), 1), *z = x;
    const DfConvLayer one = { random_tensor(DF_SHAPE(6, 1, 1, 4), 2), NULL, point, { 0 } };
    const DfConvLayer two = { random_tensor(DF_SHAPE(5, 1, 1, 6), 3), NULL, point, { 0 } };
    const DfConvLayer square = { random_tensor(DF_SHAPE(5, 3, 3, 6), 3), NULL, same, { 0 } };
    const DfConvLayer wrong = { random_tensor(DF_SHAPE(5, 1, 1, 7), 3), NULL, point, { 0 } };
    cr_assert(df_conv2d_pair(c, x, &one, &square, &z) && !z && !c->err);
    c->recording = true;
    cr_assert(df_conv2d_pair(c, x, &one, &two, &z) && !z && !c->err);
    c->recording = false;
    cr_assert(df_conv2d_pair(c, x, &one, &two, &z) && z && !c->err);
    df_conv2d_pair(c, x, &one, &wrong, &z);
    cr_assert_eq(df_ctx_error(c), DF_ESHAPE);
}
