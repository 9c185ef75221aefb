/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_segment.c -- semantic segmentation: the class of every pixel against the official code, whole, by window and
 * mirrored; the blocks of models/score_rows.c against the plain sums in float64; losses, gradients and running statistics of a
 * training step against the official code.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/models.h"
#include "tests/support/golden.h"

#define CASES DF_TEST_DATA "/networks"

typedef struct {
    DfConfig *config;
    DfModel *model;
    DfCheckpoint *input, *expected;
} Case;

static void open_case(Case *k, const char *name)
{
    char path[1024];
    *k = (Case){ 0 };
    snprintf(path, sizeof path, CASES "/%s/config.json", name);
    cr_assert_eq(df_config_read(&k->config, path, NULL, 0), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&k->model, df_config_root(k->config)), DF_OK, "%s", df_error());
    snprintf(path, sizeof path, CASES "/%s/weights.pth", name);
    cr_assert_eq(df_model_load(k->model, path, NULL), DF_OK, "%s", df_error());
    k->input = golden_open(CASES "/%s/input.safetensors", name);
    k->expected = golden_open(CASES "/%s/expected.safetensors", name);
    cr_assert(k->input && k->expected, "%s lacks a file", name);
}

static void close_case(Case *k)
{
    df_model_free(k->model);
    df_config_free(k->config);
    golden_close(k->input);
    golden_close(k->expected);
}

static DfTensor *image_of(DfCtx *c, const DfCheckpoint *input, const char *name)
{
    const DfArray image = golden_channels_last(golden_get(input, name));
    return golden_tensor(c, &image);
}

/* ---- inference ---------------------------------------------------------------------------------------------------------- */

/* How many labels differ. The cases have no pixel whose two best classes are nearly equal. */
static size_t wrong_labels(const Case *k, const uint16_t *labels)
{
    const DfArray *map = golden_get(k->expected, "seg_map");
    const size_t n = (size_t)map->shape[0] * (size_t)map->shape[1];
    int64_t *expected = golden_i64(k->expected, "seg_map");
    size_t wrong = 0;
    for (size_t i = 0; i < n; i++)
        wrong += labels[i] != expected[i];
    df_free(expected);
    return wrong;
}

