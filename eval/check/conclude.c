/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/conclude.c -- findings about all results together, after the last file: how many detections overlap an
 * object of their class, the explanation if these are few, and what is missing.
 */
#include <math.h>
#include <string.h>

#include "eval/check/judge.h"

enum { MOST_PAIRS = 100 << 20 }; /* boxes that are laid over objects */

/* ---- keypoints ------------------------------------------------------------------------------------------------- */

/* If the detections have keypoints, the objects are what their visible keypoints span. */
static void take_points(DfCheck *c)
{
    size_t of_points = 0;
    for (size_t i = 0; i < c->n_detections; i++)
        of_points += c->detections[i].of_points;
    c->judges_points = of_points > 0 && 2 * of_points >= c->n_detections;
    for (size_t i = 0; c->judges_points && i < c->n_truths; i++) {
        CheckTruth *t = &c->truths[i];
        memcpy(t->box, t->points, sizeof t->box);
        t->has_box = t->has_points;
    }
}

/* ---- objects and the best detections --------------------------------------------------------------------------- */

static bool is_object(const DfCheck *c, const CheckTruth *t)
{
    return !t->crowd && t->has_box && c->images[t->image].listed && c->categories[t->category].listed;
}

static int sort_objects(Judge *j)
{
    const DfCheck *c = j->check;
    j->objects = df_malloc(c->n_truths * sizeof *j->objects);
    j->start = df_calloc(c->image_ids.n + 2, sizeof *j->start);
    if (!j->objects || !j->start)
        return df_fail_memory("annotations by image");
    for (size_t i = 0; i < c->n_truths; i++)
        j->start[c->truths[i].image + 2] += is_object(c, &c->truths[i]);
    for (size_t i = 0; i < c->image_ids.n; i++)
        j->start[i + 2] += j->start[i + 1];
    for (size_t i = 0; i < c->n_truths; i++)
        if (is_object(c, &c->truths[i]))
            j->objects[j->start[c->truths[i].image + 1]++] = (uint32_t)i;
    return DF_OK;
}

static size_t objects_of(const Judge *j, uint32_t image)
{
    return j->start[image + 1] - j->start[image];
}

static int choose_best(Judge *j, const uint32_t *order, uint32_t *taken)
{
    const DfCheck *c = j->check;
    size_t pairs = 0;
    for (size_t i = 0; i < c->n_detections && pairs < MOST_PAIRS; i++) {
        const CheckDetection *d = &c->detections[order[i]];
        if (d->has_box && taken[d->image] < objects_of(j, d->image)) {
            taken[d->image]++;
            pairs += objects_of(j, d->image);
            j->best[j->n_best++] = order[i];
        }
    }
    return DF_OK;
}

/* A real detector's best guesses are mostly right, while most of its many guesses are not. */
static int find_best(Judge *j)
{
    const DfCheck *c = j->check;
    uint64_t *keys = df_malloc(c->n_detections * sizeof *keys);
    uint32_t *order = df_malloc(c->n_detections * sizeof *order);
    uint32_t *taken = df_calloc(c->image_ids.n, sizeof *taken);
    j->best = df_malloc(c->n_detections * sizeof *j->best);
    int error = keys && order && taken && j->best ? DF_OK : df_fail_memory("detections by score");
    for (size_t i = 0; error == DF_OK && i < c->n_detections; i++) {
        order[i] = (uint32_t)i;
        keys[i] = df_sort_key(-c->detections[i].score);
    }
    if (error == DF_OK)
        error = df_sort(order, c->n_detections, keys);
    if (error == DF_OK)
        error = choose_best(j, order, taken);
    df_free(keys);
    df_free(order);
    df_free(taken);
    return error;
}

/* ---- where detections lie -------------------------------------------------------------------------------------- */

Lies df_check_lies(const Judge *j, const Meant *meant, const CheckDetection *d, uint32_t image)
{
    const DfCheck *c = j->check;
    const CheckImage *of = &c->images[image];
    double box[4];
    Lies lies = { 0 };
    if (!d->has_box)
        return lies;
    memcpy(box, d->box, sizeof box);
    if (!meant->of_truth)
        df_check_meant(meant, d->box, of->width, of->height, box);
    for (size_t i = j->start[image]; i < j->start[image + 1]; i++) {
        const CheckTruth *t = &c->truths[j->objects[i]];
        double object[4];
        memcpy(object, t->box, sizeof object);
        if (meant->of_truth)
            df_check_meant(meant, t->box, of->width, of->height, object);
        const double iou = df_box_iou(box, object, false);
        lies.on_object |= iou >= 0.5;
        lies.on_class |= iou >= 0.5 && t->category == d->category;
        if (iou > lies.iou) {
            lies.iou = iou;
            lies.category = t->category;
        }
    }
    return lies;
}

