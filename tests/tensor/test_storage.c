/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_storage.c -- steps of many sizes, as images of a data set are, keep little more memory than the largest of them uses.
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
