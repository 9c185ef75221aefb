/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/compare.c -- IoUs of masks. Masks of the ground truth are converted to runs when they are read. The mask
 * of a detection is compared with them as soon as it is read, and then discarded: so the masks of a results file are
 * never all in memory, and no mask is unpacked twice.
 *
 * A well-formed mask (no empty run except the first, as many pixels as the picture) is converted to the ends of its
 * runs: the intersection of two is then a walk over their foreground only, and the union follows from the areas. Other
 * masks are walked as pycocotools does.
 */
#include <string.h>

#include "eval/coco/data.h"

void df_coco_compare_room_done(CocoCompareRoom *room)
{
    df_free(room->drawn.at);
    df_free(room->one.at);
    df_free(room->both.at);
    df_free(room->overlaps);
    df_free(room->edge.at);
    df_free(room->boundaries);
    df_polygon_room_done(&room->polygons);
    df_boundary_room_done(&room->bits);
}

bool df_coco_drawable(const CocoSize *size)
{
    return size->given && (uint64_t)size->height * size->width <= INT32_MAX;
}

static void swap(DfRunList *a, DfRunList *b)
{
    const DfRunList swapped = *a;
    *a = *b;
    *b = swapped;
}

/* The union of polygons, in the room. */
static int draw(CocoCompareRoom *room, const double *numbers, size_t n, const CocoSize *size, DfRunFacts *facts)
{
    bool merged = false;
    for (size_t at = 0; at < n; at += (size_t)numbers[at] + 1) {
        DfRunList *const to = at == 0 ? &room->drawn : &room->one;
        int error = df_runs_from_polygon(to, facts, &room->polygons, numbers + at + 1, (size_t)numbers[at] / 2,
                                         size->height, size->width);
        if (error == DF_OK && at > 0 &&
            (error = df_runs_merge(&room->both, &room->drawn, &room->one, false)) == DF_OK) {
            swap(&room->drawn, &room->both);
            merged = true;
        }
        if (error < 0)
            return error;
    }
    if (merged)
        *facts = df_runs_facts(room->drawn.at, room->drawn.n, size->height, size->width);
    return DF_OK;
}

static int draw_box(CocoCompareRoom *room, const double *b, const CocoSize *size, DfRunFacts *facts)
{
    const double right = b[0] + b[2], bottom = b[1] + b[3];
    const double corners[8] = { b[0], b[1], b[0], bottom, right, bottom, right, b[1] };
    return df_runs_from_polygon(&room->drawn, facts, &room->polygons, corners, 4, size->height, size->width);
}

/* Fills all but the runs. */
static CocoTruthMask described(const CocoMask *mask, const DfRunFacts *facts, size_t n, uint32_t height, uint32_t width)
{
    CocoTruthMask m = { .n = n,
                        .height = height,
                        .width = width,
                        .area = facts->area,
                        .form = (uint8_t)mask->form,
                        .plain = facts->plain };
    memcpy(m.box, facts->box, sizeof m.box);
    return m;
}

/* From how long runs are to where they end. */
static void to_ends(uint32_t *to, const uint32_t *lengths, size_t n)
{
    uint32_t end = 0;
    for (size_t i = 0; i < n; i++)
        to[i] = end += lengths[i];
}

/* The mask that is in the room, its runs not yet turned into ends; that of a box where it has none. */
static int describe(CocoCompareRoom *room, const DfCocoSegmentation *read, const CocoMask *mask, const double *box,
                    const CocoSize *size, CocoTruthMask *out)
{
    DfRunFacts facts = { .area = mask->area, .plain = mask->plain };
    if (mask->form == DF_MASK_RUNS) {
        memcpy(facts.box, mask->box, sizeof facts.box);
        *out = described(mask, &facts, read->runs.n, mask->height, mask->width);
        return DF_OK;
    }
    const int error = mask->form == DF_MASK_NONE ? draw_box(room, box, size, &facts)
                                                 : draw(room, read->numbers, read->n, size, &facts);
    if (error == DF_OK)
        *out = described(mask, &facts, room->drawn.n, size->height, size->width);
    return error;
}

