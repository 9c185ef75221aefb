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

void df_set_detector_losses(DfCtx *c, const void *self, DfTensor *image, const DfImageMeta *metas,
                            const DfTargets *targets, DfLosses *out)
{
    const SetDetector *net = self;
    DfSetOutputs outputs;
    run(c, net, image, metas, true, &outputs);
    net->head.record->losses(c, net->head.self, &outputs, targets, out);
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
