/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/work.c -- the picture that the transforms work on: the operations recorded for it, and finally its
 * pixels as floats, mirrored, normalised, padded and with channels in order, in one pass.
 */
#include <math.h>
#include <string.h>

#include "datasets/pipeline/transform.h"

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
    return work->picture.cell == DF_WORK_FLOATS || work->normalised;
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
    if (work->picture.cell != DF_WORK_BYTES)
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
    if (picture->cell == DF_WORK_BYTES)
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

static int settle_floats(DfWork *work)
{
    DfGrid floats;
    int error = check_padded(work);
    if (error == DF_OK)
        error = df_grid_new(&floats, df_work_height(work), df_work_width(work), DF_WORK_FLOATS);
    if (error < 0)
        return error;
    all_rows((float *)(void *)floats.at, work);
    df_grid_replace(&work->picture, floats);
    work->reversed = false;
    return DF_OK;
}

void df_work_colour(uint8_t out[3], const float colour[3], const DfWork *work)
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
        df_work_colour(border, work->pad, work);
        error = df_grid_place(&padded, &work->picture, 0, 0, work->pad_height, work->pad_width, border);
        if (error == DF_OK)
            df_grid_replace(&work->picture, padded);
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
    if (work->normalised || (work->padded && work->picture.cell == DF_WORK_FLOATS)) {
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
        error = work->picture.cell == DF_WORK_FLOATS ? df_grid_own(&work->picture) : settle_floats(work);
    return error;
}
