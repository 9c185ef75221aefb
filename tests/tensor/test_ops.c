/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_ops.c -- one table of ops, many uses: values against a formula in float64, gradients against
 * central differences, equal bits for 1 and 3 threads, agreement of the rungs, every allocation failing, dry contexts.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/tensor/loss_cases.h"
#include "tests/tensor/op_cases.h"

static const Case cases[] = {
    { "cosine_qkv", { S(2, 37, 5, 36), S(4, 1, 1) }, cosine_qkv, NULL, false },
    { "tanh", { S(7, 19) }, tanh_, tanh_value, false },
    { "sigmoid", { S(7, 5003) }, sigmoid_, sigmoid_value, false },
    { "gelu", { S(7, 5003) }, gelu_, gelu_value, false },
    { "gelu_tanh", { S(7, 19) }, gelu_tanh_, gelu_tanh_value, false },
    { "add", { S(11, 5003), S(11, 5003) }, add_, add_value, false },
    { "add a row", { S(5, 11, 7), S(7) }, add_, add_row_value, false },
    { "add a map", { S(3, 13, 1201), S(13, 1201) }, add_, add_map_value, false },
    { "add to itself", { S(31) }, add_self, add_self_value, false },
    { "mul", { S(13, 19), S(13, 19) }, mul_, mul_value, false },
    { "mul by a row", { S(1301, 19), S(19) }, mul_, mul_row_value, false },
    { "scale", { S(37) }, scale_, scale_value, false },
    { "clamp", { S(37) }, clamp_, clamp_value, true },
    { "sum", { S(17, 2999) }, sum_, sum_value, false },
    { "unit_rows", { S(11, 67) }, unit_rows, unit_rows_value, false },
    { "standard_rows", { S(11, 67) }, standard_rows, standard_rows_value, false },
    { "softmax first", { S(13, 37) }, softmax_0, softmax_0_value, false },
    { "softmax last", { S(11, 67) }, softmax_last, softmax_last_value, false },
    { "layer_norm", { S(523, 97), S(97), S(97) }, layer_norm, layer_norm_value, false },
    { "layer_norm plain", { S(5, 12) }, layer_norm, layer_norm_plain_value, false },
    { "group_norm", { S(2, 7, 5, 9), S(9), S(9) }, group_norm, NULL, false },
    { "group_norm plain", { S(3, 211, 5) }, group_norm_plain, NULL, false },
    { "batch_norm train", { S(2, 67, 3, 5), S(5), S(5) }, batch_norm_train, NULL, false },
    { "batch_norm eval", { S(3, 11, 5), S(5), S(5) }, batch_norm_eval, NULL, false },
    { "mean_tokens", { S(3, 7, 43, 23) }, mean_tokens, mean_tokens_value, false },
    { "reshape", { S(3, 5, 7) }, reshape, reshape_value, false },
    { "select", { S(3, 5, 7) }, select, select_value, false },
    { "permute heads", { S(2, 11, 3, 5, 7) }, permute_heads, permute_heads_value, false },
    { "permute the last", { S(3, 5, 7, 11) }, permute_last, permute_last_value, false },
    { "channels last", { S(2, 3, 29, 31) }, channels_last, channels_last_value, false },
    { "transpose", { S(2, 307, 269) }, transpose, transpose_value, false },
    { "slice 1", { S(3, 7, 5) }, slice_1, slice_1_value, false },
    { "gather rows", { S(3, 7, 5) }, gather, gather_value, false },
    { "slice 0", { S(3, 7, 5) }, slice_0, slice_0_value, false },
    { "concat 1", { S(3, 2, 7), S(3, 5, 7), S(3, 1, 7) }, concat_1, concat_1_value, false },
    { "concat last", { S(101, 11), S(101, 3) }, concat_last, concat_last_value, false },
    { "pad", { S(2, 5, 7, 3) }, pad_, pad_value, false },
    { "crop", { S(2, 5, 7, 3) }, crop, crop_value, false },
    { "roll", { S(2, 5, 7, 3) }, roll, roll_value, false },
    { "window_partition", { S(2, 6, 9, 5) }, partition, partition_value, false },
    { "window_reverse", { S(2, 6, 9, 5) }, there_and_back, same_map_value, false },
    { "space_to_depth", { S(2, 5, 7, 3) }, merge, merge_value, false },
    { "bilinear", { S(2, 5, 7, 67) }, resize_bilinear, NULL, false },
    { "bilinear corners", { S(2, 5, 7, 3) }, resize_corners, NULL, false },
    { "bicubic corners", { S(2, 5, 7, 3) }, resize_bicubic, NULL, false },
    { "strip", { S(2, 5, 7, 3), S(2, 3, 2, 2) }, resize_strip, resize_strip_value, false },
    { "nearest", { S(2, 5, 7, 3) }, resize_nearest, resize_nearest_value, false },
    { "avg_pool ceil", { S(2, 5, 7, 3) }, avg_pool, avg_pool_value, false },
    { "avg_pool without padding", { S(2, 5, 7, 3) }, avg_pool_inside, avg_pool_inside_value, false },
    { "adaptive_avg_pool", { S(2, 5, 7, 131) }, adaptive, NULL, false },
    { "max_pool ceil", { S(2, 5, 7, 3) }, max_pool, max_pool_value, true },
    { "grid_sample groups", { S(2, 5, 7, 6), S(4, 3, 11, 2) }, sample_groups, sample_groups_value, true },
    { "grid_sample wide", { S(1, 5, 7, 203), S(1, 3, 11, 2) }, sample_wide, NULL, true },
    { "window attention with dropout", { S(2, 5, 4, 24), S(24), S(25, 2) }, window_drop, NULL, false },
    { "deformable attention with dropout", { S(2, 5, 23, 8), S(2, 53, 8), S(2, 53, 8) }, deform_drop, NULL, false },
    { "neighborhood attention with dropout", { S(2, 5, 6, 24), S(2, 5, 5) }, neighborhood_drop, NULL, false },
    { "iou loss", { S(101, 4) }, iou_loss, NULL, true },
    { "giou loss", { S(101, 4) }, giou_loss, NULL, true },
    { "diou loss", { S(101, 4) }, diou_loss, NULL, true },
    { "ciou loss of mmdet 2.11", { S(101, 4) }, ciou_211_loss, NULL, true },
    { "bounded iou loss", { S(43, 4) }, bounded_iou, NULL, true },
    { "balanced l1 loss", { S(503) }, balanced_l1, NULL, false },
    { "square loss", { S(3000) }, square_loss, NULL, false },
    { "focal loss, weights of each", { S(523, 5) }, focal_each, NULL, false },
    { "focal loss of probabilities", { S(31, 5) }, focal_activated, NULL, false },
    { "cross entropy, smoothed", { S(521, 5) }, smoothed, NULL, false },
    { "cross entropy of shares", { S(521, 5) }, soft, NULL, false },
    { "cross entropy of pixels", { S(2, 5, 7, 5) }, of_pixels, NULL, false },
    { "dice loss of classes", { S(2, 5, 7, 5) }, class_dice, NULL, false },
    { "lovasz loss", { S(2, 5, 7, 5) }, lovasz, NULL, true },
    { "pick_channel", { S(3, 5, 7, 5) }, pick, NULL, false },
    { "focal attention with dropout", { S(2, 5, 6, 24), S(24), S(25, 2) }, focal_drop, NULL, false },
};
enum { CASES = sizeof cases / sizeof *cases };

