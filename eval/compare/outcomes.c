/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/compare/outcomes.c -- matches detections at COCO's thresholds, stores the outcomes as bits, and computes AP for
 * any weighted set of images from them.
 */
#include "eval/compare/outcomes.h"

#include <float.h>
#include <string.h>

#include "eval/average_precision.h"
#include "eval/matcher.h"

/* ---- matching -------------------------------------------------------------------------------------------------- */

/* Room for the ground truth of one image and class. */
typedef struct {
    const CocoView *view;
    const OutcomeRanges *ranges;
    DfCocoParams params; /* with these ranges for areas */
    uint32_t *truth; /* [n]: places in view->truths */
    void *matcher;   /* its memory                  */
} Match;

/* The bits of a detection. */
static Outcome match_one(const Match *match, Matcher *m, const ViewDetection *d, size_t detection)
{
    uint8_t outcome[OUTCOME_AREAS][OUTCOME_IOUS];
    Outcome o = { .image = d->image };
    for (size_t g = 0; g < m->n; g++)
        m->overlap[g] = df_view_overlap(match->view, detection, match->truth[g]);
    df_matcher_detection(m, match->ranges->measure(match->view, detection, true), outcome[0]);
    for (int a = 0; a < OUTCOME_AREAS; a++)
        for (int t = 0; t < OUTCOME_IOUS; t++) {
            o.counts[a] |= (uint16_t)((outcome[a][t] != IGNORED) << t);
            o.right[a] |= (uint16_t)((outcome[a][t] == TRUE_POSITIVE) << t);
        }
    return o;
}

static Matcher match_begin(const Match *match, size_t image, size_t class_place)
{
    const CocoView *v = match->view;
    size_t n = 0;
    for (size_t g = v->truths_start[image]; g < v->truths_start[image + 1]; g++)
        if (v->truths[g].class == class_place)
            match->truth[n++] = (uint32_t)g;
    Matcher m = df_matcher_begin(&match->params, n, match->matcher);
    for (size_t i = 0; i < n; i++) {
        const ViewTruth *truth = &v->truths[match->truth[i]];
        const double value = match->ranges->measure(v, match->truth[i], false);
        df_matcher_object(&m, i, value, truth->crowd, truth->id_is_zero);
    }
    return m;
}

/* The outcomes of all detections of an image and class. Only the best 100 are matched; the others count nowhere. */
static void match_image(const Match *match, size_t image, size_t class_place, Outcome *out)
{
    const CocoView *v = match->view;
    Matcher m = match_begin(match, image, class_place);
    size_t rank = 0;
    for (size_t d = v->detections_start[image]; d < v->detections_start[image + 1]; d++) {
        if (v->detections[d].class != class_place)
            continue;
        if (rank++ < OUTCOME_BEST)
            out[d] = match_one(match, &m, &v->detections[d], d);
        else
            out[d] = (Outcome){ .image = v->detections[d].image };
    }
}

static int match_all(const CocoView *v, const OutcomeRanges *ranges, Outcome *out)
{
    const size_t most = df_view_most_truths(v);
    Match match = { .view = v, .ranges = ranges, .params = df_coco_params() };
    match.params.areas = ranges->ranges;
    match.params.n_areas = OUTCOME_AREAS;
    match.truth = df_malloc(most * sizeof *match.truth);
    match.matcher = df_malloc(df_matcher_bytes(&match.params, most));
    uint32_t *seen = df_malloc((v->n_classes + 1) * sizeof *seen); /* by class: the image it was matched in last */
    const int error = match.truth && match.matcher && seen ? DF_OK : df_fail_memory("matching");
    if (error == DF_OK)
        memset(seen, 0xff, (v->n_classes + 1) * sizeof *seen);
    for (size_t i = 0; error == DF_OK && i < v->n_images; i++)
        for (size_t d = v->detections_start[i]; d < v->detections_start[i + 1]; d++)
            if (seen[v->detections[d].class] != i) {
                seen[v->detections[d].class] = (uint32_t)i;
                match_image(&match, i, v->detections[d].class, out);
            }
    df_free(match.truth);
    df_free(match.matcher);
    df_free(seen);
    return error;
}

/* ---- by class -------------------------------------------------------------------------------------------------- */

static int sort_outcomes(Outcomes *o, const CocoView *v, const Outcome *given)
{
    const size_t n = v->n_detections;
    uint32_t *order = df_malloc(n * sizeof *order);
    int error = order ? DF_OK : df_fail_memory("sorting detections");
    for (size_t i = 0; error == DF_OK && i < n; i++)
        order[i] = (uint32_t)i;
    if (error == DF_OK)
        error = df_view_sort(v, order);
    for (size_t i = 0; error == DF_OK && i < n; i++)
        o->start[v->detections[i].class + 2]++;
    for (size_t k = 0; error == DF_OK && k < v->n_classes; k++)
        o->start[k + 2] += o->start[k + 1];
    for (size_t i = 0; error == DF_OK && i < n; i++)
        o->outcomes[o->start[v->detections[order[i]].class + 1]++] = given[order[i]];
    df_free(order);
    return error;
}

