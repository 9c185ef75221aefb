/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_conv2d_bf16.c -- what a convolution alone reads is kept in bfloat16 where both multiply in it, with the
 * bits that it has otherwise.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/tensor/one_context.h"

TestSuite(conv2d_bf16, .init = open_context, .fini = close_context);

enum { SIDE = 9, WIDE = 40, NARROW = 12 };
static float pixels[SIDE * SIDE * WIDE], first[NARROW * WIDE], second[WIDE * 9 * NARROW];

static void fill(float *x, size_t n, uint64_t stream)
{
    DfRandom r = df_random(5, stream);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)df_normal(&r);
}

static DfTensor weights[2];
static void drop_weights(void)
{
    df_packed_drop(&weights[0]), df_packed_drop(&weights[1]);
}

/* A 1x1 convolution that a 3x3 one reads: the result of the second, and the first in *between. */
static DfTensor *two(bool told, DfTensor **between)
{
    static const DfConv one = { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 }, three = { { 2, 2 }, { 1, 1 }, { 1, 1 }, 1 };
    drop_weights();
    weights[0] = (DfTensor){ .data = first, .shape = DF_SHAPE(NARROW, 1, 1, WIDE) };
    weights[1] = (DfTensor){ .data = second, .shape = DF_SHAPE(WIDE, 3, 3, NARROW) };
    DfTensor *x = df_borrow(c, DF_SHAPE(1, SIDE, SIDE, WIDE), pixels);
    *between = df_conv2d(c, x, &weights[0], NULL, one, (DfFuse){ .act = DF_ACT_RELU, .reader = told ? &weights[1] : NULL });
    return df_conv2d(c, *between, &weights[1], NULL, three, (DfFuse){ 0 });
}

static void open_bf16(void)
{
    fill(pixels, SIDE * SIDE * WIDE, 1), fill(first, NARROW * WIDE, 2), fill(second, WIDE * 9 * NARROW, 3);
    c->k = df_kernels_named("c");
    cr_assert_eq(df_ctx_set_precision(c, DF_PRECISION_BF16), DF_OK);
}

Test(conv2d_bf16, what_a_convolution_alone_reads_is_bfloat16, .init = open_bf16, .fini = drop_weights)
{
    DfTensor *kept, *wide;
    const DfTensor *y = two(true, &kept), *want = two(false, &wide);
    cr_assert(!c->err && kept->bf16 && !wide->bf16 && !y->bf16);
    cr_assert_eq(memcmp(y->data, want->data, df_size(want) * sizeof *y->data), 0);
}

/* A max pool between two convolutions is of bfloat16 as well: with rounded numbers, or rounded later, the largest is the
 * same. */
static DfTensor *pooled(int kernel, int step, bool told, DfTensor **between)
{
    const DfConv one = { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 };
    const DfFuse fuse = { .act = DF_ACT_RELU, .reader = told ? &weights[1] : NULL };
    drop_weights();
    weights[0] = (DfTensor){ .data = first, .shape = DF_SHAPE(NARROW, 1, 1, WIDE) };
    weights[1] = (DfTensor){ .data = second, .shape = DF_SHAPE(WIDE, 1, 1, NARROW) };
    DfTensor *x = df_conv2d(c, df_borrow(c, DF_SHAPE(1, SIDE, SIDE, WIDE), pixels), &weights[0], NULL, one, fuse);
    *between = df_max_pool2d(c, x, (const int[]){ kernel, kernel }, (const int[]){ step, step },
                             (const int[]){ kernel / 2, kernel / 2 }, false);
    return df_conv2d(c, *between, &weights[1], NULL, one, (DfFuse){ 0 });
}

Test(conv2d_bf16, a_max_pool_between_convolutions_is_of_bfloat16, .init = open_bf16, .fini = drop_weights)
{
    for (int kernel = 1; kernel < 8; kernel++)
        for (int i = 0; df_kernels_rung(i); i++) {
            DfTensor *kept, *wide;
            c->k = df_kernels_named(df_kernels_rung(i));
            if (!c->k->bf16.tile)
                continue;
            const DfTensor *y = pooled(kernel, 1 + kernel % 3, true, &kept);
            const DfTensor *want = pooled(kernel, 1 + kernel % 3, false, &wide);
            cr_assert(!c->err && kept->bf16 && !wide->bf16 && !y->bf16, "%s", df_error());
            cr_assert_eq(memcmp(y->data, want->data, df_size(want) * sizeof *y->data), 0, "kernel %d", kernel);
        }
}

Test(conv2d_bf16, only_in_bfloat16, .fini = drop_weights)
{
    DfTensor *kept;
    two(true, &kept);
    cr_assert(!c->err && !kept->bf16);
}

Test(conv2d_bf16, other_ops_refuse_bfloat16, .init = open_bf16, .fini = drop_weights)
{
    DfTensor *kept;
    two(true, &kept);
    df_relu(c, kept);
    cr_assert_eq(df_ctx_error(c), DF_EVALUE);
    cr_assert(strstr(df_error(), "a tensor of bfloat16: want float32"), "%s", df_error());
}

Test(conv2d_bf16, views_refuse_bfloat16, .init = open_bf16, .fini = drop_weights)
{
    DfTensor *kept;
    two(true, &kept);
    df_reshape(c, kept, DF_SHAPE(SIDE * SIDE, NARROW));
    cr_assert_eq(df_ctx_error(c), DF_EVALUE);
}
