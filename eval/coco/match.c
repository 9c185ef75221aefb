/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/match.c -- which detection finds which ground truth, per image, class, area range and IoU threshold.
 *
 * pycocotools walks area, threshold, detection; here the detection comes first, since what one detection takes depends on the
 * better ones of its own area and threshold alone: so a row of IoUs is made once, used, and forgotten.
 */
#include <math.h>
#include <string.h>

#include "eval/coco/evaluate.h"

enum { IMAGES_PER_TASK = 64 };

/* The ground truth of one image and class, and the state of matching it. Arrays in one block of scratch. */
typedef struct {
    size_t n, n_near;
    const CocoTruth *truths;
    double (*box)[4];  /* [n]                                           */
    double *iou;       /* [n] with the present detection                */
    double most;       /* the largest of them                           */
    uint32_t *near;    /* [n_near]: those that reach the least threshold */
    uint8_t *crowd;    /* [n]                                           */
    uint8_t *ignore;   /* [areas][n]                                    */
    uint8_t *taken;    /* [areas][ious][n]                              */
} Image;

/* The images of a class. */
typedef struct {
    const CocoRun *run;
    CocoRanking *ranking;
    const CocoTruth *truths, *truths_end;
    const size_t *starts; /* of each image in by_place, and the end */
    size_t n_images, most_dets;
    double least;         /* IoU threshold                          */
} Matching;

static size_t image_bytes(const CocoRun *run, size_t n)
{
    const size_t areas = run->params.n_areas, ious = run->params.n_ious;
    return n * (5 * sizeof(double) + sizeof(uint32_t) + 1 + areas + areas * ious);
}

/* df_box_iou(), here to be inlined. */
static double overlap(const double *d, const double *g, bool crowd)
{
    const double right = d[2] + d[0] < g[2] + g[0] ? d[2] + d[0] : g[2] + g[0];
    const double w = right - (d[0] > g[0] ? d[0] : g[0]);
    if (w <= 0)
        return 0;
    const double bottom = d[3] + d[1] < g[3] + g[1] ? d[3] + d[1] : g[3] + g[1];
    const double h = bottom - (d[1] > g[1] ? d[1] : g[1]);
    if (h <= 0)
        return 0;
    const double inter = w * h, area = d[2] * d[3];
    return inter / (crowd ? area : area + g[2] * g[3] - inter);
}

static bool outside(double area, const DfAreaRange *range)
{
    return area < range->low || area > range->high;
}

static Image image_begin(const CocoRun *run, const CocoTruth *truths, size_t n, void *scratch)
{
    const size_t areas = run->params.n_areas;
    Image image = { .n = n, .truths = truths, .box = scratch };
    image.iou = (double *)(image.box + n);
    image.near = (uint32_t *)(image.iou + n);
    image.crowd = (uint8_t *)(image.near + n);
    image.ignore = image.crowd + n;
    image.taken = image.ignore + areas * n;
    memset(image.taken, 0, areas * run->params.n_ious * n);
    for (size_t g = 0; g < n; g++) {
        const CocoAnnotation *truth = &run->annotations[truths[g].annotation];
        memcpy(image.box[g], truth->box, sizeof image.box[g]);
        image.crowd[g] = truth->crowd;
        for (size_t a = 0; a < areas; a++)
            image.ignore[a * n + g] = truth->crowd || outside(truth->area, &run->params.areas[a]);
    }
    return image;
}

/* The IoUs of masks were kept by annotation, those that are not 0. Truths come mostly in that order. */
static void spread(const CocoCompared *c, const CocoTruth *truths, size_t n, double *iou)
{
    size_t at = 0;
    for (size_t g = 0; g < n; g++) {
        iou[g] = 0;
        for (size_t tries = 0; tries < c->n; tries++, at = at + 1 < c->n ? at + 1 : 0)
            if (c->overlaps[at].annotation == truths[g].annotation) {
                iou[g] = c->overlaps[at].iou;
                break;
            }
    }
}

/* The IoUs of a detection with all, and which are to be looked at. */
static void compare(const Matching *m, Image *image, uint32_t detection)
{
    const CocoRun *run = m->run;
    const double *const box = df_coco_detection(run->results, detection)->box;
    image->n_near = 0;
    image->most = -1;
    if (run->compare_masks)
        spread(df_coco_compared(run->results, detection), image->truths, image->n, image->iou);
    for (size_t g = 0; g < image->n; g++) {
        const double iou = run->compare_masks ? image->iou[g] : overlap(box, image->box[g], image->crowd[g]);
        image->iou[g] = iou;
        if (iou < m->least)
            continue;
        image->near[image->n_near++] = (uint32_t)g;
        image->most = iou != iou ? HUGE_VAL : iou > image->most ? iou : image->most;
    }
}

/* The best one free among those to be ignored or the others; image->n if none reaches `best`. */
static size_t best_of(const Image *image, const uint8_t *ignore, bool ignored, const uint8_t *taken, double best)
{
    size_t match = image->n;
    for (size_t i = 0; i < image->n_near; i++) {
        const size_t g = image->near[i];
        if (ignore[g] != ignored || (taken[g] && !image->crowd[g]) || image->iou[g] < best)
            continue;
        best = image->iou[g];
        match = g;
    }
    return match;
}

