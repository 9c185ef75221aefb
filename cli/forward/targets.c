/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/forward/targets.c -- reads the targets of a batch, under the names of mmdet, mmseg and DETR: boxes, labels,
 * masks, label maps, and the choices of a sampler in another program.
 */
#include <math.h>
#include <string.h>

#include "cli/forward/forward.h"

/* What is being read: picture or sampler number k. */
typedef struct {
    const CliInput *input;
    DfArena *arena;
    int k;
} Reader;

static const DfArray *find(const Reader *r, const char *format)
{
    char name[64];
    snprintf(name, sizeof name, format, r->k);
    return df_checkpoint_find(r->input->file, name);
}

static int refuse(const Reader *r, const DfArray *array, const char *want)
{
    return df_fail(DF_EFORMAT, "%s: `%s` has %d dimensions, the last of %lld: want %s", r->input->path, array->name,
                   array->ndim, array->ndim ? (long long)array->shape[array->ndim - 1] : 1, want);
}

enum { MOST_OBJECTS = 100000 };

/* The number of rows of n x 4 or of n. */
static int count_rows(const Reader *r, const DfArray *array, int ndim, size_t *n)
{
    const bool fits = array->ndim == ndim && (ndim == 1 || array->shape[1] == 4);
    if (!fits)
        return refuse(r, array, ndim == 1 ? "a list" : "n 4");
    if (array->shape[0] > MOST_OBJECTS)
        return df_fail(DF_EFORMAT, "%s: `%s` has %lld rows: want at most %d", r->input->path, array->name,
                       (long long)array->shape[0], MOST_OBJECTS);
    *n = (size_t)array->shape[0];
    return DF_OK;
}

static int read_ints(const Reader *r, const DfArray *array, int **out, size_t *n)
{
    const int error = count_rows(r, array, 1, n);
    if (error < 0)
        return error;
    int64_t *wide = df_arena_alloc(r->arena, *n + 1, sizeof *wide);
    *out = df_arena_alloc(r->arena, *n + 1, sizeof **out);
    if (!wide || !*out)
        return df_fail_memory("the targets");
    df_array_i64(array, wide);
    for (size_t i = 0; i < *n; i++) {
        if (wide[i] < -1 || wide[i] > 1 << 30)
            return df_fail(DF_EFORMAT, "%s: `%s` holds %lld: want 0 to %d", r->input->path, array->name,
                           (long long)wide[i], 1 << 30);
        (*out)[i] = (int)wide[i];
    }
    return DF_OK;
}

/* ---- objects ----------------------------------------------------------------------------------------------------- */

/* gt_bboxes_k and gt_bboxes_ignore_k in pixels, or tgt_boxes_k in shares of the picture. */
typedef struct {
    const DfArray *boxes, *labels, *ignored;
    size_t n, n_ignored;
    DfBoxUnit unit;
} Found;

static int find_objects(const Reader *r, Found *f)
{
    const bool official = find(r, "tgt_boxes_%d") != NULL;
    *f = (Found){ .unit = official ? DF_BOXES_RELATIVE : DF_BOXES_PIXELS };
    f->boxes = find(r, official ? "tgt_boxes_%d" : "gt_bboxes_%d");
    f->labels = find(r, official ? "tgt_labels_%d" : "gt_labels_%d");
    f->ignored = official ? NULL : find(r, "gt_bboxes_ignore_%d");
    int error = f->boxes ? count_rows(r, f->boxes, 2, &f->n) : DF_OK;
    if (error == DF_OK && f->ignored)
        error = count_rows(r, f->ignored, 2, &f->n_ignored);
    return error;
}

static int read_labels(const Reader *r, const Found *f, DfAnnotations *out)
{
    int *labels;
    size_t n;
    if (!f->labels)
        return df_fail(DF_EFORMAT, "%s: `%s` without labels", r->input->path, f->boxes->name);
    const int error = read_ints(r, f->labels, &labels, &n);
    if (error < 0)
        return error;
    if (n != f->n)
        return df_fail(DF_EFORMAT, "%s: `%s` has %zu rows, `%s` has %zu: want as many", r->input->path, f->boxes->name,
                       f->n, f->labels->name, n);
    memcpy(out->labels, labels, n * sizeof *labels);
    return DF_OK;
}

