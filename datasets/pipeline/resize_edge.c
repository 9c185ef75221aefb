/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/resize_edge.c -- transforms that resize one edge to a length and keep the aspect ratio: ResizeEdge
 * of classifiers, DetrResize, ResizeShortestEdge (detectron2, mmseg), TorchvisionResize and ResizeKeepRatio (timm).
 * They differ in how the other edge is rounded, and in how a limit of the longer edge applies.
 */
#include <math.h>

#include "datasets/pipeline/whole.h"

/* The options of all; each transform has some of them. */
typedef struct {
    DfInts size;
    int scale, max_size;
    int edge;
    const DfNode *box; /* ResizeKeepRatio's size */
    double longest;
    int within[2];     /* height, width of the box */
    int interpolation, backend;
} Edge;
enum { EDGE_SHORT, EDGE_LONG, EDGE_WIDTH, EDGE_HEIGHT };

#define HOW(backend_, interpolation_) \
    DF_OPT_ENUM(Edge, interpolation, interpolation_, DF_PIL_FILTERS,\
                "interpolation of "   \
                "the resize"),        \
    DF_OPT_ENUM(Edge, backend, backend_, DF_BACKENDS, "the library whose pixels are reproduced bit for bit")
#define LONGEST "largest length of the longer side, in pixels; 0: no limit"

static int check_how(void *self, const DfNode *dict, DfReading *reading)
{
    const Edge *e = self;
    (void)reading;
    return df_check_resampling(df_resampling(e->backend, e->interpolation), dict);
}

/* Picture and result, height first. */
typedef struct {
    int h, w;
} Size;

static int shorter(Size s)
{
    return s.h < s.w ? s.h : s.w;
}

static int longer(Size s)
{
    return s.h < s.w ? s.w : s.h;
}

/* A side is never rounded down to nothing, where the libraries fail. */
static int resize_to(const Edge *e, DfWork *work, Size to)
{
    to.h = to.h < 1 ? 1 : to.h;
    to.w = to.w < 1 ? 1 : to.w;
    if (work->padded)
        return df_fail(DF_EVALUE, "a resize to an edge after Pad: want it before");
    if (longer(to) > DF_IMAGE_MAX_SIDE)
        return df_fail(DF_EVALUE, "a picture of %d x %d becomes %d x %d: want sides of at most %d pixels",
                       df_work_height(work), df_work_width(work), to.h, to.w, DF_IMAGE_MAX_SIDE);
    return df_work_resize(work, to.h, to.w, df_resampling(e->backend, e->interpolation), false);
}

static Size size_of(const DfWork *work)
{
    return (Size){ df_work_height(work), df_work_width(work) };
}

/* What is far too large is refused where it is made. */
static int whole(double side)
{
    return (int)fmin(side, 1e9);
}

/* ---- ResizeEdge ------------------------------------------------------------------------------------------------- */

static const DfOpt edge_opts[] = {
    DF_OPT_ROW(Edge, scale, DF_KIND_INT, NULL, 1, DF_IMAGE_MAX_SIDE, NULL, "length of the edge, in pixels"),
    DF_OPT_ENUM(Edge, edge, short, "short|long|width|height",
                "edge that gets this length; the other keeps the aspect ratio"),
    HOW(pillow, bicubic),
    DF_OPT_END
};

static bool by_width(const Edge *e, Size from)
{
    switch (e->edge) {
    case EDGE_SHORT: return from.w <= from.h;
    case EDGE_LONG: return from.w > from.h;
    default: return e->edge == EDGE_WIDTH;
    }
}

/* torchvision: the other edge is int(scale * long / short). */
static int edge_apply(const void *self, DfWork *work)
{
    const Edge *e = self;
    const Size from = size_of(work);
    Size to = { e->scale, e->scale };
    if (by_width(e, from))
        to.h = (int)((int64_t)e->scale * from.h / from.w);
    else
        to.w = (int)((int64_t)e->scale * from.w / from.h);
    return resize_to(e, work, to);
}

const DfTransform df_transform_ResizeEdge = {
    .name = "ResizeEdge",
    .help = "resizes one edge to a length, keeping the aspect ratio; for classification",
    .opts = edge_opts,
    .size = sizeof(Edge),
    .init = check_how,
    .apply = edge_apply,
};

/* ---- DetrResize ------------------------------------------------------------------------------------------------- */

static const DfOpt detr_opts[] = {
    DF_OPT_INTS(Edge, size, "800", 1, 65500,
                "length of the shorter side, in pixels; in training a list, of which one is drawn each time"),
    DF_OPT_INT(Edge, max_size, 1333, 0, 65500, LONGEST),
    HOW(pillow, bilinear),
    DF_OPT_END
};

/* get_size_with_aspect_ratio() of the official code (datasets/transforms.py): the shorter side becomes `size`, or less
 * if the longer one would be over max_size. The longer side is cut to an integer, not rounded. */
static Size detr_size(const Edge *e, int size, Size from)
{
    if (e->max_size && (double)longer(from) / shorter(from) * size > e->max_size)
        size = (int)nearbyint((double)e->max_size * shorter(from) / longer(from)); /* Python rounds half to even */
    if (shorter(from) == size)
        return from;
    if (from.w < from.h)
        return (Size){ whole((double)size * from.h / from.w), size };
    return (Size){ size, whole((double)size * from.w / from.h) };
}

