/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/one_context.h -- for tests of ops: each has a context of its own, which computes on one thread.
 *
 *     TestSuite(conv2d, .init = open_context, .fini = close_context);
 */
#ifndef DF_TESTS_TENSOR_ONE_CONTEXT_H
#define DF_TESTS_TENSOR_ONE_CONTEXT_H

#include <criterion/criterion.h>

#include "tensor/tensor.h"

static DfCtx *c;
static inline void open_context(void)
{
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
}
static inline void close_context(void)
{
    df_ctx_free(c);
}

/* Normal numbers, the same for every call with this stream; a gradient is wanted. */
static inline DfTensor *random_tensor(DfShape shape, uint64_t stream)
{
    DfTensor *x = df_new(c, shape);
    DfRandom r = df_random(5, stream);
    for (size_t i = 0; i < df_size(x); i++)
        x->data[i] = (float)df_normal(&r);
    x->wants_grad = true;
    return x;
}

#endif