static int check_boxes(const Reader *r, const DfAnnotations *a)
{
    for (size_t i = 0; i < 4 * a->n; i++)
        if (!(a->boxes[i] > -1e9f && a->boxes[i] < 1e9f))
            return df_fail(DF_EFORMAT, "%s: box %zu of picture %d holds %g: want a finite number", r->input->path,
                           i / 4, r->k, (double)a->boxes[i]);
    return DF_OK;
}

/* Ignored regions stand behind the objects. */
static int read_objects(const Reader *r, DfAnnotations *out)
{
    Found f;
    int error = find_objects(r, &f);
    if (error < 0 || !f.boxes)
        return error;
    out->n = f.n + f.n_ignored;
    out->unit = f.unit;
    out->boxes = df_arena_alloc(r->arena, out->n + 1, 4 * sizeof *out->boxes);
    out->labels = df_arena_alloc(r->arena, out->n + 1, sizeof *out->labels);
    out->ignore = df_arena_alloc(r->arena, out->n + 1, sizeof *out->ignore);
    if (!out->boxes || !out->labels || !out->ignore)
        return df_fail_memory("the targets");
    df_array_f32(f.boxes, out->boxes);
    if (f.ignored)
        df_array_f32(f.ignored, out->boxes + 4 * f.n);
    error = read_labels(r, &f, out);
    for (size_t i = f.n; i < out->n; i++) {
        out->labels[i] = -1;
        out->ignore[i] = true;
    }
    return error == DF_OK ? check_boxes(r, out) : error;
}

/* ---- masks ------------------------------------------------------------------------------------------------------- */

static int read_bitmap(const Reader *r, const DfArray *array, const uint8_t *pixels, DfObjectMask *out)
{
    DfObjectMask mask = { .form = DF_MASK_RUNS };
    int error = df_mask_encode(&mask.runs, pixels, (uint32_t)array->shape[1], (uint32_t)array->shape[2]);
    if (error == DF_OK)
        error = df_object_mask_copy(out, &mask, r->arena);
    df_mask_done(&mask.runs);
    return error;
}

static int read_bitmaps(const Reader *r, const DfArray *array, DfAnnotations *out)
{
    const bool fits = array->ndim == 3 && (size_t)array->shape[0] <= out->n && array->shape[1] >= 1 &&
                      array->shape[2] >= 1 && array->shape[1] <= 32768 && array->shape[2] <= 32768;
    if (!fits)
        return refuse(r, array, "n H W, as many as boxes");
    uint8_t *pixels = df_malloc((size_t)df_array_count(array) + 1);
    int error = pixels ? DF_OK : df_fail_memory("the masks");
    if (error == DF_OK)
        df_array_copy(array, DF_BOOL, pixels);
    const size_t size = (size_t)(array->shape[1] * array->shape[2]);
    for (int64_t i = 0; error == DF_OK && i < array->shape[0]; i++)
        error = read_bitmap(r, array, pixels + (size_t)i * size, &out->masks[i]);
    df_free(pixels);
    return error;
}

static int read_polygon(const Reader *r, const cJSON *flat, DfPolygon *out)
{
    const int n = cJSON_GetArraySize(flat);
    out->xy = df_arena_alloc(r->arena, (size_t)n + 1, sizeof *out->xy);
    if (!out->xy)
        return df_fail_memory("the polygons");
    out->n = (size_t)n / 2;
    double *at = out->xy;
    const cJSON *number;
    cJSON_ArrayForEach(number, flat)
    {
        if (!cJSON_IsNumber(number) || !(number->valuedouble > -1e9 && number->valuedouble < 1e9))
            return df_fail(DF_EFORMAT, "%s: a polygon of picture %d contains something that is not a number",
                           r->input->path, r->k);
        *at++ = number->valuedouble;
    }
    return DF_OK;
}

