/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/backbone/test_backbone_training.c -- what a training run asks of backbones: parts that run twice to save memory
 * give the same bits; frozen parts get no gradient and drop nothing.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backbone/backbone.h"

#define DROPS "drop_rate=0.2, attn_drop_rate=0.2, drop_path_rate=0.3, "
#define KEEPS "drop_path_rate=0.0, "
#define SWIN "embed_dim=8, depths=[2, 2], num_heads=[2, 2], window_size=4, out_indices=[0, 1], ape=True, "
#define FOCAL SWIN "focal_levels=[2, 2], focal_windows=[3, 3], expand_sizes=[2, 2], use_shift=True, img_size=64, "
#define PVT "embed_dims=[8, 8, 16], num_heads=[1, 2, 2], mlp_ratios=[2, 2, 2], depths=[1, 2, 1], sr_ratios=[2, 2, 1], num_stages=3, img_size=64, "
#define RESNET "base_channels=4, num_stages=3, stage_blocks=[2, 2, 1], strides=[1, 2, 2], dilations=[1, 1, 1], out_indices=[0, 1, 2], "
#define DAT \
    "img_size=64, expansion=2, dim_stem=8, dims=[8, 16, 32, 64], heads=[1, 2, 2, 4], window_sizes=[3, 3, 3, 3], use_dwc_mlps=[True, True, False, False], " \
    "groups=[1, 1, 2, 2], strides=[8, 4, 2, 1], ksizes=[3, 3, 3, 3], nat_ksizes=[3, 3, 5, 3], sr_ratios=[4, 2, 2, 1], " \
    "depths=[2, 2, 2, 2], stage_spec=[['L', 'S'], ['N', 'D'], ['P', 'D'], ['X', 'D']], use_pes=[True, True, True, True], use_cmt_mlps=[True, False, False, False], "

enum { H = 72, W = 64, N = 2 };

typedef struct {
    DfConfig *config;
    const DfBackbone *backbone;
    NnModel *weights;
    void *self;
} Network;

static Network build(const char *type, const char *options)
{
    char text[2048];
    Network net = { .backbone = df_backbone_find(type) };
    const int length = snprintf(text, sizeof text, "backbone = dict(%s)", options);
    cr_assert_eq(df_config_parse(&net.config, text, (size_t)length, type, true), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_new(&net.weights), DF_OK);
    const NnScope s = nn_root(net.weights);
    net.self = nn_alloc(s, 1, net.backbone->size);
    if (nn_configure(s, df_node_get(df_config_root(net.config), "backbone"), net.backbone->opts, net.self, type))
        net.backbone->init(s, net.self);
    cr_assert_eq(nn_model_error(net.weights), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_init(net.weights, 1), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_train(net.weights), DF_OK, "%s", df_error());
    return net;
}

static void done(Network *net)
{
    nn_model_free(net->weights);
    df_config_free(net->config);
}

static void fill(float *x, size_t n, uint64_t stream)
{
    DfRandom random = df_random(1, stream);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)df_normal(&random);
}

/* The maps, one behind the other; gradients stay in the model. Statistics have moved. */
typedef struct {
    float *maps;
    size_t n, peak;
} Outcome;

static Outcome step(const Network *net)
{
    Outcome out = { 0 };
    DfCtx *c;
    DfMaps maps;
    static float image[N * H * W * 3];
    fill(image, N * H * W * 3, 1);
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->recording = c->training = true;
    df_ctx_seed(c, 3, 4, 0);
    net->backbone->forward(c, net->self, df_borrow(c, DF_SHAPE(N, H, W, 3), image), &maps);
    for (int i = 0; i < maps.n; i++)
        out.n += df_size(maps.map[i]);
    out.maps = df_malloc(out.n * sizeof *out.maps);
    for (int i = 0, at = 0; i < maps.n; at += (int)df_size(maps.map[i++])) {
        memcpy(out.maps + at, maps.map[i]->data, df_size(maps.map[i]) * sizeof *out.maps);
        float *seed = df_malloc(df_size(maps.map[i]) * sizeof *seed);
        fill(seed, df_size(maps.map[i]), 2);
        df_seed(c, maps.map[i], seed);
        df_free(seed);
    }
    c->frugal = true;
    df_backward(c, NULL, NULL);
    nn_model_take_statistics(net->weights, c);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s: %s", net->backbone->name, df_error());
    cr_expect(c->recording);
    out.peak = c->peak;
    df_ctx_free(c);
    return out;
}

