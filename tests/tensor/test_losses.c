/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_losses.c -- losses against reference outputs and gradients of PyTorch and mmdet, in float64. The
 * files hold several reductions of one loss; their gradients were added up, and so they are here.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tensor/tensor.h"
#include "tests/support/golden.h"

static const double tolerance = 2e-5;

typedef struct {
    const char *file;
    DfCheckpoint *g;
    DfCtx *c;
    DfTensor *x;
    float *target;
    int *label;
} Run;

static DfTensor *load(Run *r, const char *key)
{
    const DfArray *a = golden_get(r->g, key);
    DfShape shape = { a->ndim, { 0 } };
    for (int i = 0; i < a->ndim; i++)
        shape.d[i] = (int)a->shape[i];
    float *data = golden_f32(r->g, key);
    DfTensor *t = df_from(r->c, shape, data);
    df_free(data);
    return t;
}

static Run start(const char *file, const char *rung)
{
    Run r = { .file = file, .g = golden_open(DF_TEST_DATA "/ops/%s.safetensors", file) };
    cr_assert_not_null(r.g, "%s is missing", file);
    cr_assert_eq(df_ctx_new(&r.c, NULL), DF_OK);
    r.c->k = df_kernels_named(rung);
    r.c->recording = true;
    r.x = load(&r, "input.x");
    r.x->wants_grad = true;
    if (golden_has(r.g, "input.target"))
        r.target = golden_f32(r.g, "input.target");
    if (golden_has(r.g, "input.labels")) {
        const size_t n = (size_t)df_array_count(golden_get(r.g, "input.labels"));
        int64_t *labels = golden_i64(r.g, "input.labels");
        r.label = df_malloc(n * sizeof *r.label);
        for (size_t i = 0; i < n; i++)
            r.label[i] = (int)labels[i];
        df_free(labels);
    }
    return r;
}

/* Compares a result and seeds its gradient. */
static void expect(Run *r, const char *name, DfTensor *y)
{
    char key[64];
    cr_assert_eq(df_ctx_error(r->c), DF_OK, "%s: %s", r->file, df_error());
    snprintf(key, sizeof key, "output.%s", name);
    const DfArray *a = golden_get(r->g, key);
    cr_assert_eq(df_size(y), (size_t)df_array_count(a), "%s %s: wrong size", r->file, name);
    cr_expect_leq(rel_l2(y->data, a), tolerance, "%s %s: rel l2 %g", r->file, name, rel_l2(y->data, a));
    cr_expect_leq(max_abs_over_max(y->data, a), tolerance, "%s %s", r->file, name);
    snprintf(key, sizeof key, "gradout.%s", name);
    df_seed(r->c, y, load(r, key)->data);
}

static void finish(Run *r, bool gradients_of_maps)
{
    df_backward(r->c, NULL, NULL);
    DfTensor *gx = df_from(r->c, r->x->shape, r->x->grad);
    if (gradients_of_maps)
        gx = df_permute(r->c, gx, DF_SHAPE(0, 3, 1, 2));
    const DfArray *a = golden_get(r->g, "grad.x");
    cr_expect_leq(rel_l2(gx->data, a), tolerance, "%s: gradient, rel l2 %g", r->file, rel_l2(gx->data, a));
    cr_expect_leq(max_abs_over_max(gx->data, a), tolerance, "%s: gradient", r->file);
    cr_assert_eq(df_ctx_error(r->c), DF_OK);
    df_free(r->target);
    df_free(r->label);
    df_ctx_free(r->c);
    golden_close(r->g);
}

static DfTensor *mean(DfCtx *c, DfTensor *loss, double count)
{
    return df_scale(c, df_sum(c, loss), (float)(1 / count));
}

static double float_of(DfTensor *x)
{
    return (double)x->data[0];
}

/* ---- one function a loss ------------------------------------------------------------------------------------------ */

static void l1(const char *rung)
{
    Run r = start("l1", rung);
    DfTensor *loss = df_l1_loss(r.c, r.x, r.target, NULL);
    expect(&r, "none", loss);
    expect(&r, "mean", mean(r.c, loss, 36));
    finish(&r, false);
}

