/* SPDX-License-Identifier: Apache-2.0
 *
 * models/set_detector.c -- DETR (Carion et al., ECCV 2020) and Deformable DETR (Zhu et al., ICLR 2021) from an image
 * to detections or losses.
 */
#include "models/set_detector.h"

/* A listener hears what every layer of the decoder gives. metas NULL: no picture has padding. */
static void run(DfCtx *c, const SetDetector *net, DfTensor *image, const DfImageMeta *metas, bool all_layers,
                DfSetOutputs *out)
{
    const DfSetBatch batch = { .height = df_dim(image, 1), .width = df_dim(image, 2), .metas = metas };
    DfMaps maps;
    df_run_backbone(c, &net->trunk.backbone, "backbone", image, &maps);
    if (net->trunk.neck.self) {
        const DfMaps backbone = maps;
        df_run_neck(c, &net->trunk.neck, &backbone, &maps);
    }
    net->head.record->forward(c, net->head.self, &maps, &batch, all_layers || df_listens(c), out);
}

void df_set_detector_forward(DfCtx *c, const void *net, DfTensor *image)
{
    DfSetOutputs outputs;
    run(c, net, image, NULL, c->recording, &outputs);
}

int df_set_detector_detect(DfCtx *c, const void *self, DfTensor *image, const DfImageMeta *metas, int n, bool rescale,
                           DfDetections *results)
{
    const SetDetector *net = self;
    DfSetOutputs outputs;
    run(c, net, image, metas, false, &outputs);
    int error = df_ctx_error(c);
    for (int i = 0; error == DF_OK && i < n; i++)
        error = net->head.record->decode(net->head.self, &outputs, i, &metas[i], rescale, &results[i]);
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

void df_set_detector_losses(DfCtx *c, const void *self, DfTensor *image, const DfLossBatch *batch, DfLosses *out)
{
    const SetDetector *net = self;
    DfSetOutputs outputs;
    run(c, net, image, batch->metas, true, &outputs);
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
