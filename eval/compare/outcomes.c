/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/compare/outcomes.c -- matching at COCO's thresholds by pycocotools' rules, kept as bits; and AP of any
 * weighted set of images from them.
 */
#include "eval/compare/outcomes.h"

#include <float.h>
#include <string.h>

/* Square pixels: all, small, medium, large. */
static const double areas[OUTCOME_AREAS][2] = {
    { 0,    1e10 },
    { 0,    1024 },
    { 1024, 9216 },
    { 9216, 1e10 },
};

/* numpy.linspace(0.5, 0.95, 10)[t] */
static double threshold(int t)
{
    return t == OUTCOME_IOUS - 1 ? 0.95 : t * ((0.95 - 0.5) / 9) + 0.5;
}

static bool outside(double area, int a)
{
    return area < areas[a][0] || area > areas[a][1];
}

/* ---- matching -------------------------------------------------------------------------------------------------- */

/* The ground truth of one image and class. */
typedef struct {
    const CocoView *view;
    size_t n;
    uint32_t *truth; /* [n]: places in view->truths          */
    double *iou;     /* [n]: with the present detection      */
    uint8_t *taken;  /* [areas][ious][n]: found already      */
} Match;

static bool ignored(const ViewTruth *g, int a)
{
    return g->crowd || outside(g->area, a);
}

/* The free ground truth with the largest IoU of at least `least`; m->n if there is none. Ground truth to be
 * ignored is taken only if none that counts is left. */
static size_t best_match(const Match *m, int a, const uint8_t *taken, double least)
{
    double best = least < 1 - 1e-10 ? least : 1 - 1e-10;
    size_t match = m->n;
    for (int pass = 0; pass < 2 && match == m->n; pass++)
        for (size_t g = 0; g < m->n; g++) {
            const ViewTruth *truth = &m->view->truths[m->truth[g]];
            if (ignored(truth, a) != pass || (taken[g] && !truth->crowd) || m->iou[g] < best)
                continue;
            best = m->iou[g];
            match = g;
        }
    return match;
}

static Outcome match_one(const Match *m, size_t detection)
{
    const ViewDetection *d = &m->view->detections[detection];
    Outcome o = { .image = d->image };
    bool near = false;
    for (size_t g = 0; g < m->n; g++) {
        m->iou[g] = df_view_overlap(m->view, detection, m->truth[g]);
        near |= !(m->iou[g] < 0.5);
    }
    for (int a = 0; a < OUTCOME_AREAS; a++)
        for (int t = 0; t < OUTCOME_IOUS; t++) {
            uint8_t *taken = m->taken + (size_t)(a * OUTCOME_IOUS + t) * m->n;
            const size_t g = near ? best_match(m, a, taken, threshold(t)) : m->n;
            const ViewTruth *truth = g < m->n ? &m->view->truths[m->truth[g]] : NULL;
            const bool ignore = truth ? ignored(truth, a) : outside(d->area, a);
            if (truth)
                taken[g] = 1;
            /* A ground truth of id 0 takes the detection and leaves it unmatched. */
            const bool matched = truth && !truth->id_is_zero;
            const bool unmatched = truth && truth->id_is_zero;
            const bool counts = !ignore && !(unmatched && outside(d->area, a));
            o.counts[a] |= (uint16_t)((unsigned)counts << t);
            o.right[a] |= (uint16_t)((unsigned)(matched && counts) << t);
        }
    return o;
}

/* The outcomes of all detections of an image and class. Only the best 100 are matched; the others count nowhere. */
static void match_image(Match *m, size_t image, size_t class_place, Outcome *out)
{
    const CocoView *v = m->view;
    size_t rank = 0;
    m->n = 0;
    for (size_t g = v->truths_start[image]; g < v->truths_start[image + 1]; g++)
        if (v->truths[g].class == class_place)
            m->truth[m->n++] = (uint32_t)g;
    memset(m->taken, 0, OUTCOME_AREAS * OUTCOME_IOUS * m->n);
    for (size_t d = v->detections_start[image]; d < v->detections_start[image + 1]; d++)
        if (v->detections[d].class == class_place)
            out[d] = rank++ < OUTCOME_BEST ? match_one(m, d) : (Outcome){ .image = v->detections[d].image };
}

static int match_all(const CocoView *v, Outcome *out)
{
    size_t most = 0;
    for (size_t i = 0; i < v->n_images; i++) {
        const size_t n = v->truths_start[i + 1] - v->truths_start[i];
        most = n > most ? n : most;
    }
    Match m = {
        .view = v,
        .truth = df_malloc(most * sizeof *m.truth),
        .iou = df_malloc(most * sizeof *m.iou),
        .taken = df_malloc(most * OUTCOME_AREAS * OUTCOME_IOUS),
    };
    uint32_t *seen = df_malloc((v->n_classes + 1) * sizeof *seen); /* by class: the image it was matched in last */
    const int error = m.truth && m.iou && m.taken && seen ? DF_OK : df_fail_memory("matching");
    if (error == DF_OK)
        memset(seen, 0xff, (v->n_classes + 1) * sizeof *seen);
    for (size_t i = 0; error == DF_OK && i < v->n_images; i++)
        for (size_t d = v->detections_start[i]; d < v->detections_start[i + 1]; d++)
            if (seen[v->detections[d].class] != i) {
                seen[v->detections[d].class] = (uint32_t)i;
                match_image(&m, i, v->detections[d].class, out);
            }
    df_free(m.truth);
    df_free(m.iou);
    df_free(m.taken);
    df_free(seen);
    return error;
}