static void check_labels(const char *name, const char *rung)
{
    Case k;
    DfCtx *c;
    DfPool *pool;
    open_case(&k, name);
    cr_assert_eq(df_pool_new(&pool, 2), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    c->k = df_kernels_named(rung);
    const int n = golden_has(k.input, "image_1") ? 2 : 1;
    DfImageMeta metas[2] = { 0 };
    DfTensor *views[2];
    for (int i = 0; i < n; i++) {
        views[i] = image_of(c, k.input, n == 1 ? "image" : i ? "image_1" : "image_0");
        cr_assert_eq(sscanf(df_checkpoint_metadata(k.input, "ori_shape"), "[%d, %d", &metas[i].ori_h, &metas[i].ori_w), 2);
        metas[i].flip_x = i == 1;
    }
    uint16_t *labels = df_malloc((size_t)metas[0].ori_h * (size_t)metas[0].ori_w * sizeof *labels);
    cr_assert_eq(df_model_segment(k.model, c, views, metas, n, labels), DF_OK, "%s", df_error());
    cr_expect_eq(wrong_labels(&k, labels), 0, "%s, %s", name, rung);
    df_free(labels);
    df_ctx_free(c);
    df_pool_free(pool);
    close_case(&k);
}

Test(segment, labels)
{
    static const char *const names[] = { "upernet_whole", "upernet_slide", "upernet_flip", "semantic_fpn" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check_labels(names[i], "c");
        if (df_kernels_named("avx2"))
            check_labels(names[i], "avx2");
    }
}

/* ---- from small scores to labels -------------------------------------------------------------------------------------- */

enum { C = 11, H = 19, W = 300, VIEWS = 3 };

static double at(int i, int to, int from, bool align_corners)
{
    return align_corners ? (to > 1 ? (double)(from - 1) / (to - 1) * i : 0) : fmax((double)from / to * (i + 0.5) - 0.5, 0);
}

/* Bilinear, in float64: map[h][w][C] at a place. */
static double sample(const double *map, int h, int w, double y, double x, int c)
{
    const int y0 = (int)fmin(y, h - 1), x0 = (int)fmin(x, w - 1), y1 = y0 + (y0 < h - 1), x1 = x0 + (x0 < w - 1);
    const double fy = y - y0, fx = x - x0;
    const double a = map[(y0 * w + x0) * C + c], b = map[(y0 * w + x1) * C + c], d = map[(y1 * w + x0) * C + c], e = map[(y1 * w + x1) * C + c];
    return (a * (1 - fx) + b * fx) * (1 - fy) + (d * (1 - fx) + e * fx) * fy;
}

/* The view at the size of the network's input: the mean of its windows. df_free() it. */
static double *plain_view(const DfScoreView *v, bool align_corners)
{
    double *sum = df_calloc((size_t)(v->height * v->width * C), sizeof *sum);
    int *count = df_calloc((size_t)(v->height * v->width), sizeof *count);
    for (int k = 0; k < v->n; k++) {
        const DfScoreWindow *w = &v->windows[k];
        double *map = df_malloc((size_t)(w->map_h * w->map_w * C) * sizeof *map);
        for (int i = 0; i < w->map_h * w->map_w * C; i++)
            map[i] = (double)w->scores[i];
        for (int y = 0; y < w->h; y++)
            for (int x = 0; x < w->w; x++, count[(w->y + y) * v->width + w->x + x - 1]++)
                for (int c = 0; c < C; c++)
                    sum[((w->y + y) * v->width + w->x + x) * C + c] +=
                        sample(map, w->map_h, w->map_w, at(y, w->h, w->map_h, align_corners), at(x, w->w, w->map_w, align_corners), c);
        df_free(map);
    }
    for (int i = 0; i < v->height * v->width * C; i++)
        sum[i] /= count[i / C];
    df_free(count);
    return sum;
}

static double *plain_probabilities(const DfScoreSet *set)
{
    double *prob = df_calloc((size_t)H * W * C, sizeof *prob);
    for (int k = 0; k < set->n; k++) {
        const DfScoreView *v = &set->views[k];
        double *view = plain_view(v, set->align_corners);
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                double score[C], total = 0;
                const double from_y = at(v->flip_y ? H - 1 - y : y, H, v->height, set->align_corners);
                const double from_x = at(v->flip_x ? W - 1 - x : x, W, v->width, set->align_corners);
                for (int c = 0; c < C; c++)
                    total += score[c] = exp(sample(view, v->height, v->width, from_y, from_x, c));
                for (int c = 0; c < C; c++)
                    prob[(y * W + x) * C + c] += score[c] / total / set->n;
            }
        df_free(view);
    }
    return prob;
}

static int best_of(const double *x)
{
    int best = 0;
    for (int c = 1; c < C; c++)
        best = x[c] > x[best] ? c : best;
    return best;
}

static void check_set(DfPool *pool, const DfKernels *k, const DfScoreSet *set)
{
    static float scores[H * W * C], prob[H * W * C];
    static uint16_t labels[H * W], alone[H * W];
    double *expected = plain_probabilities(set);
    cr_assert_eq(df_score_labels(pool, k, set, labels, scores, prob), DF_OK);
    cr_assert_eq(df_score_labels(pool, k, set, alone, NULL, NULL), DF_OK);
    for (int i = 0; i < H * W; i++) {
        const double *x = expected + (size_t)i * C;
        for (int c = 0; c < C; c++)
            cr_assert_float_eq((double)prob[i * C + c], x[c], 1e-5, "pixel %d of %d views: %g, want %g", i, set->n, (double)prob[i * C + c], x[c]);
        cr_assert_float_eq(x[labels[i]], x[best_of(x)], 1e-5, "label of pixel %d", i);
        cr_assert_float_eq(x[alone[i]], x[best_of(x)], 1e-5, "label of pixel %d, labels alone", i);
    }
    df_free(expected);
}

