/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/work.c -- the picture that the transforms work on: what is noted down for it, and at the end its
 * pixels as floats, mirrored, normalised, padded and in the right order of channels, in one pass.
 */
#include <math.h>
#include <string.h>

#include "datasets/image/resize.h"
#include "datasets/pipeline/transform.h"

enum { BYTES = 3, FLOATS = 3 * sizeof(float) }; /* cells of a picture */

int df_work_height(const DfWork *work)
{
    return work->padded ? work->pad_height : work->picture.height;
}

int df_work_width(const DfWork *work)
{
    return work->padded ? work->pad_width : work->picture.width;
}

bool df_work_is_float(const DfWork *work)
{
    return work->picture.cell == FLOATS || work->normalised;
}

/* ---- one pass -------------------------------------------------------------------------------------------------- */

/* mmcv.imnormalize() in OpenCV's arithmetic: the mean is subtracted in float32, the product with 1 / std is a double.
 * The others compute in float32. */
static float normal_value(const DfNormal *normal, int c, float v)
{
    const float mean = normal->mean[c];
    const float std = normal->std[c];
    if (normal->kind == DF_NORMAL_MMCV)
        return (float)((double)(v - mean) * (1.0 / (double)std));
    if (normal->kind == DF_NORMAL_DETR)
        return (v / 255.0f - mean) / std;
    if (normal->kind == DF_NORMAL_RESCALE)
        return v * std;
    return (v - mean) / std;
}

static void fill(float *out, size_t pixels, const float value[3])
{
    for (size_t i = 0; i < pixels; i++, out += 3) {
        out[0] = value[0];
        out[1] = value[1];
        out[2] = value[2];
    }
}

typedef struct {
    const DfWork *work;
    bool turns;          /* the first channel and the last change places */
    double inverse[3];   /* 1 / std                               */
    float table[3][256]; /* [channel of the output][byte]: its value */
} Pass;

static Pass begin_pass(const DfWork *work)
{
    const bool wants_rgb = work->normalised && work->normal.to_rgb;
    Pass p = { .work = work, .turns = wants_rgb != work->reversed };
    for (int c = 0; c < 3; c++)
        p.inverse[c] = 1.0 / (double)work->normal.std[c];
    if (work->picture.cell != BYTES)
        return p;
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            p.table[c][v] = work->normalised ? normal_value(&work->normal, c, (float)v) : (float)v;
    return p;
}

/* step: 3, or -3 for a mirrored row, of which `in` is the last pixel. */
static void bytes_row(float *restrict out, const uint8_t *restrict in, ptrdiff_t step, int pixels, const Pass *p)
{
    const int first = p->turns ? 2 : 0;
    const int last = 2 - first;
    for (int i = 0; i < pixels; i++, out += 3, in += step) {
        out[0] = p->table[0][in[first]];
        out[1] = p->table[1][in[1]];
        out[2] = p->table[2][in[last]];
    }
}

/* normal_value() of mmcv, for many. */
static void mmcv_row(float *restrict out, const float *restrict in, ptrdiff_t step, int pixels, const Pass *p)
{
    const float *mean = p->work->normal.mean;
    const int first = p->turns ? 2 : 0;
    for (int i = 0; i < pixels; i++, out += 3, in += step) {
        out[0] = (float)((double)(in[first] - mean[0]) * p->inverse[0]);
        out[1] = (float)((double)(in[1] - mean[1]) * p->inverse[1]);
        out[2] = (float)((double)(in[2 - first] - mean[2]) * p->inverse[2]);
    }
}

static void floats_row(float *restrict out, const float *restrict in, ptrdiff_t step, int pixels, const Pass *p)
{
    const DfWork *work = p->work;
    const int first = p->turns ? 2 : 0;
    for (int i = 0; i < pixels; i++, out += 3, in += step) {
        const float v[3] = { in[first], in[1], in[2 - first] };
        for (int c = 0; c < 3; c++)
            out[c] = work->normalised ? normal_value(&work->normal, c, v[c]) : v[c];
    }
}

static void one_row(float *out, int y, const Pass *p)
{
    const DfWork *work = p->work;
    const DfGrid *picture = &work->picture;
    const int source = work->mirror_y ? picture->height - 1 - y : y;
    const int first = work->mirror_x ? picture->width - 1 : 0;
    const ptrdiff_t step = work->mirror_x ? -3 : 3;
    const size_t at = ((size_t)source * (size_t)picture->width + (size_t)first) * 3;
    if (picture->cell == BYTES)
        bytes_row(out, picture->at + at, step, picture->width, p);
    else if (work->normalised && work->normal.kind == DF_NORMAL_MMCV)
        mmcv_row(out, (const float *)(const void *)picture->at + at, step, picture->width, p);
    else
        floats_row(out, (const float *)(const void *)picture->at + at, step, picture->width, p);
}