/* The ground truth that a detection takes at one area and threshold; image->n if none. One that is to be ignored comes last. */
static size_t best_match(const Image *image, size_t area, const uint8_t *taken, double threshold)
{
    const uint8_t *const ignore = image->ignore + area * image->n;
    const double least = threshold < 1 - 1e-10 ? threshold : 1 - 1e-10;
    if (image->most < least)
        return image->n;
    const size_t match = best_of(image, ignore, false, taken, least);
    return match < image->n ? match : best_of(image, ignore, true, taken, least);
}

static double area_of(const CocoRun *run, uint32_t detection)
{
    const double *const box = df_coco_detection(run->results, detection)->box;
    return run->areas_of_masks ? df_coco_compared(run->results, detection)->area : box[2] * box[3];
}

static void match_one(const Matching *m, Image *image, uint32_t detection, uint8_t *outcome)
{
    const CocoRun *run = m->run;
    const DfCocoParams *p = &run->params;
    const double area = area_of(run, detection);
    compare(m, image, detection);
    for (size_t a = 0; a < p->n_areas; a++, outcome += p->n_ious) {
        const uint8_t unmatched = outside(area, &p->areas[a]) ? IGNORED : FALSE_POSITIVE;
        memset(outcome, unmatched, p->n_ious);
        for (size_t t = 0; image->n_near > 0 && t < p->n_ious; t++) {
            uint8_t *const taken = image->taken + (a * p->n_ious + t) * image->n;
            const size_t g = best_match(image, a, taken, p->ious[t]);
            if (g == image->n)
                continue;
            taken[g] = 1;
            if (image->ignore[a * image->n + g])
                outcome[t] = IGNORED;
            else if (!run->annotations[image->truths[g].annotation].id_is_zero) /* id 0 means "unmatched" there */
                outcome[t] = TRUE_POSITIVE;
        }
    }
}

static const CocoTruth *first_at(const CocoTruth *from, const CocoTruth *end, uint32_t place)
{
    size_t n = (size_t)(end - from);
    while (n > 0) {
        const size_t half = n / 2;
        if (from[half].place < place) {
            from += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return from;
}

static void match_image(const Matching *m, size_t i, void *scratch)
{
    const CocoRun *run = m->run;
    const CocoRanking *r = m->ranking;
    const size_t row = run->params.n_areas * run->params.n_ious;
    const uint32_t place = r->place[r->by_place[m->starts[i]]];
    const CocoTruth *first = first_at(m->truths, m->truths_end, place), *end = first;
    while (end < m->truths_end && end->place == place)
        end++;
    Image image = image_begin(run, first, (size_t)(end - first), scratch);
    for (size_t j = m->starts[i]; j < m->starts[i + 1]; j++) {
        const uint32_t d = r->by_place[j];
        r->rank[d] = (uint32_t)(j - m->starts[i]);
        if (r->rank[d] < m->most_dets)
            match_one(m, &image, r->detection[d], r->outcome + d * row);
    }
}

static void match_images(void *arg, size_t task, void *scratch)
{
    const Matching *m = arg;
    for (size_t i = task * IMAGES_PER_TASK; i < m->n_images && i < (task + 1) * IMAGES_PER_TASK; i++)
        match_image(m, i, scratch);
}

static size_t most_truths(const CocoTruth *from, const CocoTruth *end)
{
    size_t most = 0;
    for (const CocoTruth *first = from; from < end; from++) {
        if (from->place != first->place)
            first = from;
        if ((size_t)(from - first) + 1 > most)
            most = (size_t)(from - first) + 1;
    }
    return most;
}

static double least_threshold(const DfCocoParams *p)
{
    double least = 1 - 1e-10;
    for (size_t t = 0; t < p->n_ious; t++)
        least = p->ious[t] < least ? p->ious[t] : least;
    return least;
}

int df_coco_match(const CocoRun *run, size_t k, CocoRanking *r, DfPool *pool)
{
    if (r->n == 0)
        return DF_OK;
    size_t *starts = df_malloc((r->n + 1) * sizeof *starts);
    if (!starts)
        return df_fail_memory("matching");
    Matching m = { .run = run, .ranking = r, .truths = run->truths + run->truths_start[k], .truths_end = run->truths + run->truths_start[k + 1],
                   .starts = starts, .most_dets = (size_t)run->params.max_dets[run->params.n_max_dets - 1], .least = least_threshold(&run->params) };
    for (size_t i = 0; i < r->n; i++)
        if (i == 0 || r->place[r->by_place[i]] != r->place[r->by_place[i - 1]])
            starts[m.n_images++] = i;
    starts[m.n_images] = r->n;
    const size_t tasks = (m.n_images + IMAGES_PER_TASK - 1) / IMAGES_PER_TASK, truths = most_truths(m.truths, m.truths_end);
    const int error = df_parallel(pool, tasks, image_bytes(run, truths ? truths : 1), match_images, &m);
    df_free(starts);
    return error;
}
