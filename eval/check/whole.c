/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/whole.c -- what can be said of an annotation file once all of it is read.
 */
#include <string.h>

#include "eval/check/data.h"

/* ---- one annotation among the images and categories ------------------------------------------------------------ */

static int look_at_place(DfCheck *c, const CheckTruth *t)
{
    const CheckImage *image = &c->images[t->image];
    const double right = t->box[0] + t->box[2];
    const double bottom = t->box[1] + t->box[3];
    char name[DF_COCO_NAME_ROOM];
    int error = DF_OK;
    if (!image->listed)
        return df_check_truth_of(c, DF_CHECK_ERROR, "image_unknown", t,
                                 "is of an image that is not in \"images\": it is ignored");
    if (!c->categories[t->category].listed)
        return df_check_truth_of(c, DF_CHECK_ERROR, "category_unknown", t,
                                 "is of category %s, which is not in \"categories\": it is ignored",
                                 df_id_text(c->category_ids.ids[t->category]));
    if (df_check_mask_is_there(&t->mask)) {
        df_check_truth_name(c, t, name);
        error = df_check_mask_in_image(c, &t->mask, image, t->place, name);
    }
    if (error < 0 || !t->has_box || image->width == 0)
        return error;
    if (t->box[0] < -1 || t->box[1] < -1 || right > image->width + 1 || bottom > image->height + 1)
        return df_check_truth_of(c, DF_CHECK_WARNING, "box_outside", t,
                                 "has a box from %g %g to %g %g, which reaches out of its image of %g x %g", t->box[0],
                                 t->box[1], right, bottom, image->width, image->height);
    return DF_OK;
}

static int look_at_categories(DfCheck *c)
{
    int error = DF_OK;
    for (size_t k = 0; error == DF_OK && k < c->category_ids.n; k++) {
        const CheckCategory *category = &c->categories[k];
        if (category->listed && category->truths == 0)
            error = df_check_find(c, DF_CHECK_NOTE, "category_without_truth", category->place,
                                  "category %s has no object: its AP is -1", df_check_category_text(c, (uint32_t)k));
    }
    return error;
}

/* ---- all annotations together ---------------------------------------------------------------------------------- */

static size_t count_crowds(const DfCheck *c)
{
    size_t crowds = 0;
    for (size_t i = 0; i < c->n_truths; i++)
        crowds += c->truths[i].crowd;
    return crowds;
}

static int look_at_crowds(DfCheck *c)
{
    const size_t crowds = count_crowds(c);
    if (crowds > 0 && crowds == c->n_truths)
        return df_check_find(c, DF_CHECK_ERROR, "all_crowds", c->truths[0].place,
                             "all %zu annotations are crowds (iscrowd 1): no object counts, and every score is -1; want "
                             "iscrowd 0 for single objects, also where their masks are RLE", crowds);
    if (crowds >= 10 && 2 * crowds > c->n_truths)
        return df_check_find(c, DF_CHECK_WARNING, "many_crowds", CHECK_WHOLE_FILE,
                             "%zu of %zu annotations are crowds (iscrowd 1), which do not count as objects", crowds,
                             c->n_truths);
    return DF_OK;
}

/* An area that is less than a hundredth of the box is none: 1 for every object, or relative to the image. */
static bool area_is_none(const CheckTruth *t)
{
    return t->area < 0.01 * t->box[2] * t->box[3];
}

static int look_at_areas(DfCheck *c)
{
    size_t looked_at = 0;
    size_t none = 0;
    size_t alike = 0;
    double of_boxes = 0;
    const CheckTruth *first = NULL;
    for (size_t i = 0; i < c->n_truths; i++) {
        const CheckTruth *t = &c->truths[i];
        if (t->crowd || !t->has_box || !t->has_area || !(t->box[2] > 0 && t->box[3] > 0))
            continue;
        looked_at++;
        of_boxes += t->box[2] * t->box[3];
        none += area_is_none(t);
        first = !first && area_is_none(t) ? t : first;
        alike += first && !(t->area < first->area || t->area > first->area);
    }
    if (none < 3 || none * 10 < looked_at * 9)
        return DF_OK;
    if (alike == none)
        return df_check_find(c, DF_CHECK_ERROR, "areas_wrong", first->place,
                             "%zu of %zu annotations have the area %g, and boxes of %.0f square pixels on average: every "
                             "object counts as small", none, looked_at, first->area, of_boxes / (double)looked_at);
    return df_check_find(c, DF_CHECK_ERROR, "areas_wrong", first->place,
                         "%zu of %zu annotations have an area of less than a hundredth of their box, the first %g: want "
                         "square pixels", none, looked_at, first->area);
}

/* Annotations for boxes alone have no masks, and that is fine; but not where others have. */
static int look_at_masks(DfCheck *c)
{
    size_t with = 0;
    int error = DF_OK;
    for (size_t i = 0; i < c->n_truths; i++)
        with += c->truths[i].has_mask;
    for (size_t i = 0; error == DF_OK && with > 0 && i < c->n_truths; i++)
        if (!c->truths[i].has_mask)
            error = df_check_truth_of(c, DF_CHECK_WARNING, "segmentation_missing", &c->truths[i],
                                      "has no segmentation (null, or not there), and %zu of %zu annotations have one: "
                                      "masks cannot be scored", with, c->n_truths);
    return error;
}

static int look_for_absences(DfCheck *c)
{
    size_t empty = 0;
    int error = look_at_categories(c);
    for (size_t i = 0; i < c->image_ids.n; i++)
        empty += c->images[i].listed && c->images[i].truths == 0;
    if (error == DF_OK && empty)
        error = df_check_find(c, DF_CHECK_NOTE, "images_without_truth", CHECK_WHOLE_FILE,
                              "%zu of %zu images have no object", empty, c->n_images);
    return error;
}

int df_check_whole_truth(DfCheck *c)
{
    const bool crowds_alone = c->n_truths > 0 && count_crowds(c) == c->n_truths;
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < c->n_truths; i++)
        error = look_at_place(c, &c->truths[i]);
    if (error == DF_OK)
        error = look_at_crowds(c);
    if (error == DF_OK)
        error = look_at_areas(c);
    if (error == DF_OK)
        error = look_at_masks(c);
    return error == DF_OK && !crowds_alone ? look_for_absences(c) : error;
}
