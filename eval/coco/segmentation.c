/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/segmentation.c -- the forms of "segmentation": polygons [[x, y, ...], ...], runs {"size": [h, w], "counts": "..."} or with a
 * list of counts, and a list of the latter.
 */
#include <math.h>
#include <string.h>

#include "eval/coco/data.h"

/* ---- bytes -------------------------------------------------------------------------------------------------------- */

enum { FIRST_CHUNK = 64 * 1024, LARGEST_CHUNK = 8 * 1024 * 1024, HEAD = 64 /* of a block, so that chunks are whole pages */ };

void *df_coco_bytes_take(CocoBytes *b, size_t n)
{
    n = (n + 7) / 8 * 8;
    if (b->n == 0 || n > b->size - b->used) {
        const size_t next = b->n == 0 ? FIRST_CHUNK : b->size + HEAD < LARGEST_CHUNK ? 2 * (b->size + HEAD) : LARGEST_CHUNK, size = n > next - HEAD ? n : next - HEAD;
        if (!df_grow((void **)&b->chunks, &b->capacity, b->n, sizeof *b->chunks) || !(b->chunks[b->n] = df_malloc_filled(size)))
            return NULL;
        b->n++;
        b->used = 0;
        b->size = size;
    }
    b->used += n;
    return b->chunks[b->n - 1] + b->used - n;
}

int df_coco_bytes_move(CocoBytes *to, CocoBytes *from)
{
    if (from->n == 0)
        return DF_OK;
    if (!df_grow((void **)&to->chunks, &to->capacity, to->n + from->n - 1, sizeof *to->chunks))
        return df_fail_memory("masks");
    memcpy(to->chunks + to->n, from->chunks, from->n * sizeof *from->chunks);
    to->n += from->n;
    to->used = from->used;
    to->size = from->size;
    df_free(from->chunks);
    *from = (CocoBytes){ 0 };
    return DF_OK;
}

void df_coco_bytes_done(CocoBytes *b)
{
    for (size_t i = 0; i < b->n; i++)
        df_free(b->chunks[i]);
    df_free(b->chunks);
    *b = (CocoBytes){ 0 };
}

void df_coco_mask_room_done(CocoMaskRoom *room)
{
    df_free(room->numbers);
    df_free(room->runs.at);
    df_free(room->other.at);
    df_free(room->merged.at);
}

/* ---- runs --------------------------------------------------------------------------------------------------------- */

static int wrong(const CocoRecord *r, DfJsonEvent event, const char *sentence)
{
    return event == DF_JSON_ERROR ? df_json_error(r->json) : df_coco_fail(r, "segmentation: %s", sentence);
}

static int read_size(const CocoRecord *r, CocoMask *mask)
{
    DfJsonValue v;
    DfJsonEvent event = df_json_next(r->json, &v);
    int64_t size[2] = { -1, -1 };
    if (event != DF_JSON_ARRAY)
        return wrong(r, event, "size is not an array");
    size_t n = 0;
    for (; (event = df_json_next(r->json, &v)) == DF_JSON_NUMBER; n++)
        if (n < 2 && v.is_integer)
            size[n] = v.integer;
    if (event != DF_JSON_CLOSE || n < 2)
        return wrong(r, event, "size is not an array of height and width");
    if (size[0] < 0 || size[1] < 0 || size[0] > UINT32_MAX || size[1] > UINT32_MAX)
        return wrong(r, event, "height and width are not integers from 0 to 2^32 - 1");
    mask->height = (uint32_t)size[0];
    mask->width = (uint32_t)size[1];
    return DF_OK;
}

/* The numbers of an array, appended to those in the room. Gives the event behind them. */
static DfJsonEvent read_numbers(DfJson *json, CocoMaskRoom *room)
{
    DfJsonEvent event = DF_JSON_NUMBER;
    while (event == DF_JSON_NUMBER) {
        size_t n;
        if (!df_grow((void **)&room->numbers, &room->capacity, room->n + 1, sizeof *room->numbers))
            return DF_JSON_END;
        event = df_json_numbers(json, room->numbers + room->n, room->capacity - room->n, &n);
        room->n += n;
    }
    return event;
}

/* A list of counts into runs; fractions are cut off, as numpy does. */
static int read_counts(const CocoRecord *r, CocoMaskRoom *room, DfRunList *runs)
{
    room->n = 0;
    const DfJsonEvent event = read_numbers(r->json, room);
    if (event == DF_JSON_END || !df_runs_grow(runs, room->n))
        return df_fail_memory("masks");
    for (size_t i = 0; i < room->n; i++) {
        if (!(room->numbers[i] >= 0 && room->numbers[i] < 4294967296.0))
            return df_coco_fail(r, "segmentation: a count of %.17g, want one from 0 to 2^32 - 1", room->numbers[i]);
        runs->at[i] = (uint32_t)room->numbers[i];
    }
    runs->n = room->n;
    return event == DF_JSON_CLOSE ? DF_OK : wrong(r, event, "counts hold something that is not a number");
}

