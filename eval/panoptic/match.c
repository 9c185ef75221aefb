/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/panoptic/match.c -- one picture: which predicted segments are which of the ground truth. Two segments of one
 * class match if they are alike by more than half, so that each has one partner at most:
 *
 *     IoU = both / (predicted pixels + area of the ground truth, as its file has it
 *                   - both - predicted pixels on nothing)
 *
 * What is left is missed (FN), or wrong (FP) unless more than half of it lies on nothing or on the crowd of its class.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "eval/panoptic/data.h"
#include "eval/panoptic/pairs.h"

enum { NOTHING = 0, VALUES = 1 << 24 };

/* A segment of the picture, to be found by its id. */
typedef struct {
    int64_t id;
    const Segment *segment;
    uint32_t class;   /* its place among the categories, or DF_NO_ID */
    uint64_t pixels;  /* of a prediction                             */
    uint64_t on_void; /* those where the ground truth has nothing    */
    uint64_t on_crowd; /* those on the crowd of its class            */
    bool matched;
} Side;

typedef struct {
    Side *side;     /* by id       */
    uint32_t *order; /* as the file has them: places in `side` */
    size_t n, capacity, order_capacity;
} Sides;

struct DfPanopticRoom {
    DfPairs pairs;
    Sides truth, found;
    Event *events;
    size_t n_events, events_capacity;
    int64_t *crowd; /* of each class the id of its crowd, -1: none */
    size_t n_classes, crowd_capacity;
};

int df_panoptic_room_new(DfPanopticRoom **out)
{
    *out = df_calloc(1, sizeof **out);
    return *out ? DF_OK : df_fail_memory("segments of a picture");
}

void df_panoptic_room_free(DfPanopticRoom *room)
{
    if (!room)
        return;
    df_pairs_done(&room->pairs);
    df_free(room->truth.side);
    df_free(room->truth.order);
    df_free(room->found.side);
    df_free(room->found.order);
    df_free(room->events);
    df_free(room->crowd);
    df_free(room);
}

/* ---- segments by id ---------------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    const Side *const x = a;
    const Side *const y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static Side *find(const Sides *s, int64_t id)
{
    return s->n ? bsearch(&(Side){ .id = id }, s->side, s->n, sizeof *s->side, by_id) : NULL;
}

static int list_segments(Sides *s, const Map *map, const DfPanoptic *p)
{
    const size_t n = map->n_segments;
    if (n > 0 && (!df_grow((void **)&s->side, &s->capacity, n - 1, sizeof *s->side) ||
                  !df_grow((void **)&s->order, &s->order_capacity, n - 1, sizeof *s->order)))
        return df_fail_memory("segments of a picture");
    s->n = n;
    for (size_t i = 0; i < n; i++) {
        const Segment *const segment = &map->segments[i];
        s->side[i] = (Side){ .id = segment->id, .segment = segment };
        s->side[i].class = df_ids_find(&p->categories, (DfId){ segment->category_id, NULL });
    }
    if (n > 1)
        qsort(s->side, n, sizeof *s->side, by_id);
    for (size_t i = 0; i < n; i++)
        s->order[s->side[i].segment - map->segments] = (uint32_t)i;
    return DF_OK;
}

/* ---- pixels ------------------------------------------------------------------------------------------------------ */

static int64_t truth_of(const DfPair *pair)
{
    return (int64_t)(pair->key / VALUES);
}

static int64_t found_of(const DfPair *pair)
{
    return (int64_t)(pair->key % VALUES);
}

static int count_pixels(const DfPanoptic *p, const DfPanopticRoom *room, size_t i)
{
    const char *const name = df_panoptic_maps(p, i).found;
    for (size_t k = 0; k < room->pairs.n; k++) {
        const DfPair *const pair = &room->pairs.list[k];
        Side *const found = find(&room->found, found_of(pair));
        if (!found && found_of(pair) != NOTHING)
            return df_fail(DF_EVALUE, "image_id %s: segment %" PRId64 " is in the prediction %s and not in its JSON",
                           df_id_text(p->images.ids[p->truths[i].image]), found_of(pair), name);
        if (!found)
            continue;
        found->pixels += pair->n;
        if (truth_of(pair) == NOTHING)
            found->on_void += pair->n;
    }
    return DF_OK;
}

static int check_found(const DfPanoptic *p, const DfPanopticRoom *room, size_t i)
{
    const DfPanopticMaps maps = df_panoptic_maps(p, i);
    const DfId image = p->images.ids[p->truths[i].image];
    for (size_t k = 0; k < room->found.n; k++) {
        const Side *const found = &room->found.side[room->found.order[k]];
        if (found->pixels == 0)
            return df_fail(DF_EVALUE, "image_id %s: segment %" PRId64 " is in the JSON and not in the prediction %s",
                           df_id_text(image), found->id, maps.found);
        if (found->class == DF_NO_ID)
            return df_fail(DF_EVALUE, "image_id %s: segment %" PRId64 " of the prediction has category_id %" PRId64
                           ", which %s does not "
                           "have", df_id_text(image), found->id, found->segment->category_id, p->name);
    }
    return DF_OK;
}

