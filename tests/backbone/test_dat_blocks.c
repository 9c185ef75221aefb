/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/backbone/test_dat_blocks.c -- the modules of DAT one by one against the official code: values, sampling
 * positions and all gradients (tests/data/blocks); and what stage_spec and its companions refuse.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backbone/backbone.h"
#include "backbone/dat/kinds.h"
#include "backbone/dat/mlp.h"
#include "tests/support/golden.h"

static const double tolerance = 2e-5;

typedef struct {
    const char *file, *letter; /* letter NULL: an MLP */
    DatBlockOptions o;
    DatMlpKind mlp;
    bool training;
} Case;

static const Case cases[] = {
    { "dat_local", "L", { .dim = 12, .heads = 3, .window = 4 }, 0, false },
    { "dat_shift", "S", { .dim = 12, .heads = 3, .window = 5 }, 0, false },
    { "dat_clamp", "D", { .dim = 16, .heads = 4, .groups = 2, .stride = 2, .ksize = 5, .side = 14, .offset_range_factor = -1, .use_pe = true }, 0, false },
    { "dat_dwc", "D", { .dim = 16, .heads = 4, .groups = 2, .stride = 4, .ksize = 7, .side = 14, .offset_range_factor = -1, .use_pe = true, .dwc_pe = true }, 0, false },
    { "dat_logcpb", "D", { .dim = 16, .heads = 4, .groups = 1, .stride = 4, .ksize = 7, .side = 14, .offset_range_factor = -1, .use_pe = true, .log_cpb = true }, 0, false },
    { "nat", "N", { .dim = 12, .heads = 3, .nat_ksize = 7 }, 0, false },
    { "dat_pyramid", "P", { .dim = 12, .heads = 3, .sr_ratio = 2 }, 0, false },
    { "slide", "E", { .dim = 16, .heads = 2 }, 0, false },
    { "dat_mlp", NULL, { .dim = 6 }, DAT_MLP_PLAIN, false },
    { "dat_mlp_dwc", NULL, { .dim = 6 }, DAT_MLP_CONV, false },
    { "dat_mlp_cmt_train", NULL, { .dim = 6 }, DAT_MLP_CMT, true },
};

/* ---- a module, loaded ------------------------------------------------------------------------------------------------ */

typedef struct {
    const Case *k;
    const DfCheckpoint *golden;
    DfPool *pool;
    DfCtx *c;
    NnModel *weights;
    void *self;
    DatMlp mlp;
    DfTensor *x, *y, *pos;
} Run;

static void load(Run *r)
{
    for (int i = 0; i < nn_model_count(r->weights); i++) {
        const NnParam *param = nn_model_at(r->weights, i);
        char key[320];
        snprintf(key, sizeof key, "input.param.%s", param->name);
        float *official = golden_f32(r->golden, key);
        cr_assert_eq((size_t)df_array_count(golden_get(r->golden, key)), df_count(param->shape), "%s: %s has another size", r->k->file, key);
        nn_param_from_official(param, official, param->tensor->data);
        df_free(official);
    }
}

static void build(Run *r)
{
    const Case *k = r->k;
    cr_assert_eq(nn_model_new(&r->weights), DF_OK);
    const NnScope s = nn_root(r->weights);
    if (k->letter) {
        const DatBlockKind *kind = df_dat_block_kind(k->letter);
        cr_assert_not_null(kind);
        r->self = nn_alloc(s, 1, kind->size);
        kind->init(s, r->self, &k->o);
    } else {
        const DfArray *hidden = golden_get(r->golden, k->mlp == DAT_MLP_PLAIN ? "input.param.chunk.linear1.bias" : "input.param.linear1.0.bias");
        df_dat_mlp_init(s, &r->mlp, k->mlp, k->o.dim, (int)hidden->shape[0], 0);
    }
    cr_assert_eq(nn_model_error(r->weights), DF_OK, "%s: %s", k->file, df_error());
    cr_assert_eq(nn_model_init(r->weights, 0), DF_OK);
    load(r);
    cr_assert_eq(nn_model_train(r->weights), DF_OK);
}

