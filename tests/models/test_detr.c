/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_detr.c -- DETR and Deformable DETR against the code of their authors, and DETR against
 * mmdet, small networks of tests/data/detr and tests/data/deformable_detr: everything on the way and the
 * detections of a padded batch, for each variant; losses and all gradients of a training step. On each rung,
 * with 1 and 2 threads, which must agree to the bit.
 */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/models/golden_model.h"

#define DETR DF_TEST_DATA "/detr"
#define DEFORMABLE DF_TEST_DATA "/deformable_detr"

static const double value_limit = 1e-5, gradient_limit = 3e-5; /* of the largest value */

/* Two of the cases tell the orders of a sum apart: our rungs come to 0.9 of these limits. OpenBLAS has an order of its
 * own on every processor, and over these orders the same cases spread from 0.7 to 1.4. */
static double spread(const DfKernels *k)
{
    return strcmp(df_kernels_name(k), "blas") == 0 ? 2 : 1;
}

typedef struct {
    GoldenModel golden;
    DfPool *pool;
    DfCtx *c;
    DfTensor *image;
    DfImageMeta metas[2];
} Case;

static void close_case(Case *k)
{
    df_ctx_free(k->c);
    df_pool_free(k->pool);
    golden_model_close(&k->golden);
}

static void read_metas(Case *k, int N, int H, int W)
{
    float *mask = golden_f32(k->golden.input, "mask");
    int64_t *sizes = golden_has(k->golden.input, "target_sizes") ? golden_i64(k->golden.input, "target_sizes") : NULL;
    float *scale = golden_has(k->golden.input, "scale_factor") ? golden_f32(k->golden.input, "scale_factor") : NULL;
    for (int n = 0; n < N; n++) {
        const float *off = mask + (size_t)n * (size_t)H * (size_t)W;
        DfImageMeta *m = &k->metas[n];
        while (m->img_h < H && off[m->img_h * W] == 0)
            m->img_h++;
        while (m->img_w < W && off[m->img_w] == 0)
            m->img_w++;
        m->ori_h = sizes ? (int)sizes[2 * n] : m->img_h;
        m->ori_w = sizes ? (int)sizes[2 * n + 1] : m->img_w;
        for (int i = 0; scale && i < 4; i++)
            m->scale_factor[i] = scale[4 * n + i];
    }
    df_free(mask);
    df_free(sizes);
    df_free(scale);
}

static void open_case(Case *k, const char *folder, const char *rung, int threads)
{
    *k = (Case){ 0 };
    golden_model_open(&k->golden, "%s", folder);
    cr_assert_eq(df_pool_new(&k->pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&k->c, k->pool), DF_OK);
    k->c->k = df_kernels_named(rung);
    k->image = golden_model_image(k->c, &k->golden, "image");
    read_metas(k, df_dim(k->image, 0), df_dim(k->image, 1), df_dim(k->image, 2));
}

static uint64_t hash(uint64_t h, const void *data, size_t n)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < n; i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    return h;
}

/* ---- inference --------------------------------------------------------------------------------------------------------- */

typedef struct {
    const Case *k;
    int compared;
} Ear;

/* Largest difference over the largest finite value; infinities must be the same. */
static double distance(const float *got, const float *want, size_t n)
{
    double worst = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        if (isinf(want[i]) || isnan(got[i])) {
            if (!(got[i] == want[i]))
                return INFINITY;
            continue;
        }
        worst = fmax(worst, fabs((double)got[i] - (double)want[i]));
        largest = fmax(largest, fabs((double)want[i]));
    }
    return worst / (largest > 0 ? largest : 1);
}

static void hear(void *user, const char *name, const DfTensor *x)
{
    Ear *ear = user;
    if (!golden_has(ear->k->golden.expected, name))
        return;
    const size_t n = df_size(x);
    float *got = df_malloc(n * sizeof *got), *want = golden_f32(ear->k->golden.expected, name);
    cr_assert_eq(n, (size_t)df_array_count(golden_get(ear->k->golden.expected, name)), "%s: %s has another size", ear->k->golden.path, name);
    if (x->shape.n == 4) {
        const size_t N = (size_t)df_dim(x, 0), P = (size_t)df_dim(x, 1) * (size_t)df_dim(x, 2), C = (size_t)df_dim(x, 3);
        for (size_t i = 0; i < n; i++)
            got[(i / (P * C) * C + i % C) * P + i / C % P] = x->data[i];
        cr_assert_eq(N * P * C, n);
    } else {
        memcpy(got, x->data, n * sizeof *got);
    }
    cr_expect_leq(distance(got, want, n), value_limit * spread(ear->k->c->k), "%s: %s on %s is %g away", ear->k->golden.path, name,
                  df_kernels_name(ear->k->c->k), distance(got, want, n));
    ear->compared++;
    df_free(got);
    df_free(want);
}