static void smooth_l1(const char *rung)
{
    for (int i = 0; i < 2; i++) {
        Run r = start(i ? "smooth_l1_b0.111" : "smooth_l1_b1", rung);
        DfTensor *loss = df_smooth_l1_loss(r.c, r.x, r.target, NULL, i ? 1.0f / 9 : 1);
        expect(&r, "none", loss);
        expect(&r, "mean", mean(r.c, loss, 36));
        finish(&r, false);
    }
}

static void bce(const char *rung)
{
    Run r = start("bce_with_logits", rung);
    const float *weight = load(&r, "input.weight")->data, *positive = load(&r, "input.pos_weight")->data;
    expect(&r, "none", df_bce_with_logits(r.c, r.x, r.target, weight, positive));
    expect(&r, "mean", mean(r.c, df_bce_with_logits(r.c, r.x, r.target, NULL, NULL), 35));
    finish(&r, false);
}

static void focal(const char *rung)
{
    Run r = start("sigmoid_focal_loss", rung);
    DfTensor *loss = df_sigmoid_focal_loss(r.c, r.x, r.label, (DfFocal){ .alpha = 0.25f, .gamma = 2 });
    expect(&r, "none", loss);
    expect(&r, "sum_over_avg", mean(r.c, loss, 4));
    finish(&r, false);
}

static double weight_of_labels(const Run *r, const float *class_weight, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        if (r->label[i] != 255)
            sum += class_weight ? (double)class_weight[r->label[i]] : 1;
    return sum;
}

static void cross_entropy(const char *rung)
{
    Run r = start("cross_entropy", rung);
    const float *w = load(&r, "input.class_weight")->data;
    const DfCrossEntropy weighted = { .class_weight = w, .ignore_index = 255 }, plain = { .ignore_index = 255 };
    const DfCrossEntropy smooth = { .ignore_index = 255, .smoothing = 0.1f };
    const DfCrossEntropy both = { .class_weight = w, .ignore_index = 255, .smoothing = 0.1f };
    DfTensor *loss = df_cross_entropy(r.c, r.x, r.label, weighted);
    expect(&r, "none", loss);
    expect(&r, "mean", mean(r.c, loss, weight_of_labels(&r, w, 12)));
    expect(&r, "mean_unweighted", mean(r.c, df_cross_entropy(r.c, r.x, r.label, plain), weight_of_labels(&r, NULL, 12)));
    expect(&r, "smooth", mean(r.c, df_cross_entropy(r.c, r.x, r.label, smooth), weight_of_labels(&r, NULL, 12)));
    /* torch.nn.functional.cross_entropy(x, labels, class_weight, ignore_index=255, label_smoothing=0.1) in float64 */
    const double got = float_of(mean(r.c, df_cross_entropy(r.c, r.x, r.label, both), weight_of_labels(&r, w, 12)));
    cr_expect_float_eq(got, 3.302343361, 1e-5, "weights and smoothing: %.7f", got);
    finish(&r, false);
}

static void cross_entropy_2d(const char *rung)
{
    Run r = start("cross_entropy_2d", rung);
    const float *w = load(&r, "input.class_weight")->data;
    DfTensor *x = df_permute(r.c, r.x, DF_SHAPE(0, 2, 3, 1));
    expect(&r, "none", df_cross_entropy(r.c, x, r.label, (DfCrossEntropy){ .class_weight = w, .ignore_index = 255 }));
    DfTensor *loss = df_cross_entropy(r.c, x, r.label, (DfCrossEntropy){ .ignore_index = 255 });
    expect(&r, "mean", mean(r.c, loss, weight_of_labels(&r, NULL, 60)));
    finish(&r, false);
}

static void giou(const char *rung)
{
    Run r = start("giou_loss", rung);
    expect(&r, "y", df_giou_loss(r.c, r.x, r.target, NULL, 1e-7f));
    finish(&r, false);
}

