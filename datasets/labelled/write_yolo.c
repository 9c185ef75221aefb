/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/write_yolo.c -- writes YOLO: labels/PART/NAME.txt with a line for each object, and data.yaml. A
 * mask becomes one polygon: cuts of zero width join its parts and holes (boxes/masks/trace.h), and the reader
 * separates them again.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/labelled/private.h"

typedef struct {
    DfLabelledOut *out;
    DfYoloTask task;
    int keypoints;         /* of an object; 0: none are written */
    double width, height;  /* of the picture                    */
    DfArena *arena;        /* of its polygons                   */
    double *shares;        /* points or keypoints of an object  */
    size_t capacity;
} Yolo;

static size_t *lost(const Yolo *y, DfLabelledLoss loss)
{
    return &y->out->report->lost[loss];
}

static bool room_for(Yolo *y, size_t n)
{
    return df_grow((void **)&y->shares, &y->capacity, n + 1, sizeof *y->shares);
}

/* ---- boxes ------------------------------------------------------------------------------------------------------- */

/* Left, top, right and bottom within the picture. False: nothing is left, which is counted. */
static bool cut_box(const Yolo *y, const DfLabelledObject *o, double side[4])
{
    const double size[2] = { y->width, y->height };
    bool cut = false;
    if (!o->has_box || !(o->box[2] > 0) || !(o->box[3] > 0)) {
        ++*lost(y, DF_LOST_NO_BOX);
        return false;
    }
    for (int i = 0; i < 2; i++) {
        const double end = o->box[i] + o->box[2 + i];
        side[i] = fmax(o->box[i], 0);
        side[2 + i] = fmin(end, size[i]);
        cut |= side[i] != o->box[i] || end - side[2 + i] > 1e-6;
    }
    const bool left = side[0] < side[2] && side[1] < side[3];
    ++*lost(y, left ? DF_LOST_CUT : DF_LOST_OUTSIDE);
    if (left && !cut)
        --*lost(y, DF_LOST_CUT);
    return left;
}

static void set_box(const Yolo *y, const double side[4], DfYoloObject *line)
{
    line->box[0] = (side[0] + side[2]) / 2 / y->width;
    line->box[1] = (side[1] + side[3]) / 2 / y->height;
    line->box[2] = (side[2] - side[0]) / y->width;
    line->box[3] = (side[3] - side[1]) / y->height;
}

/* ---- polygons ---------------------------------------------------------------------------------------------------- */

static int area_of(const DfObjectMask *mask, const Yolo *y, uint64_t *area)
{
    DfMask drawn;
    const int error = df_object_mask_runs(&drawn, mask, (uint32_t)y->height, (uint32_t)y->width);
    *area = error == DF_OK ? df_mask_area(&drawn) : 0;
    df_mask_done(&drawn);
    return error;
}

/* Polygons of one object that cover a pixel twice cannot be one ring: their union is traced. */
static int overlap(const Yolo *y, const DfObjectMask *mask, bool *yes)
{
    uint64_t all = 0;
    uint64_t sum = 0;
    int error = area_of(mask, y, &all);
    for (size_t i = 0; error == DF_OK && i < mask->n_polygons; i++) {
        const DfObjectMask one = { .form = DF_MASK_POLYGONS, .n_polygons = 1, .polygons = &mask->polygons[i] };
        uint64_t area;
        error = area_of(&one, y, &area);
        sum += area;
    }
    *yes = sum != all;
    return error;
}

static int traced(const Yolo *y, const DfObjectMask *mask, DfPolygon *out)
{
    DfObjectMask polygons;
    DfMask runs;
    int error = df_object_mask_runs(&runs, mask, (uint32_t)y->height, (uint32_t)y->width);
    if (error == DF_OK)
        error = df_mask_trace(&polygons, &runs, y->arena);
    if (error == DF_OK && polygons.form == DF_MASK_POLYGONS)
        error = df_polygons_join(out, polygons.polygons, polygons.n_polygons, y->arena);
    df_mask_done(&runs);
    return error;
}

/* Those of at least three points. */
static size_t drawable(const Yolo *y, const DfObjectMask *mask, DfPolygon **list)
{
    size_t n = 0;
    *list = df_arena_alloc(y->arena, mask->n_polygons + 1, sizeof **list);
    for (size_t i = 0; *list && i < mask->n_polygons; i++)
        if (mask->polygons[i].n >= 3)
            (*list)[n++] = mask->polygons[i];
    return n;
}

