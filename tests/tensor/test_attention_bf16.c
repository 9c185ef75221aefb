/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_attention_bf16.c -- attention in bf16 beside attention in float32, which test_attention.c compares
 * with PyTorch. Inputs are numbers of bfloat16 already, and the scale is a power of two: so nothing but the softmax's
 * weights is rounded, each by at most 2^-8 of itself, and a result, which is a mean of values, by at most 2^-7 of the
 * largest one.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tensor/tensor.h"

typedef DfTensor *Apply(DfCtx *);

/* Numbers of 8 bits: multiples of 1/32 below 4. */
static DfTensor *random_tensor(DfCtx *c, DfShape shape, uint64_t stream)
{
    DfTensor *x = df_new(c, shape);
    DfRandom r = df_random(23, stream);
    for (size_t i = 0; i < df_size(x); i++)
        x->data[i] = (float)fmax(-3.96875, fmin(3.96875, round(32 * df_normal(&r)) / 32));
    return x;
}
static const double largest = 3.96875;

/* ---- the kinds of attention -------------------------------------------------------------------------------------- */

static DfTensor *window(DfCtx *c)
{
    return df_window_attention(c, random_tensor(c, DF_SHAPE(2, 17, 20, 66), 1), random_tensor(c, DF_SHAPE(66), 2),
                               random_tensor(c, DF_SHAPE(169, 2), 3),
                               (DfWindowAttention){ .heads = 2, .window = 7, .shift = 3, .scale = 0.25f });
}

static DfTensor *wide_window(DfCtx *c)
{
    return df_window_attention(c, random_tensor(c, DF_SHAPE(1, 13, 25, 192), 1), NULL, NULL,
                               (DfWindowAttention){ .heads = 2, .window = 12, .scale = 0.125f });
}

static DfTensor *neighborhood(DfCtx *c)
{
    return df_neighborhood_attention(c, random_tensor(c, DF_SHAPE(2, 19, 23, 90), 1),
                                     random_tensor(c, DF_SHAPE(2, 13, 13), 2),
                                     (DfNeighborhoodAttention){ .heads = 2, .window = 7, .dilation = 1,
                                                                .scale = 0.25f });
}

static DfTensor *focal(DfCtx *c)
{
    DfTensor *pooled = random_tensor(c, DF_SHAPE(1, 2, 2, 48), 4);
    DfTensor *of_pooled = random_tensor(c, DF_SHAPE(2, 36), 5);
    DfTensor *neighbors = random_tensor(c, DF_SHAPE(1, 2, 16, df_focal_neighbors(4, 2)), 6);
    return df_focal_attention(c, random_tensor(c, DF_SHAPE(1, 7, 8, 48), 1), random_tensor(c, DF_SHAPE(48), 2),
                              random_tensor(c, DF_SHAPE(49, 2), 3), neighbors, &pooled, &of_pooled,
                              (DfFocalAttention){ .heads = 2, .window = 4, .expand = 2, .levels = 1, .focal_window = 3,
                                                  .scale = 0.25f });
}

static DfTensor *multi_head(DfCtx *c)
{
    const DfDeformAttention o = { .heads = 2, .groups = 1, .scale = 0.125f };
    DfTensor *k = random_tensor(c, DF_SHAPE(2, 151, 64), 2), *v = random_tensor(c, DF_SHAPE(2, 151, 64), 3);
    return df_deform_attention(c, random_tensor(c, DF_SHAPE(2, 1, 101, 64), 1), k, v, NULL, NULL, o);
}

static DfTensor *masked(DfCtx *c)
{
    static uint8_t mask[2 * 151];
    for (size_t i = 0; i < sizeof mask; i++)
        mask[i] = i % 3 == 1 || (i > 151 && i < 200);
    const DfDeformAttention o = { .heads = 2, .groups = 1, .scale = 0.25f, .padding_mask = mask };
    DfTensor *k = random_tensor(c, DF_SHAPE(2, 151, 30), 2), *v = random_tensor(c, DF_SHAPE(2, 151, 30), 3);
    return df_deform_attention(c, random_tensor(c, DF_SHAPE(2, 1, 37, 30), 1), k, v, NULL, NULL, o);
}