/* ---- maps ----------------------------------------------------------------------------------------------------------------- */

static void swap(const float *in, size_t N, size_t rows, size_t columns, float *out) /* N rows columns -> N columns rows */
{
    for (size_t n = 0; n < N; n++)
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < columns; j++)
                out[(n * columns + j) * rows + i] = in[(n * rows + i) * columns + j];
}

static float *map_of(const DfCheckpoint *golden, const char *name, DfShape *shape) /* N C H W there, N H W C here */
{
    const DfArray *a = golden_get(golden, name);
    *shape = DF_SHAPE((int)a->shape[0], (int)a->shape[2], (int)a->shape[3], (int)a->shape[1]);
    float *official = golden_f32(golden, name), *ours = df_malloc(df_count(*shape) * sizeof *ours);
    cr_assert_not_null(ours);
    swap(official, (size_t)a->shape[0], (size_t)a->shape[1], (size_t)(a->shape[2] * a->shape[3]), ours);
    df_free(official);
    return ours;
}

static void close_map(const Run *r, const char *rung, const char *name, const float *ours, DfShape s)
{
    float *official = df_malloc(df_count(s) * sizeof *official);
    cr_assert_not_null(official);
    swap(ours, (size_t)s.d[0], (size_t)(s.d[1] * s.d[2]), (size_t)s.d[3], official);
    const double e = rel_l2(official, golden_get(r->golden, name));
    cr_expect_leq(e, tolerance, "%s, %s: %s is %.2g off", r->k->file, rung, name, e);
    df_free(official);
}

/* ---- values and gradients ------------------------------------------------------------------------------------------------- */

static void hear(void *user, const char *name, const DfTensor *x)
{
    Run *r = user;
    if (strcmp(name, "pos") == 0)
        memcpy(&r->pos, &x, sizeof x); /* to be seeded: the listener is given it to look at only */
}

static void run(Run *r, const Case *k, const DfCheckpoint *golden, const char *rung, int threads)
{
    *r = (Run){ .k = k, .golden = golden };
    cr_assert_eq(df_pool_new(&r->pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&r->c, r->pool), DF_OK);
    r->c->k = df_kernels_named(rung);
    r->c->recording = true;
    r->c->training = k->training;
    build(r);
    df_listen(r->c, hear, true, r);
    DfShape shape;
    float *x = map_of(golden, "input.x", &shape), *seed = map_of(golden, "gradout.y", &shape);
    r->x = df_from(r->c, shape, x);
    r->x->wants_grad = true;
    r->y = k->letter ? df_dat_block_kind(k->letter)->forward(r->c, r->self, r->x, (NnResidual){ 0 }) : df_dat_mlp_add(r->c, &r->mlp, r->x, (NnResidual){ 0 });
    df_seed(r->c, r->y, seed);
    if (r->pos && golden_has(golden, "gradout.pos")) {
        float *pos = golden_f32(golden, "gradout.pos");
        df_seed(r->c, r->pos, pos);
        df_free(pos);
    }
    df_backward(r->c, NULL, NULL);
    nn_model_take_statistics(r->weights, r->c);
    cr_assert_eq(df_ctx_error(r->c), DF_OK, "%s: %s", k->file, df_error());
    df_free(x);
    df_free(seed);
}

static void end(Run *r)
{
    df_ctx_free(r->c);
    nn_model_free(r->weights);
    df_pool_free(r->pool);
}

/* Where the true gradient is zero (a bias of keys moves all scores alike) there is only rounding to compare. */
static bool is_zero(const DfArray *array)
{
    const size_t n = (size_t)df_array_count(array);
    float *values = df_malloc(n * sizeof *values);
    cr_assert_not_null(values);
    df_array_f32(array, values);
    bool zero = true;
    for (size_t i = 0; i < n; i++)
        zero = zero && fabsf(values[i]) < 1e-10f;
    df_free(values);
    return zero;
}

