/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/min_iou_crop.c -- MinIoURandomCrop: crops a random part that overlaps every object by a minimum
 * IoU (Liu et al., SSD, ECCV 2016).
 */
#include "datasets/pipeline/transform.h"

enum { TRIES = 50 };

typedef struct {
    DfFloats min_ious;
    double min_crop_size;
    bool bbox_clip_border;
} MinIou;

static const DfOpt opts[] = {
    DF_OPT_FLOATS(MinIou, min_ious, "[0.1, 0.3, 0.5, 0.7, 0.9]", 0, 1,
                  "list of smallest overlaps (IoU), of which one is drawn"),
    DF_OPT_FLOAT(MinIou, min_crop_size, 0.3, 0.01, 1, "smallest crop, as a share of each side"),
    DF_OPT_BOOL(MinIou, bbox_clip_border, True, "clip boxes at the border of the crop"),
    DF_OPT_END
};

typedef struct {
    int x1, y1, x2, y2;
} Patch;

/* numpy's uniform(low) has 1 as its other end: so the official code draws where the patch lies. */
static bool draw_patch(const MinIou *m, DfWork *work, Patch *out)
{
    const int w = df_work_width(work);
    const int h = df_work_height(work);
    const double width = df_draw_uniform(work->draws, m->min_crop_size * w, w);
    const double height = df_draw_uniform(work->draws, m->min_crop_size * h, h);
    if (height / width < 0.5 || height / width > 2)
        return false;
    const double left = df_draw_uniform(work->draws, w - width, 1);
    const double top = df_draw_uniform(work->draws, h - height, 1);
    *out = (Patch){ (int)left, (int)top, (int)(left + width), (int)(top + height) };
    out->x2 = df_clamp_int(out->x2, 0, w);
    out->y2 = df_clamp_int(out->y2, 0, h);
    return out->x2 > out->x1 && out->y2 > out->y1;
}

/* Does every object overlap the patch by at least min_iou? */
static bool overlaps(const DfAnnotations *known, const Patch *p, double min_iou)
{
    const float patch[4] = { (float)p->x1, (float)p->y1, (float)p->x2, (float)p->y2 };
    for (size_t i = 0; i < known->n; i++) {
        float iou;
        df_overlaps(DF_IOU, 1, patch, 1, known->boxes + 4 * i, 1e-6f, &iou);
        if ((double)iou < min_iou)
            return false;
    }
    return true;
}

static bool has_center(const float *box, const Patch *p)
{
    const float x = (box[0] + box[2]) / 2;
    const float y = (box[1] + box[3]) / 2;
    return x > (float)p->x1 && y > (float)p->y1 && x < (float)p->x2 && y < (float)p->y2;
}

static bool find_centers(const DfAnnotations *known, const Patch *p, bool *keep)
{
    bool any = false;
    for (size_t i = 0; i < known->n; i++) {
        keep[i] = has_center(known->boxes + 4 * i, p);
        any |= keep[i];
    }
    return any || known->n == 0;
}

static int crop(const MinIou *m, DfWork *work, const Patch *p, const bool *keep)
{
    df_work_keep(work, keep);
    df_work_shift_boxes(work, (float)-p->x1, (float)-p->y1);
    if (m->bbox_clip_border)
        df_work_clip_boxes(work, p->y2 - p->y1, p->x2 - p->x1);
    return df_work_cut(work, p->x1, p->y1, p->y2 - p->y1, p->x2 - p->x1);
}

/* The overlap that is asked for: 1 of the official list is "leave the picture", the last 0 is "any". */
static double draw_overlap(const MinIou *m, DfDraws *draws, bool *leave)
{
    const int i = df_draw_choice(draws, m->min_ious.n + 2, NULL);
    *leave = i == 0 || (i <= m->min_ious.n && m->min_ious.v[i - 1] >= 1);
    return i > 0 && i <= m->min_ious.n ? m->min_ious.v[i - 1] : 0;
}

static int try_patches(const MinIou *m, DfWork *work, bool *keep)
{
    for (;;) {
        bool leave;
        const double min_iou = draw_overlap(m, work->draws, &leave);
        if (leave || work->draws->astray)
            return DF_OK;
        for (int i = 0; i < TRIES; i++) {
            Patch patch;
            if (draw_patch(m, work, &patch) && overlaps(work->known, &patch, min_iou) &&
                find_centers(work->known, &patch, keep))
                return crop(m, work, &patch, keep);
        }
    }
}

static int apply(const void *self, DfWork *work)
{
    bool *keep = df_calloc(df_work_objects(work) + 1, sizeof *keep);
    if (!keep)
        return df_fail_memory("the objects of a crop");
    const int error = try_patches(self, work, keep);
    df_free(keep);
    return error;
}

const DfTransform df_transform_MinIoURandomCrop = {
    .name = "MinIoURandomCrop",
    .help = "crops a random part that overlaps the boxes enough",
    .opts = opts,
    .size = sizeof(MinIou),
    .training = true,
    .apply = apply,
};
