/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/results.c -- a look through a results file, beside the annotations it is about.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/check/data.h"

enum {
    MOST_COMPARED = 4000000,   /* records that are looked up for being there twice                                  */
    MOST_PAIRS = 200 << 20     /* boxes that are laid over objects: a sample is as good for finding shifted classes */
};

/* How the class of a detection can be off from that of the object it lies on. */
typedef enum { SAME, ONE_LESS, ONE_MORE, PLACE_FROM_0, PLACE_FROM_1, READINGS } Reading;
static const char *const readings[READINGS] = {
    [ONE_LESS] = "if 1 were added: labels seem to count from 0, want category ids",
    [ONE_MORE] = "if 1 were subtracted: labels seem to count from 1, want category ids",
    [PLACE_FROM_0] = "as positions among the sorted categories, counted from 0: want category ids",
    [PLACE_FROM_1] = "as positions among the sorted categories, counted from 1: want category ids",
};

typedef struct {
    DfCheck *check;
    uint32_t *truths;         /* by image                */
    size_t *start;            /* [images + 1]            */
    int64_t *ranks;           /* [categories]: place among the sorted listed ones, from 0 */
    DfIds seen;               /* hashes of records       */
    size_t pairs;             /* of boxes and objects that were compared */
    size_t n, on_objects, agree[READINGS], with_box, corners, outside;
    double largest;           /* coordinate              */
    size_t off_line;          /* of the first detection on an object of another class; 0: none */
    size_t corner_line;       /* of the first box that looks like corners; 0: none             */
} Results;

/* ---- before ---------------------------------------------------------------------------------------------------- */

static int sort_truths(Results *s)
{
    const DfCheck *c = s->check;
    s->truths = df_malloc(c->n_truths * sizeof *s->truths);
    s->start = df_calloc(c->image_ids.n + 2, sizeof *s->start);
    if (!s->truths || !s->start)
        return df_fail_memory("annotations by image");
    for (size_t i = 0; i < c->n_truths; i++)
        s->start[c->truths[i].image + 2]++;
    for (size_t i = 0; i < c->image_ids.n; i++)
        s->start[i + 2] += s->start[i + 1];
    for (size_t i = 0; i < c->n_truths; i++)
        s->truths[s->start[c->truths[i].image + 1]++] = (uint32_t)i;
    return DF_OK;
}

static int compare_ranked(const void *a, const void *b)
{
    const DfId *const *x = a, *const *y = b;
    return df_id_compare(**x, **y);
}

static int rank_categories(Results *s)
{
    const DfCheck *c = s->check;
    const size_t n = c->category_ids.n;
    size_t listed = 0;
    const DfId **sorted = df_malloc(n * sizeof *sorted);
    s->ranks = df_malloc(n * sizeof *s->ranks);
    if (!sorted || !s->ranks) {
        df_free(sorted);
        return df_fail_memory("categories");
    }
    for (size_t k = 0; k < n; k++) {
        s->ranks[k] = -1;
        if (c->categories[k].listed)
            sorted[listed++] = &c->category_ids.ids[k];
    }
    qsort(sorted, listed, sizeof *sorted, compare_ranked);
    for (size_t i = 0; i < listed; i++)
        s->ranks[sorted[i] - c->category_ids.ids] = (int64_t)i;
    df_free(sorted);
    return DF_OK;
}

/* ---- one record ------------------------------------------------------------------------------------------------ */

static int look_at_score(DfCheck *c, const DfCocoRecord *r)
{
    if (!(r->has & DF_COCO_SCORE))
        return DF_OK;
    if (!isfinite(r->score))
        return df_check_find(c, DF_CHECK_ERROR, "score_not_finite", r->line,
                             "detection %zu has a score that is not finite", r->number);
    if (!(r->score >= 0 && r->score <= 1))
        return df_check_find(c, DF_CHECK_WARNING, "score_range", r->line,
                             "detection %zu has the score %g: want 0 to 1", r->number, r->score);
    return DF_OK;
}