/* ---- running one ------------------------------------------------------------------------------------------------- */

typedef struct {
    DfPool *pool;
    DfCtx *c;
    DfTensor *in[INPUTS], *y;
} Run;

static int n_inputs(const Case *k)
{
    int n = 0;
    while (n < INPUTS && k->in[n].n)
        n++;
    return n;
}

static float noise(DfRandom *random)
{
    return (float)df_normal(random);
}

static DfTensor *random_tensor(DfCtx *c, DfShape shape, DfRandom *random)
{
    DfTensor *x = df_new(c, shape);
    for (size_t i = 0; !df_skip(c, x) && i < df_size(x); i++)
        x->data[i] = noise(random);
    return x;
}

/* Forward, and backward from a random seed. */
static Run start(const Case *k, const char *rung, int threads)
{
    Run r = { 0 };
    cr_assert_eq(df_pool_new(&r.pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&r.c, r.pool), DF_OK);
    r.c->k = df_kernels_named(rung);
    r.c->recording = true;
    DfRandom random = df_random(7, df_hash(k->name));
    for (int i = 0; i < n_inputs(k); i++) {
        r.in[i] = random_tensor(r.c, k->in[i], &random);
        r.in[i]->wants_grad = true;
    }
    r.y = k->run(r.c, r.in);
    cr_assert_eq(df_ctx_error(r.c), DF_OK, "%s: %s", k->name, df_error());
    const DfTensor *seed = random_tensor(r.c, r.y->shape, &random);
    df_backward(r.c, r.y, seed->data);
    cr_assert_eq(df_ctx_error(r.c), DF_OK, "%s: %s", k->name, df_error());
    return r;
}

