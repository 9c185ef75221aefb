/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_storage.c -- steps of many sizes, as images of a data set are, keep
 * little more memory than the largest of them uses.
 */
#include <criterion/criterion.h>

#include "core/core.h"
#include "tensor/tensor.h"

/* A pass: maps that shrink, each made from the last. */
static size_t pass(DfCtx *c, int size)
{
    df_reset(c);
    DfTensor *x = df_zeros(c, DF_SHAPE(1, size, size, 16));
    for (int i = 0; i < 12; i++)
        df_next(c, &x, df_zeros(c, DF_SHAPE(1, size - 7 * i, size, i % 3 ? 24 : 64)));
    cr_assert_eq(df_ctx_error(c), DF_OK);
    return c->peak;
}

Test(storage, steps_of_many_sizes)
{
    DfCtx *c;
    const size_t before = df_memory().now;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    size_t most = 0;
    for (int i = 0; i < 40; i++) {
        const size_t peak = pass(c, 200 + i * 37 % 40 * 10);
        most = peak > most ? peak : most;
    }
    df_reset(c);
    const size_t kept = df_memory().now - before;
    cr_expect_leq(kept, 2 * most + (1 << 20), "%zu bytes are kept, %zu were in use at most", kept, most);
    for (int i = 0; i < 40; i++)
        pass(c, 200 + i * 37 % 40 * 10);
    df_reset(c);
    cr_expect_eq(df_memory().now - before, kept, "the second round of sizes took more memory");
    df_ctx_free(c);
    cr_expect_eq(df_memory().now, before);
}

/* A map, and while it is made the factors and summands of its norm. */
static DfTensor *conv(DfCtx *c, int size, int channels)
{
    const DfMark m = df_enter(c, NULL, -1);
    df_zeros(c, DF_SHAPE(channels));
    df_zeros(c, DF_SHAPE(channels));
    return df_leave(c, m, df_zeros(c, DF_SHAPE(1, size, size, channels)));
}

/* The stages of a ResNet: in each block two narrow maps between wide ones, and the input lives on as its residual, or
 * makes another wide one. */
static size_t stages(DfCtx *c)
{
    df_reset(c);
    DfTensor *x = conv(c, 256, 64);
    df_next(c, &x, df_zeros(c, DF_SHAPE(1, 128, 128, 64)));
    for (int i = 0, size = 128; i < 4; i++, size /= 2)
        for (int j = 0; j < 4; j++) {
            const DfMark m = df_enter(c, "block", j);
            DfTensor *y = conv(c, i && !j ? 2 * size : size, 64 << i);
            df_next(c, &y, conv(c, size, 64 << i));
            if (j == 0)
                conv(c, size, 256 << i);
            df_next(c, &x, df_leave(c, m, conv(c, size, 256 << i)));
        }
    cr_assert_eq(df_ctx_error(c), DF_OK);
    return c->peak;
}

/* What is small does not lie where the next wide map should go. */
Test(storage, a_step_again_fits_where_slabs_became_one)
{
    DfCtx *c;
    const size_t before = df_memory().now;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    size_t most = 0;
    for (int i = 0; i < 6; i++)
        most = stages(c);
    df_reset(c);
    const size_t kept = df_memory().now - before;
    cr_expect_leq(kept, most + most / 4 + (1 << 16), "%zu bytes are kept, %zu were in use at most", kept, most);
    df_ctx_free(c);
}