size_t df_check_on_object(const Judge *j, const Meant *meant, bool all)
{
    const DfCheck *c = j->check;
    const size_t n = all ? c->hits.n : j->n_best;
    size_t on = 0;
    for (size_t i = 0; i < n; i++) {
        const CheckDetection *d = &c->detections[all ? i : j->best[i]];
        on += df_check_lies(j, meant, d, d->image).on_object;
    }
    return on;
}

bool df_check_is_gain(size_t before, size_t after, size_t n)
{
    if (after < 10) /* few detections: nearly all must agree */
        return after >= 4 && after * 4 >= n * 3 && after >= 2 * before;
    return 2 * after >= 3 * before + n / 5 && after * 4 >= n;
}

/* As they are given. Of very many pairs of boxes the first ones are enough. */
static void lay_over_objects(Judge *j)
{
    DfCheck *c = j->check;
    const Meant as_is = { 0 };
    size_t pairs = 0;
    c->hits = (CheckHits){ 0 };
    for (size_t i = 0; i < c->n_detections && pairs < MOST_PAIRS; i++) {
        const CheckDetection *d = &c->detections[i];
        const Lies lies = df_check_lies(j, &as_is, d, d->image);
        pairs += objects_of(j, d->image);
        c->hits.n++;
        c->hits.on_object += lies.on_object;
        c->hits.on_class += lies.on_class;
    }
}

/* ---- what explains it ------------------------------------------------------------------------------------------ */

/* Boxes that nothing explains, and that cannot be right all the same. */
static int look_at_all_boxes(const Judge *j)
{
    DfCheck *c = j->check;
    double largest = 0;
    size_t boxes = 0;
    for (size_t i = 0; i < c->n_detections; i++) {
        const CheckDetection *d = &c->detections[i];
        boxes += d->has_box;
        for (int k = 0; d->has_box && k < 4; k++)
            largest = fmax(largest, fabs(d->box[k]));
    }
    if (boxes < 10 || largest > 1.5)
        return DF_OK;
    return df_check_find(c, DF_CHECK_ERROR, "boxes_relative", CHECK_WHOLE_FILE,
                         "no box has a coordinate above %g: boxes seem to be relative to the size of the image, want "
                         "pixels", largest);
}

static int look_at_scores(DfCheck *c)
{
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < c->n_detections; i++) {
        low = fmin(low, c->detections[i].score);
        high = fmax(high, c->detections[i].score);
    }
    if (c->n_detections < 5 || low < high)
        return DF_OK;
    return df_check_find(c, DF_CHECK_WARNING, "scores_equal", CHECK_WHOLE_FILE,
                         "all %zu detections have the score %g: their order in the file decides "
                         "about AP", c->n_detections,
                         low);
}

static int explain(Judge *j)
{
    bool boxes = false;
    bool images = false;
    int error = df_check_try_boxes(j, &boxes);
    if (error == DF_OK && !boxes)
        error = df_check_try_images(j, &images);
    if (error == DF_OK && !images)
        error = df_check_try_classes(j, &j->classes_named);
    j->images_named = images;
    return error == DF_OK && !boxes && !images ? look_at_all_boxes(j) : error;
}

/* ---- what is missing ------------------------------------------------------------------------------------------- */

/* A class of many objects has a detection, right or wrong, unless the network knows nothing of it. */
static int look_at_categories(DfCheck *c)
{
    enum { MANY = 10 };
    int error = DF_OK;
    for (size_t k = 0; error == DF_OK && !c->federated && k < c->category_ids.n; k++) {
        const CheckCategory *category = &c->categories[k];
        if (category->listed && category->truths && !category->detections)
            error = df_check_find(c, category->truths >= MANY ? DF_CHECK_WARNING : DF_CHECK_NOTE,
                                  category->truths >= MANY ? "category_without_result" : "category_undetected",
                                  CHECK_WHOLE_FILE, "category %s has %zu object%s and no detection",
                                  df_check_category_text(c, (uint32_t)k), category->truths,
                                  category->truths == 1 ? "" : "s");
    }
    return error;
}

