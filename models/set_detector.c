/* SPDX-License-Identifier: Apache-2.0
 *
 * models/set_detector.c -- DETR (Carion et al., ECCV 2020) and Deformable DETR (Zhu et al., ICLR 2021) from an image
 * to detections or losses.
 */
#include "models/set_detector.h"

/* A listener hears what every layer of the decoder gives. metas NULL: no picture has padding. Returns the logits of the
 * masks, N Q h w, or NULL. */
static DfTensor *run(DfCtx *c, const SetDetector *net, DfTensor *image, const DfImageMeta *metas, bool all_layers,
                     DfSetOutputs *out)
{
    DfTensor *masks = NULL;
    const DfSetBatch batch = { .height = df_dim(image, 1), .width = df_dim(image, 2), .metas = metas };
    DfMaps maps;
    df_run_backbone(c, &net->trunk.backbone, "backbone", image, &maps);
    if (net->trunk.neck.self) {
        const DfMaps backbone = maps;
        df_run_neck(c, &net->trunk.neck, &backbone, &maps);
    }
    net->head.record->forward(c, net->head.self, &maps, &batch, all_layers || df_listens(c), out);
    if (!c->err) {
        df_want_numbers(c, out->logits[out->n - 1], "the logits of the queries", -1);
        df_want_numbers(c, out->boxes[out->n - 1], "the boxes of the queries", -1);
    }
    if (net->masks && !c->err) {
        masks = df_detr_masks(c, net->masks, &maps, out);
        df_want_numbers(c, masks, "the masks of the queries", -1);
        if (df_listens(c) && !c->err)
            df_observe(c, df_permute(c, masks, DF_SHAPE(0, 2, 3, 1)), "pred_masks", -1);
    }
    return masks;
}

void df_set_detector_forward(DfCtx *c, const void *net, DfTensor *image)
{
    DfSetOutputs outputs;
    run(c, net, image, NULL, c->recording, &outputs);
}

/* ---- masks of DETR ----------------------------------------------------------------------------------------------- */

bool df_set_detector_has_masks(const void *self)
{
    const SetDetector *net = self;
    return net->masks != NULL;
}

/* Image i of a batch alone. */
static DfTensor *of_image(DfCtx *c, DfTensor *x, int i)
{
    return df_slice(c, x, 0, i, 1);
}

static int observe_semantic(DfCtx *c, const DfTensor *logits, const DfTensor *masks, const DfImageMeta *meta, int i)
{
    DfTensor *map = df_new(c, DF_SHAPE(meta->ori_h, meta->ori_w));
    const size_t pixels = df_size(map);
    uint16_t *labels = df_malloc((pixels + 1) * sizeof *labels);
    int error = labels ? df_ctx_error(c) : df_fail_memory("a label map");
    if (error == DF_OK)
        error = df_detr_semantic(logits, masks, meta, labels);
    for (size_t p = 0; error == DF_OK && p < pixels; p++)
        map->data[p] = labels[p];
    if (error == DF_OK)
        df_observe(c, map, "semantic_", i);
    df_free(labels);
    return error;
}

static int observe_segments(DfCtx *c, const DfTensor *logits, const DfTensor *masks, const DfImageMeta *meta,
                            const DfSegmenting *how, const char *name, int i)
{
    DfTensor *map = df_new(c, DF_SHAPE(meta->ori_h, meta->ori_w));
    const size_t pixels = df_size(map);
    int32_t *segment = df_malloc((pixels + 1) * sizeof *segment);
    int error = segment ? df_ctx_error(c) : df_fail_memory("a map of segments");
    if (error == DF_OK)
        error = df_detr_segments(logits, masks, meta, how, segment);
    for (size_t p = 0; error == DF_OK && p < pixels; p++)
        map->data[p] = (float)segment[p];
    if (error == DF_OK)
        df_observe(c, map, name, i);
    df_free(segment);
    return error;
}

