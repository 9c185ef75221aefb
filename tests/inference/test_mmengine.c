/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/inference/test_mmengine.c -- whole networks of mmsegmentation 1.2 and mmdetection 3.3, from their config and
 * checkpoint to what they find in a picture: pixels after preprocessing, logits, label map and boxes are those of
 * the library, with test-time augmentation too.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/inference.h"
#include "tests/support/golden.h"

#define DATA DF_TEST_DATA "/mmengine/"

/* What float32 makes of a network: ten times what the library's own float32 is off its float64. */
static const double tolerance = 2e-5;

typedef struct {
    DfCheckpoint *expected;
    DfDetector *detector;
    DfImage picture;
    DfResult result;
    double logits; /* how far they are; -1: not heard */
} Net;

/* Every fourth pixel of the logits, H W C here and C H W there. */
static void hear(void *user, const char *name, const DfTensor *x)
{
    Net *net = user;
    if (strcmp(name, "seg_logits") != 0 || !x->data || !golden_has(net->expected, "logits"))
        return;
    const int H = df_dim(x, -3), W = df_dim(x, -2), C = df_dim(x, -1);
    float *want = golden_f32(net->expected, "logits");
    double worst = 0, most = 0;
    size_t at = 0;
    for (int c = 0; c < C; c++)
        for (int i = 0; i < H; i += 4)
            for (int j = 0; j < W; j += 4, at++) {
                const double got = (double)x->data[((size_t)i * (size_t)W + (size_t)j) * (size_t)C + (size_t)c];
                worst = fmax(worst, fabs(got - (double)want[at]));
                most = fmax(most, fabs((double)want[at]));
            }
    df_free(want);
    net->logits = worst / most;
}

static void open(Net *net, const char *name, bool views)
{
    static const char *const set[] = { "aug_test=True" };
    const DfDetectorOptions options = { .threads = 1, .set = set, .n_set = views ? 1 : 0 };
    char config[256], weights[256];
    snprintf(config, sizeof config, DATA "%s/config.py", name);
    snprintf(weights, sizeof weights, DATA "%s/weights.pth", name);
    *net = (Net){ .expected = golden_open(DATA "%s/expected.safetensors", name), .logits = -1 };
    cr_assert_eq(df_detector_open(&net->detector, config, weights, &options), DF_OK, "%s", df_error());
    cr_assert_eq(df_image_read(&net->picture, DATA "picture.png"), DF_OK, "%s", df_error());
    df_listen(df_detector_context(net->detector), hear, false, net);
    cr_assert_eq(df_detector_run(net->detector, &net->picture, 1, &net->result), DF_OK, "%s", df_error());
}

static void close(Net *net)
{
    df_result_done(&net->result);
    df_image_free(&net->picture);
    df_detector_close(net->detector);
    golden_close(net->expected);
}

/* Every third pixel of what the network sees: to the bit but for the last one of a division. */
static void expect_input(const Net *net)
{
    DfViews views;
    cr_assert_eq(df_pipeline_run(df_detector_pipeline(net->detector), &net->picture, &views), DF_OK, "%s", df_error());
    const DfView *view = &views.view[0];
    const DfArray *array = golden_get(net->expected, "input");
    const int H = (int)array->shape[1], W = (int)array->shape[2];
    float *want = golden_f32(net->expected, "input");
    double worst = 0;
    cr_assert_eq((view->meta.pad_h + 2) / 3, H);
    cr_assert_eq((view->meta.pad_w + 2) / 3, W);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < H; i++)
            for (int j = 0; j < W; j++) {
                const float got = view->pixels[(3 * i * view->meta.pad_w + 3 * j) * 3 + c];
                worst = fmax(worst, (double)fabsf(got - want[(c * H + i) * W + j]));
            }
    cr_expect_leq(worst, 5e-7, "pixels are off by %g", worst);
    df_free(want);
    df_views_free(&views);
}

static void expect_labels(const Net *net, const char *key)
{
    const DfArray *want = golden_get(net->expected, key);
    const uint8_t *labels = want->data;
    size_t wrong = 0;
    for (size_t i = 0; i < (size_t)df_array_count(want); i++)
        wrong += net->result.label_map[i] != labels[i];
    cr_expect_eq(wrong, 0, "%s: %zu labels differ", key, wrong);
}

static void expect_boxes(const Net *net, const char *prefix)
{
    char key[32];
    snprintf(key, sizeof key, "%sboxes", prefix);
    float *boxes = golden_f32(net->expected, key);
    const size_t n = (size_t)golden_get(net->expected, key)->shape[0];
    snprintf(key, sizeof key, "%sscores", prefix);
    float *scores = golden_f32(net->expected, key);
    snprintf(key, sizeof key, "%slabels", prefix);
    int64_t *labels = golden_i64(net->expected, key);
    cr_assert_eq(net->result.detections.n, n, "%zu boxes, want %zu", net->result.detections.n, n);
    for (size_t i = 0; i < n; i++) {
        const DfDetection *d = &net->result.detections.v[i];
        cr_expect_eq(d->label, (int)labels[i], "%s%zu", prefix, i);
        cr_expect(fabsf(d->score - scores[i]) < 1e-5f, "%s%zu: %g, want %g", prefix, i, (double)d->score, (double)scores[i]);
        for (int k = 0; k < 4; k++)
            cr_expect(fabsf(d->box[k] - boxes[4 * i + (size_t)k]) < 1e-3f, "%s%zu: %g, want %g", prefix, i, (double)d->box[k],
                      (double)boxes[4 * i + (size_t)k]);
    }
    df_free(boxes);
    df_free(scores);
    df_free(labels);
}

static void check_segmentor(const char *name)
{
    Net net;
    open(&net, name, false);
    expect_input(&net);
    cr_expect(net.logits >= 0 && net.logits <= tolerance, "%s: logits are off by %g", name, net.logits);
    expect_labels(&net, "labels");
    close(&net);
    open(&net, name, true);
    expect_labels(&net, "tta_labels");
    close(&net);
}

Test(mmengine, upernet_with_swin) { check_segmentor("upernet_swin"); }
Test(mmengine, semantic_fpn_with_resnet) { check_segmentor("fpn_resnet"); }
Test(mmengine, fcn_with_resnet_v1c_by_windows) { check_segmentor("fcn_resnet_v1c"); }

Test(mmengine, retinanet)
{
    Net net;
    open(&net, "retinanet_r18", false);
    expect_input(&net);
    expect_boxes(&net, "");
    close(&net);
    open(&net, "retinanet_r18", true);
    expect_boxes(&net, "tta_");
    close(&net);
}