static void sort_truths(Outcomes *o, const CocoView *v, const OutcomeRanges *ranges)
{
    for (size_t g = 0; g < v->n_truths; g++)
        o->truth_start[v->truths[g].class + 2] += !v->truths[g].crowd;
    for (size_t k = 0; k < v->n_classes; k++)
        o->truth_start[k + 2] += o->truth_start[k + 1];
    for (size_t g = 0; g < v->n_truths; g++) {
        const ViewTruth *truth = &v->truths[g];
        if (truth->crowd)
            continue;
        const size_t at = o->truth_start[truth->class + 1]++;
        o->truth_image[at] = truth->image;
        for (int a = 0; a < OUTCOME_AREAS; a++)
            o->truth_areas[at] |= (uint8_t)(df_area_within(ranges->measure(v, g, false), &ranges->ranges[a]) << a);
    }
}

int df_outcomes_by(Outcomes *o, const CocoView *v, const OutcomeRanges *ranges)
{
    Outcome *given = df_malloc(v->n_detections * sizeof *given);
    *o = (Outcomes){
        .n_classes = v->n_classes,
        .outcomes = df_malloc(v->n_detections * sizeof *o->outcomes),
        .start = df_calloc(v->n_classes + 2, sizeof *o->start),
        .truth_image = df_malloc(v->n_truths * sizeof *o->truth_image),
        .truth_areas = df_calloc(v->n_truths, sizeof *o->truth_areas),
        .truth_start = df_calloc(v->n_classes + 2, sizeof *o->truth_start),
    };
    const bool ready = given && o->outcomes && o->start && o->truth_image && o->truth_areas && o->truth_start;
    int error = ready ? match_all(v, ranges, given) : df_fail_memory("matching");
    if (error == DF_OK)
        error = sort_outcomes(o, v, given);
    if (error == DF_OK)
        sort_truths(o, v, ranges);
    df_free(given);
    return error;
}

double df_outcome_area(const CocoView *v, size_t at, bool detection)
{
    return detection ? v->detections[at].area : v->truths[at].area;
}

int df_outcomes_of(Outcomes *o, const CocoView *v)
{
    return df_outcomes_by(o, v, &(OutcomeRanges){ df_coco_params().areas, df_outcome_area });
}

void df_outcomes_done(Outcomes *o)
{
    df_free(o->outcomes);
    df_free(o->start);
    df_free(o->truth_image);
    df_free(o->truth_areas);
    df_free(o->truth_start);
    *o = (Outcomes){ 0 };
}

/* ---- a part of them -------------------------------------------------------------------------------------------- */

static bool takes_detection(const Outcome *o, int range, const bool *images)
{
    return o->counts[range] && (!images || images[o->image]);
}

static bool takes_truth(const Outcomes *o, size_t g, int range, const bool *images)
{
    return o->truth_areas[g] >> range & 1 && (!images || images[o->truth_image[g]]);
}

static void select_detections(Outcomes *o, const Outcomes *from, int range, const bool *images)
{
    size_t n = 0;
    for (size_t k = 0; k < from->n_classes; k++) {
        for (size_t i = from->start[k]; i < from->start[k + 1]; i++) {
            const Outcome *met = &from->outcomes[i];
            if (takes_detection(met, range, images))
                o->outcomes[n++] = (Outcome){ met->image, { met->right[range] }, { met->counts[range] } };
        }
        o->start[k + 1] = n;
    }
}

static void select_truths(Outcomes *o, const Outcomes *from, int range, const bool *images)
{
    size_t n = 0;
    for (size_t k = 0; k < from->n_classes; k++) {
        for (size_t g = from->truth_start[k]; g < from->truth_start[k + 1]; g++) {
            if (!takes_truth(from, g, range, images))
                continue;
            o->truth_image[n] = from->truth_image[g];
            o->truth_areas[n++] = 1;
        }
        o->truth_start[k + 1] = n;
    }
}

int df_outcomes_select(Outcomes *o, const Outcomes *from, int range, const bool *images)
{
    const size_t classes = from->n_classes;
    size_t detections = 0;
    size_t truths = 0;
    for (size_t i = 0; i < from->start[classes]; i++)
        detections += takes_detection(&from->outcomes[i], range, images);
    for (size_t g = 0; g < from->truth_start[classes]; g++)
        truths += takes_truth(from, g, range, images);
    *o = (Outcomes){
        .n_classes = classes,
        .outcomes = df_malloc(detections * sizeof *o->outcomes),
        .start = df_calloc(classes + 2, sizeof *o->start),
        .truth_image = df_malloc(truths * sizeof *o->truth_image),
        .truth_areas = df_calloc(truths, sizeof *o->truth_areas),
        .truth_start = df_calloc(classes + 2, sizeof *o->truth_start),
    };
    if (!o->outcomes || !o->start || !o->truth_image || !o->truth_areas || !o->truth_start) {
        df_outcomes_done(o);
        return df_fail_memory("a slice");
    }
    select_detections(o, from, range, images);
    select_truths(o, from, range, images);
    return DF_OK;
}

