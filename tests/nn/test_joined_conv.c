/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/nn/test_joined_conv.c -- a ConvModule on maps of several sizes: the same as enlarging all of them, putting them
 * side by side and convolving, which other tests compare with PyTorch (tests/heads/test_uper.c this one, too).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "nn/nn.h"

enum { MAPS = 4, BATCH = 2 };

typedef struct {
    const char *name;
    int size[MAPS][3]; /* rows, columns, channels: the first is the largest */
    int maps, out, kernel;
    bool norm, align_corners;
    DfAct act;
    int taps;          /* maps of which there are products only */
} Case;

static const Case cases[] = {
    { "a pyramid", { { 32, 48, 5 }, { 16, 24, 4 }, { 8, 12, 7 }, { 4, 6, 3 } }, 4, 6, 3, true, false, DF_ACT_RELU, 2 },
    { "corners", { { 32, 48, 5 }, { 16, 24, 4 }, { 8, 12, 7 }, { 4, 6, 3 } }, 4, 6, 3, true, true, DF_ACT_RELU, 2 },
    { "odd sizes", { { 33, 47, 2 }, { 9, 11, 3 }, { 1, 5, 1 } }, 3, 17, 3, true, false, DF_ACT_GELU, 2 },
    { "one pixel", { { 7, 9, 8 }, { 1, 1, 8 }, { 2, 2, 8 } }, 3, 16, 3, true, false, DF_ACT_NONE, 2 },
    { "a bias and no norm", { { 24, 16, 3 }, { 6, 4, 3 } }, 2, 5, 3, false, false, DF_ACT_RELU, 1 },
    { "five pixels", { { 24, 16, 3 }, { 6, 4, 3 }, { 3, 2, 2 } }, 3, 5, 5, true, true, DF_ACT_RELU, 2 },
    { "no neighbours", { { 24, 16, 3 }, { 6, 4, 3 } }, 2, 5, 1, true, false, DF_ACT_RELU, 1 },
    { "pooled", { { 16, 16, 5 }, { 2, 2, 3 }, { 3, 3, 4 }, { 6, 6, 3 } }, 4, 6, 3, true, false, DF_ACT_RELU, 3 },
    { "none is small", { { 24, 16, 3 }, { 12, 8, 3 }, { 24, 16, 1 } }, 3, 4, 3, true, false, DF_ACT_RELU, 0 },
    { "a small one before a large one", { { 24, 16, 3 }, { 3, 2, 3 }, { 12, 8, 1 } }, 3, 4, 3, true, false, DF_ACT_RELU, 0 },
};
enum { CASES = sizeof cases / sizeof *cases };

static float number(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / (1 << 23) - 1;
}

static void fill(DfTensor *x, unsigned seed, float from, float range)
{
    for (size_t i = 0; x && i < df_size(x); i++)
        x->data[i] = from + range * number(&seed);
}

static void make(NnModel **model, NnConvModule *module, const Case *k)
{
    int in = 0;
    for (int i = 0; i < k->maps; i++)
        in += k->size[i][2];
    cr_assert_eq(nn_model_new(model), DF_OK);
    const NnConvShape shape = { .kernel = k->kernel, .padding = k->kernel / 2, .no_bias = k->norm };
    module->act = k->act;
    nn_conv_init(nn_at(nn_root(*model), "conv"), &module->conv, in, k->out, shape);
    if (k->norm)
        nn_batch_norm_init(nn_at(nn_root(*model), "bn"), &module->norm, k->out);
    cr_assert_eq(nn_model_init(*model, 3), DF_OK, "%s", df_error());
    fill(module->conv.bias, 5, 0.1f, 0.5f);
    fill(module->norm.weight, 6, 1, 0.5f);
    fill(module->norm.bias, 7, 0, 0.5f);
    fill(module->norm.running_mean, 8, 0, 0.5f);
    fill(module->norm.running_var, 9, 1, 0.5f);
}

static void make_maps(DfCtx *c, const Case *k, DfTensor **x)
{
    for (int i = 0; i < k->maps; i++) {
        x[i] = df_new(c, DF_SHAPE(BATCH, k->size[i][0], k->size[i][1], k->size[i][2]));
        fill(x[i], 10 + (unsigned)i, 0, 1);
    }
}

