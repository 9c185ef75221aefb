/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_window_branch.c -- window attention between its projections, a few windows at a time, against the
 * ops one by one: the same bits in every precision, for any number of threads, alone and in a batch.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tensor/tensor.h"

typedef struct {
    int B, H, W, C;
    DfWindowAttention attention;
    bool norm, bias, table, scale, residual;
} Case;

static const Case cases[] = {
    { 1, 56, 50, 24, { .window = 7, .heads = 3, .scale = 0.3f }, true, true, true, false, true },
    { 2, 53, 57, 24, { .window = 7, .heads = 3, .scale = 0.3f, .shift = 3 }, true, true, true, false, true },
    { 1, 40, 44, 40, { .window = 3, .heads = 5, .scale = 0.4f, .shift = 1 }, false, true, true, true, true },
    { 1, 49, 52, 20, { .window = 5, .heads = 1, .scale = 0.2f, .shift = 3, .pad_after_shift = true }, true, true, false, true, false },
    { 1, 70, 70, 16, { .window = 7, .heads = 2, .scale = 0.3f, .shift = 4, .mask_side = 2 }, false, false, true, false, false },
    { 1, 60, 75, 48, { .window = 12, .heads = 2, .scale = 0.2f, .shift = 6 }, true, false, true, false, true },
};
enum { CASES = sizeof cases / sizeof *cases };

static DfTensor *random_tensor(DfCtx *c, DfShape shape, uint64_t stream, double size)
{
    DfTensor *x = df_new(c, shape);
    DfRandom r = df_random(11, stream);
    for (size_t i = 0; i < df_size(x); i++)
        x->data[i] = (float)(size * df_normal(&r));
    return x;
}

static DfTensor *random_if(DfCtx *c, bool wanted, DfShape shape, uint64_t stream)
{
    return wanted ? random_tensor(c, shape, stream, 0.5) : NULL;
}

static DfWindowBranch branch_of(DfCtx *c, const Case *k)
{
    const int C = k->C, side = 2 * k->attention.window - 1;
    return (DfWindowBranch){
        .norm = k->norm,
        .norm_weight = random_if(c, k->norm, DF_SHAPE(C), 2),
        .norm_bias = random_if(c, k->norm, DF_SHAPE(C), 3),
        .eps = 1e-5f,
        .qkv = random_tensor(c, DF_SHAPE(3 * C, C), 4, 0.2),
        .qkv_bias = random_if(c, k->bias, DF_SHAPE(3 * C), 5),
        .table = random_if(c, k->table, DF_SHAPE(side * side, k->attention.heads), 6),
        .attention = k->attention,
        .proj = random_tensor(c, DF_SHAPE(C, C), 7, 0.2),
        .proj_bias = random_if(c, k->bias, DF_SHAPE(C), 8),
        .fuse = { .scale = random_if(c, k->scale, DF_SHAPE(C), 9),
                  .residual = random_if(c, k->residual, DF_SHAPE(k->B, k->H, k->W, C), 10) },
    };
}

static DfTensor *one_by_one(DfCtx *c, DfTensor *x, const DfWindowBranch *b)
{
    x = b->norm ? df_layer_norm(c, x, b->norm_weight, b->norm_bias, b->eps) : x;
    DfTensor *qkv = df_linear(c, x, b->qkv, b->qkv_bias);
    DfTensor *y = df_window_attention(c, qkv, b->qkv_bias, b->table, b->attention);
    return df_linear_fused(c, y, b->proj, b->proj_bias, b->fuse);
}

/* OpenBLAS adds up in another order for another number of rows. */
static void expect_same(const DfCtx *c, const DfTensor *y, const DfTensor *expected, const char *what)
{
    cr_assert(df_same_shape(y->shape, expected->shape));
    if (!c->k->gemm.product)
        cr_assert_eq(memcmp(y->data, expected->data, df_size(y) * sizeof *y->data), 0, "other bits: %s", what);
    for (size_t i = 0; i < df_size(y); i++)
        cr_assert_float_eq(y->data[i], expected->data[i], 2e-5 * (1 + fabs((double)expected->data[i])));
}

static void check(DfCtx *c, const Case *k)
{
    DfTensor *x = random_tensor(c, DF_SHAPE(k->B, k->H, k->W, k->C), 1, 1);
    const DfWindowBranch b = branch_of(c, k);
    const DfTensor *y = df_window_branch(c, x, b);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    expect_same(c, y, one_by_one(c, x, &b), "in one pass");
    df_packed_drop(b.qkv);
    df_packed_drop(b.proj);
}

