/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/results.c -- checks a results file, record by record, against its annotations. conclude.c has the
 * findings about all results.
 */
#include <math.h>
#include <string.h>

#include "eval/check/data.h"

enum { MOST_COMPARED = 4000000 }; /* records that are looked up for being there twice */

typedef struct {
    DfCheck *check;
    uint32_t file;
    DfIds seen;               /* hashes of records       */
} Results;

/* ---- one record ------------------------------------------------------------------------------------------------ */

static int look_at_score(DfCheck *c, const DfCocoRecord *r)
{
    if (!(r->has & DF_COCO_SCORE))
        return DF_OK;
    if (!isfinite(r->score))
        return df_check_record(c, DF_CHECK_ERROR, "score_not_finite", r, "has a score that is not finite");
    if (!(r->score >= 0 && r->score <= 1))
        return df_check_record(c, DF_CHECK_WARNING, "score_range", r, "has the score %g: want 0 to 1", r->score);
    return DF_OK;
}

static int look_at_fields(DfCheck *c, const DfCocoRecord *r)
{
    static const CheckWanted wanted[] = {
        { DF_COCO_IMAGE_ID,    "image_id",    "result_image_id" },
        { DF_COCO_CATEGORY_ID, "category_id", "result_category_id" },
        { DF_COCO_SCORE,       "score",       "result_score" },
    };
    int error = df_check_wanted(c, r, wanted, sizeof wanted / sizeof *wanted);
    if (error == DF_OK && !(r->has & (DF_COCO_BBOX | DF_COCO_SEGMENTATION | DF_COCO_POINTS | DF_COCO_OBB)) &&
        !(c->odd & DF_COCO_POINTS))
        error = df_check_record(c, DF_CHECK_ERROR, "result_box", r,
                                "has neither a bbox of four numbers, nor a segmentation, keypoints or an oriented box");
    return error == DF_OK ? look_at_score(c, r) : error;
}

static int look_at_box(DfCheck *c, const DfCocoRecord *r, const CheckImage *image)
{
    const double *b = r->box;
    if (!(r->has & DF_COCO_BBOX))
        return DF_OK;
    if (!(isfinite(b[0]) && isfinite(b[1]) && isfinite(b[2]) && isfinite(b[3])))
        return df_check_record(c, DF_CHECK_ERROR, "box_not_finite", r, "has a box that is not finite");
    if ((r->has & DF_COCO_POINTS) && c->n_keypoints) /* that box is their extent */
        return DF_OK;
    if (b[2] <= 0 || b[3] <= 0)
        return df_check_record(c, DF_CHECK_WARNING, "result_box_empty", r, "has a box of %g x %g", b[2], b[3]);
    if (image->width == 0)
        return DF_OK;
    if (b[0] >= image->width || b[1] >= image->height || b[0] + b[2] <= 0 || b[1] + b[3] <= 0)
        return df_check_record(c, DF_CHECK_WARNING, "result_box_outside", r,
                               "lies outside its image: %g %g %g %g in %g x %g", b[0], b[1], b[2], b[3], image->width,
                               image->height);
    return DF_OK;
}

static uint64_t hash_of(const DfCocoRecord *r, uint32_t image, uint32_t category)
{
    uint64_t words[7] = { image, category, 0, 0, 0, 0, 0 }, hash = UINT64_C(14695981039346656037);
    memcpy(words + 2, r->box, sizeof r->box);
    memcpy(words + 6, &r->score, sizeof r->score);
    for (int i = 0; i < 7; i++) {
        hash = (hash ^ words[i]) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 29;
    }
    return hash;
}

static int look_for_twin(Results *s, const DfCocoRecord *r, uint32_t image, uint32_t category)
{
    uint32_t at;
    const size_t before = s->seen.n;
    if (!(r->has & DF_COCO_BBOX) || !(r->has & DF_COCO_SCORE) || before >= MOST_COMPARED)
        return DF_OK;
    const int error = df_ids_add(&s->seen, (DfId){ (int64_t)hash_of(r, image, category), NULL }, &at);
    if (error < 0 || s->seen.n > before)
        return error;
    return df_check_record(s->check, DF_CHECK_WARNING, "result_twice", r,
                           "repeats an earlier one: same image, category, box and score");
}

/* The box of a detection that has a mask alone is that of its mask. */
static int look_at_mask(DfCheck *c, DfCocoRecord *r, CheckMask *mask, bool *boxed)
{
    int error = df_check_mask(c, r, mask);
    const bool mask_alone = (r->has & DF_COCO_SEGMENTATION) && !(r->has & DF_COCO_BBOX);
    *boxed = mask_alone && df_check_mask_known(mask);
    if (error == DF_OK && mask_alone && !r->segmentation.compressed)
        error = df_check_record(c, DF_CHECK_ERROR, "mask_type", r,
                                "has a mask and no box: want a compressed RLE, {\"size\": [height, width], "
                                "\"counts\": \"..\"}");
    if (error < 0 || !*boxed)
        return error;
    r->box[0] = (double)mask->low_x;
    r->box[1] = (double)mask->low_y;
    r->box[2] = (double)(mask->high_x - mask->low_x);
    r->box[3] = (double)(mask->high_y - mask->low_y);
    r->has |= DF_COCO_BBOX;
    return DF_OK;
}

