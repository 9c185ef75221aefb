/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_conv2d.c -- convolutions, plain and transposed, against reference outputs of PyTorch
 * (tests/data/ops). These are N C H W; here they are turned to channels last and back.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/tensor/one_context.h"

TestSuite(conv2d, .init = open_context, .fini = close_context);

/* In our order of axes: channels last, and a depthwise weight C 1 kh kw as kh kw C. */
static DfArray ours(const DfArray *array, bool depthwise)
{
    if (array->ndim != 4)
        return *array;
    DfArray a = golden_channels_last(array);
    if (!depthwise)
        return a;
    const DfArray c_kh_kw_1 = a;
    a.ndim = 3;
    for (int i = 0; i < 3; i++) {
        a.shape[i] = c_kh_kw_1.shape[(i + 1) % 3];
        a.stride[i] = c_kh_kw_1.stride[(i + 1) % 3];
    }
    return a;
}

static DfTensor *from_golden(const DfCheckpoint *g, const char *name, bool depthwise)
{
    const DfArray *array = df_checkpoint_find(g, name);
    if (!array)
        return NULL;
    const DfArray a = ours(array, depthwise);
    DfTensor *x = golden_tensor(c, &a);
    x->wants_grad = true;
    return x;
}

static void compare(const char *file, const DfCheckpoint *g, const char *name, const float *got, bool depthwise)
{
    const DfArray a = ours(golden_get(g, name), depthwise);
    cr_assert(rel_l2(got, &a) < 2e-5, "%s: %s: relative error %g", file, name, rel_l2(got, &a));
    cr_assert(max_abs_over_max(got, &a) < 2e-5, "%s: %s: largest error %g", file, name, max_abs_over_max(got, &a));
}

typedef struct {
    const char *name;
    DfConv conv;
    bool depthwise, transposed;
} Case;

static const Case cases[] = {
    { "conv2d_1x1", { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 }, false, false },
    { "conv2d_3x3", { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 }, false, false },
    { "conv2d_3x3s2", { { 2, 2 }, { 1, 1 }, { 1, 1 }, 1 }, false, false },
    { "conv2d_7x7s2", { { 2, 2 }, { 3, 3 }, { 1, 1 }, 1 }, false, false },
    { "conv2d_4x4s4", { { 4, 4 }, { 0, 0 }, { 1, 1 }, 1 }, false, false },
    { "conv2d_2x2s2", { { 2, 2 }, { 0, 0 }, { 1, 1 }, 1 }, false, false },
    { "conv2d_dw3", { { 1, 1 }, { 1, 1 }, { 1, 1 }, 10 }, true, false },
    { "conv2d_dw3", { { 1, 1 }, { 1, 1 }, { 1, 1 }, 10 }, false, false },
    { "conv2d_dw7", { { 1, 1 }, { 3, 3 }, { 1, 1 }, 6 }, true, false },
    { "conv2d_dw9s8", { { 8, 8 }, { 4, 4 }, { 1, 1 }, 4 }, true, false },
    { "conv2d_g2", { { 1, 1 }, { 1, 1 }, { 1, 1 }, 2 }, false, false },
    { "conv2d_dil2", { { 1, 1 }, { 2, 2 }, { 2, 2 }, 1 }, false, false },
    { "conv2d_1x1s2", { { 2, 2 }, { 0, 0 }, { 1, 1 }, 1 }, false, false },
    { "conv2d_asym", { { 2, 1 }, { 1, 2 }, { 1, 1 }, 1 }, false, false },
    { "conv2d_mult", { { 1, 1 }, { 1, 1 }, { 1, 1 }, 3 }, false, false },
    { "conv_transpose2d_2x2s2", { { 2, 2 }, { 0, 0 }, { 1, 1 }, 1 }, false, true },
    { "conv_transpose2d_4x4s2", { { 2, 2 }, { 1, 1 }, { 1, 1 }, 1 }, false, true },
};