static DfTensor *apart(DfCtx *c, const NnConvModule *m, const Case *k, DfTensor *const *x)
{
    DfTensor *large[MAPS];
    for (int i = 0; i < k->maps; i++)
        large[i] = df_interpolate(c, x[i], k->size[0][0], k->size[0][1], DF_BILINEAR, k->align_corners);
    DfTensor *y = nn_conv(c, &m->conv, df_concat(c, large, k->maps, 3));
    return df_act(c, nn_norm(c, &m->norm, y), m->act);
}

/* In strips of `rows`, one below the other. */
static DfTensor *joined(DfCtx *c, const NnConvModule *m, const Case *k, DfTensor *const *x, int rows)
{
    const int H = k->size[0][0];
    const NnJoinedConv j = nn_join_maps(c, m, x, k->maps, k->align_corners);
    DfTensor *strips[DF_SOURCES];
    int n = 0;
    cr_expect_eq(j.n_taps, c->recording ? 0 : k->taps, "%s: %d maps go by taps", k->name, j.n_taps);
    for (int first = 0; first < H; first += rows)
        strips[n++] = nn_joined_rows(c, &j, first, H - first < rows ? H - first : rows);
    return df_concat(c, strips, n, 1);
}

static double difference(const DfTensor *a, const DfTensor *b)
{
    double most = 0, largest = 0;
    cr_assert_eq(df_size(a), df_size(b));
    for (size_t i = 0; i < df_size(a); i++) {
        most = fmax(most, fabs((double)a->data[i] - b->data[i]));
        largest = fmax(largest, fabs(b->data[i]));
    }
    return most / largest;
}

static void check(const Case *k, const char *rung, bool record, DfPrecision precision, double tolerance)
{
    static const int strips[] = { 100, 4, 8 };
    NnModel *model;
    NnConvModule module = { 0 };
    make(&model, &module, k);
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->k = df_kernels_named(rung);
    c->recording = record;
    DfTensor *x[MAPS];
    make_maps(c, k, x);
    const DfTensor *expected = apart(c, &module, k, x);
    const bool can = df_ctx_set_precision(c, precision) == DF_OK; /* not every rung has every one */
    for (int i = 0; can && i < 3; i++) {
        const DfTensor *y = joined(c, &module, k, x, strips[i]);
        cr_assert_eq(df_ctx_error(c), DF_OK, "%s: %s", k->name, df_error());
        const double error = difference(y, expected);
        cr_expect_leq(error, tolerance, "%s, strips of %d rows, %s: %g", k->name, strips[i], rung, error);
    }
    df_ctx_free(c);
    nn_model_free(model);
}

Test(joined_conv, is_a_convolution_of_enlarged_maps)
{
    for (int r = 0; df_kernels_rung(r); r++)
        for (int i = 0; i < CASES; i++)
            check(&cases[i], df_kernels_rung(r), false, DF_PRECISION_F32, 2e-6);
}

Test(joined_conv, on_the_tape_enlarges_all)
{
    check(&cases[0], df_kernels_name(df_kernels()), true, DF_PRECISION_F32, 2e-6);
}

Test(joined_conv, in_bfloat16)
{
    for (int i = 0; i < CASES; i++)
        check(&cases[i], df_kernels_name(df_kernels()), false, DF_PRECISION_BF16, 0.02);
}

Test(joined_conv, taps_refuse_what_does_not_fit)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    DfTensor *x = df_zeros(c, DF_SHAPE(1, 2, 2, 3));
    DfTensor *weight = df_zeros(c, DF_SHAPE(4, 3, 3, 5));
    df_conv2d_taps(c, x, weight, NULL, 3); /* inputs 3 to 5 of 5 */
    cr_expect_eq(df_ctx_error(c), DF_ESHAPE);
    cr_expect(strstr(df_error(), "conv2d_taps: x of shape (1 2 2 3) at input 3"), "%s", df_error());
    df_ctx_free(c);
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    x = df_zeros(c, DF_SHAPE(1, 2, 2, 36));
    weight = df_zeros(c, DF_SHAPE(4, 3, 3, 5));
    df_enlarge_taps(c, weight, &x, 1, (DfStrip){ 8, 8, 4, 5 }, false); /* rows 4 to 8 of 8 */
    cr_expect_eq(df_ctx_error(c), DF_ESHAPE);
    cr_expect(strstr(df_error(), "to rows 4 to 8 of 8 x 8"), "%s", df_error());
    df_ctx_free(c);
}
