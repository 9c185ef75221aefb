/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_two_stage.c -- detectors of two stages where something is missing or odd: no proposals, no
 * detections, images of different sizes in a batch, several views, memory that runs out; and the same bits for any
 * number of threads. Values are checked in test_goldens.c.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "models/models.h"

enum { SIDE = 96 };

static const char backbone[] =
    "    backbone=dict(type='SwinTransformer', style='detection', embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4),\n"
    "    neck=dict(type='FPN', in_channels=[8, 16, 32, 64], out_channels=8, num_outs=5),\n"
    "    rpn_head=dict(type='RPNHead', in_channels=8, feat_channels=8, anchor_generator=dict(type='AnchorGenerator', scales=[8],\n"
    "                  ratios=[0.5, 1.0, 2.0], strides=[4, 8, 16, 32, 64])),\n";
static const char extractors[] =
    "bbox_roi_extractor=dict(type='SingleRoIExtractor', roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=0),\n"
    "                        out_channels=8, featmap_strides=[4, 8, 16, 32]),\n"
    "mask_roi_extractor=dict(type='SingleRoIExtractor', roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=2),\n"
    "                        out_channels=8, featmap_strides=[4, 8, 16, 32]),\n"
    "mask_head=dict(type='FCNMaskHead', num_convs=1, in_channels=8, conv_out_channels=8, num_classes=80),\n";

/* Old-style configs have train_cfg and test_cfg outside the model, and older names in them. */
static void make(DfConfig **config, DfModel **model, bool cascade, const char *set, double value)
{
    static char text[8192];
    snprintf(text, sizeof text,
             "model = dict(type='%s',\n%s    roi_head=dict(type='%s', %s\n%s bbox_head=dict(type='%s', in_channels=8, fc_out_channels=16, num_classes=80%s)))\n"
             "test_cfg = dict(rpn=dict(nms_across_levels=False, nms_pre=50, nms_post=50, max_num=40, nms_thr=0.7, min_bbox_size=0),\n"
             "                rcnn=dict(score_thr=0.0, nms=dict(type='nms', iou_thr=0.5), max_per_img=12, mask_thr_binary=0.5))\n",
             cascade ? "CascadeRCNN" : "MaskRCNN", backbone, cascade ? "CascadeRoIHead" : "StandardRoIHead",
             cascade ? "num_stages=3, stage_loss_weights=[1, 0.5, 0.25]," : "", extractors, cascade ? "Shared4Conv1FCBBoxHead" : "Shared2FCBBoxHead",
             cascade ? ", conv_out_channels=8, reg_class_agnostic=True" : "");
    char change[80];
    snprintf(change, sizeof change, "%s=%g", set ? set : "", value);
    cr_assert_eq(df_config_parse(config, text, strlen(text), "two_stage", true), DF_OK, "%s", df_error());
    if (set) { /* through a file, as overrides come */
        char path[] = "two_stage_XXXXXX.py";
        FILE *out = fopen(path, "w");
        cr_assert_not_null(out);
        fputs(text, out);
        fclose(out);
        df_config_free(*config);
        cr_assert_eq(df_config_read(config, path, (const char *const[]){ change }, 1), DF_OK, "%s", df_error());
        remove(path);
    }
    cr_assert_eq(df_model_new(model, df_config_root(*config)), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_init(*model, 5), DF_OK);
}

static void done(DfConfig *config, DfModel *model)
{
    df_model_free(model);
    df_config_free(config);
}

static DfTensor *pictures(DfCtx *c, int n)
{
    DfTensor *image = df_zeros(c, DF_SHAPE(n, SIDE, SIDE, 3));
    DfRandom random = df_random(1, 0);
    for (size_t i = 0; !c->err && i < df_size(image); i++)
        image->data[i] = (float)(2 * df_uniform(&random) - 1);
    return image;
}

static DfImageMeta meta(int h, int w)
{
    return (DfImageMeta){ h / 2, w / 2, h, w, SIDE, SIDE, { 2, 2, 2, 2 }, false, false };
}

static void expect_fits(const DfDetections *found, const DfImageMeta *m)
{
    cr_assert(!found->n || found->masks);
    for (size_t i = 0; i < found->n; i++) {
        const float *b = found->v[i].box;
        uint64_t pixels = 0;
        cr_expect(b[0] >= 0 && b[1] >= 0 && b[2] <= (float)m->ori_w && b[3] <= (float)m->ori_h && b[0] <= b[2] && b[1] <= b[3]);
        for (size_t run = 0; run < found->masks[i].n; run++)
            pixels += found->masks[i].runs[run];
        cr_expect_eq(pixels, (uint64_t)m->ori_h * (uint64_t)m->ori_w);
    }
}

