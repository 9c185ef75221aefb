/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/masks.c -- masks for the pictures of the page. An evaluation discards the masks of detections after
 * comparing them, so the few that are drawn are read again.
 */
#include <stdlib.h>

#include "eval/explain/data.h"

static bool is_drawn(const DfExplain *e, size_t detection)
{
    return e->marks.detections[detection].outcome == MARK_FALSE &&
           e->view->detections[detection].score >= e->numbers.score_threshold;
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
    const uint32_t x = ((const DrawnMask *)a)->number;
    const uint32_t y = ((const DrawnMask *)b)->number;
    return (x > y) - (x < y);
}

static int choose_suspects(DfExplain *e)
{
    size_t taken[DF_SUSPECT_KINDS] = { 0 };
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < e->suspects.n; i++) {
        const DfSuspect *s = &e->suspects.at[i];
        if (s->detection != DF_NO_CASE && taken[s->kind]++ < DF_SUSPECTS_DRAWN)
            error = add_drawn(&e->masks, e->view->detections[s->detection].number);
    }
    return error;
}

/* In the order of the records, each one once. */
static void sort_drawn(DrawnMasks *m)
{
    size_t n = 0;
    if (m->n > 1)
        qsort(m->at, m->n, sizeof *m->at, by_number);
    for (size_t i = 0; i < m->n; i++)
        if (n == 0 || m->at[n - 1].number != m->at[i].number)
            m->at[n++] = m->at[i];
    m->n = n;
}

/* The detections of the page. */
static int choose(DfExplain *e)
{
    const CocoView *v = e->view;
    e->masks.chosen = true;
    int error = choose_suspects(e);
    for (size_t i = 0; i < v->n_images && (e->masks.all || i < DF_EXPLAIN_DRAWN); i++) {
        const uint32_t image = e->by_errors[i];
        for (size_t d = v->detections_start[image]; error == DF_OK && d < v->detections_start[image + 1]; d++)
            if (is_drawn(e, d))
                error = add_drawn(&e->masks, v->detections[d].number);
    }
    sort_drawn(&e->masks);
    return error;
}

/* What reading takes. */
typedef struct {
    DfExplain *explain;
    DfCocoRecord record;
    CocoCompareRoom drawing;
    DfCocoSink sink;
} Reading;

static int keep_mask(Reading *reading, const DfCocoRecord *r, DrawnMask *drawn)
{
    DfExplain *const e = reading->explain;
    const DfCocoResults *const results = e->view->results;
    const CocoSize *const size = &results->gt->sizes[df_coco_detection(results, drawn->number - 1)->image];
    const CocoMask mask = df_coco_mask(&r->segmentation);
    if (mask.form == DF_MASK_NONE || (mask.form == DF_MASK_POLYGONS && !df_coco_drawable(size)))
        return DF_OK;
    return df_coco_fail_in(
        r, df_coco_keep_truth(0, &reading->drawing, &r->segmentation, &mask, size, &e->masks.bytes, &drawn->mask));
}

/* Only of the detections that are drawn segmentations are read. */
static void expect_next(Reading *reading)
{
    const DrawnMasks *const m = &reading->explain->masks;
    const bool drawn = m->records + 1 == m->at[m->read].number;
    reading->sink.wanted = drawn ? DF_COCO_SEGMENTATION : 0;
}

static int take_detection(void *arg, DfCocoRecord *r)
{
    Reading *const reading = arg;
    DrawnMasks *const m = &reading->explain->masks;
    if (++m->records == m->at[m->read].number) {
        const int error = keep_mask(reading, r, &m->at[m->read++]);
        if (error < 0)
            return error;
    }
    if (m->read == m->n)
        return DF_COCO_ENOUGH;
    expect_next(reading);
    return DF_OK;
}

static int read_list(void *arg, DfCocoList list, DfJson *json)
{
    Reading *const reading = arg;
    expect_next(reading);
    return df_coco_stream_records(json, list, 0, &reading->record, &reading->sink);
}

int df_explain_masks(DfExplain *e, DfJson *json)
{
    DrawnMasks *const m = &e->masks;
    Reading reading = { .explain = e, .sink = { .record = take_detection, .problem = df_coco_allow_empty } };
    int error = e->view->masks && !m->chosen ? choose(e) : DF_OK;
    if (error < 0 || m->read == m->n)
        return error;
    reading.sink.arg = &reading;
    error = df_coco_stream_results(json, &(DfCocoFile){ .arg = &reading, .list = read_list });
    df_coco_record_done(&reading.record);
    df_coco_compare_room_done(&reading.drawing);
    return error < 0 ? error : DF_OK;
}

void df_explain_draw_all(DfExplain *e)
{
    e->masks.all = true;
}

const CocoTruthMask *df_explain_mask(const DfExplain *e, size_t detection)
{
    const DrawnMask wanted = { .number = e->view->detections[detection].number };
    const DrawnMask *const found =
        e->masks.n ? bsearch(&wanted, e->masks.at, e->masks.n, sizeof wanted, by_number) : NULL;
    return found && found->mask.runs ? &found->mask : NULL;
}

void df_explain_masks_done(DrawnMasks *m)
{
    df_free(m->at);
    df_coco_bytes_done(&m->bytes);
}