static void stop(Run *r)
{
    df_ctx_free(r->c);
    df_pool_free(r->pool);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static void check_value(const Case *k, const char *rung)
{
    Run r = start(k, rung, 1);
    const float *in[INPUTS] = { NULL };
    for (int i = 0; i < n_inputs(k); i++)
        in[i] = r.in[i]->data;
    double worst = 0, size = 1;
    for (size_t at = 0; at < df_size(r.y); at++) {
        int index[DF_DIMS] = { 0 };
        size_t left = at;
        for (int i = r.y->shape.n - 1; i >= 0; i--) {
            index[i] = (int)(left % (size_t)r.y->shape.d[i]);
            left /= (size_t)r.y->shape.d[i];
        }
        const double expected = k->value(in, index);
        worst = fmax(worst, fabs((double)r.y->data[at] - expected));
        size = fmax(size, fabs(expected));
    }
    cr_expect_leq(worst / size, 2e-6, "%s on rung %s: off by %g", k->name, rung, worst / size);
    stop(&r);
}

Test(ops, values)
{
    for (int i = 0; i < CASES; i++) {
        if (!cases[i].value)
            continue;
        for (int r = 0; df_kernels_rung(r); r++)
            check_value(&cases[i], df_kernels_rung(r));
    }
}

/* ---- rungs and threads ------------------------------------------------------------------------------------------- */

static double distance(const float *a, const float *b, size_t n)
{
    double worst = 0, size = 1;
    for (size_t i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
        size = fmax(size, fabs((double)a[i]));
    }
    return worst / size;
}

static void check_agreement(const char *rung)
{
    for (int i = 0; i < CASES; i++) {
        const Case *k = &cases[i];
        Run a = start(k, "c", 1), b = start(k, rung, 1);
        cr_expect_leq(distance(a.y->data, b.y->data, df_size(a.y)), 3e-6, "%s: rungs differ", k->name);
        for (int j = 0; j < n_inputs(k); j++)
            cr_expect_leq(distance(a.in[j]->grad, b.in[j]->grad, df_size(a.in[j])), 1e-5, "%s: gradient %d differs", k->name, j);
        stop(&a);
        stop(&b);
    }
}

Test(ops, rungs_agree)
{
    for (int r = 1; df_kernels_rung(r); r++)
        check_agreement(df_kernels_rung(r));
}

Test(ops, threads_do_not_matter)
{
    for (int i = 0; i < CASES; i++) {
        const Case *k = &cases[i];
        Run a = start(k, df_kernels_name(df_kernels()), 1), b = start(k, df_kernels_name(df_kernels()), 3);
        cr_expect_arr_eq(a.y->data, b.y->data, df_size(a.y) * sizeof(float), "%s: not the same bits", k->name);
        for (int j = 0; j < n_inputs(k); j++)
            cr_expect_arr_eq(a.in[j]->grad, b.in[j]->grad, df_size(a.in[j]) * sizeof(float), "%s: gradient %d: not the same bits", k->name, j);
        stop(&a);
        stop(&b);
    }
}

/* ---- gradients --------------------------------------------------------------------------------------------------- */

/* <seed, run(in + step direction)>, in float64. */
static double loss_at(const Case *k, Run *r, float *const *direction, const DfTensor *seed, double step)
{
    float *kept[INPUTS];
    double loss = 0;
    for (int j = 0; j < n_inputs(k); j++) {
        const size_t n = df_size(r->in[j]);
        kept[j] = r->in[j]->data;
        r->in[j]->data = df_malloc(n * sizeof(float));
        for (size_t i = 0; i < n; i++)
            r->in[j]->data[i] = kept[j][i] + (float)step * direction[j][i];
    }
    const DfTensor *y = k->run(r->c, r->in);
    cr_assert_eq(df_ctx_error(r->c), DF_OK);
    for (size_t i = 0; i < df_size(y); i++)
        loss += (double)seed->data[i] * (double)y->data[i];
    for (int j = 0; j < n_inputs(k); j++) {
        df_free(r->in[j]->data);
        r->in[j]->data = kept[j];
    }
    return loss;
}

/* Along a random direction of input `which`: the slope that the gradient promises, and the one that is. */
static void check_gradient(const Case *k, Run *r, const DfTensor *seed, int which, DfRandom *random)
{
    float *direction[INPUTS];
    double promised = 0, size = 0;
    for (int j = 0; j < n_inputs(k); j++) {
        direction[j] = df_calloc(df_size(r->in[j]), sizeof(float));
        for (size_t i = 0; j == which && i < df_size(r->in[j]); i++) {
            direction[j][i] = noise(random);
            promised += (double)direction[j][i] * (double)r->in[j]->grad[i];
            size += (double)r->in[j]->grad[i] * (double)r->in[j]->grad[i];
        }
    }
    const double h = 4e-3;
    const double near = (loss_at(k, r, direction, seed, h) - loss_at(k, r, direction, seed, -h)) / (2 * h);
    const double far = (loss_at(k, r, direction, seed, 2 * h) - loss_at(k, r, direction, seed, -2 * h)) / (4 * h);
    const double slope = (4 * near - far) / 3; /* Richardson: the error falls as h^4 */
    cr_expect_leq(fabs(slope - promised), 2e-3 * (sqrt(size) + 1e-3), "%s: gradient of input %d promises %g, slope is %g", k->name, which, promised, slope);
    for (int j = 0; j < n_inputs(k); j++)
        df_free(direction[j]);
}

Test(ops, gradients)
{
    for (int i = 0; i < CASES; i++) {
        const Case *k = &cases[i];
        if (k->kinks)
            continue;
        Run r = start(k, df_kernels_name(df_kernels()), 2);
        r.c->recording = false;
        DfRandom random = df_random(7, df_hash(k->name));
        for (int j = 0; j < n_inputs(k); j++)
            random_tensor(r.c, k->in[j], &random); /* the same numbers again, up to the seed */
        const DfTensor *seed = random_tensor(r.c, r.y->shape, &random);
        for (int j = 0; j < n_inputs(k); j++)
            check_gradient(k, &r, seed, j, &random);
        stop(&r);
    }
}

/* ---- memory, dry contexts, complaints ----------------------------------------------------------------------------- */

static int attempt(const Case *k)
{
    DfCtx *c = NULL;
    if (df_ctx_new(&c, NULL) < 0)
        return DF_ENOMEM;
    c->recording = true;
    DfRandom random = df_random(1, 1);
    DfTensor *in[INPUTS] = { NULL };
    for (int i = 0; i < n_inputs(k); i++) {
        in[i] = random_tensor(c, k->in[i], &random);
        in[i]->wants_grad = !c->err;
    }
    DfTensor *y = k->run(c, in);
    if (!c->err)
        df_backward(c, y, NULL);
    const int error = df_ctx_error(c);
    df_ctx_free(c);
    return error;
}

Test(ops, every_allocation_may_fail)
{
    for (int i = 0; i < CASES; i++) {
        const size_t before = df_memory().now;
        int error = DF_ENOMEM;
        for (size_t n = 1; error != DF_OK && n < 200; n++) {
            df_memory_fail_at(n, false);
            error = attempt(&cases[i]);
            df_memory_fail_at(0, false);
            cr_expect(error == DF_OK || error == DF_ENOMEM, "%s: %s", cases[i].name, df_error());
            cr_expect_eq(df_memory().now, before, "%s: leaks when allocation %zu fails", cases[i].name, n);
        }
        cr_expect_eq(error, DF_OK, "%s: never succeeds", cases[i].name);
    }
}

Test(ops, dry_contexts_know_shapes)
{
    for (int i = 0; i < CASES; i++) {
        const Case *k = &cases[i];
        Run r = start(k, "c", 1);
        DfCtx *c = NULL;
        cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
        c->dry = true;
        DfTensor *in[INPUTS] = { NULL };
        for (int j = 0; j < n_inputs(k); j++)
            in[j] = df_new(c, k->in[j]);
        const DfTensor *y = k->run(c, in);
        cr_expect_eq(df_ctx_error(c), DF_OK, "%s: %s", k->name, df_error());
        cr_expect(df_same_shape(y->shape, r.y->shape), "%s: another shape", k->name);
        df_ctx_free(c);
        stop(&r);
    }
}

Test(ops, poisoned_contexts_do_nothing)
{
    for (int i = 0; i < CASES; i++) {
        DfCtx *c = NULL;
        cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
        df_ctx_fail(c, DF_EVALUE, "the first failure");
        DfTensor *const in[INPUTS] = { &c->nil, &c->nil, &c->nil };
        cases[i].run(c, in);
        cr_expect_eq(df_ctx_error(c), DF_EVALUE);
        cr_expect_str_eq(df_error(), "the first failure", "%s says something else", cases[i].name);
        df_ctx_free(c);
    }
}

#define EXPECT_REFUSAL(call)                                    \
    do {                                                        \
        DfCtx *c = NULL;                                        \
        cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);              \
        DfTensor *a = df_zeros(c, S(2, 6, 4, 3)), *b = df_zeros(c, S(4)); \
        (void)a, (void)b;                                       \
        call;                                                   \
        cr_expect_eq(df_ctx_error(c), DF_ESHAPE, #call);        \
        df_ctx_free(c);                                         \
    } while (0)

Test(ops, wrong_shapes_are_refused)
{
    EXPECT_REFUSAL(df_add(c, a, b));
    EXPECT_REFUSAL(df_mul(c, b, a));
    EXPECT_REFUSAL(df_softmax(c, a, 4));
    EXPECT_REFUSAL(df_layer_norm(c, a, b, NULL, 1e-5f));
    EXPECT_REFUSAL(df_cosine_qkv(c, a, b));
    EXPECT_REFUSAL(df_group_norm(c, a, 2, NULL, NULL, 1e-5f));
    EXPECT_REFUSAL(df_batch_norm(c, a, NULL, NULL, b, b, false, 0.1f, 1e-5f));
    EXPECT_REFUSAL(df_reshape(c, a, S(5, -1)));
    EXPECT_REFUSAL(df_reshape(c, a, S(-1, -1)));
    EXPECT_REFUSAL(df_permute(c, a, S(0, 1, 2, 2)));
    EXPECT_REFUSAL(df_select(c, a, 2));
    EXPECT_REFUSAL(df_slice(c, a, 1, 4, 3));
    EXPECT_REFUSAL(df_concat(c, ((DfTensor *[]){ a, b }), 2, 0));
    EXPECT_REFUSAL(df_pad2d(c, a, (const int[]){ -3, -4, 0, 0 }, 0));
    EXPECT_REFUSAL(df_window_partition(c, a, 3));
    EXPECT_REFUSAL(df_roll2d(c, b, 1, 1));
    EXPECT_REFUSAL(df_interpolate(c, a, 0, 3, DF_BILINEAR, false));
    EXPECT_REFUSAL(df_max_pool2d(c, a, (const int[]){ 7, 7 }, (const int[]){ 1, 1 }, (const int[]){ 0, 0 }, false));
    EXPECT_REFUSAL(df_grid_sample(c, a, b, 1, DF_PAD_ZEROS, true));
}

/* As PyTorch does: beyond the map zeros, nowhere NaN; with a border a NaN is its first pixel. */
Test(ops, sampling_nowhere)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    DfTensor *map = df_zeros(c, S(1, 1, 2, 3));
    DfTensor *grid = df_zeros(c, S(1, 1, 3, 2));
    for (int i = 0; i < 6; i++)
        map->data[i] = (float)(i + 1);
    grid->data[2] = NAN;
    grid->data[4] = 1e30f;
    const DfTensor *y = df_grid_sample(c, map, grid, 1, DF_PAD_ZEROS, true);
    const DfTensor *border = df_grid_sample(c, map, grid, 1, DF_PAD_BORDER, true);
    cr_assert_not(c->err);
    for (int i = 0; i < 3; i++) {
        cr_expect_float_eq(y->data[i], (float)i + 2.5f, 1e-6f);
        cr_expect(isnan(y->data[3 + i]));
        cr_expect_eq(y->data[6 + i], 0);
        cr_expect_eq(border->data[3 + i], (float)(i + 1));
        cr_expect_eq(border->data[6 + i], (float)(i + 4));
    }
    df_ctx_free(c);
}