static bool same(const DfDetections *a, const DfDetections *b)
{
    bool equal = a->n == b->n;
    for (size_t i = 0; equal && i < a->n; i++)
        equal = memcmp(a->v[i].box, b->v[i].box, sizeof a->v[i].box) == 0 && a->v[i].label == b->v[i].label && a->masks[i].n == b->masks[i].n &&
                memcmp(a->masks[i].runs, b->masks[i].runs, a->masks[i].n * sizeof *a->masks[i].runs) == 0;
    return equal;
}

static int detect(const DfModel *model, int threads, int n, const DfImageMeta *metas, DfDetections *found)
{
    DfPool *pool;
    DfCtx *c;
    cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    const int error = df_model_detect(model, c, pictures(c, n), metas, n, true, found);
    df_ctx_free(c);
    df_pool_free(pool);
    return error;
}

Test(two_stage, nothing_there)
{
    static const char *const settings[] = { "test_cfg.rpn.max_num", "test_cfg.rpn.min_bbox_size", "test_cfg.rcnn.score_thr" };
    static const double values[] = { 0, 1000, 2 };
    for (int cascade = 0; cascade < 2; cascade++)
        for (int i = 0; i < 3; i++) {
            DfConfig *config;
            DfModel *model;
            DfDetections found[2];
            make(&config, &model, cascade, settings[i], values[i]);
            const DfImageMeta metas[2] = { meta(96, 80), meta(48, 96) };
            cr_assert_eq(detect(model, 1, 2, metas, found), DF_OK, "%s: %s", settings[i], df_error());
            for (int k = 0; k < 2; k++) {
                cr_expect_eq(found[k].n, 0, "%s", settings[i]);
                df_detections_free(&found[k]);
            }
            done(config, model);
        }
}

/* What an image in a batch gets does not depend on the others, and nothing depends on threads. */
Test(two_stage, batch_and_threads)
{
    for (int cascade = 0; cascade < 2; cascade++) {
        DfConfig *config;
        DfModel *model;
        DfDetections both[2], again[2], first;
        make(&config, &model, cascade, NULL, 0);
        const DfImageMeta metas[2] = { meta(96, 80), meta(48, 96) };
        cr_assert_eq(detect(model, 1, 2, metas, both), DF_OK, "%s", df_error());
        cr_assert_eq(detect(model, 3, 2, metas, again), DF_OK, "%s", df_error());
        cr_assert_eq(detect(model, 2, 1, metas, &first), DF_OK, "%s", df_error());
        cr_expect_gt(both[0].n, 0);
        cr_expect_gt(both[1].n, 0);
        for (int k = 0; k < 2; k++) {
            expect_fits(&both[k], &metas[k]);
            cr_expect(same(&both[k], &again[k]), "threads change the result");
        }
        cr_expect(same(&both[0], &first), "the batch changes the result");
        for (int k = 0; k < 2; k++) {
            df_detections_free(&both[k]);
            df_detections_free(&again[k]);
        }
        df_detections_free(&first);
        done(config, model);
    }
}

static int detect_views(const DfModel *model, DfDetections *found)
{
    DfCtx *c;
    int error = df_ctx_new(&c, NULL);
    if (error < 0)
        return error;
    DfImageMeta metas[3] = { meta(96, 80), meta(96, 80), meta(96, 80) };
    metas[1].flip_x = metas[2].flip_x = metas[2].flip_y = true;
    DfTensor *const views[3] = { pictures(c, 1), pictures(c, 1), pictures(c, 1) };
    error = df_model_detect_views(model, c, views, metas, 3, found);
    df_ctx_free(c);
    return error;
}

Test(two_stage, views)
{
    for (int cascade = 0; cascade < 2; cascade++) {
        DfConfig *config;
        DfModel *model;
        DfDetections found;
        make(&config, &model, cascade, NULL, 0);
        cr_assert_eq(detect_views(model, &found), DF_OK, "%s", df_error());
        cr_expect_gt(found.n, 0);
        const DfImageMeta m = meta(96, 80);
        expect_fits(&found, &m);
        df_detections_free(&found);
        done(config, model);
    }
}