/* The rest of an object with size and counts. Those of a text are left in the room's runs, those of a list in `list`. */
static int read_object(const CocoRecord *r, CocoMaskRoom *room, CocoMask *mask, DfRunList *list, bool *compressed)
{
    DfJsonValue v;
    DfJsonEvent event;
    bool size = false, counts = false;
    int error = DF_OK;
    while (error == DF_OK && (event = df_json_next(r->json, &v)) == DF_JSON_KEY) {
        if (v.length == 4 && memcmp(v.text, "size", 4) == 0) {
            size = true;
            error = read_size(r, mask);
        } else if (v.length == 6 && memcmp(v.text, "counts", 6) == 0) {
            event = df_json_next(r->json, &v);
            counts = true;
            *compressed = event == DF_JSON_TEXT;
            if (event == DF_JSON_TEXT)
                error = df_coco_fail_in(r, df_runs_from_text(&room->runs, v.text, v.length));
            else if (event == DF_JSON_ARRAY)
                error = read_counts(r, room, list);
            else
                error = wrong(r, event, "counts are neither a string nor a list");
        } else {
            error = df_json_skip(r->json);
        }
    }
    if (error < 0 || event != DF_JSON_CLOSE)
        return error < 0 ? error : df_json_error(r->json);
    return size && counts ? DF_OK : wrong(r, DF_JSON_CLOSE, size ? "has no counts" : "has no size");
}

static void take_facts(const CocoMaskRoom *room, CocoMask *mask)
{
    const DfRunFacts facts = df_runs_facts(room->runs.at, room->runs.n, mask->height, mask->width);
    mask->form = MASK_RUNS;
    mask->area = facts.area;
    mask->plain = facts.plain;
    memcpy(mask->box, facts.box, sizeof mask->box);
}

/* ---- lists: of polygons, or of runs -------------------------------------------------------------------------------- */

static int read_polygon(const CocoRecord *r, CocoMaskRoom *room, bool first)
{
    static const double farthest = 2e8;
    const size_t head = room->n++;
    const DfJsonEvent event = read_numbers(r->json, room);
    if (event == DF_JSON_END)
        return df_fail_memory("masks");
    for (size_t i = head + 1; i < room->n; i++)
        if (!(fabs(room->numbers[i]) < farthest))
            return df_coco_fail(r, "segmentation: a polygon has the coordinate %g, want one between -2e8 and 2e8", room->numbers[i]);
    if (event != DF_JSON_CLOSE)
        return wrong(r, event, "a polygon is not a list of numbers");
    const size_t n = room->n - head - 1;
    room->numbers[head] = (double)n;
    if (first && n <= 4)
        return df_coco_fail(r, "segmentation: the first polygon has %zu numbers, want at least 6: x and y of three points", n);
    return DF_OK;
}

/* Unites the runs that were just read into `other` with those before. */
static int unite(CocoMaskRoom *room, CocoMask *mask, const CocoMask *part, bool first)
{
    if (first) {
        const DfRunList swapped = room->runs;
        room->runs = room->other;
        room->other = swapped;
        mask->height = part->height;
        mask->width = part->width;
        return DF_OK;
    }
    if (part->height != mask->height || part->width != mask->width) {
        mask->height = mask->width = 0;
        room->runs.n = 0;
        return DF_OK;
    }
    const int error = df_runs_merge(&room->merged, &room->runs, &room->other, false);
    const DfRunList swapped = room->runs;
    room->runs = room->merged;
    room->merged = swapped;
    return error;
}

static int read_list(const CocoRecord *r, CocoMaskRoom *room, CocoMask *mask)
{
    DfJsonValue v;
    DfJsonEvent event, kind = DF_JSON_CLOSE;
    int error = DF_OK;
    room->n = 0;
    for (bool first = true; error == DF_OK && (event = df_json_next(r->json, &v)) != DF_JSON_CLOSE; first = false) {
        bool compressed = false;
        CocoMask part = { 0 };
        if (first)
            kind = event;
        if (event != kind || (event != DF_JSON_ARRAY && event != DF_JSON_OBJECT))
            return wrong(r, event, "a list of something else than polygons, want [[x, y, ...], ...]");
        if (kind == DF_JSON_ARRAY)
            error = read_polygon(r, room, first);
        else if ((error = read_object(r, room, &part, &room->other, &compressed)) == DF_OK)
            error = compressed ? wrong(r, DF_JSON_CLOSE, "a compressed RLE in a list: want the object itself") : unite(room, mask, &part, first);
    }
    if (error < 0 || kind == DF_JSON_CLOSE)
        return error;
    if (kind == DF_JSON_ARRAY)
        mask->form = MASK_POLYGONS;
    else
        take_facts(room, mask);
    return DF_OK;
}

int df_coco_read_mask(const CocoRecord *r, CocoMaskRoom *room, CocoMask *mask, bool *compressed)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    *mask = (CocoMask){ 0 };
    *compressed = false;
    if (event == DF_JSON_NULL)
        return DF_OK;
    if (event == DF_JSON_ARRAY)
        return read_list(r, room, mask);
    if (event != DF_JSON_OBJECT)
        return wrong(r, event, "is neither a list of polygons nor an object with size and counts");
    const int error = read_object(r, room, mask, &room->runs, compressed);
    if (error == DF_OK)
        take_facts(room, mask);
    return error;
}
