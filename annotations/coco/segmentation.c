/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/coco/segmentation.c -- the forms of "segmentation": polygons [[x, y, ...], ...], runs {"size": [h,
 * w], "counts": "..."} or with a list of counts, and a list of the latter.
 */
#include <math.h>
#include <string.h>

#include "annotations/coco/reader.h"

void df_coco_segmentation_done(DfCocoSegmentation *s)
{
    df_free(s->numbers);
    df_free(s->runs.at);
    df_free(s->other.at);
    df_free(s->merged.at);
    *s = (DfCocoSegmentation){ 0 };
}

/* A value of another kind than is wanted, within the segmentation; with it the rest of so many lists around it is
 * passed over. */
static int wrong(DfCocoRecord *r, const DfCocoSink *sink, DfJsonEvent met, int around, const char *sentence)
{
    return df_coco_report_and_pass(r, sink,
                                   (DfCocoProblem){ .field = DF_COCO_SEGMENTATION, .met = met, .inside = true },
                                   around, sentence);
}

/* A value that is of its kind and all the same cannot be. */
static DfCocoProblem refused(void)
{
    return (DfCocoProblem){ .field = DF_COCO_SEGMENTATION, .met = DF_JSON_CLOSE, .inside = true, .of_its_type = true };
}

/* The numbers of an array, appended to those that are kept. Gives the event behind them; DF_JSON_END: no memory. */
static DfJsonEvent read_numbers(DfJson *json, DfCocoSegmentation *s)
{
    DfJsonEvent event = DF_JSON_NUMBER;
    while (event == DF_JSON_NUMBER) {
        size_t n;
        if (!df_grow((void **)&s->numbers, &s->capacity, s->n + 1, sizeof *s->numbers))
            return DF_JSON_END;
        event = df_json_numbers(json, s->numbers + s->n, s->capacity - s->n, &n);
        s->n += n;
    }
    return event;
}

/* ---- runs ------------------------------------------------------------------------------------------------------ */

/* One object, {"size": [height, width], "counts": ...}. */
typedef struct {
    uint32_t height, width;
    double size[2];
    size_t n_size;
    bool compressed, has_size, has_counts;
} Runs;

/* Is this how many pixels a side can have? */
static bool is_side(double side)
{
    return side >= 0 && side <= UINT32_MAX && side == floor(side);
}

static int read_size(DfCocoRecord *r, const DfCocoSink *sink, Runs *o)
{
    DfJsonValue v;
    DfJsonEvent event = df_json_next(r->json, &v);
    double height = -1, width = -1;
    o->has_size = true;
    if (event != DF_JSON_ARRAY)
        return wrong(r, sink, event, 0, "segmentation: size is not an array");
    for (o->n_size = 0; (event = df_json_next(r->json, &v)) == DF_JSON_NUMBER; o->n_size++)
        if (o->n_size < 2)
            o->size[o->n_size] = v.number;
    if (event != DF_JSON_CLOSE)
        return wrong(r, sink, event, 1, "segmentation: size is not an array of height and width");
    if (o->n_size < 2)
        return df_coco_report(r, sink, refused(), "segmentation: size is not an array of height and width");
    height = o->size[0];
    width = o->size[1];
    if (!is_side(height) || !is_side(width))
        return df_coco_report(r, sink, refused(),
                              "segmentation: height and width are not integers from 0 to 2^32 - 1");
    o->height = (uint32_t)height;
    o->width = (uint32_t)width;
    return DF_OK;
}

/* A list of counts into runs; fractions are cut off, as numpy does. */
static int read_counts(DfCocoRecord *r, const DfCocoSink *sink, DfRunList *runs)
{
    DfCocoSegmentation *const s = &r->segmentation;
    int error = DF_OK;
    s->n = 0;
    runs->n = 0;
    const DfJsonEvent event = read_numbers(r->json, s);
    if (event == DF_JSON_END || !df_runs_grow(runs, s->n))
        return df_fail_memory("masks");
    size_t i = 0;
    for (; i < s->n && s->numbers[i] >= 0 && s->numbers[i] < 4294967296.0; i++)
        runs->at[i] = (uint32_t)s->numbers[i];
    if (i == s->n)
        runs->n = s->n;
    else
        error = df_coco_report(r, sink, refused(), "segmentation: a count of %.17g, want one from 0 to 2^32 - 1",
                               s->numbers[i]);
    if (error != DF_OK || event == DF_JSON_CLOSE)
        return error;
    return wrong(r, sink, event, 1, "segmentation: counts hold something that is not a number");
}

static int decode_counts(DfCocoRecord *r, const DfCocoSink *sink, const DfJsonValue *text)
{
    DfCocoSegmentation *const s = &r->segmentation;
    const int error = df_runs_from_text(&s->runs, text->text, text->length);
    s->undecoded = error < 0;
    if (error == DF_OK || error == DF_ENOMEM)
        return error;
    s->runs.n = 0;
    return df_coco_report(r, sink, refused(), "segmentation: %s", df_error());
}