static void close_parameters(const Run *r, const char *rung)
{
    for (int i = 0; i < nn_model_count(r->weights); i++) {
        const NnParam *param = nn_model_at(r->weights, i);
        char key[320];
        snprintf(key, sizeof key, param->buffer ? "after.%s" : "grad.param.%s", param->name);
        const DfArray *expected = golden_get(r->golden, key);
        if (!param->buffer && is_zero(expected))
            continue;
        const float *ours = param->buffer ? param->tensor->data : param->tensor->grad;
        float *official = df_malloc(df_count(param->shape) * sizeof *official);
        cr_assert_not_null(official);
        cr_assert(param->buffer || param->tensor->reached, "%s: nothing flows back to %s", r->k->file, param->name);
        nn_param_to_official(param, ours, official);
        const double e = rel_l2(official, expected);
        cr_expect_leq(e, tolerance, "%s, %s: %s is %.2g off", r->k->file, rung, key, e);
        df_free(official);
    }
}

static void same_bits(const Run *a, const Run *b)
{
    cr_expect(memcmp(a->y->data, b->y->data, df_size(a->y) * sizeof(float)) == 0, "%s depends on the number of threads", a->k->file);
    for (int i = 0; i < nn_model_count(a->weights); i++) {
        const NnParam *p = nn_model_at(a->weights, i), *q = nn_model_at(b->weights, i);
        if (p->tensor->grad)
            cr_expect(memcmp(p->tensor->grad, q->tensor->grad, df_count(p->shape) * sizeof(float)) == 0,
                      "%s: gradient of %s depends on the number of threads", a->k->file, p->name);
    }
}

static void check(const Case *k, const char *rung)
{
    DfCheckpoint *golden = golden_open(DF_TEST_DATA "/blocks/%s.safetensors", k->file);
    cr_assert_not_null(golden);
    Run one, two;
    run(&one, k, golden, rung, 1);
    run(&two, k, golden, rung, 2);
    close_map(&one, rung, "output.y", one.y->data, one.y->shape);
    close_map(&one, rung, "grad.x", one.x->grad, one.x->shape);
    if (golden_has(golden, "output.pos"))
        cr_expect_leq(rel_l2(one.pos->data, golden_get(golden, "output.pos")), tolerance);
    close_parameters(&one, rung);
    same_bits(&one, &two);
    end(&one);
    end(&two);
    golden_close(golden);
}

Test(dat_blocks, values_and_gradients)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int r = 0; df_kernels_rung(r); r++)
            check(&cases[i], df_kernels_rung(r));
    }
}

/* ---- configs ---------------------------------------------------------------------------------------------------------------- */

/* Builds a DAT of four stages with one block each; the first has the letter. */
static int build_dat(const char *letter, const char *more)
{
    char text[1024];
    snprintf(text, sizeof text, "backbone = dict(type='DAT', img_size=64, dim_stem=24, dims=[24, 48, 96, 192], depths=[1, 1, 1, 1], "
             "strides=[1, 1, 1, 1], stage_spec=[['%s'], ['L'], ['L'], ['L']], %s)\n", letter, more);
    DfConfig *config;
    NnModel *weights;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "test.py", true), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_new(&weights), DF_OK);
    const NnScope s = nn_root(weights);
    void *self = nn_alloc(s, 1, df_backbone_find("DAT")->size);
    if (nn_configure(s, df_node_get(df_config_root(config), "backbone"), df_backbone_find("DAT")->opts, self, "DAT"))
        df_backbone_find("DAT")->init(s, self);
    const int error = nn_model_error(weights);
    nn_model_free(weights);
    df_config_free(config);
    return error;
}

static void refused(const char *letter, const char *more, const char *why)
{
    cr_expect_eq(build_dat(letter, more), DF_EVALUE, "%s with %s is taken", letter, more);
    cr_expect_not_null(strstr(df_error(), why), "%s with %s: '%s' does not say '%s'", letter, more, df_error(), why);
}

