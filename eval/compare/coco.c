/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/compare/coco.c -- compares COCO results of boxes or masks. Detections are matched once; the score of another
 * set of images only needs another pass over each ranking (outcomes.h).
 */
#include "eval/compare/data.h"
#include "eval/compare/outcomes.h"

static const DfCompareMetric metrics[] = {
    { "AP",    "ap"        },
    { "AP50",  "ap50"      },
    { "AP75",  "ap75"      },
    { "APs",   "ap_small"  },
    { "APm",   "ap_medium" },
    { "APl",   "ap_large"  },
    { "AR100", "ar100"     },
};
enum { METRICS = sizeof metrics / sizeof *metrics };

typedef struct {
    double sum;
    size_t n;
} Mean;

static void take(Mean *m, double x)
{
    if (x > -1) {
        m->sum += x;
        m->n++;
    }
}

/* Each metric is the mean over the classes that have ground truth for it. */
static void score(const void *result, const uint16_t *weight, void *room, double *row)
{
    const Outcomes *o = result;
    Mean means[METRICS] = { { 0, 0 } };
    for (size_t k = 0; k < o->n_classes; k++) {
        ClassScore s[OUTCOME_AREAS];
        df_outcomes_score(o, k, weight, room, s);
        const double values[METRICS] = { s[0].ap, s[0].ap50, s[0].ap75, s[1].ap, s[2].ap, s[3].ap, s[0].ar };
        for (int i = 0; i < METRICS; i++)
            take(&means[i], values[i]);
        row[METRICS + k] = s[0].ap;
    }
    for (int i = 0; i < METRICS; i++)
        row[i] = means[i].n ? means[i].sum / (double)means[i].n : -1;
}

static int take_classes(DfCompare *c, const CocoView *v)
{
    int error = df_compare_name_classes(c, v->n_classes);
    c->n_images = v->n_images;
    for (size_t k = 0; error == DF_OK && k < v->n_classes; k++)
        error = df_compare_name_class(c, k, v->class_ids[k], v->class_names[k], v->class_is_text[k]);
    return error;
}

/* `room`: the bytes that scoring takes, at least what it was. */
static int match_all(DfCompare *c, Outcomes *outcomes, const struct DfCocoResults *const *results,
                     const DfCompareParams *p, size_t *room)
{
    int error = DF_OK;
    for (size_t r = 0; error == DF_OK && r < c->n; r++) {
        CocoView *view;
        if ((error = df_coco_view_of(&view, results[r], p->masks, p->image_ids, p->n_image_ids)) < 0)
            break;
        if (r == 0)
            error = take_classes(c, view);
        if (error == DF_OK)
            error = df_outcomes_of(&outcomes[r], view);
        if (error == DF_OK && df_outcomes_room(&outcomes[r]) > *room)
            *room = df_outcomes_room(&outcomes[r]);
        df_coco_view_free(view);
    }
    return error;
}

int df_compare_new(DfCompare **out, const struct DfCocoResults *const *results, const char *const *names, size_t n,
                   const DfCompareParams *p, DfPool *pool)
{
    static const CompareKind kind = { metrics, METRICS, "ap" };
    Outcomes *outcomes = NULL;
    size_t room = 1;
    int error = df_compare_begin(out, &kind, names, n, p);
    if (error < 0)
        return error;
    DfCompare *c = *out;
    c->type = p->masks ? "segm" : "bbox";
    outcomes = df_calloc(n, sizeof *outcomes);
    error = outcomes ? match_all(c, outcomes, results, p, &room) : df_fail_memory("the comparison");
    if (error == DF_OK)
        error = df_compare_run(c, outcomes, sizeof *outcomes, score, room, pool);
    for (size_t r = 0; outcomes && r < n; r++)
        df_outcomes_done(&outcomes[r]);
    df_free(outcomes);
    if (error < 0) {
        df_compare_free(c);
        *out = NULL;
    }
    return error;
}