/* ---- by class -------------------------------------------------------------------------------------------------- */

static int sort_outcomes(Outcomes *o, const CocoView *v, const Outcome *given)
{
    const size_t n = v->n_detections;
    uint32_t *order = df_malloc(n * sizeof *order);
    uint64_t *key = df_malloc(n * sizeof *key);
    int error = order && key ? DF_OK : df_fail_memory("sorting detections");
    for (size_t i = 0; error == DF_OK && i < n; i++) {
        order[i] = (uint32_t)i;
        key[i] = df_sort_key(-v->detections[i].score);
    }
    if (error == DF_OK)
        error = df_sort(order, n, key);
    for (size_t i = 0; error == DF_OK && i < n; i++)
        o->start[v->detections[i].class + 2]++;
    for (size_t k = 0; error == DF_OK && k < v->n_classes; k++)
        o->start[k + 2] += o->start[k + 1];
    for (size_t i = 0; error == DF_OK && i < n; i++)
        o->outcomes[o->start[v->detections[order[i]].class + 1]++] = given[order[i]];
    df_free(order);
    df_free(key);
    return error;
}

static void sort_truths(Outcomes *o, const CocoView *v)
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
            o->truth_areas[at] |= (uint8_t)((unsigned)!outside(truth->area, a) << a);
    }
}

int df_outcomes_of(Outcomes *o, const CocoView *v)
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
    int error = ready ? match_all(v, given) : df_fail_memory("matching");
    if (error == DF_OK)
        error = sort_outcomes(o, v, given);
    if (error == DF_OK)
        sort_truths(o, v);
    df_free(given);
    return error;
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

/* ---- scores of a weighted set of images ------------------------------------------------------------------------ */

enum { EVERY = (1 << OUTCOME_IOUS) - 1 };

/* Recall and precision after each true positive, at one threshold. */
typedef struct {
    double *recall, *precision;
    size_t n;
    uint64_t right;
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

size_t df_outcomes_room(const Outcomes *o)
{
    size_t most = 0;
    for (size_t k = 0; k < o->n_classes; k++)
        most = most_hits(o, k) > most ? most_hits(o, k) : most;
    return 2 * OUTCOME_IOUS * most + 1;
}

/* Down the ranking, all thresholds at once. After each true positive, recall = TP / positives and precision = TP /
 * (TP + FP). Most detections count at every threshold, so `all` counts them once, and `fewer` those that a
 * threshold leaves out. A detection in an image that counts w times is w true positives at once; only the last of
 * them is kept, as it has the best precision. */
static void walk(const Outcome *outcomes, size_t n, const uint16_t *weight, int a, uint64_t positives, Curve *curves)
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
            c->recall[c->n] = (double)c->right / (double)positives;
            c->precision[c->n++] = (double)c->right / ((double)wrong + (double)c->right + DBL_EPSILON);
        }
    }
}

/* Interpolated AP: the mean, over the 101 recalls 0, 0.01, .. 1, of the best precision at that recall or a higher
 * one. */
static double ap_of(const Curve *c)
{
    double sum = 0;
    size_t hit = 0;
    for (size_t i = c->n; i-- > 1;)
        if (c->precision[i] > c->precision[i - 1])
            c->precision[i - 1] = c->precision[i];
    for (int r = 0; r <= 100 && c->n > 0; r++) {
        const double wanted = r == 100 ? 1.0 : r * 0.01;
        while (hit < c->n && !(c->recall[hit] >= wanted))
            hit++;
        if (hit == c->n)
            break;
        sum += c->precision[hit];
    }
    return sum / 101;
}

static void score_area(const Outcomes *o, size_t k, int a, const uint16_t *weight, double *room, ClassScore *out)
{
    uint64_t positives = 0;
    const size_t most = most_hits(o, k);
    Curve curves[OUTCOME_IOUS];
    *out = (ClassScore){ -1, -1, -1, -1 };
    for (size_t g = o->truth_start[k]; g < o->truth_start[k + 1]; g++)
        if (o->truth_areas[g] >> a & 1)
            positives += weight ? weight[o->truth_image[g]] : 1;
    if (positives == 0)
        return;
    for (int t = 0; t < OUTCOME_IOUS; t++)
        curves[t] = (Curve){
            .recall = room + (size_t)(2 * t) * most,
            .precision = room + (size_t)(2 * t + 1) * most,
        };
    walk(o->outcomes + o->start[k], o->start[k + 1] - o->start[k], weight, a, positives, curves);
    double sum = 0;
    double recalls = 0;
    for (int t = 0; t < OUTCOME_IOUS; t++) {
        const double ap = ap_of(&curves[t]);
        sum += ap;
        recalls += curves[t].n ? curves[t].recall[curves[t].n - 1] : 0;
        if (t == 0)
            out->ap50 = ap;
        if (t == 5)
            out->ap75 = ap;
    }
    out->ap = sum / OUTCOME_IOUS;
    out->ar = recalls / OUTCOME_IOUS;
}

void df_outcomes_score(const Outcomes *o, size_t class_place, const uint16_t *weight, double *room,
                       ClassScore out[OUTCOME_AREAS])
{
    for (int a = 0; a < OUTCOME_AREAS; a++)
        score_area(o, class_place, a, weight, room, &out[a]);
}