/* Height x width floats, the border included. */
static void all_rows(float *out, const DfWork *work)
{
    const size_t width = (size_t)work->picture.width;
    const size_t stride = (size_t)df_work_width(work);
    const size_t below = (size_t)(df_work_height(work) - work->picture.height);
    const Pass p = begin_pass(work);
    for (int y = 0; y < work->picture.height; y++, out += stride * 3) {
        one_row(out, y, &p);
        fill(out + width * 3, stride - width, work->pad);
    }
    fill(out, below * stride, work->pad);
}

static DfImageMeta meta_of(const DfWork *work)
{
    const bool whole = work->padded && work->pad_is_size;
    DfImageMeta meta = {
        .ori_h = work->source->height,
        .ori_w = work->source->width,
        .img_h = whole ? work->pad_height : work->picture.height,
        .img_w = whole ? work->pad_width : work->picture.width,
        .pad_h = df_work_height(work),
        .pad_w = df_work_width(work),
        .flip_x = work->flipped == DF_FLIP_HORIZONTAL || work->flipped == DF_FLIP_DIAGONAL,
        .flip_y = work->flipped == DF_FLIP_VERTICAL || work->flipped == DF_FLIP_DIAGONAL,
    };
    memcpy(meta.scale_factor, work->scale_factor, sizeof meta.scale_factor);
    return meta;
}

static int check_padded(const DfWork *work)
{
    const int height = df_work_height(work);
    const int width = df_work_width(work);
    if ((size_t)height * (size_t)width > DF_IMAGE_MAX_PIXELS)
        return df_fail(DF_EVALUE, "padded to %d x %d: want at most %d pixels", height, width, DF_IMAGE_MAX_PIXELS);
    return DF_OK;
}

int df_work_finish(const DfWork *work, DfView *out)
{
    *out = (DfView){ .meta = meta_of(work) };
    const int error = check_padded(work);
    if (error < 0)
        return error;
    const size_t pixels = (size_t)out->meta.pad_h * (size_t)out->meta.pad_w;
    if (!(out->pixels = df_malloc(pixels * 3 * sizeof *out->pixels)))
        return df_fail_memory("a prepared picture");
    all_rows(out->pixels, work);
    return DF_OK;
}

/* ---- noting down ----------------------------------------------------------------------------------------------- */

int df_work_normalize(DfWork *work, const DfNormal *normal)
{
    if (work->normalised)
        return df_fail(DF_EVALUE, "Normalize twice: want it once");
    work->normalised = true;
    work->normal = *normal;
    if (!work->padded)
        return DF_OK;
    float before[3];
    for (int c = 0; c < 3; c++)
        before[c] = work->pad[normal->to_rgb ? 2 - c : c];
    for (int c = 0; c < 3; c++)
        work->pad[c] = normal_value(normal, c, before[c]);
    return DF_OK;
}

int df_work_pad(DfWork *work, int height, int width, const float value[3], int map_fill)
{
    const DfPlacing larger = { .height = height, .width = width, .map_fill = map_fill };
    int error = work->padded ? df_work_settle(work) : DF_OK;
    if (error == DF_OK)
        error = df_objects_pad(work, height, width);
    if (error == DF_OK)
        error = df_work_place_map(work, &larger);
    const bool whole = !df_work_is_float(work);
    for (int c = 0; c < 3; c++)
        work->pad[c] = whole ? fminf(fmaxf(rintf(value[c]), 0.0f), 255.0f) : value[c];
    work->padded = true;
    work->pad_height = height;
    work->pad_width = width;
    return error;
}

/* ---- what is noted down is done -------------------------------------------------------------------------------- */

static void replace(DfGrid *old, DfGrid new)
{
    df_grid_free(old);
    *old = new;
}

static int settle_floats(DfWork *work)
{
    DfGrid floats;
    int error = check_padded(work);
    if (error == DF_OK)
        error = df_grid_new(&floats, df_work_height(work), df_work_width(work), FLOATS);
    if (error < 0)
        return error;
    all_rows((float *)(void *)floats.at, work);
    replace(&work->picture, floats);
    work->reversed = false;
    return DF_OK;
}

