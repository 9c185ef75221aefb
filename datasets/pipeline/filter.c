/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/filter.c -- FilterAnnotations drops objects with small boxes or masks. SegRescale resizes only the
 * label map.
 */
#include <math.h>

#include "datasets/pipeline/transform.h"

/* ---- FilterAnnotations ----------------------------------------------------------------------------------------- */

typedef struct {
    DfFloats min_gt_bbox_wh;
    double min_gt_mask_area;
    bool by_box, by_mask, keep_empty;
    DfRelease release;
} Filter;

static const DfOpt filter_opts[] = {
    DF_OPT_FLOATS(Filter, min_gt_bbox_wh, "[1, 1]", 0, 1e6, "boxes must be wider and higher than this pair, in pixels"),
    DF_OPT_FLOAT(Filter, min_gt_mask_area, 1, 0, 1e12, "smallest area of a mask, in pixels"),
    DF_OPT_BOOL(Filter, by_box, True, "drop objects whose boxes are too small"),
    DF_OPT_BOOL(Filter, by_mask, False, "drop objects whose masks are too small"),
    DF_OPT_BOOL(Filter, keep_empty, True, "take another sample if no object is left"),
    DF_OPT_END
};

static int filter_init(void *self, const DfNode *dict, DfReading *reading)
{
    Filter *f = self;
    f->release = reading->release;
    if (f->min_gt_bbox_wh.n != 2 || (!f->by_box && !f->by_mask))
        return df_node_fail(dict, DF_EVALUE, "want two numbers in min_gt_bbox_wh, and by_box or by_mask");
    if (f->by_mask)
        reading->needs.masks = true;
    return DF_OK;
}

/* The shoelace formula. */
static double polygon_area(const DfPolygon *p)
{
    double twice = 0;
    for (size_t i = 0, last = p->n - 1; i < p->n; last = i++)
        twice += p->xy[2 * i] * p->xy[2 * last + 1] - p->xy[2 * i + 1] * p->xy[2 * last];
    return 0.5 * fabs(twice);
}

static double mask_area(const DfObjectMask *mask)
{
    if (mask->form != DF_MASK_POLYGONS)
        return mask->form == DF_MASK_RUNS ? df_mask_area(&mask->runs) : 0;
    double area = 0;
    for (size_t i = 0; i < mask->n_polygons; i++)
        area += mask->polygons[i].n ? polygon_area(&mask->polygons[i]) : 0;
    return area;
}

/* Width and height are float32 there. */
static bool is_large(const Filter *f, const DfAnnotations *a, size_t i)
{
    const float *box = a->boxes + 4 * i;
    const bool box_is = (double)(box[2] - box[0]) > f->min_gt_bbox_wh.v[0] &&
                        (double)(box[3] - box[1]) > f->min_gt_bbox_wh.v[1];
    const bool mask_is = a->masks && mask_area(&a->masks[i]) >= f->min_gt_mask_area;
    return (box_is || !f->by_box) && (mask_is || !f->by_mask);
}

/* 2.x looks at the boxes that are learnt alone, and returns all of them when none is large. */
static int filter_apply(const void *self, DfWork *work)
{
    const Filter *f = self;
    const size_t n = df_work_objects(work);
    const bool old = f->release == DF_RELEASE_OLD;
    bool *keep = df_calloc(n + 1, sizeof *keep);
    bool any = false;
    if (!keep)
        return df_fail_memory("the objects of a filter");
    for (size_t i = 0; i < n; i++) {
        const bool counts = !old || df_work_learns(work, i);
        keep[i] = !counts || is_large(f, work->known, i);
        any |= counts && keep[i];
    }
    work->left_out = !any && f->keep_empty;
    if (any || (!old && !f->keep_empty))
        df_work_keep(work, keep);
    df_free(keep);
    return DF_OK;
}

const DfTransform df_transform_FilterAnnotations = {
    .name = "FilterAnnotations",
    .help = "drops objects with small boxes or masks",
    .opts = filter_opts,
    .size = sizeof(Filter),
    .training = true,
    .init = filter_init,
    .apply = filter_apply,
};

/* ---- SegRescale ------------------------------------------------------------------------------------------------ */

typedef struct {
    double scale_factor;
    int backend;
} Rescale;

static const DfOpt rescale_opts[] = {
    DF_OPT_FLOAT(Rescale, scale_factor, 1, 1e-4, 1e4, "factor of both sides of the label map"),
    DF_OPT_ENUM(Rescale, backend, cv2, "cv2|pillow", "library whose nearest-pixel rule label maps are resized by"),
    DF_OPT_END
};

static int rescaled(int side, double factor)
{
    return (int)fmin(fmax(side * factor + 0.5, 1), 1e9);
}

static int rescale_apply(const void *self, DfWork *work)
{
    const Rescale *r = self;
    DfGrid resized;
    if (!work->map.at || r->scale_factor == 1)
        return DF_OK;
    const DfNearest which = r->backend == DF_BACKEND_CV2 ? DF_NEAREST_CV2 : DF_NEAREST_PIL;
    const int error = df_grid_nearest(&resized, &work->map, rescaled(work->map.height, r->scale_factor),
                                      rescaled(work->map.width, r->scale_factor), which);
    if (error == DF_OK) {
        df_grid_free(&work->map);
        work->map = resized;
    }
    return error;
}

const DfTransform df_transform_SegRescale = {
    .name = "SegRescale",
    .help = "rescales the label map",
    .opts = rescale_opts,
    .size = sizeof(Rescale),
    .training = true,
    .apply = rescale_apply,
};