static int read_object_polygons(const Reader *r, const cJSON *list, DfObjectMask *out)
{
    int error = DF_OK;
    const size_t n = (size_t)cJSON_GetArraySize(list);
    *out = (DfObjectMask){ .form = DF_MASK_POLYGONS, .n_polygons = n };
    out->polygons = df_arena_alloc(r->arena, n + 1, sizeof *out->polygons);
    if (!out->polygons)
        return df_fail_memory("the polygons");
    DfPolygon *at = out->polygons;
    const cJSON *flat;
    cJSON_ArrayForEach(flat, list)
    {
        if (error == DF_OK)
            error = read_polygon(r, flat, at++);
    }
    return error;
}

/* gt_polygons of the metadata: per picture, per object, flat lists of x and y. */
static int read_polygons(const Reader *r, const cJSON *pictures, DfAnnotations *out)
{
    const cJSON *objects = cJSON_GetArrayItem(pictures, r->k);
    size_t i = 0;
    int error = DF_OK;
    const cJSON *object;
    cJSON_ArrayForEach(object, objects)
    {
        if (error == DF_OK && i < out->n)
            error = read_object_polygons(r, object, &out->masks[i++]);
    }
    return error;
}

static int read_masks(const Reader *r, const cJSON *polygons, DfAnnotations *out)
{
    const DfArray *bitmaps = find(r, "gt_masks_%d");
    if (!bitmaps && !polygons)
        return DF_OK;
    out->masks = df_arena_alloc(r->arena, out->n + 1, sizeof *out->masks);
    if (!out->masks)
        return df_fail_memory("the masks");
    return bitmaps ? read_bitmaps(r, bitmaps, out) : read_polygons(r, polygons, out);
}

/* ---- classes of pixels and of pictures --------------------------------------------------------------------------- */

/* gt_semantic_seg: N H W or N 1 H W. */
static int read_map(const Reader *r, int N, DfAnnotations *out)
{
    const DfArray *array = df_checkpoint_find(r->input->file, "gt_semantic_seg");
    if (!array)
        return DF_OK;
    const int d = array->ndim;
    if ((d != 3 && !(d == 4 && array->shape[1] == 1)) || array->shape[0] != N || array->shape[d - 1] > 32768 ||
        array->shape[d - 2] > 32768)
        return refuse(r, array, "N H W, as many as pictures");
    const size_t size = (size_t)(array->shape[d - 2] * array->shape[d - 1]);
    int64_t *all = df_malloc(size * (size_t)N * sizeof *all + 1);
    out->map = (DfLabelMap){ .height = (int)array->shape[d - 2], .width = (int)array->shape[d - 1] };
    out->map.wide = df_arena_alloc(r->arena, size + 1, sizeof *out->map.wide);
    out->map.narrow = df_arena_alloc(r->arena, size + 1, 1);
    bool narrow = true;
    if (all && out->map.wide)
        df_array_i64(array, all);
    for (size_t i = 0; all && out->map.wide && out->map.narrow && i < size; i++) {
        const int64_t label = all[(size_t)r->k * size + i];
        out->map.wide[i] = label >= 0 && label < 65536 ? (uint16_t)label : UINT16_MAX;
        out->map.narrow[i] = (uint8_t)out->map.wide[i];
        narrow = narrow && out->map.wide[i] < 256;
    }
    const bool ok = all && out->map.wide && out->map.narrow;
    if (narrow)
        out->map.wide = NULL;
    else
        out->map.narrow = NULL;
    df_free(all);
    return ok ? DF_OK : df_fail_memory("a label map");
}

/* gt_label: the class of each picture. */
static int read_class(const Reader *r, int N, DfAnnotations *out)
{
    const DfArray *array = df_checkpoint_find(r->input->file, "gt_label");
    int *labels;
    size_t n;
    if (!array)
        return DF_OK;
    int error = read_ints(r, array, &labels, &n);
    if (error == DF_OK && n != (size_t)N)
        error = refuse(r, array, "one class a picture");
    if (error == DF_OK) {
        out->has_class = true;
        out->image_class = labels[r->k];
    }
    return error;
}

/* ---- samplers ---------------------------------------------------------------------------------------------------- */

enum { MOST_SAMPLERS = 4096 };

