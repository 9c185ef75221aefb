/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/backbone/test_generalized_attention.c -- the plugin beside mmcv's module: every attention_type, strides, and a
 * limited spatial_range (tests/scripts/make_generalized_attention.py).
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "backbone/resnet/plugin.h"
#include "tests/support/golden.h"

static const double tolerance = 2e-6;

typedef struct {
    const char *name, *options;
    int channels;
} Case;

#define NARROW "num_heads=3, attention_type="
#define WIDE "num_heads=8, position_embedding_dim=8, attention_type="
static const Case cases[] = {
    { "0000", NARROW "'0000'", 12 }, { "0001", NARROW "'0001'", 12 }, { "0010", NARROW "'0010'", 12 },
    { "0011", NARROW "'0011'", 12 }, { "0100", NARROW "'0100'", 12 }, { "0101", NARROW "'0101'", 12 },
    { "0110", NARROW "'0110'", 12 }, { "0111", NARROW "'0111'", 12 }, { "1000", NARROW "'1000'", 12 },
    { "1001", NARROW "'1001'", 12 }, { "1010", NARROW "'1010'", 12 }, { "1011", NARROW "'1011'", 12 },
    { "1100", NARROW "'1100'", 12 }, { "1101", NARROW "'1101'", 12 }, { "1110", NARROW "'1110'", 12 },
    { "1111", NARROW "'1111'", 12 },
    { "strides", NARROW "'0100', q_stride=2, kv_stride=3, position_magnitude=2", 12 },
    { "near", WIDE "'1111', spatial_range=2", 256 },
    { "near_of_every_third", WIDE "'0100', spatial_range=3, kv_stride=3", 256 },
    { "near_of_the_first", WIDE "'0010', spatial_range=1", 256 },
    { "near_strided", WIDE "'1011', spatial_range=0, q_stride=2, kv_stride=1", 256 },
    { "near_of_512", WIDE "'1001', spatial_range=1", 512 },
};

/* ---- numbers that both sides draw -------------------------------------------------------------------------------- */

static uint32_t seed_of(const char *name)
{
    uint32_t seed = 2166136261U;
    for (; *name; name++)
        seed = (seed ^ (uint8_t)*name) * 16777619U;
    return seed;
}

/* In [-1/2, 1/2), 24 bits, of the element at `place`. */
static float drawn(uint32_t seed, size_t place)
{
    uint32_t bits = (uint32_t)place * 2654435761U + seed;
    bits = (bits ^ (bits >> 15)) * 2246822519U;
    return (float)(bits >> 8) / 16777216.0F - 0.5F;
}

static void draw_weights(NnModel *model)
{
    for (int i = 0; i < nn_model_count(model); i++) {
        const NnParam *p = nn_model_at(model, i);
        const size_t n = df_count(p->shape);
        const float scale = p->shape.n > 1 ? 0.25F : 1;
        float *official = df_malloc(n * sizeof *official);
        cr_assert_not_null(official);
        for (size_t k = 0; k < n; k++)
            official[k] = scale * drawn(seed_of(p->name), k);
        nn_param_from_official(p, official, p->tensor->data);
        df_free(official);
    }
}

enum { N = 2, H = 7, MOST = 9 };

/* Where the 2nd digit stands without the 4th, mmcv has square maps only. */
static int width(const Case *k)
{
    const char *digits = strchr(k->options, '\'') + 1;
    return digits[1] == '1' && digits[3] == '0' ? H : MOST;
}

/* N C H W there, N H W C here. */
static DfTensor *draw_input(DfCtx *c, int W, int channels)
{
    DfTensor *x = df_new(c, DF_SHAPE(N, H, W, channels));
    float *at = x->data;
    for (int n = 0; n < N; n++)
        for (int p = 0; p < H * W; p++)
            for (int k = 0; k < channels; k++)
                *at++ = drawn(seed_of("x"), (size_t)((n * channels + k) * H * W + p));
    return x;
}