static int look_at_fields(Results *s, const DfCocoRecord *r)
{
    static const CheckWanted wanted[] = {
        { DF_COCO_IMAGE_ID,    "image_id",    "result_image_id" },
        { DF_COCO_CATEGORY_ID, "category_id", "result_category_id" },
        { DF_COCO_SCORE,       "score",       "result_score" },
    };
    DfCheck *c = s->check;
    int error = df_check_wanted(c, r, wanted, sizeof wanted / sizeof *wanted, "detection");
    if (error == DF_OK && !(r->has & (DF_COCO_BBOX | DF_COCO_SEGMENTATION)))
        error = df_check_find(c, DF_CHECK_ERROR, "result_box", r->line,
                              "detection %zu has neither a bbox of four numbers nor a segmentation", r->number);
    return error == DF_OK ? look_at_score(c, r) : error;
}

/* A box that leaves its image, and would not if its last two numbers were a corner. */
static bool looks_like_corners(const double *b, double width, double height)
{
    const bool leaves = b[0] + b[2] > width * 1.05 || b[1] + b[3] > height * 1.05;
    return leaves && b[2] <= width + 1 && b[3] <= height + 1 && b[2] >= b[0] && b[3] >= b[1];
}

static int look_at_box(Results *s, const DfCocoRecord *r, const CheckImage *image)
{
    DfCheck *c = s->check;
    const double *b = r->box;
    const double width = image ? image->width : 0;
    const double height = image ? image->height : 0;
    if (!(r->has & DF_COCO_BBOX))
        return DF_OK;
    s->with_box++;
    for (int i = 0; i < 4; i++) {
        if (!isfinite(b[i]))
            return df_check_find(c, DF_CHECK_ERROR, "box_not_finite", r->line,
                                 "detection %zu has a box that is not finite", r->number);
        s->largest = fmax(s->largest, fabs(b[i]));
    }
    if (b[2] <= 0 || b[3] <= 0)
        return df_check_find(c, DF_CHECK_WARNING, "result_box_empty", r->line, "detection %zu has a box of %g x %g",
                             r->number, b[2], b[3]);
    if (width == 0)
        return DF_OK;
    if (looks_like_corners(b, width, height)) {
        s->corners++;
        s->corner_line = s->corner_line ? s->corner_line : r->line;
    }
    if (b[0] >= width || b[1] >= height || b[0] + b[2] <= 0 || b[1] + b[3] <= 0)
        return df_check_find(c, DF_CHECK_WARNING, "result_box_outside", r->line,
                             "detection %zu lies outside its image: %g %g %g %g in %g x %g", r->number, b[0], b[1],
                             b[2], b[3], width, height);
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
    return df_check_find(s->check, DF_CHECK_WARNING, "result_twice", r->line,
                         "detection %zu repeats an earlier one: same image, category, box and score", r->number);
}

/* The object that the detection overlaps most, by more than half; or NULL. */
static const CheckTruth *object_below(const Results *s, const double *box, uint32_t image)
{
    const CheckTruth *on = NULL;
    double best = 0.5;
    for (size_t i = s->start[image]; i < s->start[image + 1]; i++) {
        const CheckTruth *t = &s->check->truths[s->truths[i]];
        const double iou = t->has_box && !t->crowd ? df_box_iou(box, t->box, false) : 0;
        if (iou > best) {
            best = iou;
            on = t;
        }
    }
    return on;
}