static int read_sample(const Reader *r, DfGivenSample *out)
{
    const DfArray *positive = find(r, "sample%d_pos_inds");
    const DfArray *negative = find(r, "sample%d_neg_inds");
    int *which;
    size_t n;
    int error = DF_OK;
    out->given = positive != NULL;
    if (positive) {
        error = read_ints(r, positive, &which, &n);
        out->positive = which;
        out->n_positive = error == DF_OK ? (int)n : 0;
    }
    if (error == DF_OK && positive && negative) {
        error = read_ints(r, negative, &which, &n);
        out->negative = which;
        out->n_negative = error == DF_OK ? (int)n : 0;
    }
    return error;
}

static int read_samples(Reader *r, DfLossBatch *batch)
{
    for (r->k = 0; r->k < MOST_SAMPLERS; r->k++)
        if (find(r, "sample%d_pos_inds"))
            batch->n_given = r->k + 1;
    if (batch->n_given == 0)
        return DF_OK;
    DfGivenSample *given = df_arena_alloc(r->arena, (size_t)batch->n_given, sizeof *given);
    int error = given ? DF_OK : df_fail_memory("the samples");
    for (r->k = 0; error == DF_OK && r->k < batch->n_given; r->k++)
        error = read_sample(r, &given[r->k]);
    batch->given = given;
    return error;
}

/* ---- the batch --------------------------------------------------------------------------------------------------- */

static int read_metas(const Reader *r, const DfTensor *image, DfImageMeta *metas)
{
    const int N = df_dim(image, 0);
    if (cli_in_detr_form(r->input, image))
        return cli_detr_metas(r->input, metas, N, df_dim(image, 1), df_dim(image, 2));
    const char *json = df_checkpoint_metadata(r->input->file, "img_metas");
    cJSON *list = json ? cJSON_Parse(json) : NULL;
    if (json && !list)
        return df_fail(DF_EFORMAT, "%s: its metadata `img_metas` is not JSON", r->input->path);
    for (int n = 0; n < N; n++)
        metas[n] = cli_read_meta(list, n, df_dim(image, 1), df_dim(image, 2));
    cJSON_Delete(list);
    return DF_OK;
}

static int read_pictures(Reader *r, int N, DfAnnotations *objects)
{
    const char *json = df_checkpoint_metadata(r->input->file, "gt_polygons");
    cJSON *polygons = json ? cJSON_Parse(json) : NULL;
    int error = json && !polygons ? df_fail(DF_EFORMAT, "%s: its metadata `gt_polygons` is not JSON", r->input->path)
                                  : DF_OK;
    for (r->k = 0; error == DF_OK && r->k < N; r->k++) {
        error = read_objects(r, &objects[r->k]);
        if (error == DF_OK)
            error = read_masks(r, polygons, &objects[r->k]);
        if (error == DF_OK)
            error = read_map(r, N, &objects[r->k]);
        if (error == DF_OK)
            error = read_class(r, N, &objects[r->k]);
    }
    cJSON_Delete(polygons);
    return error;
}

static int check_pixels(const CliInput *input, const DfTensor *image)
{
    for (size_t i = 0; i < df_size(image); i++)
        if (!isfinite(image->data[i]))
            return df_fail(DF_EFORMAT, "%s: `image` holds %g: want finite numbers", input->path,
                           (double)image->data[i]);
    return DF_OK;
}

int cli_read_batch(CliSession *s, const CliInput *input, DfArena *arena, CliBatch *out)
{
    Reader r = { .input = input, .arena = arena };
    *out = (CliBatch){ 0 };
    const bool bytes = !df_checkpoint_find(input->file, "image") && df_checkpoint_find(input->file, "image_u8");
    int error = cli_read_image(s, input, bytes ? "image_u8" : "image", &out->image);
    if (error == DF_OK)
        error = check_pixels(input, out->image);
    if (error < 0)
        return error;
    const int N = df_dim(out->image, 0);
    DfImageMeta *metas = df_arena_alloc(arena, (size_t)N, sizeof *metas);
    DfAnnotations *objects = df_arena_alloc(arena, (size_t)N, sizeof *objects);
    if (!metas || !objects)
        return df_fail_memory("the targets");
    out->batch = (DfLossBatch){ .n = N, .metas = metas, .objects = objects };
    error = read_metas(&r, out->image, metas);
    if (error == DF_OK)
        error = read_pictures(&r, N, objects);
    if (error == DF_OK)
        error = read_samples(&r, &out->batch);
    return error;
}