/* ---- boundaries ------------------------------------------------------------------------------------------------ */

/* How long each run is, whichever way the list is kept. */
static int lengths(DfRunList *out, const CocoTruthMask *m)
{
    if (!df_runs_grow(out, m->n))
        return df_fail_memory("masks");
    for (size_t i = 0; i < m->n; i++)
        out->at[i] = m->plain && i > 0 ? m->runs[i] - m->runs[i - 1] : m->runs[i];
    out->n = m->n;
    return DF_OK;
}

/* The boundary of a mask of either kind, its runs not yet turned into ends. */
static int find_boundary(double boundary_ratio, CocoCompareRoom *room, const CocoTruthMask *mask, CocoTruthMask *out)
{
    const size_t distance = df_boundary_distance(mask->height, mask->width, boundary_ratio);
    int error = lengths(&room->one, mask);
    if (error == DF_OK)
        error = df_runs_boundary(&room->edge, &room->bits, room->one.at, mask->n, mask->height, mask->width, distance);
    if (error < 0)
        return error;
    const CocoMask runs = { .form = DF_MASK_RUNS };
    const DfRunFacts facts = df_runs_facts(room->edge.at, room->edge.n, mask->height, mask->width);
    *out = described(&runs, &facts, room->edge.n, mask->height, mask->width);
    return DF_OK;
}

/* ---- the ground truth -------------------------------------------------------------------------------------------- */

/* The runs that were described, as they are compared. */
static int keep_runs(const DfRunList *runs, CocoBytes *bytes, CocoTruthMask *mask)
{
    uint32_t *const kept = df_coco_bytes_take(bytes, runs->n * sizeof *kept);
    if (!kept)
        return df_fail_memory("masks");
    if (mask->plain)
        to_ends(kept, runs->at, runs->n);
    else if (runs->n)
        memcpy(kept, runs->at, runs->n * sizeof *kept);
    mask->runs = kept;
    return DF_OK;
}

static int keep_boundary(double boundary_ratio, CocoCompareRoom *room, CocoBytes *bytes, CocoTruthMask *mask)
{
    CocoTruthMask *const boundary = df_coco_bytes_take(bytes, sizeof *boundary);
    if (!boundary)
        return df_fail_memory("masks");
    const int error = find_boundary(boundary_ratio, room, mask, boundary);
    mask->boundary = boundary;
    return error < 0 ? error : keep_runs(&room->edge, bytes, boundary);
}

int df_coco_keep_truth(double boundary_ratio, CocoCompareRoom *room, const DfCocoSegmentation *read,
                       const CocoMask *mask, const CocoSize *size, CocoBytes *bytes, CocoTruthMask *out)
{
    const DfRunList *const runs = mask->form == DF_MASK_RUNS ? &read->runs : &room->drawn;
    *out = (CocoTruthMask){ .form = (uint8_t)mask->form };
    if (mask->form == DF_MASK_NONE)
        return DF_OK;
    int error = describe(room, read, mask, NULL, size, out);
    if (error == DF_OK)
        error = keep_runs(runs, bytes, out);
    return error == DF_OK && boundary_ratio > 0 ? keep_boundary(boundary_ratio, room, bytes, out) : error;
}

/* Annotations that hold under their ids, by image. */
int df_coco_file_by_image(DfCoco *coco)
{
    size_t *const start = coco->of_image_start = df_calloc(coco->images.n + 2, sizeof *start);
    coco->of_image = df_malloc(coco->n_annotations * sizeof *coco->of_image);
    if (!start || !coco->of_image)
        return df_fail_memory("masks");
    for (size_t i = 0; i < coco->n_annotations; i++)
        start[coco->annotations[i].image + 2] += coco->annotations[i].last == i;
    for (size_t i = 1; i <= coco->images.n; i++)
        start[i + 1] += start[i];
    /* the start of each image moves to its end, where the next begins */
    for (size_t i = 0; i < coco->n_annotations; i++)
        if (coco->annotations[i].last == i)
            coco->of_image[start[coco->annotations[i].image + 1]++] = (uint32_t)i;
    return DF_OK;
}