static DfTensor *run(const Case *t, DfTensor *x, DfTensor *w, DfTensor *b, DfFuse fuse)
{
    return t->transposed ? df_conv_transpose2d(c, x, w, b, t->conv, (int[2]){ 0, 0 }) : df_conv2d(c, x, w, b, t->conv, fuse);
}

static void check_golden(const Case *t, const DfCheckpoint *g)
{
    DfTensor *x = from_golden(g, "input.x", false), *w = from_golden(g, "input.weight", t->depthwise), *b = from_golden(g, "input.bias", false);
    DfTensor *seed = from_golden(g, "gradout.y", false);
    c->recording = true;
    DfTensor *y = run(t, x, w, b, (DfFuse){ 0 });
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s: %s", t->name, df_error());
    cr_assert(df_same_shape(y->shape, seed->shape), "%s", t->name);
    df_backward(c, y, seed->data);
    compare(t->name, g, "output.y", y->data, false);
    compare(t->name, g, "grad.x", x->grad, false);
    compare(t->name, g, "grad.weight", w->grad, t->depthwise);
    if (b)
        compare(t->name, g, "grad.bias", b->grad, false);
    c->recording = false;
    compare(t->name, g, "output.y", run(t, x, w, b, (DfFuse){ 0 })->data, false); /* by a kept packed copy */
    df_reset(c);
}

Test(conv2d, as_pytorch)
{
    for (int rung = 0; df_kernels_rung(rung); rung++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(rung));
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            c->k = k;
            DfCheckpoint *g = golden_open(DF_TEST_DATA "/ops/%s.safetensors", cases[i].name);
            cr_assert_not_null(g, "%s is missing", cases[i].name);
            check_golden(&cases[i], g);
            golden_close(g);
        }
    }
}

/* ---- recorded and fused forms ---- */

static void check_form(DfTensor *w, int I, int O, DfConv conv, bool inside)
{
    DfTensor *x = random_tensor(DF_SHAPE(2, 15, 7, I), 1), *b = random_tensor(DF_SHAPE(O), 2), *s = random_tensor(DF_SHAPE(O), 3);
    DfTensor *y[2], *r = NULL;
    for (int fused = 0; fused < 2; fused++) {
        c->recording = !fused;
        r = r ? r : random_tensor(df_conv2d(c, x, w, b, conv, (DfFuse){ 0 })->shape, 4);
        y[fused] = df_conv2d(c, x, w, b, conv, (DfFuse){ .act = DF_ACT_RELU, .scale = s, .residual = r, .inside = inside });
    }
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    for (size_t i = 0; i < df_size(r); i++)
        cr_assert_float_eq(y[0]->data[i], y[1]->data[i], 1e-4 * (1 + fabs((double)y[0]->data[i])));
}

static void check_forms(DfTensor *w, int I, int O, DfConv conv)
{
    check_form(w, I, O, conv, false);
    check_form(w, I, O, conv, true);
    df_reset(c);
}

Test(conv2d, fused_and_recorded_agree)
{
    const DfConv same = { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 }, half = { { 2, 2 }, { 1, 1 }, { 1, 1 }, 1 }, point = { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 };
    const DfConv depthwise = { { 1, 1 }, { 1, 1 }, { 1, 1 }, 11 };
    check_forms(random_tensor(DF_SHAPE(5, 1, 1, 6), 9), 6, 5, point);
    check_forms(random_tensor(DF_SHAPE(5, 3, 3, 6), 9), 6, 5, half);
    check_forms(random_tensor(DF_SHAPE(40, 3, 3, 32), 9), 32, 40, same); /* Winograd */
    check_forms(random_tensor(DF_SHAPE(40, 3, 3, 32), 9), 32, 40, half); /* the same, unless recorded */
    check_forms(random_tensor(DF_SHAPE(3, 3, 11), 9), 11, 11, depthwise);
}