/* ---- scores of a weighted set of images ------------------------------------------------------------------------ */

enum { EVERY = (1 << OUTCOME_IOUS) - 1 };

/* A curve while it is drawn, at one threshold. */
typedef struct {
    double *precision; /* [n]: after each true positive               */
    uint64_t *found;   /* [n]: objects found by then, with weights    */
    size_t n;
    uint64_t right;    /* the last of `found`                         */
} Curve;

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The most true positives of a class. */
static size_t most_hits(const Outcomes *o, size_t k)
{
    return smaller(o->start[k + 1] - o->start[k], o->truth_start[k + 1] - o->truth_start[k]);
}

/* The two arrays of a Curve at each threshold. */
static size_t curves_bytes(size_t hits)
{
    return OUTCOME_IOUS * hits * (sizeof(double) + sizeof(uint64_t));
}

size_t df_outcomes_room(const Outcomes *o)
{
    size_t most = 0;
    for (size_t k = 0; k < o->n_classes; k++)
        most = most_hits(o, k) > most ? most_hits(o, k) : most;
    return curves_bytes(most);
}

/* Down the ranking, all thresholds at once. Most detections count at every threshold, so `all` counts them once, and
 * `fewer` those that a threshold leaves out. A detection in an image that counts w times is w true positives at once;
 * only the last of them is kept, as it has the best precision. */
static void walk(const Outcome *outcomes, size_t n, const uint16_t *weight, int a, Curve *curves)
{
    uint64_t all = 0;
    uint64_t fewer[OUTCOME_IOUS] = { 0 };
    for (size_t i = 0; i < n; i++) {
        const Outcome *const o = &outcomes[i];
        const unsigned w = weight ? weight[o->image] : 1;
        if (!o->counts[a] || !w)
            continue;
        all += w;
        for (unsigned not = EVERY & ~(unsigned)o->counts[a]; not; not &= not - 1)
            fewer[df_bits_below(not)] += w;
        for (unsigned right = o->right[a]; right; right &= right - 1) {
            const unsigned t = df_bits_below(right);
            Curve *const c = &curves[t];
            c->right += w;
            const uint64_t wrong = all - fewer[t] - c->right;
            c->found[c->n] = c->right;
            c->precision[c->n++] = df_precision((double)c->right, (double)wrong, DBL_EPSILON);
        }
    }
}

/* What there is to be found in an area. */
static uint64_t count_positives(const Outcomes *o, size_t k, int a, const uint16_t *weight)
{
    uint64_t positives = 0;
    for (size_t g = o->truth_start[k]; g < o->truth_start[k + 1]; g++)
        if (o->truth_areas[g] >> a & 1)
            positives += weight ? weight[o->truth_image[g]] : 1;
    return positives;
}

static void draw_curves(const Outcomes *o, size_t k, int a, const uint16_t *weight, void *room,
                        Curve curves[OUTCOME_IOUS])
{
    const size_t most = most_hits(o, k);
    double *const precision = room;
    uint64_t *const found = (uint64_t *)(precision + OUTCOME_IOUS * most);
    for (size_t t = 0; t < OUTCOME_IOUS; t++)
        curves[t] = (Curve){ .precision = precision + t * most, .found = found + t * most };
    walk(o->outcomes + o->start[k], o->start[k + 1] - o->start[k], weight, a, curves);
}

void df_outcomes_score_in(const Outcomes *o, size_t k, int a, const uint16_t *weight, void *room, ClassScore *out)
{
    const double *const recalls = df_coco_params().recalls;
    const uint64_t positives = count_positives(o, k, a, weight);
    size_t needed[OUTCOME_RECALLS];
    Curve curves[OUTCOME_IOUS];
    double ap[OUTCOME_IOUS];
    double ap_sum = 0;
    double recall_sum = 0;
    *out = (ClassScore){ -1, -1, -1, -1 };
    if (positives == 0)
        return;
    for (int r = 0; r < OUTCOME_RECALLS; r++)
        needed[r] = df_hits_needed(recalls[r], positives);
    draw_curves(o, k, a, weight, room, curves);
    for (int t = 0; t < OUTCOME_IOUS; t++) {
        PrecisionCurve curve = { curves[t].n, curves[t].precision, curves[t].found };
        df_precision_envelope(&curve);
        ap[t] = df_average_precision(&curve, needed, OUTCOME_RECALLS);
        ap_sum += ap[t];
        recall_sum += (double)curves[t].right / (double)positives;
    }
    *out = (ClassScore){ .ap = ap_sum / OUTCOME_IOUS, .ap50 = ap[0], .ap75 = ap[5], .ar = recall_sum / OUTCOME_IOUS };
}

void df_outcomes_score(const Outcomes *o, size_t class_place, const uint16_t *weight, void *room,
                       ClassScore out[OUTCOME_AREAS])
{
    for (int a = 0; a < OUTCOME_AREAS; a++)
        df_outcomes_score_in(o, class_place, a, weight, room, &out[a]);
}
