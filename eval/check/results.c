/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/results.c -- a look through a results file, beside the annotations it is about.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/check/data.h"

enum { MOST_COMPARED = 4000000 }; /* records that are looked up for being there twice */

/* How the class of a detection can be off from that of the object it lies on. */
typedef enum { SAME, ONE_LESS, ONE_MORE, PLACE_FROM_0, PLACE_FROM_1, READINGS } Reading;
static const char *const readings[READINGS] = {
    "", "if 1 were added: labels seem to count from 0, want category ids", "if 1 were subtracted: labels seem to count from 1, want category ids",
    "as positions among the sorted categories, counted from 0: want category ids", "as positions among the sorted categories, counted from 1: want category ids"
};

typedef struct {
    DfCheck *check;
    uint32_t *truths;         /* by image                */
    size_t *start;            /* [images + 1]            */
    int64_t *ranks;           /* [categories]: place among the sorted listed ones, from 0 */
    DfIds seen;             /* hashes of records       */
    size_t n, on_objects, agree[READINGS], with_box, corners, outside;
    double largest;           /* coordinate              */
    size_t off_line, corner_line; /* of the first detection on an object of another class, of one that looks like corners; 0: none */
} Results;

/* ---- before ------------------------------------------------------------------------------------------------------- */

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

/* ---- one record --------------------------------------------------------------------------------------------------- */

static int look_at_fields(Results *s, const CheckRecord *r)
{
    DfCheck *c = s->check;
    static const struct { unsigned field; const char *key, *code; } wanted[] = {
        { F_IMAGE, "image_id", "result_image_id" }, { F_CATEGORY, "category_id", "result_category_id" }, { F_SCORE, "score", "result_score" }
    };
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < 3; i++)
        if (!(r->has & wanted[i].field))
            error = df_check_find(c, DF_CHECK_ERROR, wanted[i].code, r->line, "detection %zu: %s is %s", r->number, wanted[i].key, r->odd & wanted[i].field ? "not of the right type" : "missing");
    if (error == DF_OK && !(r->has & (F_BOX | F_MASK)))
        error = df_check_find(c, DF_CHECK_ERROR, "result_box", r->line, "detection %zu has neither a bbox of four numbers nor a segmentation", r->number);
    if (error == DF_OK && (r->has & F_SCORE) && !isfinite(r->score))
        error = df_check_find(c, DF_CHECK_ERROR, "score_not_finite", r->line, "detection %zu has a score that is not finite", r->number);
    else if (error == DF_OK && (r->has & F_SCORE) && !(r->score >= 0 && r->score <= 1))
        error = df_check_find(c, DF_CHECK_WARNING, "score_range", r->line, "detection %zu has the score %g: want 0 to 1", r->number, r->score);
    return error;
}

static int look_at_box(Results *s, const CheckRecord *r, const CheckImage *image)
{
    DfCheck *c = s->check;
    const double *b = r->box, width = image ? image->width : 0, height = image ? image->height : 0;
    if (!(r->has & F_BOX))
        return DF_OK;
    s->with_box++;
    for (int i = 0; i < 4; i++) {
        if (!isfinite(b[i]))
            return df_check_find(c, DF_CHECK_ERROR, "box_not_finite", r->line, "detection %zu has a box that is not finite", r->number);
        s->largest = fmax(s->largest, fabs(b[i]));
    }
    if (b[2] <= 0 || b[3] <= 0)
        return df_check_find(c, DF_CHECK_WARNING, "result_box_empty", r->line, "detection %zu has a box of %g x %g", r->number, b[2], b[3]);
    if (width == 0)
        return DF_OK;
    if ((b[0] + b[2] > width * 1.05 || b[1] + b[3] > height * 1.05) && b[2] <= width + 1 && b[3] <= height + 1 && b[2] >= b[0] && b[3] >= b[1]) {
        s->corners++;
        s->corner_line = s->corner_line ? s->corner_line : r->line;
    }
    if (b[0] >= width || b[1] >= height || b[0] + b[2] <= 0 || b[1] + b[3] <= 0)
        return df_check_find(c, DF_CHECK_WARNING, "result_box_outside", r->line, "detection %zu lies outside its image: %g %g %g %g in %g x %g", r->number, b[0], b[1], b[2], b[3], width,
                             height);
    return DF_OK;
}

static uint64_t hash_of(const CheckRecord *r, uint32_t image, uint32_t category)
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