static void compare_detections(const Case *k, int image, const DfDetections *found)
{
    char name[3][32];
    snprintf(name[0], sizeof *name, "scores_%d", image);
    snprintf(name[1], sizeof *name, "labels_%d", image);
    snprintf(name[2], sizeof *name, "boxes_%d", image);
    float *scores = golden_f32(k->golden.expected, name[0]), *boxes = golden_f32(k->golden.expected, name[2]);
    int64_t *labels = golden_i64(k->golden.expected, name[1]);
    cr_assert_eq(found->n, (size_t)golden_get(k->golden.expected, name[0])->shape[0]);
    for (size_t i = 0; i < found->n; i++) {
        cr_expect_leq(fabsf(found->v[i].score - scores[i]), 1e-5f, "%s %s[%zu]", k->golden.path, name[0], i);
        cr_expect_eq(found->v[i].label, labels[i], "%s %s[%zu]", k->golden.path, name[1], i);
        for (size_t j = 0; j < 4; j++)
            cr_expect_leq(fabsf(found->v[i].box[j] - boxes[4 * i + j]), 0.01f, "%s %s[%zu]", k->golden.path, name[2], i);
    }
    df_free(scores);
    df_free(boxes);
    df_free(labels);
}

static uint64_t detect(const char *folder, const char *rung, int threads, int tensors)
{
    Case k;
    open_case(&k, folder, rung, threads);
    Ear ear = { &k, 0 };
    DfDetections found[2];
    df_listen(k.c, hear, false, &ear);
    cr_assert_eq(df_model_detect(k.golden.model, k.c, k.image, k.metas, 2, true, found), DF_OK, "%s", df_error());
    cr_expect_geq(ear.compared, tensors, "%s: %d tensors compared", folder, ear.compared);
    uint64_t h = 0;
    for (int n = 0; n < 2; n++) {
        compare_detections(&k, n, &found[n]);
        h = hash(h, found[n].v, found[n].n * sizeof *found[n].v);
    }
    DfDetections again[2]; /* without a listener only the last layer answers: the same bits */
    df_listen(k.c, NULL, false, NULL);
    cr_assert_eq(df_model_detect(k.golden.model, k.c, k.image, k.metas, 2, true, again), DF_OK, "%s", df_error());
    for (int n = 0; n < 2; n++) {
        cr_expect_arr_eq(again[n].v, found[n].v, found[n].n * sizeof *found[n].v);
        df_detections_free(&again[n]);
        df_detections_free(&found[n]);
    }
    close_case(&k);
    return h;
}

static void detect_everywhere(const char *folder, int tensors)
{
    for (int r = 0; df_kernels_rung(r); r++) {
        const char *rung = df_kernels_rung(r);
        cr_expect_eq(detect(folder, rung, 1, tensors), detect(folder, rung, 2, tensors), "%s: threads change the result", rung);
    }
}

Test(deformable_detr, plain) { detect_everywhere(DEFORMABLE "/plain", 13); }
Test(deformable_detr, box_refine) { detect_everywhere(DEFORMABLE "/box_refine", 13); }
Test(deformable_detr, single_scale) { detect_everywhere(DEFORMABLE "/single_scale", 13); }
Test(deformable_detr, two_stage) { detect_everywhere(DEFORMABLE "/two_stage", 13); }

/* What mmdet 2.28 lets a config change. */
Test(deformable_detr, softmax) { detect_everywhere(DEFORMABLE "/mmdet_softmax", 4); }
Test(deformable_detr, mmdet_two_stage) { detect_everywhere(DEFORMABLE "/mmdet_two_stage", 4); }
Test(detr, sigmoid) { detect_everywhere(DETR "/mmdet_sigmoid", 4); }
Test(detr, without_an_end) { detect_everywhere(DETR "/mmdet_no_end", 4); }

