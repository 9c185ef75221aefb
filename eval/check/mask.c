/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/mask.c -- checks the segmentation of a record: whether it is valid, and whether it fits its image and its
 * box.
 */
#include <math.h>
#include <string.h>

#include "eval/check/data.h"

/* ---- polygons -------------------------------------------------------------------------------------------------- */

enum { MOST_POINTS = 4000 }; /* of a polygon that are looked at */

/* Of the polygons of a segmentation how many are what, and how far they reach. */
typedef struct {
    size_t parts, short_parts, odd_parts, flat_parts, crossing_parts;
    double low_x, high_x, low_y, high_y;
} Polygons;

static double side(const double *a, const double *b, const double *c)
{
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

static bool opposite(double s, double t)
{
    return (s > 0 && t < 0) || (s < 0 && t > 0);
}

/* Two edges cross in their insides. */
static bool cross(const double *a, const double *b, const double *c, const double *d)
{
    return opposite(side(a, b, c), side(a, b, d)) && opposite(side(c, d, a), side(c, d, b));
}

static bool crosses_itself(const double *xy, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 2; j < n; j++) {
            const bool neighbours = i == 0 && j == n - 1;
            if (!neighbours && cross(xy + 2 * i, xy + 2 * ((i + 1) % n), xy + 2 * j, xy + 2 * ((j + 1) % n)))
                return true;
        }
    return false;
}

/* Do the points enclose nothing? */
static bool is_flat(const double *xy, size_t n)
{
    double twice = 0;
    for (size_t i = 0; i < n; i++)
        twice += side(xy, xy + 2 * i, xy + 2 * ((i + 1) % n));
    return !(fabs(twice) > 0);
}

/* n numbers */
static void add_polygon(Polygons *p, const double *xy, size_t n)
{
    const size_t points = n / 2;
    p->parts++;
    p->short_parts += n < 6;
    p->odd_parts += n % 2;
    for (size_t i = 0; i < points && i < MOST_POINTS; i++) {
        p->low_x = fmin(p->low_x, xy[2 * i]);
        p->high_x = fmax(p->high_x, xy[2 * i]);
        p->low_y = fmin(p->low_y, xy[2 * i + 1]);
        p->high_y = fmax(p->high_y, xy[2 * i + 1]);
    }
    p->flat_parts += points >= 3 && points <= MOST_POINTS && is_flat(xy, points);
    p->crossing_parts += points >= 4 && points <= MOST_POINTS && crosses_itself(xy, points);
}

static Polygons polygons_of(const DfCocoSegmentation *s)
{
    Polygons p = { .low_x = INFINITY, .high_x = -INFINITY, .low_y = INFINITY, .high_y = -INFINITY };
    for (size_t at = 0; s->form == DF_MASK_POLYGONS && at < s->n; at += (size_t)s->numbers[at] + 1)
        add_polygon(&p, s->numbers + at + 1, (size_t)s->numbers[at]);
    return p;
}

static int look_at_polygons(DfCheck *c, const DfCocoRecord *r, CheckMask *mask)
{
    const Polygons p = polygons_of(&r->segmentation);
    int error = DF_OK;
    if (p.parts > 0 && p.low_x <= p.high_x)
        *mask = (CheckMask){ 0, 0, (float)p.low_x, (float)p.low_y, (float)p.high_x, (float)p.high_y };
    if (p.parts == 0 || p.short_parts)
        error = df_check_record(c, DF_CHECK_ERROR, "polygon_empty", r, "has %s",
                                p.parts == 0 ? "a segmentation without polygons"
                                             : "a polygon of less than three points");
    if (error == DF_OK && p.odd_parts)
        error = df_check_record(c, DF_CHECK_WARNING, "polygon_odd", r,
                                "has a polygon with an odd number of coordinates: the last one is ignored");
    if (error == DF_OK && p.flat_parts)
        error = df_check_record(c, DF_CHECK_WARNING, "polygon_flat", r,
                                "has a polygon without an area: its points lie on a line");
    if (error == DF_OK && p.crossing_parts)
        error = df_check_record(c, DF_CHECK_NOTE, "polygon_crosses_itself", r,
                                "has a polygon that crosses itself: what it encloses twice becomes a hole");
    return error;
}

/* ---- runs ------------------------------------------------------------------------------------------------------ */

/* Pixels in all and in the foreground, and whether the runs are whole numbers. */
typedef struct {
    double sum, foreground;
    bool whole;
} Counts;

/* Those of a list are counted as they stand there, with what no mask can hold. */
static Counts counts_of(const DfCocoSegmentation *s)
{
    static const double two63 = 9223372036854775808.0;
    Counts c = { .whole = true };
    const size_t n = s->compressed ? s->runs.n : s->n;
    for (size_t i = 0; i < n; i++) {
        const double run = s->compressed ? s->runs.at[i] : s->numbers[i];
        c.whole = c.whole && run >= 0 && run < two63 && run == floor(run);
        c.sum += run;
        c.foreground += i % 2 ? run : 0;
    }
    return c;
}

