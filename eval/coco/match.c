/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/match.c -- matches the detections of a class, image by image (eval/matcher.h has the rule).
 */
#include <string.h>

#include "eval/coco/evaluate.h"

enum {
    IMAGES_PER_TASK = 64,
    DETECTIONS_PER_TASK = 64,
    AHEAD = 16 /* detections that are on their way from memory */
};

/* The images of a class. */
typedef struct {
    const CocoRun *run;
    CocoRanking *ranking;
    const CocoTruth *truths, *truths_end;
    const size_t *starts; /* of each image in by_place, and the end */
    size_t n_images, most_dets;
} Matching;

/* The ground truth of one image and class, in one block of scratch. */
typedef struct {
    Matcher matcher;
    CocoObjects objects;
} Image;

static size_t objects_bytes(const CocoRun *run, size_t n)
{
    return (n * run->similarity->size + 7) / 8 * 8;
}

static size_t image_bytes(const CocoRun *run, size_t n)
{
    return objects_bytes(run, n) + df_matcher_bytes(&run->params, n);
}

static Image image_begin(const CocoRun *run, const CocoTruth *truths, size_t n, void *scratch)
{
    char *const at = scratch;
    Image image = { .matcher = df_matcher_begin(&run->params, n, at + objects_bytes(run, n)) };
    for (size_t g = 0; g < n; g++) {
        const CocoAnnotation *truth = &run->annotations[truths[g].annotation];
        run->similarity->object(run, truths[g].annotation, at + g * run->similarity->size);
        df_matcher_object(&image.matcher, g, df_coco_truth_area(run, truth), truth->crowd, truth->id_is_zero);
        if (df_coco_is_ignored(run, truth))
            df_matcher_ignore(&image.matcher, g);
    }
    image.objects = (CocoObjects){ scratch, image.matcher.crowd, n };
    return image;
}

/* What finds nothing in a class of which not all objects are annotated is neither right nor wrong, as if it were
 * outside of every range. */
static double area_of(const CocoRun *run, uint32_t detection)
{
    if (run->results->gt->federated && df_coco_is_incomplete(run->results, detection))
        return -1;
    return df_coco_area_of(run, detection);
}

double df_coco_area_of(const CocoRun *run, uint32_t detection)
{
    if (run->params.type == DF_COCO_ORIENTED) {
        const double *const box = df_coco_shape(run->results, detection)->oriented;
        return box[2] * box[3];
    }
    const double *const box = df_coco_detection(run->results, detection)->box;
    return run->areas_of_masks ? df_coco_compared(run->results, detection)->area : box[2] * box[3];
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

/* Detections lie where the file has them, outcomes where their scores have: far from one another. */
static void fetch_ahead(const Matching *m, size_t j, size_t row)
{
    const CocoRanking *const r = m->ranking;
    if (j + AHEAD >= r->n)
        return;
    const uint32_t d = r->by_place[j + AHEAD];
    df_prefetch(df_coco_detection(m->run->results, r->detection[d]));
    df_prefetch(r->outcome + d * row);
}

/* An image whose detections are matched, best first. */
typedef struct {
    const Matching *m;
    Image image;
    size_t first, end; /* in by_place */
} Matched;

static void match_detections(void *arg, size_t task, void *scratch)
{
    Matched *const matched = arg;
    const Matching *const m = matched->m;
    const CocoRun *const run = m->run;
    const CocoRanking *const r = m->ranking;
    const size_t row = run->params.n_areas * run->params.n_ious;
    const size_t begin = matched->first + task * DETECTIONS_PER_TASK;
    (void)scratch;
    for (size_t j = begin; j < matched->end && j < begin + DETECTIONS_PER_TASK; j++) {
        const uint32_t d = r->by_place[j];
        fetch_ahead(m, j, row);
        r->rank[d] = (uint32_t)(j - matched->first);
        if (r->rank[d] >= m->most_dets)
            continue;
        run->similarity->row(run, &matched->image.objects, r->detection[d], matched->image.matcher.overlap);
        df_matcher_detection(&matched->image.matcher, area_of(run, r->detection[d]), r->outcome + d * row);
    }
}

/* Its detections are tasks of this thread, one after the other: so it stops in the midst of them if it is to stop
 * (df_pool_ask()), which ends the job that it is a part of, too. */
static void match_image(const Matching *m, size_t i, void *scratch)
{
    const CocoRun *run = m->run;
    const CocoRanking *r = m->ranking;
    const uint32_t place = r->place[r->by_place[m->starts[i]]];
    const CocoTruth *first = first_at(m->truths, m->truths_end, place);
    const CocoTruth *end = first;
    for (; end < m->truths_end && end->place == place; end++)
        if (m->truths_end - end > AHEAD)
            df_prefetch(&run->annotations[end[AHEAD].annotation]);
    Matched matched = { m, image_begin(run, first, (size_t)(end - first), scratch), m->starts[i], m->starts[i + 1] };
    const size_t detections = matched.end - matched.first;
    df_parallel(NULL, (detections + DETECTIONS_PER_TASK - 1) / DETECTIONS_PER_TASK, 0, match_detections, &matched);
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

int df_coco_match(const CocoRun *run, size_t k, CocoRanking *r, DfPool *pool)
{
    if (r->n == 0)
        return DF_OK;
    size_t *starts = df_malloc((r->n + 1) * sizeof *starts);
    if (!starts)
        return df_fail_memory("matching");
    Matching m = {
        .run = run,
        .ranking = r,
        .truths = run->truths + run->truths_start[k],
        .truths_end = run->truths + run->truths_start[k + 1],
        .starts = starts,
        .most_dets = (size_t)run->params.max_dets[run->params.n_max_dets - 1],
    };
    for (size_t i = 0; i < r->n; i++)
        if (i == 0 || r->place[r->by_place[i]] != r->place[r->by_place[i - 1]])
            starts[m.n_images++] = i;
    starts[m.n_images] = r->n;
    const size_t tasks = (m.n_images + IMAGES_PER_TASK - 1) / IMAGES_PER_TASK;
    const size_t truths = most_truths(m.truths, m.truths_end);
    const int error = df_parallel(pool, tasks, image_bytes(run, truths ? truths : 1), match_images, &m);
    df_free(starts);
    return error;
}