/* For a listener: all three results that transformers makes of the masks of image i. */
static int observe_results(DfCtx *c, const SetDetector *net, DfTensor *logits, DfTensor *masks, const DfImageMeta *meta,
                           int i)
{
    const DfTensor *l = of_image(c, logits, i);
    const DfTensor *m = of_image(c, masks, i);
    DfSegmenting apart = net->segmenting;
    apart.n_fused = 0;
    int error = df_ctx_error(c);
    if (error == DF_OK)
        error = observe_semantic(c, l, m, meta, i);
    if (error == DF_OK)
        error = observe_segments(c, l, m, meta, &apart, "instance_", i);
    if (error == DF_OK)
        error = observe_segments(c, l, m, meta, &net->segmenting, "panoptic_", i);
    return error;
}

int df_set_detector_segment(DfCtx *c, const void *self, DfTensor *const *views, const DfImageMeta *metas, int n,
                            uint16_t *labels)
{
    const SetDetector *net = self;
    DfSetOutputs outputs;
    if (n != 1)
        return df_fail(DF_EVALUE, "%d views of an image: want one, DETR has no test-time augmentation", n);
    const DfTensor *masks = run(c, net, views[0], metas, false, &outputs);
    const int error = df_ctx_error(c);
    return error < 0 ? error : df_detr_semantic(outputs.logits[outputs.n - 1], masks, &metas[0], labels);
}

/* ---- detections -------------------------------------------------------------------------------------------------- */

int df_set_detector_detect(DfCtx *c, const void *self, DfTensor *image, const DfImageMeta *metas, int n, bool rescale,
                           DfDetections *results)
{
    const SetDetector *net = self;
    DfSetOutputs outputs;
    DfTensor *masks = run(c, net, image, metas, false, &outputs);
    int error = df_ctx_error(c);
    for (int i = 0; error == DF_OK && i < n; i++) {
        error = net->head.record->decode(net->head.self, &outputs, i, &metas[i], rescale, &results[i]);
        if (error == DF_OK && masks && rescale)
            error = df_detr_detection_masks(masks, i, &metas[i], &results[i]);
        if (error == DF_OK && masks && rescale && df_listens(c))
            error = observe_results(c, net, outputs.logits[outputs.n - 1], masks, &metas[i], i);
    }
    return error;
}

/* The objects of N pictures with boxes as shares of their picture without its padding, which is what set heads compare.
 * NULL: no memory. */
static const DfAnnotations *as_shares(DfCtx *c, const DfAnnotations *objects, const DfImageMeta *metas, int N)
{
    const size_t bytes = (size_t)N * sizeof(DfAnnotations);
    DfAnnotations *shares = (DfAnnotations *)(void *)df_workspace(c, bytes / sizeof(float));
    for (int n = 0; shares && n < N; n++) {
        shares[n] = objects[n];
        if (objects[n].unit == DF_BOXES_RELATIVE)
            continue;
        shares[n].unit = DF_BOXES_RELATIVE;
        shares[n].boxes = df_workspace(c, 4 * objects[n].n + 1);
        if (!shares[n].boxes)
            return NULL;
        for (size_t i = 0; i < objects[n].n; i++)
            df_annotations_relative(&objects[n], i, metas[n].img_h, metas[n].img_w, shares[n].boxes + 4 * i);
    }
    return shares;
}

/* Somebody who listens is given all layers. */
static void keep_last(DfSetOutputs *outputs)
{
    outputs->logits[0] = outputs->logits[outputs->n - 1];
    outputs->boxes[0] = outputs->boxes[outputs->n - 1];
    outputs->n = 1;
}

void df_set_detector_losses(DfCtx *c, const void *self, DfTensor *image, const DfLossBatch *batch, DfLosses *out)
{
    const SetDetector *net = self;
    DfSetOutputs outputs;
    run(c, net, image, batch->metas, !net->last_alone, &outputs);
    if (net->last_alone)
        keep_last(&outputs);
    DfLossBatch relative = *batch;
    relative.objects = as_shares(c, batch->objects, batch->metas, batch->n);
    if (relative.objects)
        net->head.record->losses(c, net->head.self, &outputs, &relative, out);
}

int df_set_detector_classes(const void *self)
{
    const SetDetector *net = self;
    return net->head.record->classes(net->head.self);
}

const char *const *df_set_detector_ignorable(const void *self)
{
    const SetDetector *net = self;
    return net->ignorable;
}
