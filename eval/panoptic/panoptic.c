/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/panoptic/panoptic.c -- what is scored, and the quality that follows from all pictures.
 */
#include "eval/panoptic/panoptic.h"

#include <math.h>

#include "eval/panoptic/data.h"

size_t df_panoptic_images(const DfPanoptic *p)
{
    return p->n_truths;
}

size_t df_panoptic_repeated(const DfPanoptic *p)
{
    return p->repeated;
}

DfPanopticMaps df_panoptic_maps(const DfPanoptic *p, size_t i)
{
    const Truth *const truth = &p->truths[i];
    const Found *const found = &p->found[truth->image];
    return (DfPanopticMaps){ truth->map.file_name, found->map.file_name, found->file };
}

int df_panoptic_check(const DfPanoptic *p)
{
    for (size_t i = 0; i < p->n_truths; i++) {
        const uint32_t image = p->truths[i].image;
        if (p->found[image].file == SIZE_MAX)
            return df_fail(DF_EVALUE, "no prediction for image_id %s of %s", df_id_text(p->images.ids[image]), p->name);
    }
    return DF_OK;
}

/* ---- quality ----------------------------------------------------------------------------------------------------- */

static void add_picture(DfPanopticResult *r, const Truth *truth)
{
    r->unknown += truth->unknown;
    for (size_t k = 0; k < truth->n_events; k++) {
        const Event *const event = &truth->events[k];
        DfPanopticClass *const class = &r->classes[event->class];
        class->tp += event->what == FOUND;
        class->fp += event->what == WRONG;
        class->fn += event->what == MISSED;
        if (event->what == FOUND)
            class->iou += event->iou;
    }
}

static void score(DfPanopticClass *c)
{
    const double tp = (double)c->tp;
    const double all = tp + 0.5 * (double)c->fp + 0.5 * (double)c->fn;
    if (all == 0)
        return;
    c->pq = c->iou / all;
    c->sq = c->tp ? c->iou / tp : 0;
    c->rq = tp / all;
}

static void add_to_mean(DfPanopticMean *mean, const DfPanopticClass *c)
{
    mean->pq += c->pq;
    mean->sq += c->sq;
    mean->rq += c->rq;
    mean->n++;
}

static void divide(DfPanopticMean *mean)
{
    const double n = mean->n ? (double)mean->n : (double)NAN;
    mean->pq /= n;
    mean->sq /= n;
    mean->rq /= n;
}

static void average(DfPanopticResult *r)
{
    for (size_t k = 0; k < r->n_classes; k++) {
        DfPanopticClass *const c = &r->classes[k];
        score(c);
        if (c->tp + c->fp + c->fn == 0)
            continue;
        add_to_mean(&r->all, c);
        add_to_mean(c->thing ? &r->things : &r->stuff, c);
    }
    divide(&r->all);
    divide(&r->things);
    divide(&r->stuff);
}

int df_panoptic_result(DfPanopticResult **out, const DfPanoptic *p)
{
    DfPanopticResult *const r = df_calloc(1, sizeof *r);
    *out = r;
    if (r)
        r->classes = df_calloc(p->categories.n + 1, sizeof *r->classes);
    if (!r || !r->classes) {
        df_panoptic_result_free(r);
        *out = NULL;
        return df_fail_memory("panoptic quality");
    }
    r->images = p->n_truths;
    r->repeated = p->repeated;
    r->n_classes = p->categories.n;
    for (size_t k = 0; k < r->n_classes; k++) {
        r->classes[k].id = p->categories.ids[k];
        r->classes[k].name = p->classes[k].name;
        r->classes[k].thing = p->classes[k].thing;
    }
    for (size_t i = 0; i < p->n_truths; i++)
        add_picture(r, &p->truths[i]);
    average(r);
    return DF_OK;
}

void df_panoptic_result_free(DfPanopticResult *r)
{
    if (!r)
        return;
    df_free(r->classes);
    df_free(r);
}