static void dice(const char *rung)
{
    Run r = start("dice_loss", rung);
    DfTensor *p = df_sigmoid(r.c, r.x);
    expect(&r, "mmdet", df_dice_loss(r.c, p, r.target, NULL, true, 1e-3f));
    expect(&r, "maskformer", df_dice_loss(r.c, p, r.target, NULL, false, 1));
    expect(&r, "naive", df_dice_loss(r.c, p, r.target, NULL, false, 1e-3f));
    finish(&r, false);
}

static void on_each_rung(void (*check)(const char *rung))
{
    for (int i = 0; df_kernels_rung(i); i++)
        check(df_kernels_rung(i));
}

Test(losses, l1) { on_each_rung(l1); }
Test(losses, smooth_l1) { on_each_rung(smooth_l1); }
Test(losses, bce_with_logits) { on_each_rung(bce); }
Test(losses, sigmoid_focal_loss) { on_each_rung(focal); }
Test(losses, cross_entropy) { on_each_rung(cross_entropy); }
Test(losses, cross_entropy_2d) { on_each_rung(cross_entropy_2d); }
Test(losses, giou_loss) { on_each_rung(giou); }
Test(losses, dice_loss) { on_each_rung(dice); }

/* ---- weights, far values, wrong labels ---------------------------------------------------------------------------- */

static DfCtx *context(void)
{
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->recording = true;
    return c;
}

static DfTensor *column(DfCtx *c, DfShape shape, const float *data)
{
    DfTensor *x = df_from(c, shape, data);
    x->wants_grad = true;
    return x;
}

Test(losses, weights_multiply_value_and_gradient)
{
    DfCtx *c = context();
    const float data[] = { 1, 2, 6, 9, 0, 0, 2, 2 }, target[] = { 2, 1, 7, 8, 1, 1, 3, 3 }, weight[] = { 3, 0.5f };
    DfTensor *x = column(c, DF_SHAPE(2, 4), data), *y = column(c, DF_SHAPE(2, 4), data);
    DfTensor *with = df_giou_loss(c, x, target, weight, 1e-6f), *without = df_giou_loss(c, y, target, NULL, 1e-6f);
    df_seed(c, with, NULL);
    df_seed(c, without, NULL);
    df_backward(c, NULL, NULL);
    for (int i = 0; i < 2; i++)
        cr_expect_float_eq(with->data[i], weight[i] * without->data[i], 1e-6);
    for (int i = 0; i < 8; i++)
        cr_expect_float_eq(x->grad[i], weight[i / 4] * y->grad[i], 1e-6);
    df_ctx_free(c);
}

Test(losses, large_logits_stay_finite)
{
    DfCtx *c = context();
    const float data[] = { 1000, -1000, 90, -90 }, target[] = { 0, 1, 1, 0 };
    DfTensor *x = column(c, DF_SHAPE(2, 2), data);
    const int label[] = { 1, 0 };
    DfTensor *const losses[] = { df_bce_with_logits(c, x, target, NULL, NULL), df_sigmoid_focal_loss(c, x, label, (DfFocal){ .alpha = 0.25f, .gamma = 2 }),
                                 df_cross_entropy(c, x, label, (DfCrossEntropy){ .ignore_index = -1 }) };
    cr_expect_float_eq(losses[0]->data[0], 1000, 1e-3);
    cr_expect_float_eq(losses[0]->data[1], 1000, 1e-3);
    cr_expect_float_eq(losses[1]->data[0], 750, 1e-3);
    cr_expect_float_eq(losses[2]->data[0], 2000, 1e-3);
    cr_expect_float_eq(losses[2]->data[1], 0, 1e-6);
    for (int i = 0; i < 3; i++)
        df_seed(c, losses[i], NULL);
    df_backward(c, NULL, NULL);
    for (int i = 0; i < 4; i++)
        cr_expect(isfinite(x->grad[i]));
    df_ctx_free(c);
}

