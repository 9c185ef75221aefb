/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/inference/test_detector.c -- a config and weights opened as one thing: what a picture gives is what the parts
 * give by hand, and what cannot be opened is said in one sentence.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "inference/inference.h"
#include "tests/support/rung.h"

#define CONFIGS DF_ROOT "/configs/"

static DfDetector *open_random(const char *config, const DfDetectorOptions *options)
{
    DfDetector *detector;
    cr_assert_eq(df_detector_open(&detector, config, "random:3", options), DF_OK, "%s", df_error());
    return detector;
}

static DfImage picture_of(int height, int width)
{
    DfImage image;
    cr_assert_eq(df_image_new(&image, height, width, 3), DF_OK);
    for (size_t i = 0; i < df_image_bytes(&image); i++)
        image.pixels[i] = (uint8_t)(i * i / 50 + i / 7);
    return image;
}

static void refuses(const char *config, const char *checkpoint, const char *sentence)
{
    DfDetector *detector = NULL;
    cr_assert_lt(df_detector_open(&detector, config, checkpoint, NULL), 0);
    cr_expect_null(detector);
    cr_expect(strstr(df_error(), sentence), "'%s', want something with '%s'", df_error(), sentence);
}

Test(detector, what_cannot_be_opened_is_said)
{
    refuses("nowhere.py", "random", "nowhere.py");
    refuses(CONFIGS "demo/retinanet_dat_nano.py", "nowhere.pth", "nowhere.pth");
    refuses(CONFIGS "demo/retinanet_dat_nano.py", "random:many", "random:SEED");
    df_detector_close(NULL);
}

Test(detector, a_run_needs_the_pipeline)
{
    DfDetector *detector;
    DfImage picture = picture_of(20, 20);
    DfResult result;
    cr_assert_eq(df_detector_build(&detector, CONFIGS "demo/retinanet_dat_nano.py", NULL), DF_OK, "%s", df_error());
    cr_expect_eq(df_detector_run(detector, &picture, 1, &result), DF_EVALUE);
    df_image_free(&picture);
    df_detector_close(detector);
}

static const char *const low_threshold[] = { "model.test_cfg.score_thr=0.001" };

Test(detector, a_batch_gives_what_its_pictures_give_alone)
{
    const DfDetectorOptions options = { .set = low_threshold, .n_set = 1, .threads = 2 };
    DfDetector *detector = open_random(CONFIGS "demo/retinanet_dat_nano.py", &options);
    DfImage pictures[2] = { picture_of(90, 160), picture_of(77, 61) };
    DfResult both[2], alone;
    cr_expect_eq(df_detector_task(detector), DF_TASK_DETECTION);
    cr_assert_eq(df_detector_run(detector, pictures, 2, both), DF_OK, "%s", df_error());
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(df_detector_run(detector, &pictures[i], 1, &alone), DF_OK);
        cr_expect(both[i].height == pictures[i].height && both[i].width == pictures[i].width);
        cr_expect(!both[i].label_map && !both[i].class_scores);
        cr_assert_gt(alone.detections.n, 0);
        cr_assert_eq(alone.detections.n, both[i].detections.n);
        for (size_t k = 0; k < alone.detections.n; k++) {
            const DfDetection *a = &alone.detections.v[k], *b = &both[i].detections.v[k];
            cr_expect_eq(memcmp(a->box, b->box, sizeof a->box), 0);
            cr_expect(a->score == b->score && a->label == b->label);
        }
        df_result_done(&alone);
        df_result_done(&both[i]);
        df_image_free(&pictures[i]);
    }
    df_detector_close(detector);
}

Test(detector, detections_of_low_score_go_with_their_masks)
{
    const char *const set[] = { "model.test_cfg.rcnn.score_thr=0.001" };
    const DfDetectorOptions options = { .set = set, .n_set = 1 };
    DfDetector *detector = open_random(CONFIGS "demo/mask_rcnn_dat_nano.py", &options);
    DfImage picture = picture_of(90, 160);
    DfResult result;
    cr_assert_eq(df_detector_run(detector, &picture, 1, &result), DF_OK, "%s", df_error());
    cr_assert_gt(result.detections.n, 2);
    cr_assert_not_null(result.detections.masks);
    cr_expect_eq(result.detections.masks[0].height, 90);
    const double middle = (double)result.detections.v[result.detections.n / 2].score;
    df_detections_keep_above(&result.detections, middle);
    for (size_t i = 0; i < result.detections.n; i++)
        cr_expect_geq((double)result.detections.v[i].score, middle);
    df_detections_keep_above(&result.detections, 2);
    cr_expect_eq(result.detections.n, 0);
    df_result_done(&result);
    df_image_free(&picture);
    df_detector_close(detector);
}