/* The whole mask as one ring; n = 0: there is none. */
static int ring_of(const Yolo *y, const DfObjectMask *mask, DfPolygon *out)
{
    DfObjectMask parts = { .form = DF_MASK_POLYGONS };
    bool twice = false;
    *out = (DfPolygon){ 0 };
    if (mask->form == DF_MASK_RUNS)
        return traced(y, mask, out);
    parts.n_polygons = mask->form == DF_MASK_POLYGONS ? drawable(y, mask, &parts.polygons) : 0;
    if (mask->form == DF_MASK_POLYGONS && !parts.polygons)
        return df_fail_memory("polygons");
    if (parts.n_polygons == 0)
        return DF_OK;
    const int error = parts.n_polygons > 1 ? overlap(y, &parts, &twice) : DF_OK;
    if (error < 0)
        return error;
    return twice ? traced(y, &parts, out) : df_polygons_join(out, parts.polygons, parts.n_polygons, y->arena);
}

static int put_ring(Yolo *y, const DfPolygon *ring, DfYoloObject *line)
{
    bool cut = false;
    if (!room_for(y, 2 * ring->n))
        return df_fail_memory("polygons");
    for (size_t i = 0; i < 2 * ring->n; i++) {
        const double size = i % 2 ? y->height : y->width;
        const double within = df_clamp_double(ring->xy[i], 0, size);
        cut |= within != ring->xy[i];
        y->shares[i] = within / size;
    }
    *lost(y, DF_LOST_CUT) += cut;
    line->n = ring->n;
    line->xy = y->shares;
    return DF_OK;
}

/* ---- oriented boxes ---------------------------------------------------------------------------------------------- */

/* The rectangle of a direction around the points, and its area. */
static double rectangle_along(const DfPolygon *p, double cos, double sin, double corner[8])
{
    double lo[2] = { INFINITY, INFINITY };
    double hi[2] = { -INFINITY, -INFINITY };
    for (size_t i = 0; i < p->n; i++) {
        const double along = p->xy[2 * i] * cos + p->xy[2 * i + 1] * sin;
        const double across = p->xy[2 * i + 1] * cos - p->xy[2 * i] * sin;
        lo[0] = fmin(lo[0], along);
        hi[0] = fmax(hi[0], along);
        lo[1] = fmin(lo[1], across);
        hi[1] = fmax(hi[1], across);
    }
    const double at[4][2] = { { lo[0], lo[1] }, { hi[0], lo[1] }, { hi[0], hi[1] }, { lo[0], hi[1] } };
    for (int k = 0; k < 4; k++) {
        corner[2 * k] = at[k][0] * cos - at[k][1] * sin;
        corner[2 * k + 1] = at[k][0] * sin + at[k][1] * cos;
    }
    return (hi[0] - lo[0]) * (hi[1] - lo[1]);
}

static int by_place(const void *a, const void *b)
{
    const double *p = a;
    const double *q = b;
    const int x = (p[0] > q[0]) - (p[0] < q[0]);
    return x ? x : (p[1] > q[1]) - (p[1] < q[1]);
}

/* Twice the area of the triangle a b c: positive where it turns to the right, in pixels. */
static double turned(const double *a, const double *b, const double *c)
{
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

/* One side of the hull of sorted points (Andrew 1979): from the first to the last, or back. */
static size_t half_hull(const double *sorted, size_t n, bool back, double *hull)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        const double *p = sorted + 2 * (back ? n - 1 - i : i);
        while (m >= 2 && turned(hull + 2 * (m - 2), hull + 2 * (m - 1), p) <= 0)
            m--;
        memcpy(hull + 2 * m++, p, 2 * sizeof *hull);
    }
    return m - 1; /* the last point begins the other half */
}