/* Images without a detection: of a network that finds about as many things as there are, few have none. */
static int look_at_images(DfCheck *c)
{
    const CheckImage *first = NULL;
    size_t with_objects = 0;
    size_t without = 0;
    size_t objects = 0;
    size_t missed = 0;
    uint32_t at = 0;
    for (uint32_t i = 0; i < c->image_ids.n; i++) {
        const CheckImage *image = &c->images[i];
        const bool counts = image->listed && image->truths;
        const bool none = counts && !image->detections;
        with_objects += counts;
        objects += counts ? image->truths : 0;
        without += none;
        missed += none ? image->truths : 0;
        if (none && !first) {
            first = image;
            at = i;
        }
    }
    if (!without || c->n_detections == 0)
        return DF_OK;
    const bool many = without >= 5 && without * 4 >= with_objects;
    const bool never_seen = many || (without >= 2 && without * 2 >= with_objects);
    return df_check_find(c, never_seen ? DF_CHECK_WARNING : DF_CHECK_NOTE,
                         never_seen ? "images_without_result" : "images_undetected", CHECK_WHOLE_FILE,
                         "%zu of %zu images with objects have no detection%s; the first is %s%s%.200s; %zu of %zu "
                         "objects are missed with them", without, with_objects,
                         never_seen ? ": the run seems not to have seen them" : "",
                         df_id_text(c->image_ids.ids[at]), first->name ? ", " : "", first->name ? first->name : "",
                         missed, objects);
}

static int look_at_crowded_images(DfCheck *c)
{
    size_t crowded = 0;
    const size_t most = c->federated ? 300 : 100;
    for (size_t i = 0; i < c->image_ids.n; i++)
        crowded += c->images[i].detections > most;
    if (!crowded)
        return DF_OK;
    return df_check_find(c, DF_CHECK_NOTE, "images_crowded", CHECK_WHOLE_FILE,
                         "%zu images have more than %zu detections: only the best %zu of each "
                         "%s count", crowded, most, most,
                         c->federated ? "image" : "class");
}

/* Results in several files that have images in common. */
static int look_at_shards(DfCheck *c)
{
    size_t repeated = 0;
    uint32_t first = 0;
    for (uint32_t i = (uint32_t)c->image_ids.n; i-- > 0;)
        if (c->images[i].several_files) {
            repeated++;
            first = i;
        }
    if (!repeated)
        return DF_OK;
    return df_check_find(c, DF_CHECK_WARNING, "images_repeated", CHECK_WHOLE_FILE,
                         "%zu image%s detections in more than one of the %zu files; the first is %s: they are counted "
                         "once, as in the first file that has them, and %zu detections are left out", repeated,
                         repeated == 1 ? " has" : "s have", c->n_results_files,
                         df_id_text(c->image_ids.ids[first]), c->n_repeated);
}

/* Not what is missing because an id is not what it seems. */
static int look_at_absences(const Judge *j)
{
    DfCheck *c = j->check;
    int error = look_at_shards(c);
    if (error == DF_OK && !j->classes_named)
        error = look_at_categories(c);
    if (error == DF_OK && !j->images_named)
        error = look_at_images(c);
    if (error == DF_OK)
        error = look_at_crowded_images(c);
    if (error == DF_OK && c->n_detections == 0)
        error = df_check_find(c, DF_CHECK_WARNING, "no_results", CHECK_WHOLE_FILE, "there is no detection");
    return error;
}

/* ---- the conclusion -------------------------------------------------------------------------------------------- */

/* What findings about all results are filed under. */
static int name_results(DfCheck *c)
{
    char name[512];
    if (c->n_results_files == 1)
        return df_check_begin_file(c, c->results_files[0]);
    df_snprintf(name, sizeof name, "%.400s and %zu more", c->results_files[0], c->n_results_files - 1);
    return df_check_begin_file(c, name);
}

static void judge_done(Judge *j)
{
    df_free(j->objects);
    df_free(j->start);
    df_free(j->best);
}

static int judge(Judge *j)
{
    int error = sort_objects(j);
    if (error == DF_OK)
        error = find_best(j);
    if (error < 0)
        return error;
    lay_over_objects(j);
    return j->n_best > 0 || j->check->n_detections > 0 ? explain(j) : DF_OK;
}

int df_check_conclude(DfCheck *c)
{
    Judge j = { .check = c };
    if (c->concluded || c->n_results_files == 0)
        return DF_OK;
    c->concluded = true;
    take_points(c);
    int error = name_results(c);
    if (error == DF_OK)
        error = judge(&j);
    if (error == DF_OK)
        error = name_results(c);
    if (error == DF_OK)
        error = look_at_scores(c);
    if (error == DF_OK)
        error = look_at_absences(&j);
    judge_done(&j);
    return error;
}