/* mmdet 3.x, by the translation of its configs and of the names in its checkpoints. */
Test(detr, mmdet3) { detect_everywhere(DETR "/mmdet3", 4); }
Test(deformable_detr, mmdet3) { detect_everywhere(DEFORMABLE "/mmdet3", 4); }
Test(deformable_detr, mmdet3_two_stage) { detect_everywhere(DEFORMABLE "/mmdet3_two_stage", 4); }

Test(detr, plain) { detect_everywhere(DETR "/plain", 10); }
Test(detr, dc5_pre_norm_learned) { detect_everywhere(DETR "/dc5_pre_norm_learned", 10); }
Test(detr, mmdet) { detect_everywhere(DETR "/mmdet_211", 10); }

/* ---- files ------------------------------------------------------------------------------------------------------------- */

/* What is written has the keys of the official file, heads that are shared under
 * all of their names, and the same numbers. */
static void save(const char *folder)
{
    Case k;
    open_case(&k, folder, "c", 1);
    char path[] = "/tmp/deformer-detr-XXXXXX.pth";
    const int fd = mkstemps(path, 4);
    cr_assert_geq(fd, 0);
    close(fd);
    cr_assert_eq(nn_model_save(df_model_weights(k.golden.model), path, NULL, 0), DF_OK, "%s", df_error());
    DfCheckpoint *official = golden_open("%s/weights.pth", folder), *ours = golden_open("%s", path);
    cr_expect_eq(df_checkpoint_count(ours), df_checkpoint_count(official), "%s", folder);
    for (int i = 0; i < df_checkpoint_count(official); i++) {
        const DfArray *want = df_checkpoint_at(official, i);
        float *got = golden_f32(ours, want->name);
        cr_expect_eq(max_abs_over_max(got, want), 0, "%s: %s differs", folder, want->name);
        df_free(got);
    }
    golden_close(official);
    golden_close(ours);
    unlink(path);
    close_case(&k);
}

Test(deformable_detr, saves_plain) { save(DEFORMABLE "/plain"); }
Test(deformable_detr, saves_box_refine) { save(DEFORMABLE "/box_refine"); }
Test(deformable_detr, saves_two_stage) { save(DEFORMABLE "/two_stage"); }
Test(detr, saves) { save(DETR "/plain"); }

/* ---- training ---------------------------------------------------------------------------------------------------------- */

static int *read_targets(const Case *k, int n, DfAnnotations *t)
{
    char name[2][32];
    *t = (DfAnnotations){ .unit = DF_BOXES_RELATIVE };
    snprintf(name[0], sizeof *name, "tgt_labels_%d", n);
    snprintf(name[1], sizeof *name, "tgt_boxes_%d", n);
    t->n = (size_t)golden_get(k->golden.input, name[0])->shape[0];
    int64_t *wide = golden_i64(k->golden.input, name[0]);
    int *labels = df_malloc((t->n + 1) * sizeof *labels);
    for (size_t i = 0; i < t->n; i++)
        labels[i] = (int)wide[i];
    df_free(wide);
    t->labels = labels;
    t->boxes = golden_f32(k->golden.input, name[1]);
    return labels;
}

static void compare_losses(const Case *k, const DfLosses *losses)
{
    for (int i = 0; i < losses->n; i++) {
        char name[48];
        snprintf(name, sizeof name, "loss:%s", losses->v[i].name);
        const float got = losses->v[i].loss ? losses->v[i].loss->data[0] : losses->v[i].figure;
        if (!losses->v[i].loss && !golden_has(k->golden.expected, name)) /* mmdet logs no figures */
            continue;
        float *want = golden_f32(k->golden.expected, name);
        cr_expect_leq(fabsf(got - want[0]), 2e-6f * (1 + fabsf(want[0])), "%s %s: %g for %g", k->golden.path, name, (double)got, (double)want[0]);
        df_free(want);
    }
    cr_expect_leq(max_abs_over_max(losses->total->data, golden_get(k->golden.expected, "loss:total")), 2e-6);
}