/* A result takes over the memory of a residual that is spent, with the same bits, unless somebody shares it. */
static void check_spent(DfTensor *w, int I, int O, DfConv conv)
{
    DfTensor *x = random_tensor(DF_SHAPE(2, 15, 7, I), 1), *b = random_tensor(DF_SHAPE(O), 2);
    const DfShape shape = df_conv2d(c, x, w, b, conv, (DfFuse){ 0 })->shape;
    const bool blas = c->k->gemm.product; /* adds a residual that is its result in another order */
    DfFuse fuse = { .act = DF_ACT_RELU, .inside = true, .residual = random_tensor(shape, 4) };
    DfTensor *y = df_conv2d(c, x, w, b, conv, fuse);
    fuse.spent = true;
    for (int shared = 0; shared < 2; shared++) {
        fuse.residual = random_tensor(shape, 4);
        if (shared)
            df_reshape(c, fuse.residual, shape);
        DfTensor *z = df_conv2d(c, x, w, b, conv, fuse);
        cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
        cr_expect_eq(z->data == fuse.residual->data, !shared);
        for (size_t j = 0; j < df_size(y); j++)
            cr_assert_float_eq(y->data[j], z->data[j], blas ? 1e-5 * (1 + fabs((double)y->data[j])) : 0, "%s, %d to %d",
                               df_kernels_name(c->k), I, O);
    }
    df_reset(c);
}

Test(conv2d, in_the_memory_of_a_residual)
{
    const DfConv same = { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 }, half = { { 2, 2 }, { 1, 1 }, { 1, 1 }, 1 }, point = { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 };
    for (int i = 0; df_kernels_rung(i); i++)
        for (DfPrecision p = DF_PRECISION_F32; p <= DF_PRECISION_BF16; p++) {
            c->k = df_kernels_named(df_kernels_rung(i));
            if (df_precision_check(p, c->k) < 0)
                continue;
            c->precision = p;
            check_spent(random_tensor(DF_SHAPE(35, 1, 1, 600), 9), 600, 35, point); /* three blocks along k */
            check_spent(random_tensor(DF_SHAPE(35, 3, 3, 70), 9), 70, 35, half);
            check_spent(random_tensor(DF_SHAPE(70, 3, 3, 32), 9), 32, 70, same); /* Winograd */
            check_spent(random_tensor(DF_SHAPE(70, 3, 3, 32), 9), 32, 70, half);
        }
}

/* A factor of each output channel that is folded into the weight, and another
 * one later: each has a packed copy of its own. */
static void check_folded(DfTensor *w, int I, int O, DfConv conv)
{
    DfTensor *x = random_tensor(DF_SHAPE(2, 15, 7, I), 1), *b = random_tensor(DF_SHAPE(O), 2), *fold = random_tensor(DF_SHAPE(O), 3);
    for (int again = 0; again < 2; again++) {
        DfTensor *y = df_conv2d(c, x, w, b, conv, (DfFuse){ .fold = fold, .act = DF_ACT_RELU });
        DfTensor *z = df_relu(c, df_add(c, df_mul(c, df_conv2d(c, x, w, NULL, conv, (DfFuse){ 0 }), fold), b));
        cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
        for (size_t i = 0; i < df_size(y); i++)
            cr_assert_float_eq(y->data[i], z->data[i], 1e-4 * (1 + fabs((double)z->data[i])));
        for (int i = 0; i < O; i++)
            fold->data[i] = -1.5f * fold->data[i];
    }
    df_reset(c);
}

