/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_detector_options.c -- detectors with unusual options against mmdet itself: batches of images of
 * different sizes, and several views of an image; tests/scripts/make_detectors.py made the cases, and
 * make_torchvision.py those of torchvision. test_goldens.c has usual ones.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/models.h"
#include "tests/support/golden.h"

enum { MOST = 4 };

static const double box_limit = 0.01, score_limit = 2e-4; /* pixels; absolute */

typedef struct {
    const char *name;
    DfConfig *config;
    DfModel *model;
    DfCheckpoint *expected;
    DfImageMeta metas[MOST];
    int n;
    bool views;
} Case;

static int number_at(const DfNode *dict, const char *path)
{
    return (int)df_node_int(df_node_at(dict, path), 0);
}

static DfImageMeta meta_of(const DfNode *dict)
{
    DfImageMeta m = { .ori_h = number_at(dict, "ori_shape.0"), .ori_w = number_at(dict, "ori_shape.1"), .img_h = number_at(dict, "img_shape.0"),
                      .img_w = number_at(dict, "img_shape.1"), .pad_h = number_at(dict, "pad_shape.0"), .pad_w = number_at(dict, "pad_shape.1") };
    for (int i = 0; i < 4; i++)
        m.scale_factor[i] = (float)df_node_number(df_node_at(dict, i % 2 ? "scale_factor.1" : "scale_factor.0"), 1);
    const char *mirrored = df_node_text(df_node_get(dict, "flip_direction"), "");
    m.flip_x = strcmp(mirrored, "horizontal") == 0;
    m.flip_y = strcmp(mirrored, "vertical") == 0;
    return m;
}

static void read_metas(Case *k)
{
    static char text[4096];
    DfConfig *config;
    snprintf(text, sizeof text, "{\"metas\": %s}", df_checkpoint_metadata(k->expected, "img_metas"));
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "img_metas", false), DF_OK, "%s", df_error());
    for (const DfNode *dict = df_node_get(df_config_root(config), "metas")->first; dict && k->n < MOST; dict = dict->next)
        k->metas[k->n++] = meta_of(dict);
    df_config_free(config);
}

static void open_case(Case *k, const char *name)
{
    char path[1024];
    *k = (Case){ .name = name };
    snprintf(path, sizeof path, DF_TEST_DATA "/detectors/%s/config.json", name);
    cr_assert_eq(df_config_read(&k->config, path, NULL, 0), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&k->model, df_config_root(k->config)), DF_OK, "%s: %s", name, df_error());
    snprintf(path, sizeof path, DF_TEST_DATA "/detectors/%s/weights.safetensors", name);
    cr_assert_eq(df_model_load(k->model, path, NULL), DF_OK, "%s: %s", name, df_error());
    k->expected = golden_open(DF_TEST_DATA "/detectors/%s/expected.safetensors", name);
    cr_assert_not_null(k->expected);
    k->views = strcmp(df_checkpoint_metadata(k->expected, "views"), "1") == 0;
    read_metas(k);
}

static void close_case(Case *k)
{
    df_model_free(k->model);
    df_config_free(k->config);
    golden_close(k->expected);
}

static uint32_t noise(uint32_t i)
{
    uint32_t x = i * 2654435761u;
    x = (x ^ x >> 15) * 2246822519u;
    return x ^ x >> 13;
}

/* What the script calls picture(), N H W C, `images` times the same, each black outside its own part. */
static DfTensor *pictures(DfCtx *c, const DfImageMeta *metas, int images)
{
    const int H = metas->pad_h, W = metas->pad_w;
    DfTensor *x = df_zeros(c, DF_SHAPE(images, H, W, 3));
    cr_assert_eq(df_ctx_error(c), DF_OK);
    for (int n = 0; n < images; n++)
        for (int i = 0; i < 3 * H * W; i++) {
            const int ch = i / (H * W), row = i / W % H, column = i % W;
            const bool inside = images == 1 || (row < metas[n].img_h && column < metas[n].img_w);
            const float value = (float)(noise((uint32_t)i) >> 16) / 32768 - 1;
            x->data[(((size_t)n * (size_t)H + (size_t)row) * (size_t)W + (size_t)column) * 3 + (size_t)ch] = inside ? value : 0;
        }
    return x;
}