static int look_for_twin(Results *s, const CheckRecord *r, uint32_t image, uint32_t category)
{
    uint32_t at;
    const size_t before = s->seen.n;
    if (!(r->has & F_BOX) || !(r->has & F_SCORE) || before >= MOST_COMPARED)
        return DF_OK;
    const int error = df_ids_add(&s->seen, (DfId){ (int64_t)hash_of(r, image, category), NULL }, &at);
    if (error < 0 || s->seen.n > before)
        return error;
    return df_check_find(s->check, DF_CHECK_WARNING, "result_twice", r->line, "detection %zu repeats an earlier one: same image, category, box and score", r->number);
}

/* Which reading of the class agrees with the object below the detection. */
static void vote(Results *s, const CheckRecord *r, uint32_t image)
{
    const DfCheck *c = s->check;
    double best = 0.5;
    const CheckTruth *on = NULL;
    if (!(r->has & F_BOX) || r->category.text)
        return;
    for (size_t i = s->start[image]; i < s->start[image + 1]; i++) {
        const CheckTruth *t = &c->truths[s->truths[i]];
        const double iou = t->has_box && !t->crowd ? df_box_iou(r->box, t->box, false) : 0;
        if (iou > best) {
            best = iou;
            on = t;
        }
    }
    if (!on || c->category_ids.ids[on->category].text)
        return;
    const int64_t is = c->category_ids.ids[on->category].number, rank = s->ranks[on->category], said = r->category.number;
    s->on_objects++;
    s->off_line = s->off_line || said == is ? s->off_line : r->line;
    s->agree[SAME] += said == is;
    s->agree[ONE_LESS] += said < INT64_MAX && said + 1 == is;
    s->agree[ONE_MORE] += said > INT64_MIN && said - 1 == is;
    s->agree[PLACE_FROM_0] += said == rank;
    s->agree[PLACE_FROM_1] += rank >= 0 && said == rank + 1;
}

/* The box of a detection that has a mask alone is that of its mask. */
static int look_at_mask(Results *s, CheckRecord *r, CheckMask *mask)
{
    DfCheck *c = s->check;
    int error = df_check_mask(c, r, "detection", mask);
    if (error == DF_OK && (r->has & F_MASK) && !(r->has & F_BOX) && !r->counts)
        error = df_check_find(c, DF_CHECK_ERROR, "mask_type", r->line, "detection %zu has a mask and no box: want a compressed RLE, {\"size\": [height, width], \"counts\": \"..\"}", r->number);
    if (error < 0 || (r->has & F_BOX) || !df_check_mask_known(mask))
        return error;
    const double box[4] = { (double)mask->low_x, (double)mask->low_y, (double)(mask->high_x - mask->low_x), (double)(mask->high_y - mask->low_y) };
    memcpy(r->box, box, sizeof box);
    r->has |= F_BOX;
    return DF_OK;
}

static int look_at_record(Results *s, CheckRecord *r)
{
    DfCheck *c = s->check;
    CheckMask mask;
    int error = look_at_fields(s, r);
    if (error == DF_OK)
        error = look_at_mask(s, r, &mask);
    if (error < 0 || !(r->has & F_IMAGE) || !(r->has & F_CATEGORY))
        return error;
    const uint32_t image = df_check_place(&c->image_ids, r->image), category = df_check_place(&c->category_ids, r->category);
    const bool known = image != DF_NO_ID && c->images[image].listed, of_class = category != DF_NO_ID && c->categories[category].listed;
    error = look_at_box(s, r, known ? &c->images[image] : NULL);
    if (error == DF_OK && known)
        error = df_check_mask_in_image(c, &mask, &c->images[image], r->line, "a detection");
    if (error == DF_OK && !known)
        error = df_check_find(c, DF_CHECK_ERROR, "result_image_unknown", r->line, "detection %zu is of image %s, which is not in the annotations", r->number, df_id_text(r->image));
    if (error == DF_OK && !of_class)
        error = df_check_find(c, DF_CHECK_ERROR, "result_category_unknown", r->line, "detection %zu is of category %s, which is not in the annotations: it is ignored", r->number,
                              df_id_text(r->category));
    if (error < 0 || !known)
        return error;
    c->images[image].detections++;
    if (of_class)
        c->categories[category].detections++;
    vote(s, r, image);
    return look_for_twin(s, r, image, category);
}