static int detr_init(void *self, const DfNode *dict, DfReading *reading)
{
    const Edge *e = self;
    if (e->size.n < 1 || (e->size.n > 1 && !reading->training))
        return df_node_fail(dict, DF_EVALUE, "size: %d lengths: want one, or in training several", e->size.n);
    return check_how(self, dict, reading);
}

static int detr_apply(const void *self, DfWork *work)
{
    const Edge *e = self;
    const int drawn = e->size.n > 1 ? df_draw_choice(work->draws, e->size.n, NULL) : 0;
    return resize_to(e, work, detr_size(e, e->size.v[drawn], size_of(work)));
}

const DfTransform df_transform_DetrResize = {
    .name = "DetrResize",
    .help = "resizes to a given shorter side, with the bits of Pillow; what the official DETR does",
    .opts = detr_opts,
    .size = sizeof(Edge),
    .init = detr_init,
    .apply = detr_apply,
};

/* ---- ResizeShortestEdge ----------------------------------------------------------------------------------------- */

static const DfOpt shortest_opts[] = {
    DF_OPT_ROW(Edge, scale, DF_KIND_INT, NULL, 1, DF_IMAGE_MAX_SIDE, NULL, "length of the shorter side, in pixels"),
    DF_OPT_ROW(Edge, max_size, DF_KIND_INT, NULL, 0, DF_IMAGE_MAX_SIDE, NULL, LONGEST),
    HOW(cv2, bilinear),
    DF_OPT_END
};

/* detectron2: both sides are scaled in double, a second time if the longer one is over max_size, and then rounded. */
static int shortest_apply(const void *self, DfWork *work)
{
    const Edge *e = self;
    const Size from = size_of(work);
    const double scale = e->scale * 1.0 / shorter(from);
    double h = from.h < from.w ? e->scale : scale * from.h;
    double w = from.h < from.w ? scale * from.w : e->scale;
    const double most = h > w ? h : w;
    if (e->max_size && most > e->max_size) {
        const double less = e->max_size * 1.0 / most;
        h *= less;
        w *= less;
    }
    return resize_to(e, work, (Size){ whole(h + 0.5), whole(w + 0.5) });
}

const DfTransform df_transform_ResizeShortestEdge = {
    .name = "ResizeShortestEdge",
    .help = "resizes to a given shorter side, the longer one limited, as detectron2 and mmseg do",
    .opts = shortest_opts,
    .size = sizeof(Edge),
    .init = check_how,
    .apply = shortest_apply,
};

/* ---- TorchvisionResize ------------------------------------------------------------------------------------------ */

static const DfOpt torchvision_opts[] = {
    DF_OPT_INT(Edge, scale, 800, 1, 65500, "length of the shorter side, in pixels"),
    DF_OPT_INT(Edge, max_size, 1333, 1, 65500, "largest length of the longer side, in pixels"),
    HOW(torch_floats, bilinear),
    DF_OPT_END
};

/* One factor for both sides, which are then cut to integers: 800 / 161 * 161 is 799. */
static int torchvision_apply(const void *self, DfWork *work)
{
    const Edge *e = self;
    const Size from = size_of(work);
    const double by_short = (double)e->scale / shorter(from);
    const double by_long = (double)e->max_size / longer(from);
    const double factor = by_short < by_long ? by_short : by_long;
    return resize_to(e, work, (Size){ whole(from.h * factor), whole(from.w * factor) });
}

const DfTransform df_transform_TorchvisionResize = {
    .name = "TorchvisionResize",
    .help = "resizes to a given shorter side, the longer one limited, as torchvision's detectors do behind normalising",
    .opts = torchvision_opts,
    .size = sizeof(Edge),
    .init = check_how,
    .apply = torchvision_apply,
};

/* ---- ResizeKeepRatio -------------------------------------------------------------------------------------------- */

static const DfOpt ratio_opts[] = {
    DF_OPT_AS(Edge, size, box, DF_KIND_NODE, NULL, 0, 0, NULL, "(height, width) that the picture is fitted to"),
    DF_OPT_FLOAT(Edge, longest, 0, 0, 1,
                 "0: the picture covers the size; 1: it lies within; between them, the mean of both factors"),
    HOW(pillow, bicubic),
    DF_OPT_END
};

static int ratio_init(void *self, const DfNode *dict, DfReading *reading)
{
    Edge *e = self;
    const int error = df_whole_size(e->within, e->box, dict);
    return error < 0 ? error : check_how(self, dict, reading);
}

/* timm: one factor for both sides, which are rounded half to even. */
static int ratio_apply(const void *self, DfWork *work)
{
    const Edge *e = self;
    const Size from = size_of(work);
    const double by_h = (double)from.h / e->within[0];
    const double by_w = (double)from.w / e->within[1];
    const double factor = fmax(by_h, by_w) * e->longest + fmin(by_h, by_w) * (1.0 - e->longest);
    return resize_to(e, work, (Size){ whole(nearbyint(from.h / factor)), whole(nearbyint(from.w / factor)) });
}

const DfTransform df_transform_ResizeKeepRatio = {
    .name = "ResizeKeepRatio",
    .help = "resizes to the largest size that fits, keeping the aspect ratio, as timm does",
    .opts = ratio_opts,
    .size = sizeof(Edge),
    .init = ratio_init,
    .apply = ratio_apply,
};