/* ---- matches ----------------------------------------------------------------------------------------------------- */

static int add_event(DfPanopticRoom *room, uint32_t class, What what, double iou)
{
    if (!df_grow((void **)&room->events, &room->events_capacity, room->n_events, sizeof *room->events))
        return df_fail_memory("segments of a picture");
    room->events[room->n_events++] = (Event){ iou, class, what };
    return DF_OK;
}

static double iou_of(const DfPair *pair, const Side *truth, const Side *found)
{
    const double both = (double)pair->n;
    return both / ((double)found->pixels + truth->segment->area - both - (double)found->on_void);
}

/* Pairs come by rising ids. */
static int match(DfPanopticRoom *room)
{
    int error = DF_OK;
    for (size_t k = 0; error == DF_OK && k < room->pairs.n; k++) {
        const DfPair *const pair = &room->pairs.list[k];
        Side *const truth = find(&room->truth, truth_of(pair));
        Side *const found = find(&room->found, found_of(pair));
        if (!truth || !found || truth->segment->crowd || truth->class != found->class)
            continue;
        const double iou = iou_of(pair, truth, found);
        if (!(iou > 0.5))
            continue;
        truth->matched = found->matched = true;
        error = add_event(room, truth->class, FOUND, iou);
    }
    return error;
}

/* Of several crowds of a class the last one in the file counts. */
static int add_missed(DfPanopticRoom *room, size_t *unknown)
{
    int error = DF_OK;
    memset(room->crowd, -1, room->n_classes * sizeof *room->crowd);
    for (size_t k = 0; error == DF_OK && k < room->truth.n; k++) {
        const Side *const truth = &room->truth.side[room->truth.order[k]];
        *unknown += truth->class == DF_NO_ID;
        if (truth->matched || truth->class == DF_NO_ID)
            continue;
        if (truth->segment->crowd)
            room->crowd[truth->class] = truth->id;
        else
            error = add_event(room, truth->class, MISSED, 0);
    }
    return error;
}

static int add_wrong(DfPanopticRoom *room)
{
    int error = DF_OK;
    for (size_t k = 0; k < room->pairs.n; k++) {
        const DfPair *const pair = &room->pairs.list[k];
        Side *const found = find(&room->found, found_of(pair));
        if (found && truth_of(pair) == room->crowd[found->class])
            found->on_crowd += pair->n;
    }
    for (size_t k = 0; error == DF_OK && k < room->found.n; k++) {
        const Side *const found = &room->found.side[room->found.order[k]];
        const double ignored = (double)(found->on_void + found->on_crowd);
        if (!found->matched && !(ignored / (double)found->pixels > 0.5))
            error = add_event(room, found->class, WRONG, 0);
    }
    return error;
}

static int keep_events(Truth *truth, const DfPanopticRoom *room)
{
    Event *const events = df_malloc((room->n_events + 1) * sizeof *events);
    if (!events)
        return df_fail_memory("what was found in a picture");
    if (room->n_events)
        memcpy(events, room->events, room->n_events * sizeof *events);
    df_free(truth->events);
    truth->events = events;
    truth->n_events = room->n_events;
    return DF_OK;
}

static int prepare(DfPanopticRoom *room, const DfPanoptic *p, size_t i)
{
    room->n_events = 0;
    if (!df_grow((void **)&room->crowd, &room->crowd_capacity, p->categories.n, sizeof *room->crowd))
        return df_fail_memory("segments of a picture");
    room->n_classes = p->categories.n;
    const int error = list_segments(&room->truth, &p->truths[i].map, p);
    return error == DF_OK ? list_segments(&room->found, &p->found[p->truths[i].image].map, p) : error;
}

int df_panoptic_count(DfPanoptic *p, DfPanopticRoom *room, size_t i, const uint8_t *truth, const uint8_t *found,
                      size_t pixels)
{
    size_t unknown = 0;
    int error = prepare(room, p, i);
    if (error == DF_OK)
        error = df_pairs_count(&room->pairs, truth, found, pixels);
    if (error == DF_OK)
        error = count_pixels(p, room, i);
    if (error == DF_OK)
        error = check_found(p, room, i);
    if (error == DF_OK)
        error = match(room);
    if (error == DF_OK)
        error = add_missed(room, &unknown);
    if (error == DF_OK)
        error = add_wrong(room);
    p->truths[i].unknown = unknown;
    return error == DF_OK ? keep_events(&p->truths[i], room) : error;
}
