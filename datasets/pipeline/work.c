/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/work.c -- the picture that the transforms work on; and at the end its 8-bit pixels as floats,
 * normalised, padded and in the right order of channels, in one pass.
 */
#include <string.h>

#include "datasets/pipeline/transform.h"

const DfImage *df_work_image(const DfWork *work)
{
    return work->own.pixels ? &work->own : work->source;
}

int df_work_own(DfWork *work)
{
    if (work->own.pixels)
        return DF_OK;
    const int error = df_image_new(&work->own, work->source->height, work->source->width, work->source->channels);
    if (error == DF_OK)
        memcpy(work->own.pixels, work->source->pixels, df_image_bytes(work->source));
    return error;
}

void df_work_resized(DfWork *work, DfImage resized)
{
    const DfImage *image = df_work_image(work);
    const float w = (float)((double)resized.width / image->width);
    const float h = (float)((double)resized.height / image->height);
    df_image_free(&work->own);
    work->own = resized;
    for (int i = 0; i < 4; i += 2) {
        work->scale_factor[i] = w;
        work->scale_factor[i + 1] = h;
    }
}

/* ---- to floats ------------------------------------------------------------------------------------------------- */

static void fill(float *out, size_t pixels, const float value[3])
{
    for (size_t i = 0; i < pixels; i++, out += 3) {
        out[0] = value[0];
        out[1] = value[1];
        out[2] = value[2];
    }
}

static void look_up(float *restrict out, const uint8_t *restrict in, size_t pixels, float (*table)[256], bool to_rgb)
{
    const size_t first = to_rgb ? 2 : 0;
    const size_t last = 2 - first;
    for (size_t i = 0; i < pixels; i++, out += 3, in += 3) {
        out[0] = table[0][in[first]];
        out[1] = table[1][in[1]];
        out[2] = table[2][in[last]];
    }
}

static void identity(float table[3][256])
{
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            table[c][v] = (float)v;
}

static DfImageMeta meta_of(const DfWork *work)
{
    const DfImage *image = df_work_image(work);
    DfImageMeta meta = {
        .ori_h = work->source->height,
        .ori_w = work->source->width,
        .img_h = image->height,
        .img_w = image->width,
        .pad_h = work->padded ? work->pad_height : image->height,
        .pad_w = work->padded ? work->pad_width : image->width,
        .flip_x = work->flipped == DF_FLIP_HORIZONTAL || work->flipped == DF_FLIP_DIAGONAL,
        .flip_y = work->flipped == DF_FLIP_VERTICAL || work->flipped == DF_FLIP_DIAGONAL,
    };
    memcpy(meta.scale_factor, work->scale_factor, sizeof meta.scale_factor);
    return meta;
}

int df_work_finish(const DfWork *work, DfView *out)
{
    const DfImage *image = df_work_image(work);
    *out = (DfView){ .meta = meta_of(work) };
    const size_t width = (size_t)image->width;
    const size_t height = (size_t)image->height;
    const size_t stride = (size_t)out->meta.pad_w;
    const size_t rows = (size_t)out->meta.pad_h;
    if (stride * rows > DF_IMAGE_MAX_PIXELS)
        return df_fail(DF_EVALUE, "padded to %d x %d: want at most %d pixels", out->meta.pad_h, out->meta.pad_w,
                       DF_IMAGE_MAX_PIXELS);
    if (!(out->pixels = df_malloc(stride * rows * 3 * sizeof *out->pixels)))
        return df_fail_memory("a prepared picture");
    float table[3][256];
    if (work->normalised)
        memcpy(table, work->table, sizeof table);
    else
        identity(table);
    for (size_t y = 0; y < height; y++) {
        float *line = out->pixels + y * stride * 3;
        look_up(line, image->pixels + y * width * 3, width, table, work->to_rgb);
        fill(line + width * 3, stride - width, work->pad);
    }
    fill(out->pixels + height * stride * 3, (rows - height) * stride, work->pad);
    return DF_OK;
}
