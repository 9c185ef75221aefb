/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/coco_compare.c -- IoUs of masks: unpacked image by image, and a detection only where its box meets a ground truth's.
 *
 * A mask that is one (no empty run but the first, as many pixels as the picture) is turned into the places where its runs end: the
 * intersection of two is then a walk over their foreground alone, and the union follows from the areas. Others are walked as
 * pycocotools walks them.
 */
#include <string.h>

#include "eval/coco/coco_evaluate.h"

void df_coco_compare_room_done(CocoCompareRoom *room)
{
    df_free(room->truth_runs.at);
    df_free(room->detection_runs.at);
    df_free(room->one.at);
    df_free(room->both.at);
    df_free(room->truths);
    df_polygon_room_done(&room->polygons);
}

static void swap(Runs *a, Runs *b)
{
    const Runs swapped = *a;
    *a = *b;
    *b = swapped;
}

/* The union of packed polygons. */
static int draw(CocoCompareRoom *room, const double *numbers, size_t n, const CocoSize *size, Runs *out)
{
    for (size_t at = 0; at < n; at += (size_t)numbers[at] + 1) {
        Runs *const to = at == 0 ? out : &room->one;
        int error = df_runs_from_polygon(to, &room->polygons, numbers + at + 1, (size_t)numbers[at] / 2, size->height, size->width);
        if (error == DF_OK && at > 0 && (error = df_runs_merge(&room->both, out, &room->one, false)) == DF_OK)
            swap(out, &room->both);
        if (error < 0)
            return error;
    }
    return DF_OK;
}

static int draw_box(CocoCompareRoom *room, const double *b, const CocoSize *size, Runs *out)
{
    const double right = b[0] + b[2], bottom = b[1] + b[3];
    const double corners[8] = { b[0], b[1], b[0], bottom, right, bottom, right, b[1] };
    return df_runs_from_polygon(out, &room->polygons, corners, 4, size->height, size->width);
}

/* The mask alone in `out`. */
static int unpack(CocoCompareRoom *room, const CocoMask *mask, const double *box, const CocoSize *size, Runs *out, CocoUnpacked *u)
{
    int error;
    if (mask->form == MASK_RUNS) {
        *u = (CocoUnpacked){ .height = mask->height, .width = mask->width };
        error = df_runs_from_text(out, mask->bytes, mask->length);
    } else {
        *u = (CocoUnpacked){ .height = size->height, .width = size->width };
        if (mask->form == NO_MASK)
            error = draw_box(room, box, size, out);
        else
            error = draw(room, (const double *)(const void *)mask->bytes, mask->length / sizeof(double), size, out);
    }
    if (error < 0)
        return error;
    RunsFacts facts = { .area = mask->area, .plain = mask->plain };
    if (mask->form == MASK_RUNS)
        memcpy(facts.box, mask->box, sizeof facts.box);
    else
        facts = df_runs_facts(out->at, out->n, u->height, u->width);
    u->n = out->n;
    u->area = facts.area;
    u->plain = facts.plain;
    for (int i = 0; i < 4; i++)
        u->box[i] = facts.box[i];
    for (size_t i = 1; facts.plain && i < out->n; i++)
        out->at[i] += out->at[i - 1];
    return DF_OK;
}

int df_coco_unpack_truths(const CocoRun *run, CocoCompareRoom *room, const CocoTruth *truths, size_t n)
{
    Runs *const all = &room->truth_runs, *const one = &room->detection_runs;
    all->n = 0;
    for (size_t i = 0; i < n; i++) {
        const CocoAnnotation *a = &run->annotations[truths[i].annotation];
        if (!df_grow((void **)&room->truths, &room->capacity, i, sizeof *room->truths))
            return df_fail_memory("masks");
        CocoUnpacked *const u = &room->truths[i];
        const int error = unpack(room, &run->truth_masks[truths[i].annotation], a->box, &run->sizes[a->image], one, u);
        if (error < 0)
            return error;
        if (!df_runs_grow(all, all->n + one->n))
            return df_fail_memory("masks");
        if (one->n)
            memcpy(all->at + all->n, one->at, one->n * sizeof *one->at);
        u->start = all->n;
        all->n += one->n;
    }
    return DF_OK;
}

/* Pixels of the intersection of two lists of ends. */
static uint32_t intersection(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
    uint32_t both = 0;
    size_t i = 1, j = 1;
    while (i < n_a && j < n_b) {
        const uint32_t start = a[i - 1] > b[j - 1] ? a[i - 1] : b[j - 1], end_a = a[i], end_b = b[j];
        const uint32_t end = end_a < end_b ? end_a : end_b;
        both += end > start ? end - start : 0;
        i += end_a <= end_b ? 2 : 0;
        j += end_a <= end_b ? 0 : 2;
    }
    return both;
}

/* How long run i is, whichever way the list is kept. */
static int lengths(Runs *out, const uint32_t *at, const CocoUnpacked *u)
{
    if (!df_runs_grow(out, u->n))
        return df_fail_memory("masks");
    for (size_t i = 0; i < u->n; i++)
        out->at[i] = u->plain && i > 0 ? at[i] - at[i - 1] : at[i];
    out->n = u->n;
    return DF_OK;
}

static int iou_of(CocoCompareRoom *room, const CocoUnpacked *d, const CocoUnpacked *g, bool crowd, double *iou)
{
    const uint32_t *const a = room->detection_runs.at, *const b = room->truth_runs.at + g->start;
    uint32_t both, either = 0;
    if (d->plain && g->plain) {
        both = intersection(a, d->n, b, g->n);
        either = d->area + g->area - both;
    } else {
        int error;
        if ((error = lengths(&room->one, a, d)) < 0 || (error = lengths(&room->both, b, g)) < 0)
            return error;
        df_runs_count(room->one.at, d->n, room->both.at, g->n, &both, &either);
    }
    *iou = both == 0 ? 0 : (double)both / (double)(crowd ? d->area : either);
    return DF_OK;
}

int df_coco_compare_masks(const CocoRun *run, CocoCompareRoom *room, uint32_t detection, const CocoTruth *truths, size_t n, double *iou)
{
    const CocoDetection *d = &run->detections[detection];
    const CocoMask *mask = &run->masks[detection];
    CocoUnpacked u = { .height = mask->height, .width = mask->width, .box = { mask->box[0], mask->box[1], mask->box[2], mask->box[3] } };
    bool unpacked = false;
    for (size_t i = 0; i < n; i++) {
        const CocoUnpacked *g = &room->truths[i];
        const bool crowd = run->annotations[truths[i].annotation].crowd;
        int error = DF_OK;
        if (!unpacked && mask->form != MASK_RUNS) { /* whose box is not known yet */
            error = unpack(room, mask, d->box, &run->sizes[d->image], &room->detection_runs, &u);
            unpacked = true;
        }
        iou[i] = error == DF_OK ? df_box_iou(u.box, g->box, crowd) : 0;
        if (!(iou[i] > 0) || error < 0) {
            if (error < 0)
                return error;
            continue;
        }
        if (u.height != g->height || u.width != g->width) {
            iou[i] = -1;
            continue;
        }
        if (!unpacked)
            error = unpack(room, mask, d->box, &run->sizes[d->image], &room->detection_runs, &u);
        unpacked = true;
        if (error < 0 || (error = iou_of(room, &u, g, crowd, &iou[i])) < 0)
            return error;
    }
    return DF_OK;
}