static DfScoreWindow window(DfRandom *random, float *scores, int y, int x, int h, int w, int map_h, int map_w)
{
    for (int i = 0; i < map_h * map_w * C; i++)
        scores[i] = (float)(2 * df_normal(random));
    return (DfScoreWindow){ y, x, h, w, map_h, map_w, scores };
}

Test(segment, scores_of_pixels)
{
    static float maps[6][64 * 64 * C];
    DfRandom random = df_random(1, 0);
    DfScoreWindow whole = window(&random, maps[0], 0, 0, 33, 150, 9, 38), large = window(&random, maps[1], 0, 0, 40, 700, 10, 60);
    DfScoreWindow parts[] = { window(&random, maps[2], 0, 0, 20, 64, 5, 16), window(&random, maps[3], 0, 37, 20, 64, 5, 16),
                            window(&random, maps[4], 6, 0, 20, 64, 20, 64), window(&random, maps[5], 6, 37, 20, 64, 3, 1) };
    const DfScoreView views[VIEWS] = { { 26, 101, 4, parts, false, false }, { 33, 150, 1, &whole, true, false }, { 40, 700, 1, &large, true, true } };
    DfPool *pool;
    cr_assert_eq(df_pool_new(&pool, 2), DF_OK);
    for (int corners = 0; corners < 2; corners++)
        for (int first = 0; first < VIEWS; first++)
            for (int n = 1; n <= VIEWS - first; n++) {
                const DfScoreSet set = { C, H, W, corners, n, views + first };
                check_set(pool, df_kernels_named("c"), &set);
                if (df_kernels_named("avx2"))
                    check_set(pool, df_kernels_named("avx2"), &set);
            }
    df_pool_free(pool);
}

/* ---- a training step ---------------------------------------------------------------------------------------------------- */

typedef struct {
    DfTensor *decode, *aux;
} Logits;

/* The listener is given the tape's own tensors. */
static void hear(void *user, const char *name, const DfTensor *x)
{
    Logits *l = user;
    if (strcmp(name, "decode_logits") == 0)
        memcpy(&l->decode, &x, sizeof x);
    if (strcmp(name, "aux_logits") == 0)
        memcpy(&l->aux, &x, sizeof x);
}

/* mmseg's loss: ignored pixels count 0, and the mean is over all. Its gradient is seeded. */
static void check_loss(DfCtx *c, const Case *k, DfTensor *logits, const int *label, size_t n, float weight, const char *name)
{
    const DfArray *gt = golden_get(k->input, "gt_semantic_seg");
    DfTensor *large = df_interpolate(c, logits, (int)gt->shape[2], (int)gt->shape[3], DF_BILINEAR, false);
    DfTensor *loss = df_cross_entropy(c, large, label, (DfCrossEntropy){ .ignore_index = 255 });
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    float *seed = df_malloc(n * sizeof *seed), *expected = golden_f32(k->expected, name);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)loss->data[i];
        seed[i] = weight / (float)n;
    }
    const double mean = (double)weight * sum / (double)n;
    cr_expect_leq(fabs(mean - (double)expected[0]), 1e-6 * (double)expected[0], "%s is %.9g, want %.9g", name, mean, (double)expected[0]);
    df_seed(c, loss, seed);
    df_free(seed);
    df_free(expected);
}

