/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/resize.c -- Resize: to a size, or with keep_ratio to the largest size that fits (long side, short
 * side), rounded half up like mmcv.
 */
#include "datasets/image/resize.h"
#include "datasets/pipeline/transform.h"

typedef struct {
    const DfNode *img_scale, *ratio_range;
    int multiscale_mode, backend;
    bool keep_ratio, bbox_clip_border, override;
    DfScales scales;
} Resize;

enum { BACKEND_CV2, BACKEND_PILLOW };

static const DfOpt opts[] = {
    DF_OPT_NODE(Resize, img_scale, "None", "target size (w, h) in pixels, if MultiScaleFlipAug gives none"),
    DF_OPT_ENUM(Resize, multiscale_mode, range, "range|value", "how training chooses among several scales; not used"),
    DF_OPT_NODE(Resize, ratio_range, "None", "range of a random factor in training; only None is supported"),
    DF_OPT_BOOL(Resize, keep_ratio, True,
                "keep the aspect ratio: the largest size that fits img_scale, in either orientation"),
    DF_OPT_BOOL(Resize, bbox_clip_border, True, "clip boxes at the border, in training; not used"),
    DF_OPT_ENUM(Resize, backend, cv2, "cv2|pillow", "the library whose bilinear resize is reproduced bit for bit"),
    DF_OPT_BOOL(Resize, override, False, "use img_scale even where MultiScaleFlipAug gives another"),
    DF_OPT_END
};

static int init(void *self, const DfNode *dict, DfArena *arena)
{
    Resize *r = self;
    if (r->ratio_range)
        return df_node_fail(r->ratio_range, DF_EVALUE, "a random scale is for training: want None in a test pipeline");
    const int error = df_read_sizes(&r->scales, r->img_scale, arena);
    if (error < 0)
        return error;
    if (r->scales.n > 1)
        return df_node_fail(r->img_scale, DF_EVALUE,
                            "a choice of %d scales is for training: want one scale in a test pipeline", r->scales.n);
    if (r->override && r->scales.n == 0)
        return df_node_fail(dict, DF_EVALUE, "override = True without img_scale: want (w, h)");
    return DF_OK;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* A side is never rounded down to nothing; mmcv fails there. */
static int scaled(int side, double factor)
{
    return larger((int)(side * factor + 0.5), 1);
}

/* With keep_ratio, mmcv's rescale_size(): the factor is the smaller of long side over long side and short side
 * over short side. */
static int size_for(const Resize *r, const DfWork *work, const DfImage *image, int size[2])
{
    const DfScale *scale = !r->override && work->scale.kind != DF_SCALE_NONE ? &work->scale : r->scales.v;
    if (!scale)
        return df_fail(DF_EVALUE, "Resize has no img_scale: want one here or in MultiScaleFlipAug");
    size[0] = scale->size[0];
    size[1] = scale->size[1];
    if (scale->kind == DF_SCALE_FACTOR) {
        const double w = image->width * scale->factor;
        const double h = image->height * scale->factor;
        if (w > DF_IMAGE_MAX_SIDE || h > DF_IMAGE_MAX_SIDE)
            return df_fail(DF_EVALUE, "a picture of %d x %d enlarged %g times: want sides of at most %d pixels",
                           image->height, image->width,
                scale->factor, DF_IMAGE_MAX_SIDE);
        size[0] = larger((int)w, 1);
        size[1] = larger((int)h, 1);
    }
    if (r->keep_ratio) {
        const double by_long = (double)larger(size[0], size[1]) / larger(image->width, image->height);
        const double by_short = (double)smaller(size[0], size[1]) / smaller(image->width, image->height);
        const double factor = by_long < by_short ? by_long : by_short;
        size[0] = scaled(image->width, factor);
        size[1] = scaled(image->height, factor);
    }
    return DF_OK;
}

static int apply(const void *self, DfWork *work)
{
    const Resize *r = self;
    const DfImage *image = df_work_image(work);
    int size[2] = { 0 };
    if (work->padded)
        return df_fail(DF_EVALUE, "Resize after Pad: want it before");
    int error = size_for(r, work, image, size);
    if (error < 0)
        return error;
    DfImage resized;
    if (r->backend == BACKEND_CV2)
        error = df_resize_cv2(&resized, image, size[1], size[0]);
    else
        error = df_resize_pil(&resized, image, size[1], size[0]);
    if (error == DF_OK)
        df_work_resized(work, resized);
    return error;
}

const DfTransform df_transform_Resize = {
    .name = "Resize",
    .help = "resizes the picture bilinearly",
    .opts = opts,
    .size = sizeof(Resize),
    .init = init,
    .apply = apply,
};