/* ---- parts that run twice ---------------------------------------------------------------------------------------- */

static void same_bits(const char *type, const char *plain, const char *twice, double share)
{
    Network a = build(type, plain), b = build(type, twice);
    const Outcome x = step(&a), y = step(&b);
    cr_assert_eq(x.n, y.n);
    cr_expect_eq(memcmp(x.maps, y.maps, x.n * sizeof *x.maps), 0, "%s: other maps", type);
    for (int i = 0; i < nn_model_count(a.weights); i++) {
        const NnParam *p = nn_model_at(a.weights, i), *q = nn_model_at(b.weights, i);
        const size_t size = df_count(p->shape) * sizeof(float);
        cr_expect_eq(p->tensor->reached, q->tensor->reached, "%s: %s", type, p->name);
        cr_expect_eq(memcmp(p->tensor->data, q->tensor->data, size), 0, "%s: %s is another", type, p->name);
        if (p->tensor->grad)
            cr_expect_eq(memcmp(p->tensor->grad, q->tensor->grad, size), 0, "%s: the gradient of %s is another", type, p->name);
    }
    cr_expect_leq((double)y.peak, share * (double)x.peak, "%s: %zu bytes, and %zu", type, x.peak, y.peak);
    df_free(x.maps);
    df_free(y.maps);
    done(&a);
    done(&b);
}

Test(backbone_training, parts_that_run_twice)
{
    same_bits("SwinTransformer", SWIN DROPS, SWIN DROPS "use_checkpoint=True", 0.7);
    same_bits("FocalTransformer", FOCAL DROPS, FOCAL DROPS "use_checkpoint=True", 0.7);
    same_bits("DAT", DAT DROPS, DAT DROPS "use_checkpoint=True", 0.9);
    same_bits("PyramidVisionTransformer", PVT DROPS, PVT DROPS "with_cp=True", 0.8);
    same_bits("PyramidVisionTransformerV2", PVT DROPS, PVT DROPS "with_cp=True", 0.8);
    same_bits("ResNet", RESNET "norm_eval=False, ", RESNET "norm_eval=False, with_cp=True", 0.9);
    same_bits("ResNet", RESNET "frozen_stages=1, ", RESNET "frozen_stages=1, with_cp=True", 1);
}

/* ---- frozen parts ------------------------------------------------------------------------------------------------ */

static bool has_prefix(const char *const *prefixes, const char *name)
{
    for (; *prefixes; prefixes++)
        if (df_starts_with(name, *prefixes))
            return true;
    return false;
}

static double distance(const float *a, const float *b, size_t n)
{
    double worst = 0, size = 1e-3;
    for (size_t i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
        size = fmax(size, fabs((double)a[i]));
    }
    return worst / size;
}

/* `options` without anything dropped, and with `freeze` besides: the same maps
 * and gradients, but for what is frozen. */
static void frozen(const char *type, const char *options, const char *freeze, const char *const *prefixes)
{
    char text[2048];
    snprintf(text, sizeof text, "%s%s", options, freeze);
    Network a = build(type, options), b = build(type, text);
    const Outcome x = step(&a), y = step(&b);
    cr_expect_leq(distance(x.maps, y.maps, x.n), 1e-5, "%s: other maps", type);
    for (int i = 0; i < nn_model_count(a.weights); i++) {
        const NnParam *p = nn_model_at(a.weights, i), *q = nn_model_at(b.weights, i);
        cr_expect_eq(q->tensor->reached, p->tensor->reached && !has_prefix(prefixes, p->name), "%s: %s", type, p->name);
        if (q->tensor->reached)
            cr_expect_leq(distance(p->tensor->grad, q->tensor->grad, df_count(p->shape)), 1e-4, "%s: %s", type, p->name);
    }
    cr_expect_leq(y.peak, x.peak, "%s: what is frozen takes memory: %zu, not %zu", type, y.peak, x.peak);
    df_free(x.maps);
    df_free(y.maps);
    done(&a);
    done(&b);
}