static int hull_of(const Yolo *y, const DfPolygon *p, DfPolygon *hull)
{
    double *sorted = df_arena_alloc(y->arena, 2 * p->n, sizeof *sorted);
    hull->xy = df_arena_alloc(y->arena, 4 * p->n + 4, sizeof *hull->xy);
    if (!sorted || !hull->xy)
        return df_fail_memory("polygons");
    memcpy(sorted, p->xy, 2 * p->n * sizeof *sorted);
    qsort(sorted, p->n, 2 * sizeof *sorted, by_place);
    hull->n = half_hull(sorted, p->n, false, hull->xy);
    hull->n += half_hull(sorted, p->n, true, hull->xy + 2 * hull->n);
    return DF_OK;
}

/* The smallest rectangle around a polygon has a side along an edge of its hull (Freeman and Shapira 1975). Four points
 * are taken for a rectangle, and stay as they are. */
static int smallest_rectangle(const Yolo *y, const DfPolygon *p, double corner[8])
{
    double best = INFINITY;
    double tried[8];
    DfPolygon hull = *p;
    const int error = p->n == 4 ? DF_OK : hull_of(y, p, &hull);
    if (p->n == 4)
        memcpy(corner, p->xy, 8 * sizeof *corner);
    for (size_t i = 0; error == DF_OK && p->n != 4 && i < hull.n; i++) {
        const double *a = hull.xy + 2 * i;
        const double *b = hull.xy + 2 * ((i + 1) % hull.n);
        const double length = hypot(b[0] - a[0], b[1] - a[1]);
        if (!(length > 0))
            continue;
        const double area = rectangle_along(&hull, (b[0] - a[0]) / length, (b[1] - a[1]) / length, tried);
        if (area < best) {
            best = area;
            memcpy(corner, tried, sizeof tried);
        }
    }
    return error;
}

static int put_oriented(Yolo *y, const DfLabelledObject *o, const double side[4], DfYoloObject *line)
{
    double corner[8] = { side[0], side[1], side[2], side[1], side[2], side[3], side[0], side[3] };
    DfPolygon ring;
    int error = ring_of(y, &o->mask, &ring);
    if (error == DF_OK && ring.n >= 3)
        error = smallest_rectangle(y, &ring, corner);
    return error == DF_OK ? put_ring(y, &(DfPolygon){ 4, corner }, line) : error;
}

/* ---- keypoints --------------------------------------------------------------------------------------------------- */

static int put_keypoints(Yolo *y, const DfLabelledObject *o, DfYoloObject *line)
{
    double *points;
    const size_t n = df_labelled_numbers(o->rest, "keypoints", &points);
    const size_t wanted = 3 * (size_t)y->keypoints;
    const bool room = room_for(y, wanted);
    for (size_t i = 0; room && i < wanted; i++) {
        const double size[3] = { y->width, y->height, 1 };
        y->shares[i] = n == wanted ? points[i] / size[i % 3] : 0;
    }
    df_free(points);
    line->keypoints = y->shares;
    return room ? DF_OK : df_fail_memory("keypoints");
}

/* ---- one picture ------------------------------------------------------------------------------------------------- */

static int put_object(Yolo *y, const DfLabelledObject *o)
{
    static const bool keeps_masks[] = { [DF_YOLO_SEGMENT] = true, [DF_YOLO_OBB] = true };
    DfYoloObject line = { .label = o->label };
    DfPolygon ring = { 0 };
    double side[4];
    int error = DF_OK;
    if (o->crowd) {
        ++*lost(y, DF_LOST_CROWDS);
        return DF_OK;
    }
    if (!cut_box(y, o, side))
        return DF_OK;
    set_box(y, side, &line);
    if (y->task == DF_YOLO_POSE)
        error = put_keypoints(y, o, &line);
    else if (y->task == DF_YOLO_OBB)
        error = put_oriented(y, o, side, &line);
    else if (y->task == DF_YOLO_SEGMENT && (error = ring_of(y, &o->mask, &ring)) == DF_OK && ring.n >= 3)
        error = put_ring(y, &ring, &line);
    *lost(y, DF_LOST_MASKS) += o->mask.form != DF_MASK_NONE && (!keeps_masks[y->task] || !line.n);
    if (error == DF_OK)
        df_yolo_put_object(&y->out->text, &line, y->keypoints, 3);
    return error;
}