static DfCtx *context(DfPool *pool)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    return c;
}

Test(window_branch, as_its_ops)
{
    for (int bf16 = 0; bf16 < 2; bf16++) {
        DfCtx *c = context(NULL);
        for (int i = 0; i < CASES && (!bf16 || df_ctx_set_precision(c, DF_PRECISION_BF16) == DF_OK); i++)
            check(c, &cases[i]);
        df_ctx_free(c);
    }
}

Test(window_branch, in_8_bits)
{
    enum { C = 24 };
    DfCtx *c = context(NULL);
    const Case *k = &cases[1];
    DfTensor *x = random_tensor(c, DF_SHAPE(k->B, k->H, k->W, C), 1, 1);
    const DfWindowBranch b = branch_of(c, k);
    float scale[3 * C];
    for (int i = 0; i < 3 * C; i++)
        scale[i] = 0.004f + 0.0001f * (float)i;
    DfQuantization q = { .scale = scale, .range = { -4, 4 }, .step = 8.0f / 255, .zero = 128 };
    b.qkv->quantization = b.proj->quantization = &q;
    expect_same(c, df_window_branch(c, x, b), one_by_one(c, x, &b), "in 8 bits");
    df_packed_drop(b.qkv);
    df_packed_drop(b.proj);
    df_ctx_free(c);
}

Test(window_branch, threads)
{
    DfPool *pool;
    cr_assert_eq(df_pool_new(&pool, 3), DF_OK);
    DfCtx *alone = context(NULL), *many = context(pool);
    for (int i = 0; i < CASES; i++) {
        const Case *k = &cases[i];
        DfTensor *y[2];
        for (int j = 0; j < 2; j++) {
            DfCtx *c = j ? many : alone;
            const DfWindowBranch b = branch_of(c, k);
            y[j] = df_window_branch(c, random_tensor(c, DF_SHAPE(k->B, k->H, k->W, k->C), 1, 1), b);
            df_packed_drop(b.qkv);
            df_packed_drop(b.proj);
        }
        cr_assert_eq(memcmp(y[0]->data, y[1]->data, df_size(y[0]) * sizeof(float)), 0);
    }
    df_ctx_free(alone);
    df_ctx_free(many);
    df_pool_free(pool);
}

/* What does not fit is refused by the op that it does not fit. */
Test(window_branch, refuses)
{
    DfCtx *c = context(NULL);
    Case k = cases[0];
    k.attention.heads = 5;
    df_window_branch(c, random_tensor(c, DF_SHAPE(k.B, k.H, k.W, k.C), 1, 1), branch_of(c, &k));
    cr_assert_eq(df_ctx_error(c), DF_ESHAPE);
    df_reset(c);
    df_window_branch(c, random_tensor(c, DF_SHAPE(k.H, k.W, k.C), 1, 1), branch_of(c, &cases[0]));
    cr_assert_eq(df_ctx_error(c), DF_ESHAPE);
    df_ctx_free(c);
}

/* On the tape the ops stand one by one, and all of them have gradients. */
Test(window_branch, has_a_way_back)
{
    DfCtx *c = context(NULL);
    const Case *k = &cases[0];
    DfTensor *x = random_tensor(c, DF_SHAPE(k->B, k->H, k->W, k->C), 1, 1);
    DfWindowBranch b = branch_of(c, k);
    const DfTensor *y = df_window_branch(c, x, b);
    c->recording = true;
    DfTensor *all[] = { x, b.norm_weight, b.norm_bias, b.qkv, b.qkv_bias, b.table, b.proj, b.proj_bias, b.fuse.residual };
    for (int i = 0; i < 9; i++)
        all[i]->wants_grad = true;
    DfTensor *z = df_window_branch(c, x, b);
    for (size_t i = 0; i < df_size(y); i++)
        cr_assert_float_eq(y->data[i], z->data[i], 2e-5 * (1 + fabs((double)z->data[i])));
    df_backward(c, z, NULL);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    for (int i = 0; i < 9; i++)
        cr_assert(all[i]->reached, "source %d", i);
    df_packed_drop(b.qkv);
    df_packed_drop(b.proj);
    df_ctx_free(c);
}