Test(dat_blocks, every_letter_is_built)
{
    static const char *const letters[] = { "L", "S", "N", "P", "X", "E" };
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        cr_expect_eq(build_dat(letters[i], ""), DF_OK, "%s: %s", letters[i], df_error());
        cr_expect_eq(build_dat(letters[i], "style='classification', use_dwc_mlps=[True] * 4, use_lpus=[True] * 4"), DF_OK, "%s: %s", letters[i], df_error());
    }
    cr_expect_eq(build_dat("D", "groups=[1] * 4"), DF_OK, "%s", df_error());
    cr_expect_eq(build_dat("A", "groups=[1] * 4, local_orf=[3] * 4, local_kv_sizes=[3] * 4, use_pes=[True] * 4"), DF_OK, "%s", df_error());
    cr_expect_eq(build_dat("Q", "style='classification', ksize_qnas=[1] * 4, heads_q=[6] * 4"), DF_OK, "%s", df_error());
}

Test(dat_blocks, what_the_official_code_cannot_run_is_refused)
{
    refused("Z", "", "want L, S, D, N");
    refused("LL", "", "want L, S, D, N");
    refused("Q", "ksize_qnas=[1] * 4", "only the classification form");
    refused("Q", "style='classification'", "with 1 only");
    refused("A", "style='classification', local_orf=[3] * 4, local_kv_sizes=[3] * 4", "only the detection form");
    refused("A", "", "local_orf = -1");
    refused("N", "nat_ksizes=[4] * 4", "nat_ksizes = 4");
    refused("N", "nat_ksizes=[1] * 4", "nat_ksizes = 1");
    refused("N", "code_version='2022'", "came with the 2023 code");
    refused("P", "sr_ratios=[-1] * 4", "sr_ratios = -1");
    refused("Q", "style='classification', ksize_qnas=[1] * 4, heads_q=[5] * 4", "heads_q = 5");
    refused("X", "window_sizes=[4] * 4", "odd");
    refused("S", "window_sizes=[1] * 4", "at least 2");
    refused("E", "heads=[4, 6, 12, 24]", "E block");
    refused("D", "groups=[2, 1, 1, 1]", "groups = 2");
    refused("L", "sr_ratios=[1, 1]", "sr_ratios has 2 entries");
}

/* A deformable block, on a map of one row or column and on one that has both. */
static int run_on_map(const DatBlockOptions *o, int H, int W)
{
    DfPool *pool;
    DfCtx *c;
    NnModel *weights;
    const DatBlockKind *kind = df_dat_block_kind("D");
    cr_assert_eq(df_pool_new(&pool, 1), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    cr_assert_eq(nn_model_new(&weights), DF_OK);
    void *self = nn_alloc(nn_root(weights), 1, kind->size);
    kind->init(nn_root(weights), self, o);
    cr_assert_eq(nn_model_error(weights), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_init(weights, 0), DF_OK);
    const DfTensor *y = kind->forward(c, self, df_zeros(c, DF_SHAPE(1, H, W, o->dim)), (NnResidual){ 0 });
    const int error = df_ctx_error(c);
    for (size_t i = 0; error == DF_OK && i < df_size(y); i++)
        cr_assert(isfinite(y->data[i]), "%d x %d: number %zu is %g", H, W, i, (double)y->data[i]);
    df_ctx_free(c);
    nn_model_free(weights);
    df_pool_free(pool);
    return error;
}

Test(dat_blocks, maps_of_one_row_have_no_distances)
{
    DatBlockOptions o = { .dim = 16, .heads = 4, .groups = 2, .stride = 1, .ksize = 3, .side = 14, .offset_range_factor = -1, .use_pe = true };
    cr_expect_eq(run_on_map(&o, 2, 5), DF_OK);
    cr_expect_eq(run_on_map(&o, 1, 5), DF_ESHAPE);
    cr_expect_not_null(strstr(df_error(), "a map of 1x5: the distances of its position bias want at least 2x2"), "%s", df_error());
    o.log_cpb = true;
    cr_expect_eq(run_on_map(&o, 5, 1), DF_ESHAPE);
    o.use_pe = false;
    cr_expect_eq(run_on_map(&o, 1, 5), DF_OK);
    o = (DatBlockOptions){ .dim = 16, .heads = 4, .groups = 2, .stride = 1, .ksize = 3, .side = 14, .offset_range_factor = 2, .use_pe = true, .code_2022 = true };
    cr_expect_eq(run_on_map(&o, 1, 5), DF_OK);
}