static DfTensor *dense(DfCtx *c)
{
    return df_deform_attention(c, random_tensor(c, DF_SHAPE(1, 5, 9, 32), 1), random_tensor(c, DF_SHAPE(1, 77, 32), 2),
                               random_tensor(c, DF_SHAPE(1, 77, 32), 3), NULL, random_tensor(c, DF_SHAPE(2, 45, 77), 4),
                               (DfDeformAttention){ .heads = 2, .groups = 1, .scale = 0.25f, .kind = DF_BIAS_DENSE });
}

static DfTensor *table(DfCtx *c)
{
    return df_deform_attention(c, random_tensor(c, DF_SHAPE(1, 12, 13, 64), 1),
                               random_tensor(c, DF_SHAPE(1, 60, 64), 2), random_tensor(c, DF_SHAPE(1, 60, 64), 3),
                               random_tensor(c, DF_SHAPE(1, 1, 60, 2), 5), random_tensor(c, DF_SHAPE(2, 23, 25), 4),
                               (DfDeformAttention){ .heads = 2, .groups = 1, .scale = 0.25f, .kind = DF_BIAS_TABLE });
}

static const struct {
    const char *name;
    Apply *apply;
} kinds[] = {
    { "window", window },   { "wide window", wide_window }, { "neighborhood", neighborhood }, { "focal", focal },
    { "multi-head", multi_head }, { "masked", masked },     { "dense bias", dense },          { "table", table },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- one of them, on a rung -------------------------------------------------------------------------------------- */

typedef struct {
    DfPool *pool;
    DfCtx *c;
    DfTensor *y;
} Run;

static Run run(Apply *apply, const DfKernels *k, int threads, DfPrecision precision)
{
    Run r = { 0 };
    cr_assert_eq(df_pool_new(&r.pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&r.c, r.pool), DF_OK);
    r.c->k = k;
    cr_assert_eq(df_ctx_set_precision(r.c, precision), DF_OK);
    r.y = apply(r.c);
    cr_assert_eq(df_ctx_error(r.c), DF_OK, "%s", df_error());
    return r;
}

static void end(Run *r)
{
    df_ctx_free(r->c);
    df_pool_free(r->pool);
}

static bool same_bits(const Run *a, const Run *b)
{
    return memcmp(a->y->data, b->y->data, df_size(a->y) * sizeof(float)) == 0;
}

static void check(const char *name, Apply *apply, const DfKernels *k)
{
    Run plain = run(apply, k, 1, DF_PRECISION_F32);
    Run one = run(apply, k, 1, DF_PRECISION_BF16);
    Run three = run(apply, k, 3, DF_PRECISION_BF16);
    cr_expect(same_bits(&one, &three), "%s, %s: 3 threads differ", name, df_kernels_name(k));
    cr_expect_eq(same_bits(&one, &plain), !k->attention_bf16.weigh, "%s, %s: float32 or not", name, df_kernels_name(k));
    double most = 0, total = 0;
    for (size_t i = 0; i < df_size(one.y); i++) {
        const double error = fabs((double)one.y->data[i] - (double)plain.y->data[i]);
        most = error > most || error != error ? error : most;
        total += error;
    }
    cr_expect_leq(most, largest / 128, "%s, %s: %g off", name, df_kernels_name(k), most);
    cr_expect_leq(total / (double)df_size(one.y), largest / 1000, "%s, %s: %g off on average", name, df_kernels_name(k),
                  total / (double)df_size(one.y));
    end(&plain);
    end(&one);
    end(&three);
}

Test(attention_bf16, rounds_the_weights)
{
    for (int i = 0; df_kernels_rung(i); i++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(i));
        for (int kind = 0; k->bf16.tile && kind < KINDS; kind++)
            check(kinds[kind].name, kinds[kind].apply, k);
    }
}

/* Rungs differ in the last bits of exp, which may round a weight to its other neighbour. */
Test(attention_bf16, rungs_agree)
{
    const DfKernels *reference = df_kernels_named("c");
    for (int i = 1; df_kernels_rung(i); i++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(i));
        for (int kind = 0; k->attention_bf16.weigh && kind < KINDS; kind++) {
            Run want = run(kinds[kind].apply, reference, 1, DF_PRECISION_BF16);
            Run got = run(kinds[kind].apply, k, 1, DF_PRECISION_BF16);
            double total = 0;
            for (size_t j = 0; j < df_size(got.y); j++)
                total += fabs((double)got.y->data[j] - (double)want.y->data[j]);
            cr_expect_leq(total / (double)df_size(got.y), 1e-5 * largest, "%s, %s", kinds[kind].name,
                          df_kernels_name(k));
            end(&want);
            end(&got);
        }
    }
}