/* Of an image that an earlier file has too, the detections of that file count, as `metric` scores them. */
static int keep(Results *s, const DfCocoRecord *r, CheckDetection *d)
{
    DfCheck *c = s->check;
    CheckImage *image = &c->images[d->image];
    if (image->detections > 0 && image->file != s->file) {
        image->several_files = true;
        c->n_repeated++;
        return DF_OK;
    }
    if (!df_grow((void **)&c->detections, &c->detections_capacity, c->n_detections, sizeof *d))
        return df_fail_memory("detections");
    memcpy(d->box, r->box, sizeof d->box);
    d->score = r->score;
    d->place = (CheckPlace){ r->line, r->offset };
    d->file = s->file;
    d->has_box = r->has & DF_COCO_BBOX;
    for (int i = 0; i < 4; i++)
        d->has_box = d->has_box && isfinite(d->box[i]);
    image->detections++;
    image->file = s->file;
    c->categories[d->category].detections++;
    c->detections[c->n_detections++] = *d;
    return DF_OK;
}

/* What a detection is of, looked up in the annotations. */
static int look_at_place(Results *s, const DfCocoRecord *r, const CheckMask *mask, CheckDetection *d)
{
    DfCheck *c = s->check;
    char name[DF_COCO_NAME_ROOM];
    int error = df_check_image_at(c, r->image_id, &d->image);
    if (error == DF_OK)
        error = df_check_category_at(c, r->category_id, &d->category);
    if (error < 0)
        return error;
    const CheckImage *image = &c->images[d->image];
    error = look_at_box(c, r, image);
    if (error == DF_OK && df_check_mask_is_there(mask)) {
        df_coco_record_name(r, name);
        error = df_check_mask_in_image(c, mask, image, (CheckPlace){ r->line, r->offset }, name);
    }
    if (error == DF_OK && !image->listed)
        error = df_check_record(c, DF_CHECK_ERROR, "result_image_unknown", r,
                                "is of an image that is not in the annotations");
    if (error == DF_OK && !c->categories[d->category].listed)
        error = df_check_record(c, DF_CHECK_ERROR, "result_category_unknown", r,
                                "is of category %s, which is not in the annotations: it is ignored",
                                df_id_text(r->category_id));
    if (error == DF_OK)
        error = look_for_twin(s, r, d->image, d->category);
    return error == DF_OK ? keep(s, r, d) : error;
}

/* Of a detection with keypoints the box is their extent, if the annotations have any. */
static int look_at_points(DfCheck *c, DfCocoRecord *r, CheckDetection *d)
{
    double box[4];
    bool has;
    int error = df_check_points(c, r, &d->of_points, box);
    d->of_points = d->of_points && c->n_keypoints > 0;
    if (d->of_points)
        memcpy(r->box, box, sizeof box);
    if (error == DF_OK && !d->of_points && !(r->has & DF_COCO_BBOX)) {
        error = df_check_oriented(c, r, &has, r->box);
        r->has |= has ? DF_COCO_BBOX : 0;
    }
    r->has |= d->of_points ? DF_COCO_BBOX : 0;
    return error;
}

static int look_at_record(void *arg, DfCocoRecord *r)
{
    Results *s = arg;
    CheckMask mask;
    CheckDetection d = { 0 };
    int error = look_at_fields(s->check, r);
    if (error == DF_OK)
        error = look_at_mask(s->check, r, &mask, &d.boxed_mask);
    if (error == DF_OK)
        error = look_at_points(s->check, r, &d);
    if (error < 0 || !(r->has & DF_COCO_IMAGE_ID) || !(r->has & DF_COCO_CATEGORY_ID))
        return error;
    return look_at_place(s, r, &mask, &d);
}

/* ---- the file -------------------------------------------------------------------------------------------------- */

static int look_at_list(void *arg, DfCocoList list, DfJson *json)
{
    Results *s = arg;
    return df_check_stream(s->check, json, list, look_at_record, s);
}

int df_check_results_json(DfCheck *c, DfJson *json)
{
    Results s = { .check = c, .file = (uint32_t)c->n_results_files };
    int error = df_check_begin_file(c, df_json_name(json));
    if (error == DF_OK && !df_grow((void **)&c->results_files, &c->results_files_capacity, c->n_results_files,
                                   sizeof *c->results_files))
        error = df_fail_memory("names");
    if (error < 0)
        return error;
    c->results_files[c->n_results_files++] = c->file;
    error = df_coco_stream_results(json, &(DfCocoFile){ .arg = &s, .list = look_at_list });
    df_ids_done(&s.seen);
    return error;
}

int df_check_results(DfCheck *c, const char *path)
{
    DfJson *json;
    int error = df_json_open(&json, path);
    if (error < 0)
        return error;
    error = df_check_results_json(c, json);
    df_json_close(json);
    return error;
}