/* ---- detections -------------------------------------------------------------------------------------------------- */

/* Pixels of the intersection of two lists of ends. */
static uint32_t intersection(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
    uint32_t both = 0;
    size_t i = 1, j = 1;
    while (i < n_a && j < n_b) {
        const uint32_t start = a[i - 1] > b[j - 1] ? a[i - 1] : b[j - 1];
        const uint32_t end_a = a[i];
        const uint32_t end_b = b[j];
        const uint32_t end = end_a < end_b ? end_a : end_b;
        both += end > start ? end - start : 0;
        i += end_a <= end_b ? 2 : 0;
        j += end_a <= end_b ? 0 : 2;
    }
    return both;
}

static double overlap_of_boxes(const uint32_t *d, const uint32_t *g, bool crowd)
{
    return df_box_iou((double[4]){ d[0], d[1], d[2], d[3] }, (double[4]){ g[0], g[1], g[2], g[3] }, crowd);
}

int df_coco_mask_of(const CocoTruthMask *m, DfMask *out)
{
    DfRunList runs = { 0 };
    *out = (DfMask){ 0 };
    const int error = lengths(&runs, m);
    if (error == DF_OK)
        *out = (DfMask){ m->height, m->width, runs.n, runs.at };
    else
        df_free(runs.at);
    return error;
}

static int overlap(CocoCompareRoom *room, const CocoTruthMask *d, const CocoTruthMask *g, bool crowd, double *iou)
{
    uint32_t both, either = 0;
    if (d->height != g->height || d->width != g->width) {
        *iou = -1;
        return DF_OK;
    }
    if (d->plain && g->plain) {
        both = intersection(d->runs, d->n, g->runs, g->n);
        either = d->area + g->area - both;
    } else {
        int error;
        if ((error = lengths(&room->one, d)) < 0 || (error = lengths(&room->both, g)) < 0)
            return error;
        df_runs_count(room->one.at, d->n, room->both.at, g->n, &both, &either);
    }
    *iou = both == 0 ? 0 : (double)both / (double)(crowd ? d->area : either);
    return DF_OK;
}

static int keep(CocoCompareRoom *room, CocoCompared *c, uint32_t annotation, double iou, double boundary)
{
    if (!df_grow((void **)&room->overlaps, &room->capacity, c->n, sizeof *room->overlaps) ||
        !df_grow((void **)&room->boundaries, &room->boundaries_capacity, c->n, sizeof *room->boundaries))
        return df_fail_memory("masks");
    room->overlaps[c->n] = (CocoOverlap){ iou, annotation };
    room->boundaries[c->n] = boundary;
    c->n++;
    return DF_OK;
}

/* The mask of a detection while it is compared with those of its image. */
typedef struct {
    CocoCompareRoom *room;
    DfCocoSegmentation *read;
    const CocoMask *given;
    const CocoDetection *detection;
    bool described, has_edge;
    CocoTruthMask mask, edge;
} Compared;

static int describe_once(Compared *c, const CocoSize *size)
{
    const int error = c->described ? DF_OK : describe(c->room, c->read, c->given, c->detection->box, size, &c->mask);
    c->described = true;
    return error;
}

/* Turned into ends when they are first wanted. */
static void take_runs(Compared *c)
{
    uint32_t *const runs = c->given->form == DF_MASK_RUNS ? c->read->runs.at : c->room->drawn.at;
    if (!c->mask.runs && c->mask.plain)
        to_ends(runs, runs, c->mask.n);
    c->mask.runs = runs;
}