static int write_picture(Yolo *y, int i)
{
    const DfLabelled *set = y->out->set;
    const DfLabelledPicture *picture = &set->pictures[i];
    int height, width;
    const char *path = df_labelled_target(y->out, "labels", set->parts[picture->part].name, picture->name, ".txt");
    int error = path ? df_labelled_size(set, i, &height, &width) : DF_EVALUE;
    if (error < 0)
        return error;
    y->width = width;
    y->height = height;
    y->arena = df_arena_new();
    error = y->arena ? DF_OK : df_fail_memory("polygons");
    for (size_t k = 0; error == DF_OK && k < picture->n; k++)
        error = put_object(y, &set->objects[set->order[picture->first + k]]);
    df_arena_free(y->arena);
    if (error < 0)
        return df_fail_in(error, "%s: ", picture->name);
    return df_labelled_put_file(y->out, path);
}

/* ---- data.yaml --------------------------------------------------------------------------------------------------- */

/* "images/train" of the first part whose name begins so, or NULL. */
static const char *folder_of(const DfLabelled *set, const char *front)
{
    for (int i = 0; i < set->n_parts; i++)
        if (df_starts_with(set->parts[i].name, front))
            return df_labelled_below(set, "images", set->parts[i].name);
    return NULL;
}

static int write_data(Yolo *y)
{
    const DfLabelled *set = y->out->set;
    const char **names = df_arena_alloc(set->arena, (size_t)set->n_classes + 1, sizeof *names);
    DfYoloData data = { .n = set->n_classes, .name = names, .keypoints = y->keypoints, .dims = 3 };
    if (!names)
        return df_fail_memory("class names");
    for (int i = 0; i < set->n_classes; i++)
        names[i] = set->classes[i].name;
    data.train = folder_of(set, "train");
    data.val = folder_of(set, "val");
    if (!data.train)
        data.train = set->n_parts ? df_labelled_below(set, "images", set->parts[0].name) : "images";
    if (!data.val)
        data.val = data.train;
    df_yolo_put_data(&y->out->text, &data, folder_of(set, "test"));
    return df_labelled_put_file(y->out, df_labelled_target(y->out, "", "", "data.yaml", NULL));
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

/* Some object has a mask, and how many keypoints the first one with some has. */
static void look(const DfLabelled *set, bool *masks, int *keypoints)
{
    *masks = false;
    *keypoints = 0;
    for (size_t k = 0; k < set->n_objects; k++) {
        double *points;
        *masks |= set->objects[k].mask.form != DF_MASK_NONE && !set->objects[k].crowd;
        if (*keypoints || !strstr(set->objects[k].rest, "\"keypoints\""))
            continue;
        *keypoints = (int)(df_labelled_numbers(set->objects[k].rest, "keypoints", &points) / 3);
        df_free(points);
    }
}

static int choose_task(Yolo *y)
{
    bool masks;
    int keypoints;
    look(y->out->set, &masks, &keypoints);
    y->task = y->out->target->task;
    if (y->task == DF_YOLO_BEST) {
        const DfYoloTask plain = keypoints ? DF_YOLO_POSE : DF_YOLO_DETECT;
        y->task = masks ? DF_YOLO_SEGMENT : plain;
    }
    if (y->task == DF_YOLO_POSE && !keypoints)
        return df_fail(DF_EVALUE, "no object has keypoints: want --task detect, segment or obb");
    y->keypoints = y->task == DF_YOLO_POSE ? keypoints : 0;
    for (size_t k = 0; k < y->out->set->n_objects; k++)
        *lost(y, DF_LOST_KEYPOINTS) += !y->keypoints && strstr(y->out->set->objects[k].rest, "\"keypoints\"");
    return DF_OK;
}

int df_labelled_write_yolo(DfLabelledOut *out)
{
    static const char *const known[] = { "keypoints", "num_keypoints", NULL };
    Yolo y = { .out = out };
    uint32_t *order = NULL;
    int error = choose_task(&y);
    if (error == DF_OK)
        error = df_labelled_check_stems(out, true);
    if (error == DF_OK)
        error = df_labelled_by_name(out->set, &order);
    for (int i = 0; error == DF_OK && i < out->set->n_pictures; i++)
        error = write_picture(&y, i);
    if (error == DF_OK)
        error = write_data(&y);
    if (error == DF_OK) {
        df_labelled_count_ids(out, order);
        df_labelled_count_members(out, known);
        error = df_labelled_put_pictures(out, "images", true);
    }
    df_free(order);
    df_free(y.shares);
    return error;
}
