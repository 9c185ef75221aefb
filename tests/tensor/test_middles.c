/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_middles.c -- the middles of maps, looked at for numbers that are NaN or infinite: which cell of which
 * picture, and when nobody looks.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "tensor/tensor.h"

enum { N = 2, H = 5, W = 4, C = 3, MIDDLE = (H / 2) * W + W / 2 };

static DfCtx *context(void)
{
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    return c;
}

/* A map whose only bad number is channel k of a cell of picture n. */
static int look_at(DfCtx *c, int n, int cell, int k, float bad)
{
    df_reset(c);
    DfTensor *x = df_zeros(c, DF_SHAPE(N, H, W, C));
    if (x->data)
        x->data[(n * H * W + cell) * C + k] = bad;
    df_want_numbers(c, x, "map", 7);
    return df_ctx_error(c);
}

Test(middles, the_middle_of_every_picture)
{
    DfCtx *c = context();
    const float bad[] = { NAN, -NAN, INFINITY, -INFINITY };
    for (int n = 0; n < N; n++)
        for (int cell = 0; cell < H * W; cell++)
            for (int k = 0; k < C; k++)
                for (int i = 0; i < 4; i++)
                    cr_assert_eq(look_at(c, n, cell, k, bad[i]), cell == MIDDLE ? DF_EVALUE : DF_OK, "picture %d, cell %d", n, cell);
    cr_expect_eq(look_at(c, 1, MIDDLE, 0, -3.4e38f), DF_OK, "a large number is one");
    df_ctx_free(c);
}

Test(middles, the_sentence_says_what_and_where)
{
    DfCtx *c = context();
    const DfMark m = df_enter(c, "neck", -1);
    float rows[6] = { 1, 2, 3, 4, 5, NAN };
    df_want_numbers(c, df_borrow(c, DF_SHAPE(1, 6), rows), "the logits", -1);
    df_leave_all(c, m, NULL, 0);
    cr_expect_eq(df_ctx_error(c), DF_EVALUE);
    cr_expect_str_eq(df_error(), "neck: numbers that are NaN or infinite in the logits: want weights that were trained with this config");
    cr_assert_eq(look_at(c, 0, MIDDLE, 0, NAN), DF_EVALUE);
    cr_expect_str_eq(df_error(), "numbers that are NaN or infinite in map 7: want weights that were trained with this config");
    df_ctx_free(c);
}

Test(middles, nobody_looks_where_losses_tell_or_there_is_nothing)
{
    DfCtx *c = context();
    c->training = true;
    cr_expect_eq(look_at(c, 0, MIDDLE, 0, NAN), DF_OK);
    c->training = false;
    c->recording = true;
    cr_expect_eq(look_at(c, 0, MIDDLE, 0, NAN), DF_OK);
    c->recording = false;
    c->dry = true;
    cr_expect_eq(look_at(c, 0, MIDDLE, 0, NAN), DF_OK);
    c->dry = false;
    df_reset(c);
    df_want_numbers(c, df_new(c, DF_SHAPE(0, 4)), "regions", -1);
    cr_expect_eq(df_ctx_error(c), DF_OK);
    df_ctx_free(c);
}
