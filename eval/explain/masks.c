/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/masks.c -- masks for the pictures of the page. Evaluations forget the masks of detections once they are compared: those of the
 * few that are drawn are read once more.
 */
#include <stdlib.h>

#include "eval/explain/data.h"

static bool is_drawn(const DfExplain *e, size_t detection)
{
    return e->marks.detections[detection].outcome == MARK_FALSE && e->view->detections[detection].score >= e->numbers.score_threshold;
}

static int add_drawn(DrawnMasks *m, uint32_t number)
{
    if (!df_grow((void **)&m->at, &m->capacity, m->n, sizeof *m->at))
        return df_fail_memory("masks");
    m->at[m->n++] = (DrawnMask){ .number = number };
    return DF_OK;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = ((const DrawnMask *)a)->number, y = ((const DrawnMask *)b)->number;
    return (x > y) - (x < y);
}

/* The detections of the page, in the order of the records. */
static int choose(DfExplain *e)
{
    const CocoView *v = e->view;
    int error = DF_OK;
    e->masks.chosen = true;
    for (size_t i = 0; i < v->n_images && i < DF_EXPLAIN_DRAWN; i++) {
        const uint32_t image = e->by_errors[i];
        for (size_t d = v->detections_start[image]; error == DF_OK && d < v->detections_start[image + 1]; d++)
            if (is_drawn(e, d))
                error = add_drawn(&e->masks, v->detections[d].number);
    }
    if (e->masks.n > 1)
        qsort(e->masks.at, e->masks.n, sizeof *e->masks.at, by_number);
    return error;
}

/* What reading takes. */
typedef struct {
    CocoMaskRoom read;
    CocoCompareRoom drawing;
} Room;

static int read_mask(DfExplain *e, const CocoRecord *r, Room *room, DrawnMask *drawn)
{
    const DfCocoResults *const results = e->view->results;
    const CocoSize *const size = &results->gt->sizes[df_coco_detection(results, drawn->number - 1)->image];
    CocoMask mask;
    bool compressed;
    const int error = df_coco_read_mask(r, &room->read, &mask, &compressed);
    if (error < 0 || mask.form == NO_MASK || (mask.form == MASK_POLYGONS && !df_coco_drawable(size)))
        return error;
    return df_coco_fail_in(r, df_coco_keep_truth(&room->drawing, &room->read, &mask, size, &e->masks.bytes, &drawn->mask));
}

static int read_record(DfExplain *e, const CocoRecord *r, Room *room, DrawnMask *drawn)
{
    DfJsonValue key;
    DfJsonEvent event;
    int error = DF_OK;
    while (error == DF_OK && (event = df_json_next(r->json, &key)) == DF_JSON_KEY)
        error = drawn && df_coco_key(&key, "segmentation") ? read_mask(e, r, room, drawn) : df_json_skip(r->json);
    return error < 0 ? error : df_coco_close(r, event);
}

int df_explain_masks(DfExplain *e, DfJson *json)
{
    DrawnMasks *const m = &e->masks;
    DfJsonValue value;
    DfJsonEvent event = df_json_next(json, &value);
    Room room = { 0 };
    int error = e->view->masks && !m->chosen ? choose(e) : DF_OK;
    for (CocoRecord r = { json, "detection", 0 }; error == DF_OK && m->read < m->n && (event = df_json_next(json, &value)) == DF_JSON_OBJECT;) {
        r.number++;
        const bool drawn = ++m->records == m->at[m->read].number;
        error = read_record(e, &r, &room, drawn ? &m->at[m->read] : NULL);
        m->read += drawn;
    }
    df_coco_mask_room_done(&room.read);
    df_coco_compare_room_done(&room.drawing);
    return error == DF_OK && event == DF_JSON_ERROR ? df_json_error(json) : error;
}

const CocoTruthMask *df_explain_mask(const DfExplain *e, size_t detection)
{
    const DrawnMask wanted = { .number = e->view->detections[detection].number };
    const DrawnMask *const found = e->masks.n ? bsearch(&wanted, e->masks.at, e->masks.n, sizeof wanted, by_number) : NULL;
    return found && found->mask.runs ? &found->mask : NULL;
}

void df_explain_masks_done(DrawnMasks *m)
{
    df_free(m->at);
    df_coco_bytes_done(&m->bytes);
}
