/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/mask.c -- the segmentation of a record: whether it is one, and whether it fits its image and its box.
 */
#include <math.h>
#include <string.h>

#include "eval/check/data.h"

static int look_at_polygons(DfCheck *c, const CheckRecord *r, const char *kind)
{
    int error = DF_OK;
    if (r->parts == 0 || r->short_parts)
        error = df_check_find(c, DF_CHECK_ERROR, "polygon_empty", r->line, "%s %zu has %s", kind, r->number,
                              r->parts == 0 ? "a segmentation without polygons" : "a polygon of less than three points");
    if (error == DF_OK && r->odd_parts)
        error = df_check_find(c, DF_CHECK_WARNING, "polygon_odd", r->line, "%s %zu has a polygon with an odd number of coordinates: the last one is ignored", kind, r->number);
    if (error == DF_OK && r->flat_parts)
        error = df_check_find(c, DF_CHECK_WARNING, "polygon_flat", r->line, "%s %zu has a polygon without an area: its points lie on a line", kind, r->number);
    if (error == DF_OK && r->crossing_parts)
        error = df_check_find(c, DF_CHECK_WARNING, "polygon_crosses_itself", r->line, "%s %zu has a polygon that crosses itself: what it encloses twice becomes a hole", kind, r->number);
    return error;
}

/* Compressed runs are read here, into the sums that plain ones have already. */
static int read_compressed(const CheckRecord *r, double *sum, double *foreground, CheckMask *mask)
{
    DfMask m;
    double box[4];
    const int error = df_mask_from_text(&m, r->counts, strlen(r->counts), (uint32_t)r->mask_height, (uint32_t)r->mask_width);
    if (error < 0)
        return error;
    *sum = *foreground = 0;
    for (size_t i = 0; i < m.n; i++) {
        *sum += m.runs[i];
        *foreground += i % 2 ? m.runs[i] : 0;
    }
    df_mask_box(&m, box);
    df_mask_done(&m);
    if (*foreground > 0 && *sum == r->mask_height * r->mask_width)
        *mask = (CheckMask){ mask->height, mask->width, (float)box[0], (float)box[1], (float)(box[0] + box[2]), (float)(box[1] + box[3]) };
    return DF_OK;
}

static int look_at_runs(DfCheck *c, const CheckRecord *r, const char *kind, CheckMask *mask)
{
    double sum = r->runs_sum, foreground = r->runs_foreground;
    if (r->bad_runs || !(r->mask_height >= 0 && r->mask_width >= 0 && r->mask_height * r->mask_width < 2147483648.0))
        return df_check_find(c, DF_CHECK_ERROR, "runs_wrong", r->line, "%s %zu: the RLE of a mask is wrong: want whole numbers in \"counts\" and two in \"size\"", kind, r->number);
    mask->height = (uint32_t)r->mask_height;
    mask->width = (uint32_t)r->mask_width;
    if (r->counts && read_compressed(r, &sum, &foreground, mask) < 0)
        return df_check_find(c, DF_CHECK_ERROR, "runs_wrong", r->line, "%s %zu: %s", kind, r->number, df_error());
    if (sum != r->mask_height * r->mask_width)
        return df_check_find(c, DF_CHECK_ERROR, "runs_wrong_sum", r->line, "%s %zu: the RLE has %.0f pixels, and the mask %.0f x %.0f", kind, r->number, sum, r->mask_height, r->mask_width);
    if (foreground == 0)
        return df_check_find(c, DF_CHECK_WARNING, "mask_empty", r->line, "%s %zu has an empty mask", kind, r->number);
    return DF_OK;
}

int df_check_mask(DfCheck *c, const CheckRecord *r, const char *kind, CheckMask *mask)
{
    *mask = (CheckMask){ 0, 0, 0, 0, -1, -1 };
    if (r->odd & F_MASK)
        return df_check_find(c, DF_CHECK_ERROR, "mask_type", r->line, "%s %zu: segmentation is neither polygons nor RLE", kind, r->number);
    if (!(r->has & F_MASK))
        return DF_OK;
    if (r->runs)
        return look_at_runs(c, r, kind, mask);
    if (r->parts > 0 && r->low_x <= r->high_x)
        *mask = (CheckMask){ 0, 0, (float)r->low_x, (float)r->low_y, (float)r->high_x, (float)r->high_y };
    return look_at_polygons(c, r, kind);
}

int df_check_mask_in_image(DfCheck *c, const CheckMask *m, const CheckImage *image, size_t line, const char *kind)
{
    if (image->width == 0)
        return DF_OK;
    if (m->height && (m->height != image->height || m->width != image->width))
        return df_check_find(c, DF_CHECK_ERROR, "mask_size", line, "%s has a mask of %u x %u in an image of %g x %g (height x width): it cannot match anything", kind, m->height, m->width,
                             image->height, image->width);
    if (df_check_mask_known(m) && (m->low_x < -1 || m->low_y < -1 || m->high_x > image->width + 1 || m->high_y > image->height + 1))
        return df_check_find(c, DF_CHECK_WARNING, "mask_outside", line, "%s has a mask from %g %g to %g %g in an image of %g x %g", kind, (double)m->low_x, (double)m->low_y,
                             (double)m->high_x, (double)m->high_y, image->width, image->height);
    return DF_OK;
}

int df_check_mask_in_box(DfCheck *c, const CheckMask *m, const CheckRecord *r)
{
    const double ends[4] = { r->box[0], r->box[1], r->box[0] + r->box[2], r->box[1] + r->box[3] };
    const double reach[4] = { (double)m->low_x, (double)m->low_y, (double)m->high_x, (double)m->high_y };
    if (!(r->has & F_BOX) || !df_check_mask_known(m))
        return DF_OK;
    for (int i = 0; i < 4; i++)
        if (fabs(ends[i] - reach[i]) > fmax(3, 0.1 * r->box[2 + i % 2]))
            return df_check_find(c, DF_CHECK_WARNING, "mask_box", r->line, "annotation %zu has a mask from %g %g to %g %g and a box from %g %g to %g %g", r->number, reach[0], reach[1],
                                 reach[2], reach[3], ends[0], ends[1], ends[2], ends[3]);
    return DF_OK;
}
