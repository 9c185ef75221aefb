/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/resize_antialiased.c -- resizes 8-bit pictures as Pillow (src/libImaging/Resample.c) and PyTorch
 * (interpolate(antialias=True) of uint8) do, bit for bit.
 *
 * Output pixel i is a weighted mean of the inputs k around its centre. When shrinking, the filter is stretched to the
 * output's pixel size, so that it averages over all inputs (antialiasing):
 *     scale  = in / out,   stretch = max(scale, 1),   centre = (i + 0.5) * scale
 *     weight = filter((k + 0.5 - centre) / stretch), divided by the sum of all weights
 * computed in double and stored as integers, weight * 2^bits rounded. First along lines, then along columns, rounded
 * to 8 bits in between; Pillow 13 starts with the columns if they shrink by more than twice as many pixels as the
 * lines. An axis whose size does not change is skipped. Pillow's weights have 22 bits, PyTorch's as many as a 16-bit
 * integer can hold for the largest weight of a pass.
 */
#include <string.h>

#include "datasets/image/resample.h"

/* ---- both ways -------------------------------------------------------------------------------------------------- */

typedef struct {
    DfPilFilter shape;
    DfAntialias manner;
} How;

static int resize_lines(DfImage *out, const DfImage *in, int width, How how)
{
    DfResampling f;
    int error = df_resampling_new(&f, how.shape, how.manner, in->width, width);
    if (error == DF_OK)
        error = df_image_new(out, in->height, width, in->channels);
    if (error == DF_OK && (error = df_resample_lines(out, in, &f)) < 0)
        df_image_free(out);
    df_resampling_free(&f);
    return error;
}

static int resize_columns(DfImage *out, const DfImage *in, int height, How how)
{
    DfResampling f;
    int error = df_resampling_new(&f, how.shape, how.manner, in->height, height);
    if (error == DF_OK)
        error = df_image_new(out, height, in->width, in->channels);
    if (error == DF_OK)
        df_resample_columns(out, in, &f);
    df_resampling_free(&f);
    return error;
}

static int copy(DfImage *out, const DfImage *in)
{
    const int error = df_image_new(out, in->height, in->width, in->channels);
    if (error == DF_OK)
        memcpy(out->pixels, in->pixels, df_image_bytes(in));
    return error;
}

static int nearest(DfImage *out, const DfImage *in, int height, int width, DfAntialias library)
{
    const DfGrid cells = df_grid_of_image(in);
    const DfNearest which = library == DF_ANTIALIAS_TORCH ? DF_NEAREST_TORCH : DF_NEAREST_PIL;
    DfGrid picked;
    const int error = df_grid_nearest(&picked, &cells, height, width, which);
    *out = (DfImage){ 0 };
    if (error == DF_OK)
        *out = (DfImage){ height, width, in->channels, picked.at };
    return error;
}

static bool columns_first(const DfImage *in, int height, int width, DfAntialias library)
{
    const int lost = in->height - height;
    return library == DF_ANTIALIAS_PILLOW13 && lost > 0 && lost > 2 * (in->width - width);
}

static int both_ways(DfImage *out, const DfImage *in, int height, int width, How how)
{
    const bool columns = columns_first(in, height, width, how.manner);
    DfImage half = { 0 };
    int error = columns ? resize_columns(&half, in, height, how) : resize_lines(&half, in, width, how);
    if (error == DF_OK)
        error = columns ? resize_lines(out, &half, width, how) : resize_columns(out, &half, height, how);
    df_image_free(&half);
    return error;
}

int df_resize_antialiased(DfImage *out, const DfImage *in, int height, int width, DfPilFilter shape,
                          DfAntialias library)
{
    const How how = { shape, library };
    *out = (DfImage){ 0 };
    const int error = df_image_check_size((uint64_t)(height > 0 ? height : 0), (uint64_t)(width > 0 ? width : 0), 0);
    if (error < 0)
        return error;
    if (height == in->height && width == in->width)
        return copy(out, in);
    if (shape == DF_PIL_NEAREST)
        return nearest(out, in, height, width, library);
    if (height == in->height)
        return resize_lines(out, in, width, how);
    if (width == in->width)
        return resize_columns(out, in, height, how);
    return both_ways(out, in, height, width, how);
}

int df_resize_pil(DfImage *out, const DfImage *in, int height, int width)
{
    return df_resize_antialiased(out, in, height, width, DF_PIL_BILINEAR, DF_ANTIALIAS_PILLOW);
}