/* The rest of an object. Runs of a text are left in those of the segmentation, runs of a list in `list`. */
static int read_object(DfCocoRecord *r, const DfCocoSink *sink, Runs *o, DfRunList *list)
{
    DfJsonValue v;
    DfJsonEvent event;
    int error = DF_OK;
    while (error == DF_OK && (event = df_json_next(r->json, &v)) == DF_JSON_KEY) {
        if (df_coco_is(&v, "size")) {
            error = read_size(r, sink, o);
        } else if (df_coco_is(&v, "counts")) {
            const DfJsonEvent counts = df_json_next(r->json, &v);
            o->has_counts = true;
            o->compressed = counts == DF_JSON_TEXT;
            if (counts == DF_JSON_TEXT)
                error = decode_counts(r, sink, &v);
            else if (counts == DF_JSON_ARRAY)
                error = read_counts(r, sink, list);
            else
                error = wrong(r, sink, counts, 0, "segmentation: counts are neither a string nor a list");
        } else {
            error = df_json_skip(r->json);
        }
    }
    if (error != DF_OK)
        return error;
    if (event != DF_JSON_CLOSE)
        return df_json_error(r->json);
    if (o->has_size && o->has_counts)
        return DF_OK;
    return df_coco_report(r, sink, refused(), "segmentation: has no %s", o->has_size ? "counts" : "size");
}

static int read_runs(DfCocoRecord *r, const DfCocoSink *sink)
{
    DfCocoSegmentation *const s = &r->segmentation;
    Runs o = { 0 };
    const int error = read_object(r, sink, &o, &s->runs);
    s->form = DF_MASK_RUNS;
    s->compressed = o.compressed;
    s->height = o.height;
    s->width = o.width;
    memcpy(s->size, o.size, sizeof s->size);
    s->n_size = o.n_size;
    return error;
}

/* ---- lists: of polygons, or of runs ---------------------------------------------------------------------------- */

/* From behind the '[' of a polygon. */
static int read_polygon(DfCocoRecord *r, const DfCocoSink *sink, bool first)
{
    static const double farthest = 2e8;
    DfCocoSegmentation *const s = &r->segmentation;
    const size_t head = s->n++;
    int error = DF_OK;
    const DfJsonEvent event = read_numbers(r->json, s);
    if (event == DF_JSON_END)
        return df_fail_memory("masks");
    const size_t n = s->n - head - 1;
    s->numbers[head] = (double)n;
    size_t i = head + 1;
    while (i < s->n && fabs(s->numbers[i]) < farthest)
        i++;
    if (i < s->n)
        error = df_coco_report(r, sink, refused(),
                               "segmentation: a polygon has the coordinate %g, want one between -2e8 and 2e8",
                               s->numbers[i]);
    if (error == DF_OK && event != DF_JSON_CLOSE)
        return wrong(r, sink, event, 1, "segmentation: a polygon is not a list of numbers");
    if (error == DF_OK && first && n <= 4)
        error = df_coco_report(r, sink, refused(),
                               "segmentation: the first polygon has %zu numbers, want at least 6: x and y of three "
                               "points", n);
    return error;
}

static void swap(DfRunList *a, DfRunList *b)
{
    const DfRunList swapped = *a;
    *a = *b;
    *b = swapped;
}

/* Unites the runs that were just read into `other` with those before. */
static int unite(DfCocoSegmentation *s, const Runs *part, bool first)
{
    if (first) {
        swap(&s->runs, &s->other);
        s->height = part->height;
        s->width = part->width;
        return DF_OK;
    }
    if (part->height != s->height || part->width != s->width) {
        s->height = s->width = 0;
        s->runs.n = 0;
        return DF_OK;
    }
    const int error = df_runs_merge(&s->merged, &s->runs, &s->other, false);
    swap(&s->runs, &s->merged);
    return error;
}

static int read_listed_runs(DfCocoRecord *r, const DfCocoSink *sink, bool first)
{
    DfCocoSegmentation *const s = &r->segmentation;
    Runs part = { 0 };
    const int error = read_object(r, sink, &part, &s->other);
    if (error != DF_OK)
        return error;
    if (part.compressed)
        return df_coco_report(r, sink, refused(), "segmentation: a compressed RLE in a list: want the object itself");
    return unite(s, &part, first);
}

static int read_list(DfCocoRecord *r, const DfCocoSink *sink)
{
    DfCocoSegmentation *const s = &r->segmentation;
    DfJsonValue v;
    DfJsonEvent event, kind = DF_JSON_CLOSE;
    int error = DF_OK;
    for (bool first = true; error == DF_OK && (event = df_json_next(r->json, &v)) != DF_JSON_CLOSE; first = false) {
        if (first)
            kind = event;
        if (event != kind || (event != DF_JSON_ARRAY && event != DF_JSON_OBJECT))
            return wrong(r, sink, event, 1,
                         "segmentation: a list of something else than polygons, want [[x, y, ...], ...]");
        error = kind == DF_JSON_ARRAY ? read_polygon(r, sink, first) : read_listed_runs(r, sink, first);
    }
    if (kind == DF_JSON_ARRAY)
        s->form = DF_MASK_POLYGONS;
    if (kind == DF_JSON_OBJECT)
        s->form = DF_MASK_RUNS;
    s->listed = kind == DF_JSON_OBJECT;
    return error;
}

int df_coco_read_segmentation(DfCocoRecord *r, const DfCocoSink *sink)
{
    DfCocoSegmentation *const s = &r->segmentation;
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    s->form = DF_MASK_NONE;
    s->compressed = s->undecoded = s->listed = false;
    s->height = s->width = 0;
    s->n_size = s->n = s->runs.n = 0;
    if (event != DF_JSON_ARRAY && event != DF_JSON_OBJECT) {
        const DfCocoProblem p = { .field = DF_COCO_SEGMENTATION, .met = event };
        return df_coco_report_and_pass(r, sink, p, 0,
                                       "segmentation: is neither a list of polygons nor an object with size and "
                                       "counts");
    }
    r->has |= DF_COCO_SEGMENTATION;
    return event == DF_JSON_ARRAY ? read_list(r, sink) : read_runs(r, sink);
}