Test(detector, a_segmentor_gives_a_class_for_every_pixel)
{
    DfDetector *detector = open_random(CONFIGS "demo/upernet_dat_nano.py", NULL);
    DfImage picture = picture_of(50, 71);
    DfResult result;
    cr_expect_eq(df_detector_task(detector), DF_TASK_SEGMENTATION);
    cr_assert_eq(df_detector_run(detector, &picture, 1, &result), DF_OK, "%s", df_error());
    cr_assert_not_null(result.label_map);
    cr_expect(result.height == 50 && result.width == 71);
    for (int i = 0; i < 50 * 71; i++)
        cr_assert_lt(result.label_map[i], df_detector_classes(detector));
    df_result_done(&result);
    df_image_free(&picture);
    df_detector_close(detector);
}

/* The logits of a pass by hand. */
typedef struct {
    float v[1024];
    size_t n;
} Logits;

static void hear(void *user, const char *name, const DfTensor *x)
{
    Logits *logits = user;
    if (strcmp(name, "logits") != 0 || df_size(x) > 1024)
        return;
    logits->n = df_size(x);
    memcpy(logits->v, x->data, logits->n * sizeof *x->data);
}

Test(detector, a_classifier_gives_a_softmax_over_its_classes)
{
    DfDetector *detector = open_random(CONFIGS "classification/pvt_v2_b0_224.py", NULL);
    DfImage picture = picture_of(224, 224);
    DfViews views = { 0 };
    DfResult result;
    Logits logits = { .n = 0 };
    cr_expect_eq(df_detector_task(detector), DF_TASK_CLASSIFICATION);
    cr_assert_eq(df_detector_run(detector, &picture, 1, &result), DF_OK, "%s", df_error());
    cr_assert_not_null(result.class_scores);
    cr_assert_eq(df_pipeline_run(df_detector_pipeline(detector), &picture, &views), DF_OK);
    DfCtx *c = df_detector_context(detector);
    df_reset(c);
    df_listen(c, hear, false, &logits);
    df_model_forward(df_detector_model(detector), c, df_borrow(c, DF_SHAPE(1, 224, 224, 3), views.view[0].pixels));
    df_listen(c, NULL, false, NULL);
    cr_assert_eq((int)logits.n, df_detector_classes(detector));
    double sum = 0, total = 0;
    for (size_t i = 0; i < logits.n; i++)
        sum += exp((double)logits.v[i] - (double)logits.v[result.class_label]);
    for (size_t i = 0; i < logits.n; i++) {
        const double want = exp((double)logits.v[i] - (double)logits.v[result.class_label]) / sum;
        cr_expect_float_eq((double)result.class_scores[i], want, 1e-6);
        cr_expect_leq(result.class_scores[i], result.class_scores[result.class_label]);
        total += (double)result.class_scores[i];
    }
    cr_expect_float_eq(total, 1, 1e-4);
    df_views_free(&views);
    df_result_done(&result);
    df_image_free(&picture);
    df_detector_close(detector);
}

Test(detector, classes_have_the_names_and_ids_of_coco)
{
    DfDetector *detector;
    const char *const two[] = { "data.test.classes=['cat', 'dog']", "model.bbox_head.num_classes=2" };
    const DfDetectorOptions options = { .set = two, .n_set = 2 };
    cr_assert_eq(df_detector_build(&detector, CONFIGS "demo/retinanet_dat_nano.py", NULL), DF_OK, "%s", df_error());
    cr_assert_eq(df_detector_prepare(detector), DF_OK);
    cr_assert_eq(df_detector_classes(detector), 80);
    cr_expect_str_eq(df_detector_class_name(detector, 16), "dog");
    cr_expect_eq(df_detector_category_id(detector, 16), 18);
    cr_expect_str_eq(df_detector_class_name(detector, 80), "?");
    df_detector_close(detector);
    cr_assert_eq(df_detector_build(&detector, CONFIGS "demo/retinanet_dat_nano.py", &options), DF_OK, "%s", df_error());
    cr_assert_eq(df_detector_prepare(detector), DF_OK);
    cr_expect_str_eq(df_detector_class_name(detector, 1), "dog");
    cr_expect_eq(df_detector_category_id(detector, 1), 2);
    df_detector_close(detector);
}