static void reach(const DfCocoSegmentation *s, CheckMask *mask)
{
    double box[4];
    df_mask_box(&(DfMask){ mask->height, mask->width, s->runs.n, s->runs.at }, box);
    mask->low_x = (float)box[0];
    mask->low_y = (float)box[1];
    mask->high_x = (float)(box[0] + box[2]);
    mask->high_y = (float)(box[1] + box[3]);
}

static int look_at_runs(DfCheck *c, const DfCocoRecord *r, CheckMask *mask)
{
    const DfCocoSegmentation *s = &r->segmentation;
    const double height = s->size[0];
    const double width = s->size[1];
    const bool sized = s->n_size == 2 && height >= 0 && width >= 0 && height * width < 2147483648.0;
    const Counts counts = counts_of(s);
    if (!sized || !counts.whole)
        return df_check_record(c, DF_CHECK_ERROR, "runs_wrong", r,
                               "has a wrong RLE: want whole numbers in \"counts\" and two in \"size\"");
    mask->height = (uint32_t)height;
    mask->width = (uint32_t)width;
    if (s->undecoded)
        return df_check_record(c, DF_CHECK_ERROR, "runs_wrong", r, "has a wrong RLE: %s", c->undecoded);
    if (s->compressed && counts.foreground > 0 && counts.sum == height * width)
        reach(s, mask);
    if (counts.sum != height * width)
        return df_check_record(c, DF_CHECK_ERROR, "runs_wrong_sum", r,
                               "has an RLE of %.0f pixels for a mask of %.0f x %.0f", counts.sum, height, width);
    if (counts.foreground == 0)
        return r->list == DF_COCO_RESULTS /* networks make some */
                   ? df_check_record(c, DF_CHECK_NOTE, "result_mask_empty", r, "has an empty mask")
                   : df_check_record(c, DF_CHECK_WARNING, "mask_empty", r, "has an empty mask");
    return DF_OK;
}

/* ---- a mask ---------------------------------------------------------------------------------------------------- */

int df_check_mask(DfCheck *c, const DfCocoRecord *r, CheckMask *mask)
{
    *mask = (CheckMask){ 0, 0, 0, 0, -1, -1 };
    if (c->odd & DF_COCO_SEGMENTATION)
        return df_check_record(c, DF_CHECK_ERROR, "mask_type", r,
                               "has a segmentation that is neither polygons nor RLE");
    if (!(r->has & DF_COCO_SEGMENTATION))
        return DF_OK;
    return r->segmentation.form == DF_MASK_RUNS ? look_at_runs(c, r, mask) : look_at_polygons(c, r, mask);
}

int df_check_mask_in_image(DfCheck *c, const CheckMask *m, const CheckImage *image, CheckPlace place, const char *name)
{
    if (image->width == 0)
        return DF_OK;
    const bool turned = m->height == image->width && m->width == image->height;
    if (m->height && (m->height != image->height || m->width != image->width))
        return df_check_find(c, DF_CHECK_ERROR, "mask_size", place,
                             "%s has a mask of %u x %u in an image of %g x %g (height x width): it cannot match "
                             "anything%s", name, m->height, m->width, image->height, image->width,
                             turned ? "; height and width seem to be exchanged" : "");
    const bool before = m->low_x < -1 || m->low_y < -1;
    const bool behind = m->high_x > image->width + 1 || m->high_y > image->height + 1;
    if (df_check_mask_known(m) && (before || behind))
        return df_check_find(c, DF_CHECK_WARNING, "mask_outside", place,
                             "%s has a mask from %g %g to %g %g in an image of %g x %g", name, (double)m->low_x,
                             (double)m->low_y, (double)m->high_x, (double)m->high_y, image->width, image->height);
    return DF_OK;
}

int df_check_mask_in_box(DfCheck *c, const CheckMask *m, const DfCocoRecord *r)
{
    const double ends[4] = { r->box[0], r->box[1], r->box[0] + r->box[2], r->box[1] + r->box[3] };
    const double of_mask[4] = { (double)m->low_x, (double)m->low_y, (double)m->high_x, (double)m->high_y };
    if (!(r->has & DF_COCO_BBOX) || !df_check_mask_known(m))
        return DF_OK;
    for (int i = 0; i < 4; i++)
        if (fabs(ends[i] - of_mask[i]) > fmax(3, 0.1 * r->box[2 + i % 2]))
            return df_check_record(c, DF_CHECK_WARNING, "mask_box", r,
                                   "has a mask from %g %g to %g %g and a box from %g %g to %g %g", of_mask[0],
                                   of_mask[1], of_mask[2], of_mask[3], ends[0], ends[1], ends[2], ends[3]);
    return DF_OK;
}
