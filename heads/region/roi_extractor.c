/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_extractor.c -- the features of a region, from the one map that fits its size. Lin et al., Feature
 * Pyramid Networks, CVPR 2017, section 4.2; He et al., Mask R-CNN, ICCV 2017, section 3 (RoIAlign).
 */
#include "heads/region/roi_extractor.h"

#include <math.h>

#include "heads/settings/settings.h"

typedef struct {
    const DfNode *roi_layer;
    int out_channels;
    DfFloats featmap_strides;
    double finest_scale;
    bool fit_strides;
} Config;

static const DfOpt opts[] = {
    DF_OPT_ROW(Config, roi_layer, DF_KIND_DICT, NULL, 0, 0, NULL, "how a region is read from its map: RoIAlign"),
    DF_OPT_ROW(Config, out_channels, DF_KIND_INT, NULL, 1, 65536, NULL, "channels of the feature maps"),
    DF_OPT_FLOATS(Config, featmap_strides, NULL, 1e-3, 1e6,
                  "stride of each map that is read, in pixels of the network's input"),
    DF_OPT_FLOAT(Config, finest_scale, 56, 1e-6, 1e9,
                 "regions with a side of less than twice this, in pixels, are read from the finest map"),
    DF_OPT_BOOL(Config, fit_strides, False,
                "a map's stride is the power of two next to the unpadded picture's height over its own, as in torchvision"),
    DF_OPT_UNUSED(init_cfg, "how mmdet initialises weights"),
    DF_OPT_END
};

typedef struct {
    DfInts output_size, out_size;
    int sampling_ratio, sample_num, pool_mode;
    bool aligned, use_torchvision;
} Align;

static const DfOpt align_opts[] = {
    DF_OPT_INTS(Align, output_size, "None", 1, 1024, "height and width of the result, in bins; one number for both"),
    DF_OPT_INTS(Align, out_size, "None", 1, 1024, "older name of output_size"),
    DF_OPT_INT(Align, sampling_ratio, 0, -1, 1024,
               "samples of a bin along each axis; 0: one for each cell of the map in it"),
    DF_OPT_ENUM(Align, pool_mode, avg, "avg|max", "what becomes of the samples of a bin; only avg is supported"),
    DF_OPT_BOOL(Align, aligned, True, "pixels have their centre at 0.5, not at 0"),
    DF_OPT_BOOL(Align, use_torchvision, False, "which library mmcv calls; not used"),
    DF_OPT_INT(Align, sample_num, 0, -1, 1024, "older name of sampling_ratio"),
    DF_OPT_END
};

static void align_init(NnScope s, RoiExtractor *x, const DfNode *dict)
{
    Align a = { 0 };
    if (!df_head_type(nn_at(s, "roi_layer"), dict, "RoIAlign") || !nn_configure(s, dict, align_opts, &a, "RoIAlign"))
        return;
    const DfInts size = a.output_size.n ? a.output_size : a.out_size;
    if (a.pool_mode != 0 || size.n < 1 || size.n > 2) {
        nn_fail(s, DF_EVALUE,
                a.pool_mode ? "pool_mode='max': only 'avg' is built in" : "output_size: want one number or two");
        return;
    }
    const int samples = a.sampling_ratio > 0 ? a.sampling_ratio : a.sample_num;
    x->align = (DfRoiAlign){
        .height = size.v[0],
        .width = size.v[size.n - 1],
        .sampling_ratio = samples > 0 ? samples : 0,
        .aligned = a.aligned,
    };
}

void df_roi_extractor_init(NnScope s, RoiExtractor *x, const DfNode *dict)
{
    Config k = { 0 };
    if (!df_head_type(s, dict, "SingleRoIExtractor") || !nn_configure(s, dict, opts, &k, "SingleRoIExtractor"))
        return;
    if (k.featmap_strides.n < 1 || k.featmap_strides.n > DF_LEVELS) {
        nn_fail(s, DF_EVALUE, "%d featmap_strides: want 1 to %d", k.featmap_strides.n, DF_LEVELS);
        return;
    }
    x->out_channels = k.out_channels;
    x->levels = k.featmap_strides.n;
    x->finest_scale = k.finest_scale;
    x->fit_strides = k.fit_strides;
    for (int i = 0; i < x->levels; i++)
        x->scales[i] = (float)(1 / k.featmap_strides.v[i]);
    align_init(s, x, k.roi_layer);
}