static int take_edge(const DfCoco *gt, Compared *c)
{
    if (c->has_edge)
        return DF_OK;
    const int error = find_boundary(gt->boundary_ratio, c->room, &c->mask, &c->edge);
    uint32_t *const runs = c->room->edge.at;
    if (error == DF_OK && c->edge.plain)
        to_ends(runs, runs, c->edge.n);
    c->edge.runs = runs;
    c->has_edge = true;
    return error;
}

/* The lesser of the two IoUs; of a crowd, that of masks. */
static int compare_edges(const DfCoco *gt, Compared *c, const CocoTruthMask *truth, bool crowd, double mask_iou,
                         double *out)
{
    *out = mask_iou;
    if (!(gt->boundary_ratio > 0) || crowd || mask_iou <= 0)
        return DF_OK;
    int error = take_edge(gt, c);
    double iou = 0;
    if (error == DF_OK && overlap_of_boxes(c->edge.box, truth->boundary->box, false) > 0)
        error = overlap(c->room, &c->edge, truth->boundary, false, &iou);
    *out = iou < mask_iou ? iou : mask_iou;
    return error;
}

/* With one mask of the ground truth. */
static int compare_pair(const DfCoco *gt, Compared *c, uint32_t annotation, CocoCompared *out)
{
    const CocoTruthMask *const truth = &gt->masks[annotation];
    const bool crowd = gt->annotations[annotation].crowd;
    double iou = overlap_of_boxes(c->mask.box, truth->box, crowd);
    double boundary = 0;
    if (!(iou > 0))
        return DF_OK;
    take_runs(c);
    int error = overlap(c->room, &c->mask, truth, crowd, &iou);
    if (error == DF_OK)
        error = compare_edges(gt, c, truth, crowd, iou, &boundary);
    return error == DF_OK && iou != 0 ? keep(c->room, out, annotation, iou, boundary) : error;
}

/* Leaves the IoUs in the room. */
static int compare(const DfCoco *gt, Compared *c, CocoCompared *out)
{
    const CocoDetection *const d = c->detection;
    int error = DF_OK;
    for (size_t i = gt->of_image_start[d->image]; error == DF_OK && i < gt->of_image_start[d->image + 1]; i++) {
        const uint32_t at = gt->of_image[i];
        if (!gt->masks[at].runs || (gt->annotations[at].category != d->category && !gt->across_classes))
            continue;
        error = describe_once(c, &gt->sizes[d->image]);
        if (error == DF_OK)
            error = compare_pair(gt, c, at, out);
    }
    return error;
}

static int keep_overlaps(const DfCoco *gt, const CocoCompareRoom *room, CocoBytes *bytes, CocoCompared *out)
{
    const size_t masks = out->n * sizeof *room->overlaps;
    const size_t boundaries = gt->boundary_ratio > 0 ? out->n * sizeof *room->boundaries : 0;
    char *const kept = df_coco_bytes_take(bytes, masks + boundaries);
    if (!kept)
        return df_fail_memory("masks");
    memcpy(kept, room->overlaps, masks);
    memcpy(kept + masks, room->boundaries, boundaries);
    out->overlaps = (const CocoOverlap *)(const void *)kept;
    return DF_OK;
}

int df_coco_compare(const DfCoco *gt, CocoCompareRoom *room, DfCocoSegmentation *read, const CocoMask *mask,
                    const CocoDetection *d, CocoBytes *bytes, CocoCompared *out)
{
    *out = (CocoCompared){ .area = mask->area };
    if (!gt->with_masks)
        return DF_OK;
    if (mask->form != DF_MASK_RUNS && !df_coco_drawable(&gt->sizes[d->image])) {
        out->n = NOT_DRAWN;
        return DF_OK;
    }
    Compared c = { .room = room, .read = read, .given = mask, .detection = d };
    const int error = compare(gt, &c, out);
    return error < 0 || out->n == 0 ? error : keep_overlaps(gt, room, bytes, out);
}
