/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/whole.c -- findings about an annotation file that can only be made after reading all of it.
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
    if (error < 0 || !t->has_box || t->oriented || image->width == 0)
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
                             "all %zu annotations are crowds (iscrowd 1): no object counts, and every score is -1; "
                             "want iscrowd 0 for single objects, also where their masks are RLE", crowds);
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

static bool has_area_and_box(const CheckTruth *t)
{
    return !t->crowd && t->has_box && t->has_area && t->box[2] > 0 && t->box[3] > 0;
}

static int look_at_areas(DfCheck *c)
{
    size_t looked_at = 0;
    size_t none = 0;
    size_t alike = 0;
    double of_boxes = 0;
    const CheckTruth *first = NULL; /* whose area is none */
    for (size_t i = 0; i < c->n_truths; i++)
        if (!first && has_area_and_box(&c->truths[i]) && area_is_none(&c->truths[i]))
            first = &c->truths[i];
    for (size_t i = 0; first && i < c->n_truths; i++) {
        const CheckTruth *t = &c->truths[i];
        if (!has_area_and_box(t))
            continue;
        looked_at++;
        of_boxes += t->box[2] * t->box[3];
        none += area_is_none(t);
        alike += !(t->area < first->area || t->area > first->area);
    }
    if (none < 3 || none * 10 < looked_at * 9)
        return DF_OK;
    if (alike * 10 >= looked_at * 9)
        return df_check_find(c, DF_CHECK_ERROR, "areas_wrong", first->place,
                             "%zu of %zu annotations have the area %g, and boxes of %.0f square pixels on average: "
                             "every object counts as "
                             "small", alike, looked_at, first->area, of_boxes / (double)looked_at);
    return df_check_find(c, DF_CHECK_ERROR, "areas_wrong", first->place,
                         "%zu of %zu annotations have an area of less than a hundredth of their box, the first %g: "
                         "want square pixels", none, looked_at, first->area);
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

/* ---- keypoints and LVIS ---------------------------------------------------------------------------------------- */

static int look_at_points(DfCheck *c)
{
    size_t with = 0;
    int error = DF_OK;
    for (size_t i = 0; i < c->n_truths; i++)
        with += c->truths[i].with_points;
    if (with > 0 && c->visible == 0)
        df_check_forget(c, "keypoints_disagree");
    if (with > 0 && c->visible == 0)
        error = df_check_find(c, DF_CHECK_ERROR, "keypoints_invisible", CHECK_WHOLE_FILE,
                              "no keypoint of %zu annotations has a visibility above 0: keypoints cannot be "
                              "scored", with);
    for (size_t i = 0; error == DF_OK && with > 0 && i < c->n_truths; i++)
        if (!c->truths[i].with_points && !c->truths[i].crowd)
            error = df_check_truth_of(c, DF_CHECK_WARNING, "keypoints_missing", &c->truths[i],
                                      "has no keypoints, and %zu of %zu annotations have some", with, c->n_truths);
    if (with > 0 && c->crowd_indices) /* CrowdPose takes the area from the box */
        df_check_forget(c, "annotation_area");
    return error;
}

/* A class of an image cannot be there and not be there. */
static int look_at_absent(DfCheck *c, const CheckTruth *t)
{
    const CheckImage *image = &c->images[t->image];
    const DfId id = c->category_ids.ids[t->category];
    for (size_t i = 0; !id.text && i < image->n_absent; i++)
        if (image->absent[i] == id.number)
            return df_check_truth_of(c, DF_CHECK_WARNING, "category_absent", t,
                                     "is of category %s, which neg_category_ids of its image say is not there",
                                     df_check_category_text(c, t->category));
    return DF_OK;
}

static int look_at_lists(DfCheck *c)
{
    int error = DF_OK;
    for (uint32_t i = 0; error == DF_OK && i < c->image_ids.n; i++) {
        const CheckImage *image = &c->images[i];
        if (image->listed && !(image->has_absent && image->has_incomplete))
            error = df_check_find(c, DF_CHECK_ERROR, "image_without_lists", image->place,
                                  "image %s has no %s, which LVIS's rules want", df_id_text(c->image_ids.ids[i]),
                                  image->has_absent ? "not_exhaustive_category_ids" : "neg_category_ids");
        for (size_t k = 0; error == DF_OK && image->listed && k < image->n_absent; k++) {
            const uint32_t at = df_ids_find(&c->category_ids, (DfId){ image->absent[k], NULL });
            if (at == DF_NO_ID || !c->categories[at].listed)
                error = df_check_find(c, DF_CHECK_ERROR, "list_category_unknown", image->place,
                                      "image %s has %s among neg_category_ids, which is not in \"categories\"",
                                      df_id_text(c->image_ids.ids[i]), df_id_text((DfId){ image->absent[k], NULL }));
        }
    }
    return error;
}

static int look_at_federation(DfCheck *c)
{
    int error = look_at_lists(c);
    for (size_t i = 0; error == DF_OK && i < c->n_truths; i++)
        error = look_at_absent(c, &c->truths[i]);
    for (uint32_t k = 0; error == DF_OK && k < c->category_ids.n; k++) {
        const CheckCategory *category = &c->categories[k];
        if (category->listed && !(category->frequency && strchr("rcf", category->frequency)))
            error = df_check_find(c, DF_CHECK_WARNING, "category_without_frequency", category->place,
                                  "category %s has no frequency of r, c or f: it is in none of APr, APc and APf",
                                  df_check_category_text(c, k));
    }
    df_check_forget(c, "annotation_iscrowd"); /* LVIS has no crowds */
    return error;
}

/* ---- what is missing ------------------------------------------------------------------------------------------- */

static int look_for_absences(DfCheck *c)
{
    size_t empty = 0;
    int error = c->federated ? DF_OK : look_at_categories(c);
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
    if (error == DF_OK)
        error = look_at_points(c);
    if (error == DF_OK && c->federated)
        error = look_at_federation(c);
    return error == DF_OK && !crowds_alone ? look_for_absences(c) : error;
}