/* Rounding instead of a gradient, against gradients of weights around 1: that of a bias before a
 * group norm; and what float64 has no gradient for, such as DETR's first decoder layer, where queries
 * start from zeros and all values are the same. */
static bool vanishes(const char *name, double largest)
{
    return (df_starts_with(name, "input_proj.") && df_ends_with(name, ".0.bias")) || largest < 1e-12;
}

static int compare_gradients(const Case *k)
{
    NnModel *weights = df_model_weights(k->golden.model);
    int compared = 0;
    for (int i = 0; i < nn_model_count(weights); i++) {
        const NnParam *param = nn_model_at(weights, i);
        char name[256];
        snprintf(name, sizeof name, "grad:%.200s", param->name);
        if (!golden_has(k->golden.expected, name)) /* refined boxes have heads that the decoder holds too */
            snprintf(name, sizeof name, "grad:transformer.decoder.%.200s", param->name);
        if (!golden_has(k->golden.expected, name))
            continue;
        const size_t n = df_count(param->shape), step = golden_step(golden_get(k->golden.expected, name), n);
        float *got = df_malloc(n * sizeof *got), *want = golden_f32(k->golden.expected, name);
        cr_assert(param->tensor->reached, "%s has no gradient", param->name);
        nn_param_to_official(param, param->tensor->grad, got);
        double worst = 0, largest = 0;
        for (size_t j = 0; j < n; j += step) {
            worst = fmax(worst, fabs((double)got[j] - (double)want[j / step]));
            largest = fmax(largest, fabs((double)want[j / step]));
        }
        cr_expect_leq(worst, vanishes(param->name, largest) ? 5e-5 : gradient_limit * spread(k->c->k) * largest, "%s %s on %s: %g off, of %g", k->golden.path, name,
                      df_kernels_name(k->c->k), worst, largest);
        compared++;
        df_free(got);
        df_free(want);
    }
    return compared;
}

static uint64_t train(const char *folder, const char *rung, int threads, int parameters)
{
    Case k;
    open_case(&k, folder, rung, threads);
    NnModel *weights = df_model_weights(k.golden.model);
    cr_assert_eq(nn_model_train(weights), DF_OK);
    k.c->recording = k.c->training = true;
    DfAnnotations targets[2];
    int *labels[2] = { read_targets(&k, 0, &targets[0]), read_targets(&k, 1, &targets[1]) };
    const DfLossBatch batch = { .n = 2, .metas = k.metas, .objects = targets };
    DfLosses *losses = df_calloc(1, sizeof *losses);
    cr_assert_eq(df_model_losses(k.golden.model, k.c, k.image, &batch, losses), DF_OK, "%s", df_error());
    compare_losses(&k, losses);
    df_backward(k.c, losses->total, NULL);
    cr_assert_eq(df_ctx_error(k.c), DF_OK, "%s", df_error());
    cr_expect_eq(compare_gradients(&k), parameters, "%s: not all gradients compared", folder);
    uint64_t h = hash(0, losses->total->data, sizeof(float));
    for (int i = 0; i < nn_model_count(weights); i++) {
        const NnParam *param = nn_model_at(weights, i);
        if (param->tensor->wants_grad)
            h = hash(h, param->tensor->grad, df_count(param->shape) * sizeof(float));
    }
    for (int n = 0; n < 2; n++) {
        df_free(labels[n]);
        df_free(targets[n].boxes);
    }
    df_free(losses);
    close_case(&k);
    return h;
}

static void train_everywhere(const char *folder, int parameters)
{
    for (int r = 0; df_kernels_rung(r); r++) {
        const char *rung = df_kernels_rung(r);
        cr_expect_eq(train(folder, rung, 1, parameters), train(folder, rung, 2, parameters), "%s: threads change the result", rung);
    }
}

Test(deformable_detr, gradients) { train_everywhere(DEFORMABLE "/plain", 116); }
Test(deformable_detr, gradients_two_stage) { train_everywhere(DEFORMABLE "/two_stage", 137); }

Test(detr, gradients) { train_everywhere(DETR "/plain", 85); }
Test(detr, gradients_dc5_pre_norm_learned) { train_everywhere(DETR "/dc5_pre_norm_learned", 89); }
Test(detr, gradients_mmdet) { train_everywhere(DETR "/mmdet_211", 85); }
