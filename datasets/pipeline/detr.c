/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/detr.c -- how DETR and its kin prepare a picture (Carion et al., ECCV 2020), with the bits of the
 * official code: Pillow's antialiased resize to a shorter side, and a picture in [0, 1] that is normalised in
 * float32.
 */
#include <math.h>

#include "datasets/pipeline/transform.h"

/* ---- DetrResize ------------------------------------------------------------------------------------------------ */

typedef struct {
    DfInts size;
    int max_size;
} Resize;

static const DfOpt resize_opts[] = {
    DF_OPT_INTS(Resize, size, "800", 1, 65500,
                "length of the shorter side, in pixels; in training a list, of which one is drawn each time"),
    DF_OPT_INT(Resize, max_size, 1333, 0, 65500, "upper limit of the longer side, in pixels; 0: no limit"),
    DF_OPT_END
};

/* get_size_with_aspect_ratio() of the official code (datasets/transforms.py): the shorter side becomes `size`, or
 * less if the longer one would be over max_size. The longer side is cut to an integer, not rounded. */
static void size_for(const Resize *r, int size, int h, int w, int out[2])
{
    const int least = h < w ? h : w;
    const int most = h < w ? w : h;
    if (r->max_size && (double)most / least * size > r->max_size)
        size = (int)nearbyint((double)r->max_size * least / most); /* Python rounds half to even */
    out[0] = h;
    out[1] = w;
    if (least == size)
        return;
    out[0] = w < h ? (int)((double)size * h / w) : size;
    out[1] = w < h ? size : (int)((double)size * w / h);
    for (int i = 0; i < 2; i++)
        if (out[i] < 1)
            out[i] = 1;
}

static int resize_init(void *self, const DfNode *dict, DfReading *reading)
{
    const Resize *r = self;
    if (r->size.n < 1 || (r->size.n > 1 && !reading->training))
        return df_node_fail(dict, DF_EVALUE, "size: %d lengths: want one, or in training several", r->size.n);
    return DF_OK;
}

static int resize_apply(const void *self, DfWork *work)
{
    const Resize *r = self;
    const int height = df_work_height(work);
    const int width = df_work_width(work);
    int size[2];
    if (work->padded)
        return df_fail(DF_EVALUE, "DetrResize after Pad: want it before");
    const int drawn = r->size.n > 1 ? df_draw_choice(work->draws, r->size.n, NULL) : 0;
    size_for(r, r->size.v[drawn], height, width, size);
    if (size[0] > DF_IMAGE_MAX_SIDE || size[1] > DF_IMAGE_MAX_SIDE)
        return df_fail(DF_EVALUE, "a picture of %d x %d becomes %d x %d: want sides of at most %d pixels", height, width,
                       size[0], size[1], DF_IMAGE_MAX_SIDE);
    return df_work_resize(work, size[0], size[1], DF_BACKEND_PILLOW, false);
}

const DfTransform df_transform_DetrResize = {
    .name = "DetrResize",
    .help = "resizes to a given shorter side, with the bits of Pillow; what the official DETR does",
    .opts = resize_opts,
    .size = sizeof(Resize),
    .init = resize_init,
    .apply = resize_apply,
};

/* ---- DetrNormalize --------------------------------------------------------------------------------------------- */

typedef struct {
    DfFloats mean, std;
} Normalize;

static const DfOpt normalize_opts[] = {
    DF_OPT_FLOATS(Normalize, mean, "[0.485, 0.456, 0.406]", -1e6, 1e6, "mean of R, G, B, in the range 0 to 1"),
    DF_OPT_FLOATS(Normalize, std, "[0.229, 0.224, 0.225]", -1e6, 1e6,
                  "standard deviation of R, G, B, in the range 0 to 1"),
    DF_OPT_END
};

static int normalize_init(void *self, const DfNode *dict, DfReading *reading)
{
    const Normalize *n = self;
    reading->normalises = true;
    return df_check_normalize(&n->mean, &n->std, dict);
}

static int normalize_apply(const void *self, DfWork *work)
{
    const Normalize *n = self;
    DfNormal normal = { .kind = DF_NORMAL_DETR, .to_rgb = true };
    for (int c = 0; c < 3; c++) {
        normal.mean[c] = (float)n->mean.v[c];
        normal.std[c] = (float)n->std.v[c];
    }
    if (work->normalised || work->padded)
        return df_fail(DF_EVALUE, "DetrNormalize after %s: want it before", work->padded ? "Pad" : "another");
    return df_work_normalize(work, &normal);
}

const DfTransform df_transform_DetrNormalize = {
    .name = "DetrNormalize",
    .help = "computes (pixel / 255 - mean) / std of R, G, B",
    .opts = normalize_opts,
    .size = sizeof(Normalize),
    .init = normalize_init,
    .apply = normalize_apply,
};