static void detect(const Case *k, const char *rung, DfDetections *found)
{
    DfPool *pool;
    DfCtx *c;
    cr_assert_eq(df_pool_new(&pool, 2), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    c->k = df_kernels_named(rung);
    DfTensor *views[MOST];
    for (int i = 0; k->views && i < k->n; i++)
        views[i] = pictures(c, &k->metas[i], 1);
    const int error = k->views ? df_model_detect_views(k->model, c, views, k->metas, k->n, found)
                               : df_model_detect(k->model, c, pictures(c, k->metas, k->n), k->metas, k->n, true, found);
    cr_assert_eq(error, DF_OK, "%s: %s", k->name, df_error());
    df_ctx_free(c);
    df_pool_free(pool);
}

static const DfArray *expected_of(const Case *k, const char *what, int image)
{
    char name[40];
    snprintf(name, sizeof name, "%s_%d", what, image);
    return golden_has(k->expected, name) ? golden_get(k->expected, name) : NULL;
}

static double distance(const float *expected, const DfDetection *d)
{
    double off = fabs((double)expected[4] - (double)d->score) * box_limit / score_limit;
    for (int i = 0; i < 4; i++)
        off = fmax(off, fabs((double)expected[i] - (double)d->box[i]));
    return off;
}

static size_t other_pixels(const uint8_t *expected, const DfMask *mask)
{
    size_t at = 0, other = 0;
    for (size_t run = 0; run < mask->n; run++)
        for (const size_t end = at + mask->runs[run]; at < end; at++)
            other += expected[at % mask->height * mask->width + at / mask->height] != run % 2;
    cr_assert_eq(at, (size_t)mask->height * mask->width);
    return other;
}

/* As sets: equal scores have no order that both sides know. */
static void compare(const Case *k, const char *rung, int image, const DfDetections *found)
{
    const DfArray *boxes = expected_of(k, "boxes", image), *labels = expected_of(k, "labels", image), *masks = expected_of(k, "masks", image);
    const size_t n = (size_t)boxes->shape[0], pixels = masks ? (size_t)(masks->shape[1] * masks->shape[2]) : 0;
    size_t other = 0;
    cr_expect(n > 0 && n <= 100);
    cr_assert_eq(found->n, n, "%s, %s: image %d has %zu detections, want %zu", k->name, rung, image, found->n, n);
    bool taken[100] = { false };
    for (size_t i = 0; i < n; i++) {
        const float *box = (const float *)boxes->data + 5 * i;
        int64_t label; /* the file does not align it */
        memcpy(&label, labels->data + i * sizeof label, sizeof label);
        size_t j = 0;
        while (j < n && (taken[j] || found->v[j].label != label || distance(box, &found->v[j]) > box_limit))
            j++;
        cr_expect_lt(j, n, "%s, %s: image %d has no box %g %g %g %g, score %g, label %d", k->name, rung, image, (double)box[0], (double)box[1],
                     (double)box[2], (double)box[3], (double)box[4], (int)label);
        if (j == n)
            continue;
        taken[j] = true;
        other += masks ? other_pixels((const uint8_t *)masks->data + i * pixels, &found->masks[j]) : 0;
    }
    cr_expect_leq(other, n / 4, "%s, %s: %zu pixels of the masks of image %d differ", k->name, rung, other, image); /* at the threshold */
}

Test(detector_options, as_mmdet_and_torchvision)
{
    static const char *const names[] = { "faster_batch", "mask_batch", "cascade_batch", "mask_views", "cascade_views", "retina_views",
                                         "tv_mask", "tv_mask_v2", "tv_retina", "tv_retina_v2", "tv_thin" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        Case k;
        open_case(&k, names[i]);
        for (int r = 0; df_kernels_rung(r); r++) {
            const char *rung = df_kernels_rung(r);
            DfDetections found[MOST] = { { 0 } };
            detect(&k, rung, found);
            for (int image = 0; image < (k.views ? 1 : k.n); image++) {
                compare(&k, rung, image, &found[image]);
                df_detections_free(&found[image]);
            }
        }
        close_case(&k);
    }
}

/* Checkpoints are written in this order, and the hash of the weights by which a
 * stopped evaluation is continued is taken in it. */
Test(detector_options, parameters_of_retina_keep_their_order)
{
    static const char *const layers[] = { "cls_convs.0", "reg_convs.0", "cls_convs.1", "reg_convs.1", "retina_cls", "retina_reg" };
    const size_t most = sizeof layers / sizeof *layers;
    DfConfig *config;
    DfModel *model = NULL;
    size_t met = 0;
    cr_assert_eq(df_config_read(&config, DF_ROOT "/configs/demo/retinanet_dat_nano.py", NULL, 0), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&model, df_config_root(config)), DF_OK, "%s", df_error());
    const NnModel *weights = df_model_weights(model);
    for (int i = 0; i < nn_model_count(weights); i++) {
        const char *name = nn_model_at(weights, i)->name, *end = strstr(name, ".weight");
        if (strncmp(name, "bbox_head.", 10) != 0 || !end)
            continue;
        cr_assert_lt(met, most, "%s", name);
        cr_expect(strncmp(name + 10, layers[met], strlen(layers[met])) == 0, "%s, want %s", name, layers[met]);
        met++;
    }
    cr_expect_eq(met, most);
    df_model_free(model);
    df_config_free(config);
}

/* What is not built in is said, not taken for something else. */
Test(detector_options, refused)
{
    static const struct {
        const char *change, *said;
    } cases[] = {
        { "model.rpn_head.anchor_generator.type='LegacyAnchorGenerator'", "only AnchorGenerator is built in" },
        { "model.rpn_head.bbox_coder.type='LegacyDeltaXYWHBBoxCoder'", "only DeltaXYWHBBoxCoder is built in" },
        { "model.roi_head.bbox_roi_extractor.type='GenericRoIExtractor'", "only SingleRoIExtractor is built in" },
        { "model.roi_head.bbox_roi_extractor.roi_layer.type='RoIPool'", "only RoIAlign is built in" },
        { "model.roi_head.bbox_roi_extractor.roi_layer.pool_mode='max'", "only 'avg' is built in" },
        { "model.roi_head.mask_head.upsample_cfg.type='carafe'", "want deconv, nearest, bilinear or None" },
        { "model.roi_head.mask_head.num_classes=9", "another num_classes" },
        { "model.test_cfg.rcnn.nms.type='nms_match'", "want nms or soft_nms" },
        { "model.test_cfg.rcnn.nms.offset=2", "offset" },
        { "model.test_cfg.rpn.max_per_img=49", "mean the same" },
        { "model.test_cfg.rpn.min_box_size=4", "did you mean 'min_bbox_size'" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        DfConfig *config;
        DfModel *model = NULL;
        cr_assert_eq(df_config_read(&config, DF_TEST_DATA "/detectors/mask_batch/config.json", (const char *const[]){ cases[i].change }, 1), DF_OK, "%s", df_error());
        cr_expect_lt(df_model_new(&model, df_config_root(config)), 0, "%s", cases[i].change);
        cr_expect(strstr(df_error(), cases[i].said), "%s: %s", cases[i].change, df_error());
        df_model_free(model);
        df_config_free(config);
    }
}