/* A colour as the picture has its bytes. */
static void bytes_of(uint8_t out[3], const float colour[3], const DfWork *work)
{
    for (int c = 0; c < 3; c++)
        out[work->reversed ? 2 - c : c] = (uint8_t)colour[c];
}

static int settle_bytes(DfWork *work)
{
    int error = DF_OK;
    if (work->padded) {
        uint8_t border[3];
        DfGrid padded;
        bytes_of(border, work->pad, work);
        error = df_grid_place(&padded, &work->picture, 0, 0, work->pad_height, work->pad_width, border);
        if (error == DF_OK)
            replace(&work->picture, padded);
    }
    return error;
}

static int settle_mirror(DfWork *work)
{
    const int error = df_grid_own(&work->picture);
    if (error == DF_OK)
        df_grid_flip(&work->picture, work->mirror_x, work->mirror_y);
    return error;
}

int df_work_settle(DfWork *work)
{
    int error = DF_OK;
    if (work->normalised || (work->padded && work->picture.cell == FLOATS)) {
        error = settle_floats(work);
    } else {
        if (work->mirror_x || work->mirror_y)
            error = settle_mirror(work);
        if (error == DF_OK)
            error = settle_bytes(work);
    }
    if (error == DF_OK)
        work->mirror_x = work->mirror_y = work->normalised = work->padded = false;
    return error;
}

int df_work_own(DfWork *work)
{
    const int error = df_work_settle(work);
    return error < 0 ? error : df_grid_own(&work->picture);
}

int df_work_own_floats(DfWork *work)
{
    int error = df_work_settle(work);
    if (error == DF_OK)
        error = work->picture.cell == FLOATS ? df_grid_own(&work->picture) : settle_floats(work);
    return error;
}

/* ---- moving ---------------------------------------------------------------------------------------------------- */

DfResampling df_resampling(int backend, int filter)
{
    return (DfResampling){ (DfBackend)backend, (DfPilFilter)filter };
}

int df_check_resampling(DfResampling how, const DfNode *dict)
{
    const bool bilinear_only = how.backend == DF_BACKEND_CV2 || how.backend == DF_BACKEND_TORCH_FLOATS;
    if (bilinear_only && how.filter != DF_PIL_BILINEAR)
        return df_node_fail(dict, DF_EVALUE, "backend '%s' resizes bilinearly: want interpolation = 'bilinear', or "
                            "backend = 'pillow' or 'torch'", how.backend == DF_BACKEND_CV2 ? "cv2" : "torch_floats");
    return DF_OK;
}

static DfAntialias antialias_of(DfBackend backend)
{
    if (backend == DF_BACKEND_TORCH)
        return DF_ANTIALIAS_TORCH;
    return backend == DF_BACKEND_PILLOW13 ? DF_ANTIALIAS_PILLOW13 : DF_ANTIALIAS_PILLOW;
}

static int resize_bytes(DfGrid *out, const DfGrid *in, int height, int width, DfResampling how)
{
    const DfImage image = { in->height, in->width, 3, in->at };
    const DfAntialias library = antialias_of(how.backend);
    DfImage resized;
    const int error = how.backend == DF_BACKEND_CV2
                          ? df_resize_cv2(&resized, &image, height, width)
                          : df_resize_antialiased(&resized, &image, height, width, how.filter, library);
    *out = (DfGrid){ 0 };
    if (error == DF_OK) {
        *out = df_grid_of_image(&resized);
        out->borrowed = false;
    }
    return error;
}

static int resize_floats(DfGrid *out, DfWork *work, int height, int width)
{
    const int error = df_work_own_floats(work);
    return error < 0 ? error : df_resize_torch_floats(out, &work->picture, height, width);
}

static int resize_picture(DfWork *work, int height, int width, DfResampling how)
{
    DfGrid resized;
    int error;
    if (how.backend == DF_BACKEND_TORCH_FLOATS)
        error = resize_floats(&resized, work, height, width);
    else if (work->picture.cell == BYTES)
        error = resize_bytes(&resized, &work->picture, height, width, how);
    else if (how.backend == DF_BACKEND_CV2)
        error = df_resize_cv2_floats(&resized, &work->picture, height, width);
    else
        error = df_fail(DF_EVALUE, "an antialiased resize of a picture of floats: want it before Normalize, or "
                                   "backend = 'cv2' or 'torch_floats'");
    if (error == DF_OK)
        replace(&work->picture, resized);
    return error;
}

