/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/openimages/match.c -- the detections of a class in an image, as PerImageEvaluation of
 * TensorFlow's object_detection labels them: against single objects, then against groups;
 * with masks, first against objects that have one.
 */
#include <math.h>

#include "eval/matcher.h"
#include "eval/openimages/score.h"

enum { MOST = 10000 }; /* of the best detections of a class in an image */
enum { WRONG, RIGHT, IN_GROUP };

typedef struct {
    const OiRun *run;
    const OiObject *object; /* [n_objects]                                                      */
    size_t n_objects;
    const uint32_t *found;  /* [n], best first                                                  */
    size_t n;
    uint8_t *outcome;       /* [n]                                                              */
    uint8_t *by_box;        /* [n]: decided by an object without a mask, although masks count   */
    uint8_t *taken;         /* [n_objects]                                                      */
    double *group_score;    /* [n_objects]: the best of those that lie in the group             */
    double *overlap;        /* [n_objects]: of one detection                                    */
    uint32_t *listed;       /* [n_objects]: with which it is compared                           */
} Image;

static const OiFound *found(const Image *m, size_t i)
{
    return &m->run->data->found[m->found[i]];
}

/* ---- overlaps --------------------------------------------------------------------------------------------------- */

static double area(const double box[4])
{
    return (box[3] - box[1]) * (box[2] - box[0]);
}

static double overlap_of_boxes(const double a[4], const double b[4], bool of_group)
{
    const double height = fmax(0, fmin(a[3], b[3]) - fmax(a[1], b[1]));
    const double width = fmax(0, fmin(a[2], b[2]) - fmax(a[0], b[0]));
    const double both = height * width;
    return both / (of_group ? area(a) : area(a) + area(b) - both);
}

/* In float32, with 1e-7 against nothing. */
static double overlap_of_masks(const OiMask *a, const OiMask *b, bool of_group)
{
    uint32_t both;
    uint32_t either;
    df_runs_count(a->mask.runs, a->mask.n, b->mask.runs, b->mask.n, &both, &either);
    const float shared = (float)both;
    const float area_a = (float)a->area;
    if (of_group)
        return (double)(shared / (area_a + 1e-7F));
    return (double)(shared / fmaxf(area_a + (float)b->area - shared, 1e-7F));
}

/* Is it one of those that are looked at now? With masks, those that have one come first. */
static bool is_of(const OiObject *o, bool with_mask, bool group)
{
    return (o->mask != OI_NONE) == with_mask && o->group == group;
}

/* The object that the detection overlaps most, if that reaches the threshold, which is of float32 as overlaps of
 * masks are. */
static size_t best_of(const Image *m, size_t i, bool with_mask, bool group)
{
    const OiMask *masks = m->run->data->masks;
    const OiFound *f = found(m, i);
    const double iou = m->run->params->iou;
    size_t n = 0;
    for (size_t g = 0; g < m->n_objects; g++) {
        const OiObject *o = &m->object[g];
        if (!is_of(o, with_mask, group))
            continue;
        m->listed[n++] = (uint32_t)g;
        m->overlap[g] = with_mask ? overlap_of_masks(&masks[f->mask], &masks[o->mask], group) :
                                    overlap_of_boxes(f->box, o->box, group);
    }
    return df_largest_overlap(m->overlap, m->listed, n, with_mask ? (double)(float)iou : iou, FIRST_OF_EQUAL);
}

/* ---- the stages ------------------------------------------------------------------------------------------------- */

static void match_objects(Image *m, bool with_mask)
{
    for (size_t i = 0; i < m->n; i++) {
        const size_t g = m->outcome[i] == WRONG ? best_of(m, i, with_mask, false) : NO_MATCH;
        if (g == NO_MATCH || m->taken[g])
            continue;
        m->taken[g] = 1;
        m->outcome[i] = RIGHT;
        m->by_box[i] = m->run->data->with_masks && !with_mask;
    }
}

static void match_groups(Image *m, bool with_mask)
{
    for (size_t i = 0; i < m->n; i++) {
        const size_t g = m->outcome[i] == WRONG ? best_of(m, i, with_mask, true) : NO_MATCH;
        if (g == NO_MATCH)
            continue;
        m->outcome[i] = IN_GROUP;
        m->group_score[g] = fmax(m->group_score[g], found(m, i)->score);
    }
}

static void add(OiOutcomes *out, double score, double label)
{
    out->score[out->n] = score;
    out->label[out->n++] = label;
}

/* A group counts that was found with a score above 0; with masks, one that has a mask. */
static void tell(const Image *m, OiOutcomes *out)
{
    const double weight = m->run->params->group_weight;
    for (size_t i = 0; i < m->n; i++)
        if (m->outcome[i] != IN_GROUP && !m->by_box[i])
            add(out, found(m, i)->score, m->outcome[i] == RIGHT);
    for (size_t g = 0; g < m->n_objects; g++)
        if (m->group_score[g] > 0 && weight > 0 && is_of(&m->object[g], m->run->data->with_masks, true))
            add(out, m->group_score[g], weight);
}

int df_openimages_match(const OiRun *run, size_t from, size_t to, size_t first, size_t last, OiOutcomes *out)
{
    const size_t n = to - from < MOST ? to - from : MOST;
    Image m = { .run = run, .n_objects = last - first, .n = n };
    m.object = run->objects + first;
    m.found = run->found + from;
    m.group_score = df_calloc(m.n_objects + 1, sizeof *m.group_score);
    m.overlap = df_malloc((m.n_objects + 1) * sizeof *m.overlap);
    m.listed = df_malloc((m.n_objects + 1) * sizeof *m.listed);
    m.outcome = df_calloc(2 * n + m.n_objects + 1, 1);
    m.by_box = m.outcome + n;
    m.taken = m.by_box + n;
    const bool room = m.group_score && m.overlap && m.listed && m.outcome;
    if (room && run->data->with_masks) {
        match_objects(&m, true);
        match_groups(&m, true);
    }
    if (room) {
        match_objects(&m, false);
        match_groups(&m, false);
        tell(&m, out);
    }
    df_free(m.group_score);
    df_free(m.overlap);
    df_free(m.listed);
    df_free(m.outcome);
    return room ? DF_OK : df_fail_memory("the scores of Open Images");
}
