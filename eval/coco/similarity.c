/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/similarity.c -- the similarity of a detection and an object, from 0 to 1: IoU of boxes, masks or oriented
 * boxes, or OKS of keypoints. Only this differs between kinds of evaluation; matching and counting are the same.
 *
 * Masks were compared when they were read (compare.c); the others are compared here, just before matching.
 */
#include <float.h>
#include <math.h>

#include "eval/coco/evaluate.h"
#include "eval/pairwise.h"

/* ---- boxes ----------------------------------------------------------------------------------------------------- */

static void box_object(const CocoRun *run, uint32_t annotation, void *to)
{
    memcpy(to, run->annotations[annotation].box, sizeof(double[4]));
}

static void box_row(const CocoRun *run, const CocoObjects *objects, uint32_t detection, double *row)
{
    const double *const box = df_coco_detection(run->results, detection)->box;
    const double *const at = objects->at; /* [n][4] */
    for (size_t g = 0; g < objects->n; g++)
        row[g] = df_box_iou(box, at + 4 * g, objects->crowd[g]);
}

/* ---- masks ----------------------------------------------------------------------------------------------------- */

static void mask_object(const CocoRun *run, uint32_t annotation, void *to)
{
    (void)run;
    memcpy(to, &annotation, sizeof annotation);
}

/* The IoUs of masks were kept by annotation, those that are not 0. Truths come mostly in that order. */
static void mask_row(const CocoRun *run, const CocoObjects *objects, uint32_t detection, double *row)
{
    const CocoCompared *const c = df_coco_compared(run->results, detection);
    const bool boundaries = run->params.type == DF_COCO_BOUNDARIES && c->n > 0;
    const double *const boundary = boundaries ? (const double *)(const void *)(c->overlaps + c->n) : NULL;
    const uint32_t *const annotation = objects->at;
    size_t at = 0;
    for (size_t g = 0; g < objects->n; g++) {
        row[g] = 0;
        for (size_t tries = 0; tries < c->n; tries++, at = at + 1 < c->n ? at + 1 : 0)
            if (c->overlaps[at].annotation == annotation[g]) {
                row[g] = boundaries ? boundary[at] : c->overlaps[at].iou;
                break;
            }
    }
}

/* ---- keypoints ------------------------------------------------------------------------------------------------- */

/* The 17 of COCO, and the 14 of CrowdPose. They are written as numpy divides them by 10. */
static const double coco_sigmas[] = { 0.26 / 10, 0.25 / 10, 0.25 / 10, 0.35 / 10, 0.35 / 10, 0.79 / 10,
                                      0.79 / 10, 0.72 / 10, 0.72 / 10, 0.62 / 10, 0.62 / 10, 1.07 / 10,
                                      1.07 / 10, 0.87 / 10, 0.87 / 10, 0.89 / 10, 0.89 / 10 };
static const double crowdpose_sigmas[] = {
    0.79 / 10, 0.79 / 10, 0.72 / 10, 0.72 / 10, 0.62 / 10, 0.62 / 10, 1.07 / 10,
    1.07 / 10, 0.87 / 10, 0.87 / 10, 0.89 / 10, 0.89 / 10, 0.79 / 10, 0.79 / 10
};

int df_coco_take_sigmas(CocoRun *run)
{
    const DfCocoParams *const p = &run->params;
    const double *from = p->crowdpose ? crowdpose_sigmas : coco_sigmas;
    size_t n = p->crowdpose ? sizeof crowdpose_sigmas / sizeof *from : sizeof coco_sigmas / sizeof *from;
    if (p->sigmas) {
        from = p->sigmas;
        n = p->n_sigmas;
    }
    if (n < 1 || n > MOST_KEYPOINTS)
        return df_fail(DF_EVALUE, "COCO evaluation: %zu sigmas of keypoints, want 1 to %d", n, MOST_KEYPOINTS);
    double *const vars = df_arena_alloc(run->eval->arena, n, sizeof *vars);
    if (!vars)
        return df_fail_memory("the evaluation");
    for (size_t i = 0; i < n; i++) {
        if (!(from[i] > 0 && isfinite(from[i])))
            return df_fail(DF_EVALUE, "COCO evaluation: sigma %zu of the keypoints is %g, want more than 0", i + 1,
                           from[i]);
        vars[i] = from[i] * 2 * (from[i] * 2);
    }
    run->vars = vars;
    run->n_keypoints = n;
    return DF_OK;
}

/* A person of the ground truth. If no keypoint is labelled, detections are compared with a box three times as wide and
 * high as the person's. */
typedef struct {
    const double *x, *y, *labelled;
    size_t n_labelled;
    double area;
    double left, right, top, bottom;
} Person;