static int resize_map(DfWork *work, int height, int width, DfBackend backend)
{
    DfGrid resized;
    if (!work->map.at)
        return DF_OK;
    const DfNearest which = backend == DF_BACKEND_CV2 ? DF_NEAREST_CV2 : DF_NEAREST_PIL;
    const int error = df_grid_nearest(&resized, &work->map, height, width, which);
    if (error == DF_OK)
        replace(&work->map, resized);
    return error;
}

int df_work_resize(DfWork *work, int height, int width, DfResampling how, bool clip)
{
    int error = df_work_settle(work);
    if (error < 0)
        return error;
    const int from[2] = { work->picture.height, work->picture.width };
    const int to[2] = { height, width };
    const float x = (float)((double)width / from[1]);
    const float y = (float)((double)height / from[0]);
    error = resize_picture(work, height, width, how);
    if (error == DF_OK)
        error = resize_map(work, height, width, how.backend);
    if (error == DF_OK)
        error = df_objects_resize(work, from, to, x, y);
    if (error == DF_OK && clip)
        df_work_clip_boxes(work, height, width);
    for (int i = 0; i < 4; i += 2) {
        work->scale_factor[i] = x;
        work->scale_factor[i + 1] = y;
    }
    work->resized = true;
    return error;
}

int df_work_flip(DfWork *work, DfFlip flip)
{
    const bool x = flip == DF_FLIP_HORIZONTAL || flip == DF_FLIP_DIAGONAL;
    const bool y = flip == DF_FLIP_VERTICAL || flip == DF_FLIP_DIAGONAL;
    int error = work->padded ? df_work_settle(work) : DF_OK;
    if (error == DF_OK && work->map.at && (error = df_grid_own(&work->map)) == DF_OK)
        df_grid_flip(&work->map, x, y);
    if (error == DF_OK)
        error = df_objects_flip(work, x, y);
    work->mirror_x ^= x;
    work->mirror_y ^= y;
    return error;
}

static int cut(DfGrid *grid, int x, int y, int height, int width)
{
    DfGrid part;
    if (!grid->at || (height == grid->height && width == grid->width))
        return DF_OK;
    const int error = df_grid_cut(&part, grid, x, y, height, width);
    if (error == DF_OK)
        replace(grid, part);
    return error;
}

/* SegRescale makes it smaller, for a network that is compared with small maps; it is of no use to a crop then. */
int df_work_check_map(const DfWork *work)
{
    const DfGrid *map = &work->map;
    if (!map->at || (map->height == df_work_height(work) && map->width == df_work_width(work)))
        return DF_OK;
    return df_fail(DF_EVALUE, "a label map of %d x %d, cropped with a picture of %d x %d: want SegRescale after it",
                   map->height, map->width, df_work_height(work), df_work_width(work));
}

/* In a mirrored picture the part lies at the other side. */
int df_work_cut(DfWork *work, int x, int y, int height, int width)
{
    int error = work->padded ? df_work_settle(work) : DF_OK;
    if (error == DF_OK)
        error = df_work_check_map(work);
    if (error < 0)
        return error;
    const int from_x = work->mirror_x ? work->picture.width - x - width : x;
    const int from_y = work->mirror_y ? work->picture.height - y - height : y;
    error = df_objects_cut(work, x, y, height, width);
    if (error == DF_OK)
        error = cut(&work->picture, from_x, from_y, height, width);
    return error < 0 ? error : cut(&work->map, x, y, height, width);
}

static int place(DfGrid *grid, const DfPlacing *p, const void *fill_with)
{
    DfGrid placed;
    const int error = df_grid_place(&placed, grid, p->x, p->y, p->height, p->width, fill_with);
    if (error == DF_OK)
        replace(grid, placed);
    return error;
}

int df_work_place_map(DfWork *work, const DfPlacing *p)
{
    const uint8_t narrow = (uint8_t)p->map_fill;
    const uint16_t wide = (uint16_t)p->map_fill;
    if (!work->map.at)
        return DF_OK;
    return place(&work->map, p, work->map.cell == 1 ? (const void *)&narrow : &wide);
}

int df_work_place(DfWork *work, const DfPlacing *p)
{
    uint8_t bytes[3];
    int error = df_work_settle(work);
    bytes_of(bytes, p->fill, work);
    if (error == DF_OK)
        error = place(&work->picture, p, work->picture.cell == BYTES ? (const void *)bytes : p->fill);
    if (error == DF_OK)
        error = df_work_place_map(work, p);
    return error < 0 ? error : df_objects_place(work, p);
}