Test(conv2d, folded_factors)
{
    const DfConv same = { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 }, half = { { 2, 2 }, { 1, 1 }, { 1, 1 }, 1 }, point = { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 };
    const DfConv grouped = { { 1, 1 }, { 1, 1 }, { 1, 1 }, 2 };
    check_folded(random_tensor(DF_SHAPE(5, 1, 1, 6), 9), 6, 5, point);
    check_folded(random_tensor(DF_SHAPE(5, 3, 3, 6), 9), 6, 5, half);
    check_folded(random_tensor(DF_SHAPE(40, 3, 3, 32), 9), 32, 40, same); /* Winograd */
    check_folded(random_tensor(DF_SHAPE(40, 3, 3, 32), 9), 32, 40, half);
    check_folded(random_tensor(DF_SHAPE(6, 3, 3, 4), 9), 8, 6, grouped);
    const DfConv depthwise = { { 1, 1 }, { 1, 1 }, { 1, 1 }, 11 };
    df_conv2d(c, random_tensor(DF_SHAPE(1, 9, 7, 11), 1), random_tensor(DF_SHAPE(3, 3, 11), 9), NULL, depthwise, (DfFuse){ .fold = random_tensor(DF_SHAPE(11), 3) });
    cr_expect(df_ctx_error(c) < 0);
}

/* <conv(x), y> = <x, transposed(y)> when both have the same weight: whatever the options, output padding included. */
Test(conv2d, transposed_is_the_adjoint)
{
    static const DfConv convs[] = { { { 2, 3 }, { 1, 0 }, { 1, 2 }, 1 }, { { 3, 2 }, { 2, 1 }, { 2, 1 }, 2 }, { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 } };
    for (size_t i = 0; i < 3; i++) {
        const DfConv conv = convs[i];
        DfTensor *w = random_tensor(DF_SHAPE(6, 3, 2, 4 / conv.groups), 1), *x = random_tensor(DF_SHAPE(2, 12, 11, 4), 2);
        DfTensor *y = df_conv2d(c, x, w, NULL, conv, (DfFuse){ 0 });
        DfTensor *v = random_tensor(y->shape, 3);
        const int covered[2] = { (df_dim(y, 1) - 1) * conv.stride[0] - 2 * conv.padding[0] + conv.dilation[0] * 2 + 1,
                                 (df_dim(y, 2) - 1) * conv.stride[1] - 2 * conv.padding[1] + conv.dilation[1] + 1 };
        const int output_padding[2] = { 12 - covered[0], 11 - covered[1] };
        DfTensor *u = df_conv_transpose2d(c, v, w, NULL, conv, output_padding);
        cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
        cr_assert(df_same_shape(u->shape, x->shape));
        double left = 0, right = 0, size = 0;
        for (size_t j = 0; j < df_size(y); j++)
            left += (double)y->data[j] * (double)v->data[j], size += fabs((double)y->data[j] * (double)v->data[j]);
        for (size_t j = 0; j < df_size(x); j++)
            right += (double)x->data[j] * (double)u->data[j];
        cr_assert(fabs(left - right) < 1e-5 * size, "case %zu: %g and %g", i, left, right);
        df_reset(c);
    }
}

/* ---- contracts ---- */