/* ---- several at once --------------------------------------------------------------------------------------------- */

static DfPicture prepared(const DfDetector *d, int height, int width)
{
    DfImage image = picture_of(height, width);
    DfPicture p = { .sample = { .path = "picture" } };
    cr_assert_eq(df_pipeline_run(df_detector_pipeline(d), &image, &p.sample.views), DF_OK, "%s", df_error());
    df_image_free(&image);
    return p;
}

static void expect_same(const DfDetections *a, const DfDetections *b)
{
    cr_assert_eq(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        cr_expect_eq(memcmp(a->v[i].box, b->v[i].box, sizeof a->v[i].box), 0);
        cr_expect(a->v[i].score == b->v[i].score && a->v[i].label == b->v[i].label);
    }
}

/* Two of one size and one of another, one that could not be read: one pass for
 * the two, on a twin with threads of its own. */
Test(detector, pictures_of_one_size_share_a_pass)
{
    const DfDetectorOptions options = { .set = low_threshold, .n_set = 1, .threads = 2 };
    const int size[4][2] = { { 90, 160 }, { 77, 61 }, { 90, 160 }, { 90, 160 } };
    DfDetector *detector = open_random(CONFIGS "demo/retinanet_dat_nano.py", &options), *twin;
    DfPicture p[4];
    DfResult alone;
    cr_assert_eq(df_detector_twin(&twin, detector, 3), DF_OK, "%s", df_error());
    cr_expect_eq(df_pool_threads(df_detector_pool(twin)), 3);
    cr_expect_eq(df_detector_model(twin), df_detector_model(detector));
    for (int i = 0; i < 4; i++)
        p[i] = prepared(detector, size[i][0], size[i][1]);
    p[3].sample.error = DF_EIO;
    strcpy(p[3].sample.message, "picture: was eaten");
    df_detector_run_pictures(twin, p, 4);
    cr_expect_eq(p[3].error, DF_EIO);
    cr_expect_str_eq(p[3].message, "picture: was eaten");
    for (int i = 0; i < 3; i++) {
        DfImage image = picture_of(size[i][0], size[i][1]);
        cr_assert_eq(p[i].error, DF_OK, "%s", p[i].message);
        cr_assert_eq(df_detector_run(detector, &image, 1, &alone), DF_OK);
        if (!rung_is_blas())
            expect_same(&p[i].result.detections, &alone.detections);
        df_result_done(&alone);
        df_image_free(&image);
    }
    for (int i = 0; i < 4; i++) {
        df_result_done(&p[i].result);
        df_sample_free(&p[i].sample);
    }
    df_detector_close(twin);
    df_detector_close(detector);
}

Test(detector, streams_share_the_threads)
{
    const DfDetectorOptions options = { .threads = 5 };
    DfDetector *detector = open_random(CONFIGS "demo/retinanet_dat_nano.py", &options);
    DfStreams *streams;
    cr_expect_eq(df_streams_new(&streams, detector, 0), DF_EVALUE);
    cr_expect_eq(df_streams_new(&streams, detector, DF_MOST_STREAMS + 1), DF_EVALUE);
    cr_assert_eq(df_streams_new(&streams, detector, 2), DF_OK);
    DfDetector *a = df_streams_take(streams), *b = df_streams_take(streams);
    cr_expect_neq(a, b);
    cr_expect_eq(df_pool_threads(df_detector_pool(a)) + df_pool_threads(df_detector_pool(b)), 5);
    df_streams_put(streams, a);
    cr_expect_eq(df_streams_take(streams), a);
    df_streams_put(streams, a);
    df_streams_put(streams, b);
    df_streams_free(streams);
    cr_assert_eq(df_streams_new(&streams, detector, 1), DF_OK);
    cr_expect_eq(df_streams_take(streams), detector);
    df_streams_put(streams, detector);
    df_streams_free(streams);
    cr_expect_eq(df_streams_best(detector, 64, 96), 5);
    cr_expect_eq(df_streams_best(detector, 1600, 1600), 1);
    df_detector_close(detector);
}