Test(losses, labels_out_of_range_are_refused)
{
    DfCtx *c = context();
    const float data[6] = { 0 };
    const int label[] = { 1, 3 };
    df_cross_entropy(c, column(c, DF_SHAPE(2, 3), data), label, (DfCrossEntropy){ .ignore_index = 255 });
    cr_expect_eq(df_ctx_error(c), DF_EVALUE);
    cr_expect_str_eq(df_error(), "cross_entropy: label 3: want 0..2, or 255 for what does not count");
    df_ctx_free(c);
}

Test(losses, wrong_shapes_are_refused)
{
    DfCtx *c = context();
    const float data[6] = { 0 };
    df_giou_loss(c, column(c, DF_SHAPE(2, 3), data), data, NULL, 1e-6f);
    cr_expect_eq(df_ctx_error(c), DF_ESHAPE);
    df_ctx_free(c);
}

/* ---- pixels --------------------------------------------------------------------------------------------------------- */

enum { SMALL_H = 7, SMALL_W = 5, CLASSES = 9, LARGE_H = 41, LARGE_W = 22 };

typedef struct {
    int H, W;
    bool align_corners, weighted;
} PixelCase;

/* Sums of weighted losses both ways, as they should be equal; *x and *y are the maps. */
static void both_ways(DfCtx *c, const PixelCase *k, const int *label, DfTensor *x, DfTensor *y)
{
    static const float weights[CLASSES] = { 1, 0.5f, 2, 1, 1, 3, 0.25f, 1, 1 };
    const float *w = k->weighted ? weights : NULL;
    const size_t n = 2 * (size_t)(k->H * k->W);
    float *p = df_workspace(c, n), *seed = df_workspace(c, n);
    int *best = (int *)(void *)df_workspace(c, n);
    const DfPixelCrossEntropy how = { k->H, k->W, k->align_corners, label, w, 255, p, best };
    DfTensor *fused = df_pixel_cross_entropy(c, x, how);
    DfTensor *large = df_interpolate(c, y, k->H, k->W, DF_BILINEAR, k->align_corners);
    DfTensor *plain = df_cross_entropy(c, large, label, (DfCrossEntropy){ .class_weight = w, .ignore_index = 255 });
    DfTensor *shares = df_softmax(c, large, -1);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    for (size_t i = 0; i < n; i++) {
        const size_t own = label[i] == 255 ? 0 : (size_t)label[i];
        cr_expect_float_eq(fused->data[i], plain->data[i], 2e-6 * (1 + (double)plain->data[i]), "pixel %zu", i);
        cr_expect_float_eq(p[i], label[i] == 255 ? 0 : shares->data[i * CLASSES + own], 1e-6);
        for (size_t j = 0; j < CLASSES; j++)
            cr_expect_leq(large->data[i * CLASSES + j], large->data[i * CLASSES + (size_t)best[i]] + 1e-6f);
        seed[i] = (float)(i % 7) - 2;
    }
    df_seed(c, fused, seed);
    df_seed(c, plain, seed);
    df_backward(c, NULL, NULL);
}

static void check_pixels(const PixelCase *k, const char *rung, DfPool *pool)
{
    DfCtx *c = context();
    c->pool = pool;
    c->k = df_kernels_named(rung);
    DfRandom random = df_random(7, 0);
    float data[2 * SMALL_H * SMALL_W * CLASSES];
    int *label = df_malloc(2 * (size_t)(k->H * k->W) * sizeof *label);
    for (size_t i = 0; i < sizeof data / sizeof *data; i++)
        data[i] = 20 * (float)df_uniform(&random) - 10;
    data[3] = 300; /* the probabilities of the others are no numbers */
    for (int i = 0; i < 2 * k->H * k->W; i++)
        label[i] = i % 11 == 3 ? 255 : (int)(CLASSES * df_uniform(&random));
    DfTensor *x = column(c, DF_SHAPE(2, SMALL_H, SMALL_W, CLASSES), data), *y = column(c, x->shape, data);
    both_ways(c, k, label, x, y);
    for (size_t i = 0; i < df_size(x); i++)
        cr_expect_float_eq(x->grad[i], y->grad[i], 2e-5, "%s, %dx%d: gradient %zu is %g, want %g", rung, k->H, k->W, i,
                           (double)x->grad[i], (double)y->grad[i]);
    df_free(label);
    df_ctx_free(c);
}