Test(backbone_training, frozen_parts)
{
    const char *const swin[] = { "patch_embed.", "absolute_pos_embed", "layers.0.", NULL };
    frozen("SwinTransformer", SWIN KEEPS, "frozen_stages=2", swin);
    frozen("SwinTransformer", SWIN KEEPS, "frozen_stages=0", (const char *[]){ "patch_embed.", NULL });
    frozen("SwinTransformer", SWIN KEEPS, "frozen_stages=1", (const char *[]){ "patch_embed.", "absolute_pos_embed", NULL });
    frozen("FocalTransformer", FOCAL KEEPS, "frozen_stages=2", swin);
    frozen("ResNet", RESNET, "frozen_stages=0", (const char *[]){ "conv1.", "bn1.", NULL });
    frozen("ResNet", RESNET, "frozen_stages=2", (const char *[]){ "conv1.", "bn1.", "layer1.", "layer2.", NULL });
    frozen("ResNetV1c", RESNET, "frozen_stages=1", (const char *[]){ "stem.", "layer1.", NULL });
}

/* In a frozen stage nothing is dropped: its map is that of inference. */
Test(backbone_training, frozen_stages_drop_nothing)
{
    Network a = build("SwinTransformer", SWIN DROPS "frozen_stages=2"), b = build("SwinTransformer", SWIN KEEPS);
    const Outcome x = step(&a), y = step(&b);
    const size_t first = (size_t)N * (H / 4) * (W / 4) * 8;
    cr_expect_leq(distance(x.maps, y.maps, first), 1e-5);
    cr_expect_gt(distance(x.maps + first, y.maps + first, x.n - first), 0.1);
    df_free(x.maps);
    df_free(y.maps);
    done(&a);
    done(&b);
}

static void statistics_move(const char *options, const char *name, bool moves)
{
    Network net = build("ResNet", options);
    const Outcome x = step(&net);
    cr_expect_eq(nn_model_find(net.weights, name)->tensor->data[0] != 0, moves, "%s: %s", options, name);
    df_free(x.maps);
    done(&net);
}

Test(backbone_training, statistics_of_batch_norms)
{
    statistics_move(RESNET "norm_eval=True", "bn1.running_mean", false);
    statistics_move(RESNET "norm_eval=False", "bn1.running_mean", true);
    statistics_move(RESNET "norm_eval=False, norm_cfg=dict(type='SyncBN', requires_grad=True)", "layer3.0.bn2.running_mean", true);
    statistics_move(RESNET "norm_eval=False, norm_cfg=dict(type='BN', requires_grad=False)", "bn1.running_mean", true);
    statistics_move(RESNET "norm_eval=False, frozen_stages=1", "layer1.1.bn2.running_mean", false);
    statistics_move(RESNET "norm_eval=False, frozen_stages=1", "layer2.0.bn1.running_mean", true);
}

/* ---- stages that nobody reads ------------------------------------------------------------------------------------ */

static bool has_row(const DfCtx *c, const char *path)
{
    const DfProfileRow *rows;
    const int n = df_profile_rows(c, &rows);
    for (int i = 0; i < n; i++)
        if (strcmp(rows[i].path, path) == 0)
            return true;
    return false;
}

/* Is there something to see of a ResNet's third stage after a pass? */
static bool runs_third_stage(const char *out_indices, bool training)
{
    char options[512];
    snprintf(options, sizeof options, "base_channels=4, num_stages=3, stage_blocks=[1, 1, 1], strides=[1, 2, 2], dilations=[1, 1, 1], out_indices=%s", out_indices);
    Network net = build("ResNet", options);
    DfMaps maps;
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->training = training;
    df_profile(c, true);
    net.backbone->forward(c, net.self, df_zeros(c, DF_SHAPE(N, H, W, 3)), &maps);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    cr_assert(has_row(c, "layer2.0"));
    const bool runs = has_row(c, "layer3.0");
    df_ctx_free(c);
    done(&net);
    return runs;
}

Test(backbone_training, stages_behind_the_last_map)
{
    cr_assert(!runs_third_stage("[1]", false) && !runs_third_stage("[0, 1]", false));
    cr_assert(runs_third_stage("[1]", true)); /* its batch norms see the batch */
    cr_assert(runs_third_stage("[2]", false) && runs_third_stage("[0, 1, 2]", false));
}