/* Which reading of the class agrees with the object below the detection. */
static void vote(Results *s, const DfCocoRecord *r, uint32_t image)
{
    const DfIds *ids = &s->check->category_ids;
    if (!(r->has & DF_COCO_BBOX) || r->category_id.text)
        return;
    const size_t objects = s->start[image + 1] - s->start[image];
    if (objects > MOST_PAIRS - s->pairs)
        return;
    s->pairs += objects;
    const CheckTruth *on = object_below(s, r->box, image);
    if (!on || ids->ids[on->category].text)
        return;
    const int64_t is = ids->ids[on->category].number;
    const int64_t rank = s->ranks[on->category];
    const int64_t said = r->category_id.number;
    s->on_objects++;
    s->off_line = s->off_line || said == is ? s->off_line : r->line;
    s->agree[SAME] += said == is;
    s->agree[ONE_LESS] += said < INT64_MAX && said + 1 == is;
    s->agree[ONE_MORE] += said > INT64_MIN && said - 1 == is;
    s->agree[PLACE_FROM_0] += said == rank;
    s->agree[PLACE_FROM_1] += rank >= 0 && said == rank + 1;
}

/* The box of a detection that has a mask alone is that of its mask. */
static int look_at_mask(Results *s, DfCocoRecord *r, CheckMask *mask)
{
    DfCheck *c = s->check;
    int error = df_check_mask(c, r, "detection", mask);
    const bool mask_alone = (r->has & DF_COCO_SEGMENTATION) && !(r->has & DF_COCO_BBOX);
    if (error == DF_OK && mask_alone && !r->segmentation.compressed)
        error = df_check_find(c, DF_CHECK_ERROR, "mask_type", r->line,
                              "detection %zu has a mask and no box: want a compressed RLE, {\"size\": [height, "
                              "width], \"counts\": \"..\"}", r->number);
    if (error < 0 || (r->has & DF_COCO_BBOX) || !df_check_mask_known(mask))
        return error;
    r->box[0] = (double)mask->low_x;
    r->box[1] = (double)mask->low_y;
    r->box[2] = (double)(mask->high_x - mask->low_x);
    r->box[3] = (double)(mask->high_y - mask->low_y);
    r->has |= DF_COCO_BBOX;
    return DF_OK;
}

/* What a detection is of, looked up in the annotations. */
static int look_at_place(Results *s, const DfCocoRecord *r, const CheckMask *mask)
{
    DfCheck *c = s->check;
    const uint32_t image = df_ids_find(&c->image_ids, r->image_id);
    const uint32_t category = df_ids_find(&c->category_ids, r->category_id);
    const bool known = image != DF_NO_ID && c->images[image].listed;
    const bool of_class = category != DF_NO_ID && c->categories[category].listed;
    int error = look_at_box(s, r, known ? &c->images[image] : NULL);
    if (error == DF_OK && known)
        error = df_check_mask_in_image(c, mask, &c->images[image], r->line, "a detection");
    if (error == DF_OK && !known)
        error = df_check_find(c, DF_CHECK_ERROR, "result_image_unknown", r->line,
                              "detection %zu is of image %s, which is not in the annotations", r->number,
                              df_id_text(r->image_id));
    if (error == DF_OK && !of_class)
        error = df_check_find(c, DF_CHECK_ERROR, "result_category_unknown", r->line,
                              "detection %zu is of category %s, which is not in the annotations: it is ignored",
                              r->number, df_id_text(r->category_id));
    if (error < 0 || !known)
        return error;
    c->images[image].detections++;
    if (of_class)
        c->categories[category].detections++;
    vote(s, r, image);
    return look_for_twin(s, r, image, category);
}

static int look_at_record(void *arg, DfCocoRecord *r)
{
    Results *s = arg;
    CheckMask mask;
    s->n++;
    int error = look_at_fields(s, r);
    if (error == DF_OK)
        error = look_at_mask(s, r, &mask);
    if (error < 0 || !(r->has & DF_COCO_IMAGE_ID) || !(r->has & DF_COCO_CATEGORY_ID))
        return error;
    return look_at_place(s, r, &mask);
}

/* ---- after ----------------------------------------------------------------------------------------------------- */