Test(conv2d, refuses_what_does_not_fit)
{
    const DfConv conv = { { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 };
    static const int shapes[][2][4] = { { { 1, 5, 5, 3 }, { 4, 3, 3, 2 } }, { { 1, 2, 5, 3 }, { 4, 3, 3, 3 } } };
    for (int i = 0; i < 2; i++) {
        const int *x = shapes[i][0], *w = shapes[i][1];
        df_conv2d(c, df_new(c, DF_SHAPE(x[0], x[1], x[2], x[3])), df_new(c, DF_SHAPE(w[0], w[1], w[2], w[3])), NULL, conv, (DfFuse){ 0 });
        cr_assert_eq(df_ctx_error(c), DF_ESHAPE);
        df_reset(c);
    }
    const DfConv wrong = { { 0, 1 }, { 0, 0 }, { 1, 1 }, 1 };
    df_conv2d(c, df_new(c, DF_SHAPE(1, 5, 5, 3)), df_new(c, DF_SHAPE(4, 3, 3, 3)), NULL, wrong, (DfFuse){ 0 });
    cr_assert_eq(df_ctx_error(c), DF_ESHAPE);
    df_reset(c);
    df_conv_transpose2d(c, df_new(c, DF_SHAPE(1, 5, 5, 3)), df_new(c, DF_SHAPE(3, 2, 2, 4)), NULL, conv, (int[2]){ 1, 0 });
    cr_assert_eq(df_ctx_error(c), DF_ESHAPE);
}

Test(conv2d, empty_maps)
{
    const DfConv conv = { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 };
    c->recording = true;
    DfTensor *w = random_tensor(DF_SHAPE(4, 3, 3, 3), 1), *b = random_tensor(DF_SHAPE(4), 2);
    DfTensor *y = df_conv2d(c, random_tensor(DF_SHAPE(0, 5, 5, 3), 3), w, b, conv, (DfFuse){ 0 });
    cr_assert(df_same_shape(y->shape, DF_SHAPE(0, 5, 5, 4)));
    df_backward(c, y, NULL);
    y = df_conv_transpose2d(c, random_tensor(DF_SHAPE(0, 5, 5, 3), 3), random_tensor(DF_SHAPE(3, 2, 2, 4), 4), NULL, conv, (int[2]){ 0, 0 });
    df_backward(c, y, NULL);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
}

Test(conv2d, dry_counts_multiply_adds)
{
    const DfConv conv = { { 2, 2 }, { 1, 1 }, { 1, 1 }, 2 }, depthwise = { { 1, 1 }, { 1, 1 }, { 1, 1 }, 4 };
    c->dry = true;
    df_profile(c, true);
    df_conv2d(c, df_new(c, DF_SHAPE(2, 9, 8, 4)), df_new(c, DF_SHAPE(6, 3, 3, 2)), NULL, conv, (DfFuse){ 0 });
    df_conv2d(c, df_new(c, DF_SHAPE(1, 9, 8, 4)), df_new(c, DF_SHAPE(3, 3, 4)), NULL, depthwise, (DfFuse){ 0 });
    const DfProfileRow *rows;
    cr_assert_geq(df_profile_rows(c, &rows), 1);
    cr_assert_float_eq(rows[0].macs[DF_MACS_LAYER], 2 * 5 * 4 * 6 * 9 * 2 + 9 * 8 * 4 * 9, 0.1);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
}

/* Winograd's F(4x4, 3x3): 36 products for each pair of channels and tile of 4x4
 * pixels, where direct arithmetic takes nine a pixel; 81 with a stride of 2. */
Test(conv2d, a_profile_tells_what_winograd_spares)
{
    const DfConv conv = { { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 }, strided = { { 2, 2 }, { 1, 1 }, { 1, 1 }, 1 };
    const DfProfileRow *rows;
    DfTensor *x;
    c->dry = true;
    df_profile(c, true);
    x = df_new(c, DF_SHAPE(2, 13, 16, 64));
    df_conv2d(c, x, df_new(c, DF_SHAPE(32, 3, 3, 64)), NULL, conv, (DfFuse){ 0 });
    df_profile_rows(c, &rows);
    cr_expect_float_eq(rows[0].macs[DF_MACS_LAYER], 2 * 13 * 16 * 9 * 64 * 32, 0.1);
    cr_expect_float_eq(rows[0].macs[DF_MACS_LAYER] - rows[0].macs[DF_MACS_SPARED], 2 * 4 * 4 * 36 * 64 * 32, 0.1);
    df_profile(c, true);
    df_conv2d(c, x, df_new(c, DF_SHAPE(32, 3, 3, 64)), NULL, strided, (DfFuse){ 0 });
    df_profile_rows(c, &rows);
    cr_expect_float_eq(rows[0].macs[DF_MACS_LAYER] - rows[0].macs[DF_MACS_SPARED], 2 * 2 * 2 * 81 * 64 * 32, 0.1);
    df_profile(c, true);
    df_conv2d(c, df_new(c, DF_SHAPE(2, 10, 10, 64)), df_new(c, DF_SHAPE(32, 3, 3, 64)), NULL, strided, (DfFuse){ 0 });
    df_profile_rows(c, &rows);
    cr_expect_float_eq(rows[0].macs[DF_MACS_SPARED], 0, 0.1);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
}
