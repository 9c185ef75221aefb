/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/inference/test_numbers.c -- networks that compute NaN or infinity: not a picture without objects, nor one of a
 * single class, but a sentence that names the part.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "inference/inference.h"

#define CONFIGS DF_ROOT "/configs/"
#define RETINANET CONFIGS "demo/retinanet_dat_nano.py"
#define MASK_RCNN CONFIGS "demo/mask_rcnn_dat_nano.py"
#define FASTER_RCNN DF_TEST_DATA "/detectors/tv_thin/config.json"
#define UPERNET CONFIGS "demo/upernet_dat_nano.py"
#define CLASSIFIER CONFIGS "nano/classifier_dat_nano.py"
#define DEFORMABLE_DETR CONFIGS "nano/deformable_detr_dat_nano.py"
#define DETR DF_TEST_DATA "/model_folders/detr_masks/config.json"

static DfDetector *open_random(const char *config)
{
    const bool masks = strcmp(config, MASK_RCNN) == 0;
    const char *const set[] = { "model.test_cfg.rcnn.score_thr=0.001" }; /* so that there are masks */
    const DfDetectorOptions options = { .set = set, .n_set = masks };
    DfDetector *detector;
    cr_assert_eq(df_detector_open(&detector, config, "random:3", &options), DF_OK, "%s", df_error());
    return detector;
}

static int run(DfDetector *detector)
{
    DfImage picture;
    DfResult result;
    cr_assert_eq(df_image_new(&picture, 60, 90, 3), DF_OK);
    for (size_t i = 0; i < df_image_bytes(&picture); i++)
        picture.pixels[i] = (uint8_t)(i * i / 50 + i / 7);
    const int error = df_detector_run(detector, &picture, 1, &result);
    if (error == DF_OK)
        df_result_done(&result);
    df_image_free(&picture);
    return error;
}

/* Every number of the parameters whose name begins with `begin` and ends with `end`. */
static void set_all(DfDetector *detector, const char *begin, const char *end, float value)
{
    const NnModel *weights = df_model_weights(df_detector_model(detector));
    int met = 0;
    for (int i = 0; i < nn_model_count(weights); i++) {
        const NnParam *param = nn_model_at(weights, i);
        const size_t length = strlen(param->name), ends = strlen(end);
        if (strncmp(param->name, begin, strlen(begin)) != 0 || length < ends || strcmp(param->name + length - ends, end) != 0)
            continue;
        cr_assert_not_null(param->tensor->data, "%s", param->name);
        for (size_t k = 0; k < df_size(param->tensor); k++)
            param->tensor->data[k] = value;
        met++;
    }
    cr_assert_gt(met, 0, "no parameter is called %s..%s", begin, end);
}

static const char *const because = ": want weights that were trained with this config";

static void says(const char *config, const char *begin, const char *end, float value, const char *sentence)
{
    DfDetector *detector = open_random(config);
    cr_assert_eq(run(detector), DF_OK, "%s", df_error());
    set_all(detector, begin, end, value);
    cr_expect_eq(run(detector), DF_EVALUE, "%s with another %s", config, begin);
    cr_expect(strstr(df_error(), sentence), "'%s', want something with '%s'", df_error(), sentence);
    df_detector_close(detector);
}

/* The last layer of each part. */
Test(numbers, every_part_is_named)
{
    static const struct {
        const char *config, *layer, *part;
    } cases[] = {
        { RETINANET, "backbone.", "backbone: numbers that are NaN or infinite in map 0" },
        { RETINANET, "neck.fpn_convs.2.", "neck: numbers that are NaN or infinite in map 2" },
        { RETINANET, "bbox_head.retina_cls.", "bbox_head: numbers that are NaN or infinite in cls_score 0" },
        { RETINANET, "bbox_head.retina_reg.", "bbox_head: numbers that are NaN or infinite in bbox_pred 0" },
        { MASK_RCNN, "rpn_head.rpn_reg.", "rpn_head: numbers that are NaN or infinite in bbox_pred 0" },
        { MASK_RCNN, "roi_head.bbox_head.fc_cls.", "roi_head.bbox_head: numbers that are NaN or infinite in cls_score" },
        { MASK_RCNN, "roi_head.bbox_head.fc_reg.", "roi_head.bbox_head: numbers that are NaN or infinite in bbox_pred" },
        { MASK_RCNN, "roi_head.mask_head.conv_logits.", "roi_head.mask_head: numbers that are NaN or infinite in the masks" },
        { UPERNET, "backbone.", "backbone: numbers that are NaN or infinite in map 0" },
        { UPERNET, "decode_head.conv_seg.", "decode_head: numbers that are NaN or infinite in the scores" },
        { CLASSIFIER, "cls_head.", "numbers that are NaN or infinite in the logits" },
        { DEFORMABLE_DETR, "neck.", "neck: numbers that are NaN or infinite in map 0" },
        { DEFORMABLE_DETR, "bbox_head.transformer.encoder.", "numbers that are NaN or infinite in the logits of the queries" },
        { DEFORMABLE_DETR, "bbox_head.reg_branches.", "numbers that are NaN or infinite in the boxes of the queries" },
        { DETR, "detr.class_embed.", "numbers that are NaN or infinite in the logits of the queries" },
        { DETR, "mask_head.", "numbers that are NaN or infinite in the masks of the queries" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        says(cases[i].config, cases[i].layer, "bias", NAN, cases[i].part);
    says(RETINANET, "neck.", "bias", FLT_MAX, because);
}

Test(numbers, a_running_variance_wants_a_root)
{
    says(FASTER_RCNN, "backbone.", "running_var", -1, "batch_norm: running variance 0 is -1, eps is 1e-05: want a sum above 0");
}