static void compare(const Case *k, const NnParam *p, const char *kind, const float *ours, double limit, int *n)
{
    char name[512];
    snprintf(name, sizeof name, "%s:%s", kind, p->name);
    if (!golden_has(k->expected, name))
        return;
    const size_t n_elements = df_size(p->tensor), step = golden_step(golden_get(k->expected, name), n_elements);
    float *official = df_malloc(n_elements * sizeof *official), *expected = golden_f32(k->expected, name);
    nn_param_to_official(p, ours, official);
    double most = 0, off = 0;
    for (size_t i = 0; i < n_elements; i += step) {
        most = fmax(most, fabs((double)expected[i / step]));
        off = fmax(off, fabs((double)official[i] - (double)expected[i / step]));
    }
    /* A shift right before a batch norm has gradient 0: what the reference has there is rounding. */
    cr_expect_leq(off, limit * fmax(most, 1e-3), "%s is %.2g off, of at most %.2g", name, off, most);
    (*n)++;
    df_free(official);
    df_free(expected);
}

Test(segment, gradients_and_statistics)
{
    Case k;
    DfCtx *c;
    open_case(&k, "upernet_train");
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    const NnModel *weights = df_model_weights(k.model);
    for (int i = 0; i < nn_model_count(weights); i++)
        nn_model_at(weights, i)->tensor->wants_grad = !nn_model_at(weights, i)->buffer;
    c->recording = c->training = true;
    Logits logits = { 0 };
    df_listen(c, hear, false, &logits);
    df_model_forward(k.model, c, image_of(c, k.input, "image"));
    cr_assert(logits.decode && logits.aux, "%s", df_error());
    int64_t *gt = golden_i64(k.input, "gt_semantic_seg");
    const DfArray *shape = golden_get(k.input, "gt_semantic_seg");
    const size_t n = (size_t)(shape->shape[0] * shape->shape[2] * shape->shape[3]);
    int *label = df_malloc(n * sizeof *label);
    for (size_t i = 0; i < n; i++)
        label[i] = (int)gt[i];
    check_loss(c, &k, logits.decode, label, n, 1, "loss:decode.loss_seg");
    check_loss(c, &k, logits.aux, label, n, 0.4f, "loss:aux.loss_seg");
    df_backward(c, NULL, NULL);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    int gradients = 0, buffers = 0;
    for (int i = 0; i < nn_model_count(weights); i++) {
        const NnParam *p = nn_model_at(weights, i);
        if (p->tensor->grad)
            compare(&k, p, "grad", p->tensor->grad, 2e-4, &gradients); /* the reference is 6e-5 off float64 */
        if (p->buffer)
            compare(&k, p, "buffer_after", p->tensor->data, 1e-5, &buffers);
    }
    cr_expect_eq(gradients, 129, "%d gradients compared", gradients);
    cr_expect_eq(buffers, 26, "%d statistics compared", buffers);
    df_free(label);
    df_free(gt);
    df_ctx_free(c);
    close_case(&k);
}

/* ---- settings of training ----------------------------------------------------------------------------------------------- */

/* Losses and pixel samplers that are not built in concern a training run alone. */
Test(segmentor, loads_with_any_training)
{
    static const char text[] =
        "model = dict(type='EncoderDecoder', backbone=dict(type='ResNet', depth=18), train_cfg=dict(mine=1),\n"
        "    decode_head=dict(type='UPerHead', in_channels=[64, 128, 256, 512], in_index=[0, 1, 2, 3], channels=16, num_classes=3,\n"
        "        loss_decode=[dict(type='CrossEntropyLoss', mine=2), dict(type='TverskyLoss'), 3], sampler=dict(type='Mine')),\n"
        "    auxiliary_head=dict(type='FCNHead', in_channels=256, in_index=2, channels=16, num_classes=3, loss_decode=None, sampler=4))\n";
    DfConfig *config;
    DfModel *model;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "training", true), DF_OK, "%s", df_error());
    cr_expect_eq(df_model_new(&model, df_config_root(config)), DF_OK, "%s", df_error());
    df_model_free(model);
    df_config_free(config);
}