static int look_at_classes(Results *s)
{
    DfCheck *c = s->check;
    size_t best = SAME;
    for (size_t i = 1; i < READINGS; i++)
        best = s->agree[i] > s->agree[best] ? i : best;
    const bool clear = s->agree[best] > 2 * s->agree[SAME] && 2 * s->agree[best] > s->on_objects;
    if (best == SAME || s->on_objects < 10 || !clear)
        return DF_OK;
    return df_check_find(c, DF_CHECK_ERROR, "classes_shifted", s->off_line,
                         "%zu detections overlap an object; %zu of them have its class, but %zu would have it %s",
                         s->on_objects, s->agree[SAME], s->agree[best], readings[best]);
}

static int look_at_boxes(Results *s)
{
    DfCheck *c = s->check;
    if (s->with_box >= 10 && s->largest <= 1.5)
        return df_check_find(c, DF_CHECK_ERROR, "boxes_relative", 0,
                             "no box has a coordinate above %g: boxes seem to be relative to the size of the image, "
                             "want pixels", s->largest);
    if (s->with_box >= 10 && s->corners * 10 > s->with_box * 3)
        return df_check_find(c, DF_CHECK_ERROR, "boxes_corners", s->corner_line,
                             "%zu of %zu boxes reach out of their image, but would fit as x1 y1 x2 y2: want x y "
                             "width height", s->corners, s->with_box);
    return DF_OK;
}

static int look_at_categories(DfCheck *c)
{
    int error = DF_OK;
    for (size_t k = 0; error == DF_OK && k < c->category_ids.n; k++) {
        const CheckCategory *category = &c->categories[k];
        if (category->listed && category->truths && !category->detections)
            error = df_check_find(c, DF_CHECK_WARNING, "category_without_result", 0,
                                  "category %s%s%s (line %zu of the annotations) has %zu annotations and no "
                                  "detection", df_id_text(c->category_ids.ids[k]), category->name ? " " : "",
                                  category->name ? category->name : "", category->line, category->truths);
    }
    return error;
}

static int look_at_absences(Results *s)
{
    DfCheck *c = s->check;
    size_t without = 0;
    size_t first = 0; /* line of the first of them */
    size_t crowded = 0;
    size_t images = 0;
    int error = look_at_categories(c);
    for (size_t i = 0; i < c->image_ids.n; i++) {
        const CheckImage *image = &c->images[i];
        images += image->listed;
        if (image->listed && image->truths && !image->detections)
            first = without++ ? first : image->line;
        crowded += image->detections > 100;
    }
    if (error == DF_OK && without)
        error = df_check_find(c, DF_CHECK_WARNING, "images_without_result", 0,
                              "%zu of %zu images have annotations and no detection; the first is on line %zu of the "
                              "annotations", without, images, first);
    if (error == DF_OK && crowded)
        error = df_check_find(c, DF_CHECK_NOTE, "images_crowded", 0,
                              "%zu images have more than 100 detections: only the 100 best of each class count",
                              crowded);
    if (error == DF_OK && s->n == 0)
        error = df_check_find(c, DF_CHECK_WARNING, "no_results", 0, "there is no detection");
    return error;
}

static int look_at_list(void *arg, DfCocoList list, DfJson *json)
{
    Results *s = arg;
    return df_check_stream(s->check, json, list, look_at_record, s);
}

static int look_through(Results *s, DfJson *json)
{
    int error = df_coco_stream_results(json, &(DfCocoFile){ .arg = s, .list = look_at_list });
    if (error == DF_OK)
        error = look_at_classes(s);
    if (error == DF_OK)
        error = look_at_boxes(s);
    return error < 0 ? error : look_at_absences(s);
}

int df_check_results_json(DfCheck *c, DfJson *json)
{
    Results s = { .check = c };
    int error = df_check_begin_file(c, df_json_name(json));
    if (error == DF_OK)
        error = sort_truths(&s);
    if (error == DF_OK)
        error = rank_categories(&s);
    if (error == DF_OK)
        error = look_through(&s, json);
    df_ids_done(&s.seen);
    df_free(s.truths);
    df_free(s.start);
    df_free(s.ranks);
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