/* Every allocation of a prediction in its turn; all behind the first hundred in larger steps, for time. */
Test(two_stage, no_memory)
{
    DfConfig *config;
    DfModel *model;
    make(&config, &model, true, NULL, 0);
    DfDetections found = { 0 };
    const size_t before = df_memory().calls;
    cr_assert_eq(detect_views(model, &found), DF_OK, "%s", df_error());
    const size_t calls = df_memory().calls - before;
    df_detections_free(&found);
    int failures = 0;
    for (size_t i = 1; i <= calls; i += 1 + i / 16) {
        df_memory_fail_at(i, false);
        const bool failed = detect_views(model, &found) < 0; /* a few kernels do without what they asked for */
        df_memory_fail_at(0, false);
        failures += failed;
        cr_expect(!failed || (df_error()[0] && !found.v && !found.masks));
        df_detections_free(&found);
    }
    cr_expect_gt(failures, 20, "%d failures of %zu allocations", failures, calls);
    done(config, model);
}

/* Losses, assigners and samplers that are not built in concern a training run alone. */
Test(two_stage, loads_with_any_training)
{
    static const char training[] =
        "train_cfg = dict(rpn=dict(assigner=dict(type='Mine'), sampler=7, what=1), rpn_proposal=dict(nms_pre='many'),\n"
        "                 rcnn=[dict(assigner=dict(type='MaxIoUAssigner'), sampler=dict(type='ScoreHLRSampler')), dict(mask_size='large')])\n";
    for (int cascade = 0; cascade < 2; cascade++) {
        char text[8192];
        DfConfig *config;
        DfModel *model;
        const char *last = cascade ? "num_stages=3, stage_loss_weights='heavy'," : "";
        snprintf(text, sizeof text, "model = dict(type='TwoStageDetector',\n%s roi_head=dict(type='%s', %s\n%s bbox_head=dict(type='Shared2FCBBoxHead', in_channels=8,\n"
                 "    fc_out_channels=16, loss_cls=dict(type='SeesawLoss', num_classes=80), loss_bbox=dict(type='GIoULoss', weight=10))))\n%s",
                 backbone, cascade ? "CascadeRoIHead" : "StandardRoIHead", last, extractors, training);
        cr_assert_eq(df_config_parse(&config, text, strlen(text), "training", true), DF_OK, "%s", df_error());
        cr_expect_eq(df_model_new(&model, df_config_root(config)), DF_OK, "%s", df_error());
        done(config, model);
    }
}

/* A head of another kind stands in the wrong place, and the sentence says so. */
Test(two_stage, heads_of_another_kind)
{
    static const struct {
        const char *rpn, *roi, *box, *says;
    } cases[] = {
        { "RetinaHead', num_classes=3, init_cfg='", "StandardRoIHead", "Shared2FCBBoxHead", "rpn_head has type 'RetinaHead': want one that makes proposals" },
        { "UPerHead", "StandardRoIHead", "Shared2FCBBoxHead", "UPerHead is a pixel head: want a dense head" },
        { "RPNHead", "RPNHead", "Shared2FCBBoxHead", "RPNHead is a dense head: want a region head" },
        { "RPNHead", "StandardRoIHead", "StandardRoIHead", "StandardRoIHead is a region head: want a box head" },
        { "RPNHead", "StandardRoIHead", "Shared2FCBoxHead", "no box head 'Shared2FCBoxHead'; did you mean 'Shared2FCBBoxHead'?" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[4096];
        DfConfig *config;
        DfModel *model;
        snprintf(text, sizeof text, "model = dict(type='FasterRCNN', backbone=dict(type='ResNet', depth=18), rpn_head=dict(type='%s', in_channels=8),\n"
                 "    roi_head=dict(type='%s', bbox_roi_extractor=dict(type='SingleRoIExtractor', roi_layer=dict(type='RoIAlign', output_size=7),\n"
                 "    out_channels=8, featmap_strides=[4]), bbox_head=dict(type='%s', in_channels=8)))\n", cases[i].rpn, cases[i].roi, cases[i].box);
        cr_assert_eq(df_config_parse(&config, text, strlen(text), "kinds", true), DF_OK, "%s", df_error());
        cr_expect_eq(df_model_new(&model, df_config_root(config)), DF_EVALUE, "case %zu", i);
        cr_expect(strstr(df_error(), cases[i].says), "%s: want %s", df_error(), cases[i].says);
        df_config_free(config);
    }
}

/* A detector of one stage wants classes. */
Test(one_stage, wants_classes)
{
    static const char text[] = "model = dict(type='RetinaNet', backbone=dict(type='ResNet', depth=18), bbox_head=dict(type='RPNHead', in_channels=8))\n";
    DfConfig *config;
    DfModel *model;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "kinds", true), DF_OK, "%s", df_error());
    cr_expect_eq(df_model_new(&model, df_config_root(config)), DF_EVALUE);
    cr_expect(strstr(df_error(), "bbox_head has type 'RPNHead': want a dense head that makes detections"), "%s", df_error());
    df_config_free(config);
}