/* ---- beside mmcv ------------------------------------------------------------------------------------------------- */

/* The golden file has every `step`-th channel. */
static void is_close(const DfCheckpoint *golden, const Case *k, const char *what, const float *ours)
{
    char key[64];
    float got[N * 8 * H * MOST];
    const int W = width(k);
    snprintf(key, sizeof key, "%s.%s", k->name, what);
    const DfArray *want = golden_get(golden, key);
    const int step = k->channels > 12 ? 64 : 5;
    const int kept = (k->channels + step - 1) / step;
    cr_assert_eq(df_array_count(want), N * kept * H * W);
    for (int n = 0; n < N; n++)
        for (int i = 0; i < kept; i++)
            for (int p = 0; p < H * W; p++)
                got[(n * kept + i) * H * W + p] = ours[(n * H * W + p) * k->channels + i * step];
    const double off = rel_l2(got, want);
    cr_expect_leq(off, tolerance, "%s: %s is %.2g off", k->name, what, off);
}

static void configure(NnModel *model, const Case *k, void *self)
{
    const PluginKind *kind = &df_generalized_attention;
    char text[256];
    DfConfig *config;
    snprintf(text, sizeof text, "cfg = dict(%s)", k->options);
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "c.py", true), DF_OK, "%s", df_error());
    cr_assert(nn_configure(nn_root(model), df_node_get(df_config_root(config), "cfg"), kind->opts, self, kind->type),
              "%s", df_error());
    kind->init(nn_root(model), self, k->channels);
    cr_assert_eq(nn_model_error(model), DF_OK, "%s: %s", k->name, df_error());
    cr_assert_eq(nn_model_init(model, 0), DF_OK);
    cr_assert_eq(nn_model_train(model), DF_OK);
    draw_weights(model);
    df_config_free(config);
}

static void compare(DfCtx *c, const DfCheckpoint *golden, const Case *k)
{
    NnModel *model;
    cr_assert_eq(nn_model_new(&model), DF_OK);
    void *self = nn_alloc(nn_root(model), 1, df_generalized_attention.size);
    configure(model, k, self);
    c->recording = true;
    DfTensor *x = draw_input(c, width(k), k->channels);
    x->wants_grad = true;
    DfTensor *y = df_generalized_attention.forward(c, self, x);
    df_seed(c, y, x->data);
    df_backward(c, NULL, NULL);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s: %s", k->name, df_error());
    is_close(golden, k, "y", y->data);
    is_close(golden, k, "grad", x->grad);
    df_reset(c);
    nn_model_free(model);
}

Test(generalized_attention, equals_mmcv)
{
    DfPool *pool;
    DfCtx *c;
    DfCheckpoint *golden = golden_open(DF_TEST_DATA "/blocks/generalized_attention.safetensors");
    cr_assert_not_null(golden);
    cr_assert_eq(df_pool_new(&pool, 2), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        compare(c, golden, &cases[i]);
    df_ctx_free(c);
    df_pool_free(pool);
    golden_close(golden);
}

Test(generalized_attention, maps_that_mmcv_does_not_take)
{
    DfPool *pool;
    DfCtx *c;
    NnModel *model;
    cr_assert_eq(df_pool_new(&pool, 1), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    cr_assert_eq(nn_model_new(&model), DF_OK);
    void *self = nn_alloc(nn_root(model), 1, df_generalized_attention.size);
    configure(model, &cases[4], self);
    df_generalized_attention.forward(c, self, draw_input(c, MOST, 12));
    cr_expect_eq(df_ctx_error(c), DF_ESHAPE);
    cr_expect(strstr(df_error(), "attention_type '0100' on a map of 9x7: mmcv computes that type on square maps only"),
              "%s", df_error());
    nn_model_free(model);
    df_ctx_free(c);
    df_pool_free(pool);
}