/* ---- after -------------------------------------------------------------------------------------------------------- */

static int look_at_classes(Results *s)
{
    DfCheck *c = s->check;
    size_t best = SAME;
    for (size_t i = 1; i < READINGS; i++)
        best = s->agree[i] > s->agree[best] ? i : best;
    if (best != SAME && s->on_objects >= 10 && s->agree[best] > 2 * s->agree[SAME] && 2 * s->agree[best] > s->on_objects)
        return df_check_find(c, DF_CHECK_ERROR, "classes_shifted", s->off_line, "%zu detections overlap an object; %zu of them have its class, but %zu would have it %s", s->on_objects, s->agree[SAME],
                             s->agree[best], readings[best]);
    return DF_OK;
}

static int look_at_boxes(Results *s)
{
    DfCheck *c = s->check;
    if (s->with_box >= 10 && s->largest <= 1.5)
        return df_check_find(c, DF_CHECK_ERROR, "boxes_relative", 0, "no box has a coordinate above %g: boxes seem to be relative to the size of the image, want pixels", s->largest);
    if (s->with_box >= 10 && s->corners * 10 > s->with_box * 3)
        return df_check_find(c, DF_CHECK_ERROR, "boxes_corners", s->corner_line, "%zu of %zu boxes reach out of their image, but would fit as x1 y1 x2 y2: want x y width height", s->corners, s->with_box);
    return DF_OK;
}

static int look_at_absences(Results *s)
{
    DfCheck *c = s->check;
    size_t without = 0, first = 0, crowded = 0, images = 0;
    int error = DF_OK;
    for (size_t k = 0; error == DF_OK && k < c->category_ids.n; k++)
        if (c->categories[k].listed && c->categories[k].truths && !c->categories[k].detections)
            error = df_check_find(c, DF_CHECK_WARNING, "category_without_result", 0, "category %s%s%s (line %zu of the annotations) has %zu annotations and no detection",
                                  df_id_text(c->category_ids.ids[k]), c->categories[k].name ? " " : "", c->categories[k].name ? c->categories[k].name : "", c->categories[k].line,
                                  c->categories[k].truths);
    for (size_t i = 0; i < c->image_ids.n; i++) {
        images += c->images[i].listed;
        if (c->images[i].listed && c->images[i].truths && !c->images[i].detections)
            first = without++ ? first : c->images[i].line;
        crowded += c->images[i].detections > 100;
    }
    if (error == DF_OK && without)
        error = df_check_find(c, DF_CHECK_WARNING, "images_without_result", 0, "%zu of %zu images have annotations and no detection; the first is on line %zu of the annotations", without, images,
                              first);
    if (error == DF_OK && crowded)
        error = df_check_find(c, DF_CHECK_NOTE, "images_crowded", 0, "%zu images have more than 100 detections: only the 100 best of each class count", crowded);
    if (error == DF_OK && s->n == 0)
        error = df_check_find(c, DF_CHECK_WARNING, "no_results", 0, "there is no detection");
    return error;
}

static int look_through(Results *s, DfJson *json)
{
    DfJsonValue v;
    CheckRecord r;
    int error = DF_OK;
    DfJsonEvent event = df_json_next(json, &v);
    if (event != DF_JSON_ARRAY)
        return event == DF_JSON_ERROR ? df_json_error(json) : df_json_fail(json, DF_EFORMAT, "want COCO results: an array of detections");
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_OBJECT) {
        error = df_check_record(s->check, json, ++s->n, &r);
        if (error == DF_OK)
            error = look_at_record(s, &r);
    }
    if (error == DF_OK && event != DF_JSON_CLOSE)
        error = event == DF_JSON_ERROR ? df_json_error(json) : df_json_fail(json, DF_EFORMAT, "detection %zu is not an object", s->n + 1);
    if (error == DF_OK && df_json_next(json, &v) != DF_JSON_END)
        error = df_json_error(json);
    if (error == DF_OK)
        error = look_at_classes(s);
    if (error == DF_OK)
        error = look_at_boxes(s);
    return error < 0 ? error : look_at_absences(s);
}

int df_check_results_json(DfCheck *c, DfJson *json)
{
    Results s = { .check = c };
    c->file = df_arena_copy(c->arena, df_json_name(json), strlen(df_json_name(json)));
    int error = sort_truths(&s);
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