/* Feature Pyramid Networks, equation 1: a region of w x h pixels is read from level k = floor(k0 + log2(sqrt(w h) /
 * 224)), k0 = 4, which is the map in which it has about as many cells as an image of ImageNet had in the network that
 * the idea comes from. Counted from level 2, the finest map, that is floor(log2(sqrt(w h) / 56)). A region without area
 * is read from the finest map. */
static int level_of(const RoiExtractor *x, const float *roi)
{
    const float side = sqrtf((roi[3] - roi[1]) * (roi[4] - roi[2]));
    const float level = floorf(log2f(side / (float)x->finest_scale + 1e-6f));
    if (!(level > 0)) /* NaN, too */
        return 0;
    return level < (float)x->levels ? (int)level : x->levels - 1;
}

/* ---- as in torchvision ------------------------------------------------------------------------------------------- */

/* torchvision's MultiScaleRoIAlign takes a map's scale from the heights alone, the picture's without its padding: one
 * of 33 rows, padded to 64, has a finest map of 16, and 16 / 33 is next to 1 / 2 where 1 / 4 was meant. */
static float fitted_scale(const DfMaps *maps, int i)
{
    const float ratio = (float)((double)df_dim(maps->map[i], 1) / maps->picture[0]);
    return exp2f(rintf(log2f(ratio)));
}

/* Levels are counted from that of the finest map, 2 for a stride of 4. */
static int fitted_level_of(const RoiExtractor *x, const float *scales, const float *roi)
{
    const float side = sqrtf((roi[3] - roi[1]) * (roi[4] - roi[2]));
    const int finest = (int)-log2f(scales[0]);
    const int coarsest = (int)-log2f(scales[x->levels - 1]);
    const float level = floorf(4 + log2f(side / 224) + 1e-6f);
    if (!(level > (float)finest)) /* NaN, too */
        return 0;
    return (level < (float)coarsest ? (int)level : coarsest) - finest;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void check(DfCtx *c, const RoiExtractor *x, const DfMaps *maps)
{
    if (maps->n < x->levels)
        df_ctx_fail(c, DF_ESHAPE, "%d featmap_strides and %d maps: want at least as many maps", x->levels, maps->n);
    else if (df_dim(maps->map[0], 3) != x->out_channels)
        df_ctx_fail(c, DF_ESHAPE, "the maps have %d channels, out_channels says %d", df_dim(maps->map[0], 3),
                    x->out_channels);
}

/* RoIAlign, Mask R-CNN, section 3: a region keeps its fractional coordinates, and each of its bins is the mean of
 * samples that are read bilinearly; the older RoIPool rounded both, by which a mask is off by pixels. */
DfTensor *df_roi_extract(DfCtx *c, const RoiExtractor *x, const DfMaps *maps, const float *rois, int n) /* -> n h w C */
{
    check(c, x, maps);
    int *levels = df_malloc((size_t)n * sizeof *levels);
    if (!levels)
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the levels of %d regions", n);
    const bool fits = x->fit_strides && maps->picture[0] > 0;
    float scales[DF_LEVELS];
    for (int i = 0; i < x->levels; i++)
        scales[i] = fits && !c->err ? fitted_scale(maps, i) : x->scales[i];
    for (int i = 0; levels && i < n; i++)
        levels[i] = fits ? fitted_level_of(x, scales, rois + 5 * (size_t)i) : level_of(x, rois + 5 * (size_t)i);
    DfTensor *y = &c->nil;
    if (levels && !c->err)
        y = df_roi_align(c, maps->map, scales, x->levels, rois, levels, n, x->align);
    df_free(levels);
    return y;
}
