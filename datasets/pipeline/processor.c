/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/processor.c -- ProcessorResize and ProcessorNormalize: the image processors of transformers, with
 * the bits of those that compute with torch (TorchvisionBackend, formerly called Fast).
 */
#include <math.h>

#include "datasets/pipeline/transform.h"

/* ---- ProcessorResize --------------------------------------------------------------------------------------------- */

typedef struct {
    int shortest_edge, longest_edge, resample;
    const DfNode *size, *most;
    int fixed[2], limit[2]; /* height, width; 0: not given */
} Resize;

static const DfOpt resize_opts[] = {
    DF_OPT_INT(Resize, shortest_edge, None, 0, 65500, "length of the shorter side, in pixels"),
    DF_OPT_INT(Resize, longest_edge, None, 0, 65500,
               "largest length of the longer side, in pixels; None or 0: no limit"),
    DF_OPT_NODE(Resize, size, "None", "instead of shortest_edge: (height, width), not keeping the aspect ratio"),
    DF_OPT_NODE(Resize, most, "None", "instead of shortest_edge: the largest size that fits into (height, width)"),
    DF_OPT_INT(Resize, resample, 2, 0, 3, "Pillow's number of the filter: 0 nearest, 1 Lanczos, 2 bilinear, 3 bicubic"),
    DF_OPT_END
};

static int read_pair(int out[2], const DfNode *node, const DfNode *dict)
{
    if (!node)
        return DF_OK;
    if (node->kind != DF_NODE_LIST || node->n != 2)
        return df_node_fail(node, DF_EVALUE, "want a pair (height, width)");
    const DfNode *side = node->first;
    for (int i = 0; i < 2; i++, side = side->next) {
        if (side->kind != DF_NODE_INT || side->integer < 1 || side->integer > DF_IMAGE_MAX_SIDE)
            return df_node_fail(dict, DF_EVALUE, "want sides in 1..%d", DF_IMAGE_MAX_SIDE);
        out[i] = (int)side->integer;
    }
    return DF_OK;
}

static int resize_init(void *self, const DfNode *dict, DfReading *reading)
{
    Resize *r = self;
    (void)reading;
    const int given = (r->shortest_edge > 0) + (r->size != NULL) + (r->most != NULL);
    if (given != 1)
        return df_node_fail(dict, DF_EVALUE, "want one of shortest_edge, size and most");
    const int error = read_pair(r->fixed, r->size, dict);
    return error == DF_OK ? read_pair(r->limit, r->most, dict) : error;
}

/* get_size_with_aspect_ratio(): the shorter side becomes shortest_edge, or less if the longer one would be over
 * longest_edge; then the longer side follows the length before it was rounded. */
static void by_edges(const Resize *r, int h, int w, int out[2])
{
    const double least = h < w ? h : w;
    const double most = h < w ? w : h;
    double exact = r->shortest_edge;
    if (r->longest_edge && most / least * r->shortest_edge > r->longest_edge)
        exact = r->longest_edge * least / most;
    const int side = (int)nearbyint(exact); /* Python rounds half to even */
    const bool stays = (h <= w && h == side) || (w <= h && w == side);
    out[0] = w < h ? (int)(exact * h / w) : side;
    out[1] = w < h ? side : (int)(exact * w / h);
    if (stays) {
        out[0] = h;
        out[1] = w;
    }
}

/* get_image_size_for_max_height_width() */
static void by_limits(const Resize *r, int h, int w, int out[2])
{
    const double scale = fmin((double)r->limit[0] / h, (double)r->limit[1] / w);
    out[0] = (int)(h * scale);
    out[1] = (int)(w * scale);
}

static int resize_apply(const void *self, DfWork *work)
{
    static const int filters[] = { DF_PIL_NEAREST, DF_PIL_LANCZOS, DF_PIL_BILINEAR, DF_PIL_BICUBIC };
    const Resize *r = self;
    const int height = df_work_height(work);
    const int width = df_work_width(work);
    int size[2] = { r->fixed[0], r->fixed[1] };
    if (work->padded)
        return df_fail(DF_EVALUE, "ProcessorResize after Pad: want it before");
    if (r->shortest_edge)
        by_edges(r, height, width, size);
    else if (r->most)
        by_limits(r, height, width, size);
    if (size[0] < 1 || size[1] < 1 || size[0] > DF_IMAGE_MAX_SIDE || size[1] > DF_IMAGE_MAX_SIDE)
        return df_fail(DF_EVALUE, "a picture of %d x %d becomes %d x %d: want sides of 1 to %d pixels", height, width,
                       size[0], size[1], DF_IMAGE_MAX_SIDE);
    return df_work_resize(work, size[0], size[1], df_resampling(DF_BACKEND_TORCH, filters[r->resample]), false);
}

const DfTransform df_transform_ProcessorResize = {
    .name = "ProcessorResize",
    .help = "resizes as the image processors of transformers do, with the bits of torch's antialiased resize",
    .opts = resize_opts,
    .size = sizeof(Resize),
    .init = resize_init,
    .apply = resize_apply,
};

/* ---- ProcessorNormalize ------------------------------------------------------------------------------------------ */

typedef struct {
    double rescale_factor;
    DfFloats mean, std;
} Normalize;

static const DfOpt normalize_opts[] = {
    DF_OPT_FLOAT(Normalize, rescale_factor, None, -1e9, 1e9, "factor that pixels of 0..255 are multiplied by; None: 1"),
    DF_OPT_FLOATS(Normalize, mean, "None", -1e9, 1e9, "mean of R, G, B behind the rescaling; None: only rescale"),
    DF_OPT_FLOATS(Normalize, std, "None", -1e9, 1e9, "standard deviation of R, G, B behind the rescaling"),
    DF_OPT_END
};

static int normalize_init(void *self, const DfNode *dict, DfReading *reading)
{
    const Normalize *n = self;
    reading->normalises = true;
    if (n->rescale_factor == 0)
        return df_node_fail(dict, DF_EVALUE, "rescale_factor is 0: want another number");
    return n->mean.n || n->std.n ? df_check_normalize(&n->mean, &n->std, dict) : DF_OK;
}

/* The rescaling is folded into mean and deviation: their float32 times 1 / factor, as a float32. */
static int normalize_apply(const void *self, DfWork *work)
{
    const Normalize *n = self;
    const bool rescales = !isnan(n->rescale_factor);
    const float inverse = rescales ? (float)(1.0 / n->rescale_factor) : 1.0f;
    DfNormal normal = { .kind = n->mean.n ? DF_NORMAL_TORCH : DF_NORMAL_RESCALE, .to_rgb = true };
    for (int c = 0; c < 3 && n->mean.n; c++) {
        normal.mean[c] = (float)n->mean.v[c] * inverse;
        normal.std[c] = (float)n->std.v[c] * inverse;
    }
    for (int c = 0; c < 3 && !n->mean.n; c++)
        normal.std[c] = rescales ? (float)n->rescale_factor : 1.0f;
    if (work->normalised || work->padded)
        return df_fail(DF_EVALUE, "ProcessorNormalize after %s: want it before", work->padded ? "Pad" : "another");
    return df_work_normalize(work, &normal);
}

const DfTransform df_transform_ProcessorNormalize = {
    .name = "ProcessorNormalize",
    .help = "computes (pixel - mean / factor) / (std / factor) of R, G, B, as the image processors of transformers do",
    .opts = normalize_opts,
    .size = sizeof(Normalize),
    .init = normalize_init,
    .apply = normalize_apply,
};
