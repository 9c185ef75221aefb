/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_deform_conv.c -- deformable convolution, forward and backward, against reference
 * outputs of PyTorch (tests/data/ops): both versions, groups, groups of offsets, dilation. These are N C H
 * W; here they are turned to channels last and back.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tensor/tensor.h"
#include "tests/support/golden.h"

typedef struct {
    const char *name;
    DfConv conv;
    int offset_groups;
} Case;

static const Case cases[] = {
    { "deform_conv2d_v1", { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 }, 1 },
    { "deform_conv2d_v2", { { 2, 2 }, { 1, 1 }, { 1, 1 }, 1 }, 2 },
    { "deform_conv2d_v2_g2_dil2", { { 1, 1 }, { 2, 2 }, { 2, 2 }, 2 }, 4 },
};

enum { X, OFFSET, MASK, WEIGHT, BIAS, INPUTS };
static const char *const names[INPUTS] = { "x", "offset", "mask", "weight", "bias" };

static const DfArray *array_of(const DfCheckpoint *g, const char *kind, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "%s.%s", kind, name);
    return df_checkpoint_find(g, key);
}

static DfArray ours(const DfArray *array)
{
    return array->ndim == 4 ? golden_channels_last(array) : *array;
}

static DfTensor *load(DfCtx *c, const DfCheckpoint *g, const char *kind, const char *name)
{
    const DfArray *array = array_of(g, kind, name);
    if (!array)
        return NULL;
    const DfArray a = ours(array);
    DfTensor *x = golden_tensor(c, &a);
    x->wants_grad = true;
    return x;
}

static void compare(const DfCheckpoint *g, const char *kind, const char *name, const float *got)
{
    const DfArray a = ours(array_of(g, kind, name));
    cr_expect_lt(rel_l2(got, &a), 2e-5, "%s: relative error %g", a.name, rel_l2(got, &a));
    cr_expect_lt(max_abs_over_max(got, &a), 2e-5, "%s: largest error %g", a.name, max_abs_over_max(got, &a));
}

static DfTensor *run(DfCtx *c, const Case *t, DfTensor *const *in)
{
    return df_deform_conv2d(c, in[X], in[OFFSET], in[MASK], in[WEIGHT], in[BIAS], t->conv, t->offset_groups);
}

/* One pass there and back; `keep` gets results and gradients one behind the other, or is compared with them. */
static void check(const Case *t, const DfCheckpoint *g, const DfKernels *k, int threads, float *keep)
{
    DfPool *pool = NULL;
    DfCtx *c = NULL;
    cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    c->k = k;
    c->recording = true;
    DfTensor *in[INPUTS];
    for (int i = 0; i < INPUTS; i++)
        in[i] = load(c, g, "input", names[i]);
    const DfTensor *seed = load(c, g, "gradout", "y");
    DfTensor *y = run(c, t, in);
    df_backward(c, y, seed->data);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s: %s", t->name, df_error());
    compare(g, "output", "y", y->data);
    for (int i = 0; i < INPUTS; i++)
        if (in[i]) {
            compare(g, "grad", names[i], in[i]->grad);
            if (threads == 1)
                memcpy(keep, in[i]->grad, df_size(in[i]) * sizeof *keep);
            else
                cr_expect_arr_eq(keep, in[i]->grad, df_size(in[i]) * sizeof *keep, "%s: threads change the gradient of %s", t->name, names[i]);
            keep += df_size(in[i]);
        }
    df_ctx_free(c);
    df_pool_free(pool);
}

Test(deform_conv, as_pytorch)
{
    static float keep[65536];
    for (int rung = 0; df_kernels_rung(rung); rung++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(rung));
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            DfCheckpoint *g = golden_open(DF_TEST_DATA "/ops/%s.safetensors", cases[i].name);
            cr_assert_not_null(g);
            check(&cases[i], g, k, 1, keep);
            check(&cases[i], g, k, 2, keep);
            golden_close(g);
        }
    }
}

/* Without offsets it is a convolution; a sample that is nowhere is zero. */
Test(deform_conv, without_offsets)
{
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    DfTensor *x = df_new(c, DF_SHAPE(1, 7, 5, 3)), *w = df_new(c, DF_SHAPE(4, 3, 3, 3)), *offset = df_zeros(c, DF_SHAPE(1, 4, 3, 18));
    DfRandom random = df_random(1, 2);
    for (size_t i = 0; i < df_size(x); i++)
        x->data[i] = (float)df_normal(&random);
    for (size_t i = 0; i < df_size(w); i++)
        w->data[i] = (float)df_normal(&random);
    const DfConv conv = { { 2, 2 }, { 1, 1 }, { 1, 1 }, 1 };
    const DfTensor *y = df_deform_conv2d(c, x, offset, NULL, w, NULL, conv, 1), *z = df_conv2d(c, x, w, NULL, conv, (DfFuse){ 0 });
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    for (size_t i = 0; i < df_size(y); i++)
        cr_assert_float_eq(y->data[i], z->data[i], 1e-5);
    for (size_t i = 0; i < df_size(offset); i++)
        offset->data[i] = i % 2 ? 1e30f : -(float)INFINITY;
    y = df_deform_conv2d(c, x, offset, NULL, w, NULL, conv, 1);
    for (size_t i = 0; i < df_size(y); i++)
        cr_assert_eq(y->data[i], 0.0f);
    df_deform_conv2d(c, x, x, NULL, w, NULL, conv, 1);
    cr_assert_eq(df_ctx_error(c), DF_ESHAPE);
    df_ctx_free(c);
}