Test(losses, pixels_of_an_enlarged_map)
{
    static const PixelCase cases[] = {
        { LARGE_H, LARGE_W, false, false }, { LARGE_H, LARGE_W, true, true }, { SMALL_H, SMALL_W, false, true }, { 3, 4, false, false },
        { 1, 1, true, false }, { 64, 1, false, true },
    };
    DfPool *pool;
    cr_assert_eq(df_pool_new(&pool, 3), DF_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_pixels(&cases[i], "c", NULL);
        for (int r = 0; df_kernels_rung(r); r++)
            check_pixels(&cases[i], df_kernels_rung(r), pool);
    }
    df_pool_free(pool);
}

/* ---- formulas of older releases, beside PyTorch in float64 ---------------------------------------------------------- */

static void expect_gradient(const DfTensor *x, const double *wanted)
{
    for (size_t i = 0; i < df_size(x); i++)
        cr_expect_float_eq((double)x->grad[i], wanted[i], 1e-7, "gradient %zu is %.9g, want %.9g", i, (double)x->grad[i], wanted[i]);
}

Test(losses, ciou_of_mmdet_211)
{
    static const double gradient[] = { -0.086995085, 0.085614367, -0.129092627, 0.063510775, -0.041699534, -0.034868134,
                                       -0.160119636, -0.137351037 };
    DfCtx *c = context();
    const float data[] = { 1, 2, 6, 9, 0, 0, 2, 2 }, target[] = { 2, 1, 7, 8, 1, 1, 4, 3 };
    DfTensor *x = column(c, DF_SHAPE(2, 4), data);
    DfTensor *y = df_box_loss(c, x, target, NULL, DF_LOSS_CIOU_211, 1e-7f);
    df_backward(c, y, NULL);
    cr_expect_float_eq((double)y->data[0], 0.4982608706794329, 1e-6);
    cr_expect_float_eq((double)y->data[1], 1.0191645501719409, 1e-6);
    expect_gradient(x, gradient);
    df_ctx_free(c);
}

/* Logits of 2 x 3 pixels and three classes, channels last. */
static DfTensor *pixels(DfCtx *c)
{
    static const float logits[] = { 0.3f, 1.3f, -0.3f, 1.2f, 0.2f, 0.7f, -0.5f, 0.5f, 0.25f, 0.1f, -0.1f, 0.6f, -1, 1, 0, 0.4f, 0.8f, -0.9f };
    return column(c, DF_SHAPE(1, 2, 3, 3), logits);
}

Test(losses, dice_of_mmseg_0)
{
    static const int label[] = { 0, 2, 255, 1, 1, 0 };
    static const float weights[] = { 1, 0.5f, 2 };
    static const double gradient[] = { -0.039307182, 0.033847495, 0.005459687, 0.074943902, 0.017932978, -0.09287688,
                                       -0.002536639, -0.00580341, 0.008340048, 0.001580178, -0.024088301, 0.022508123,
                                       0.003113916, -0.018569598, 0.015455681, -0.045966741, 0.039760022, 0.006206719 };
    DfCtx *c = context();
    DfTensor *x = pixels(c);
    const DfClassDice how = { .smooth = 0.5, .exponent = 2, .class_weight = weights, .ignore_index = 255 };
    DfTensor *y = df_class_dice_loss(c, df_softmax(c, x, -1), label, how);
    df_backward(c, y, NULL);
    cr_expect_float_eq((double)y->data[0], 0.6407487388815482, 1e-6);
    expect_gradient(x, gradient);
    const DfClassDice without = { .smooth = 1, .exponent = 1.5, .ignore_index = 1 }; /* the class of that number does not count */
    cr_expect_float_eq((double)df_class_dice_loss(c, df_softmax(c, x, -1), label, without)->data[0], 0.28216205009659173, 1e-6);
    df_ctx_free(c);
}