static void keypoint_object(const CocoRun *run, uint32_t annotation, void *to)
{
    const CocoAnnotation *const a = &run->annotations[annotation];
    const CocoShape *const shape = &run->results->gt->shapes[annotation];
    const double *const box = a->box;
    Person p = { .x = shape->points, .n_labelled = shape->n_labelled, .area = df_coco_truth_area(run, a) };
    p.y = p.x + shape->n_points;
    p.labelled = p.y + shape->n_points;
    p.left = box[0] - box[2];
    p.right = box[0] + box[2] * 2;
    p.top = box[1] - box[3];
    p.bottom = box[1] + box[3] * 2;
    memcpy(to, &p, sizeof p);
}

static double beyond(double x, double low, double high)
{
    const double before = low - x > 0 ? low - x : 0;
    return before + (x - high > 0 ? x - high : 0);
}

/* e_i = d^2 / (2 s^2 k^2) of every keypoint, with the distance d, the object's area s^2 and k = 2 sigma, in the
 * order of numpy. Gives how many of them count, which are moved to the front. */
static size_t exponents(const CocoRun *run, const Person *p, const double *x, const double *y, double *e)
{
    const bool labelled = p->n_labelled > 0;
    const double area = p->area + DBL_EPSILON;
    const size_t K = run->n_keypoints;
    size_t n = 0;
    for (size_t i = 0; labelled && i < K; i++) {
        const double dx = x[i] - p->x[i];
        const double dy = y[i] - p->y[i];
        e[i] = (dx * dx + dy * dy) / run->vars[i] / area / 2;
    }
    for (size_t i = 0; !labelled && i < K; i++) {
        const double dx = beyond(x[i], p->left, p->right);
        const double dy = beyond(y[i], p->top, p->bottom);
        e[i] = (dx * dx + dy * dy) / run->vars[i] / area / 2;
    }
    if (!labelled)
        return K;
    for (size_t i = 0; i < K; i++) {
        e[n] = e[i];
        n += p->labelled[i] != 0;
    }
    return n;
}

/* exp(-e) <= 1 / (1 + e + e^2 / 2), by its series: most pairs are far apart, and this says so without an exp(). */
static bool reaches(const double *e, size_t n, double least)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most += 1 / (1 + e[i] + e[i] * e[i] / 2);
    return !(most < least * (double)n * (1 - 1e-9)); /* room for what rounding does; a NAN is never below */
}

/* Object keypoint similarity, COCOeval.computeOks(): the mean of exp(-e_i) over the keypoints that count, in the
 * order of numpy, whose sums are pairwise. 0 if it cannot reach `least`. */
static double oks(const CocoRun *run, const Person *p, const double *x, const double *y, double least)
{
    double e[MOST_KEYPOINTS];
    const size_t n = exponents(run, p, x, y, e);
    if (!reaches(e, n, least))
        return 0;
    for (size_t i = 0; i < n; i++)
        e[i] = exp(-e[i]);
    return df_pairwise_sum(e, n) / (double)n;
}

/* pycocotools looks for people of the class -1 if all classes are one, and finds none. */
static void keypoint_row(const CocoRun *run, const CocoObjects *objects, uint32_t detection, double *row)
{
    const Person *const people = objects->at;
    const CocoShape *const shape = df_coco_shape(run->results, detection);
    const double *const x = shape->points;
    const double *const y = x + shape->n_points;
    for (size_t g = 0; g < objects->n; g++)
        row[g] = run->params.use_categories ? oks(run, &people[g], x, y, run->least) : -HUGE_VAL;
}

/* ---- oriented boxes -------------------------------------------------------------------------------------------- */

static void oriented_object(const CocoRun *run, uint32_t annotation, void *to)
{
    memcpy(to, run->results->gt->shapes[annotation].oriented, sizeof(double[5]));
}

static void oriented_row(const CocoRun *run, const CocoObjects *objects, uint32_t detection, double *row)
{
    const double *const box = df_coco_shape(run->results, detection)->oriented;
    const double *const at = objects->at; /* [n][5] */
    for (size_t g = 0; g < objects->n; g++)
        row[g] = df_rotated_iou(box, at + 5 * g, objects->crowd[g]);
}

/* ---- all of them ----------------------------------------------------------------------------------------------- */

static const CocoSimilarity similarities[] = {
    [DF_COCO_BOXES] = { sizeof(double[4]), box_object, box_row },
    [DF_COCO_MASKS] = { sizeof(uint32_t), mask_object, mask_row },
    [DF_COCO_KEYPOINTS] = { sizeof(Person), keypoint_object, keypoint_row },
    [DF_COCO_BOUNDARIES] = { sizeof(uint32_t), mask_object, mask_row },
    [DF_COCO_ORIENTED] = { sizeof(double[5]), oriented_object, oriented_row },
};

const CocoSimilarity *df_coco_similarity(DfCocoType type)
{
    return &similarities[type];
}
