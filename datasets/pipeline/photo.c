/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/photo.c -- PhotoMetricDistortion: changes brightness, contrast, saturation and hue (Howard, arXiv
 * 1312.5402; Liu et al., SSD, ECCV 2016). Three implementations have this name:
 *   mmdet 3.x   floats that are neither clamped nor rounded; draws all numbers first, then uses those it needs
 *   mmdet 2.x   the same floats, but draws only the numbers that it uses
 *   mmseg       bytes, clamped to 0..255 after each step
 */
#include <math.h>
#include <string.h>

#include "datasets/image/colours.h"
#include "datasets/image/hsv.h"
#include "datasets/pipeline/transform.h"

typedef struct {
    DfFloats contrast_range, saturation_range;
    double brightness_delta, hue_delta;
    DfCodebase codebase;
    DfRelease release;
} Photo;

static const DfOpt opts[] = {
    DF_OPT_FLOAT(Photo, brightness_delta, 32, 0, 255, "largest change of brightness, in levels of 0 to 255"),
    DF_OPT_FLOATS(Photo, contrast_range, "[0.5, 1.5]", 0, 100, "smallest and largest factor of the contrast"),
    DF_OPT_FLOATS(Photo, saturation_range, "[0.5, 1.5]", 0, 100, "smallest and largest factor of the saturation"),
    DF_OPT_FLOAT(Photo, hue_delta, 18, 0, 180, "largest change of the hue: degrees in mmdet, two degrees in mmseg"),
    DF_OPT_END
};

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    Photo *p = self;
    p->codebase = reading->codebase;
    p->release = reading->release;
    if (p->contrast_range.n != 2 || p->saturation_range.n != 2)
        return df_node_fail(dict, DF_EVALUE, "want two numbers in contrast_range and saturation_range");
    if (p->codebase == DF_CODEBASE_SEGMENTATION && p->hue_delta < 1)
        return df_node_fail(dict, DF_EVALUE, "hue_delta = %g: want at least 1", p->hue_delta);
    return DF_OK;
}

static double between(DfDraws *draws, DfFloats range)
{
    return df_draw_uniform(draws, range.v[0], range.v[1]);
}

static bool toss(DfDraws *draws)
{
    return df_draw_integer(draws, 0, 2) == 1;
}

/* ---- mmdet ----------------------------------------------------------------------------------------------------- */

/* What was drawn. A step that is left out adds 0 or multiplies by 1, which changes no pixel. */
typedef struct {
    bool contrast_first, swap;
    bool clips; /* a saturation that grows is cut at 1: 3.x */
    float brightness, contrast, saturation, hue;
    int order[3];
} Distortion;

/* 3.x draws all flags, then all values. */
static Distortion draw_all(const Photo *p, DfDraws *draws)
{
    Distortion d = { .contrast_first = toss(draws), .clips = true };
    const bool brightness = toss(draws);
    const bool contrast = toss(draws);
    const bool saturation = toss(draws);
    const bool hue = toss(draws);
    d.swap = toss(draws);
    const double delta = df_draw_uniform(draws, -p->brightness_delta, p->brightness_delta);
    const double alpha = between(draws, p->contrast_range);
    const double factor = between(draws, p->saturation_range);
    const double turn = df_draw_uniform(draws, -p->hue_delta, p->hue_delta);
    df_draw_order(draws, 3, d.order);
    d.brightness = brightness ? (float)delta : 0.0f;
    d.contrast = contrast ? (float)alpha : 1.0f;
    d.saturation = saturation ? (float)factor : 1.0f;
    d.hue = hue ? (float)turn : 0.0f;
    return d;
}

static float maybe_contrast(const Photo *p, DfDraws *draws)
{
    return toss(draws) ? (float)between(draws, p->contrast_range) : 1.0f;
}

static Distortion draw_as_used(const Photo *p, DfDraws *draws)
{
    Distortion d = { .contrast = 1.0f, .saturation = 1.0f };
    if (toss(draws))
        d.brightness = (float)df_draw_uniform(draws, -p->brightness_delta, p->brightness_delta);
    d.contrast_first = toss(draws);
    if (d.contrast_first)
        d.contrast = maybe_contrast(p, draws);
    if (toss(draws))
        d.saturation = (float)between(draws, p->saturation_range);
    if (toss(draws))
        d.hue = (float)df_draw_uniform(draws, -p->hue_delta, p->hue_delta);
    if (!d.contrast_first)
        d.contrast = maybe_contrast(p, draws);
    d.swap = toss(draws);
    if (d.swap)
        df_draw_order(draws, 3, d.order);
    return d;
}

static void brighten(DfColours *block, float brightness, float contrast)
{
    for (int i = 0; i < DF_COLOURS; i++) {
        block->a[i] = (block->a[i] + brightness) * contrast;
        block->b[i] = (block->b[i] + brightness) * contrast;
        block->c[i] = (block->c[i] + brightness) * contrast;
    }
}

/* Of HSV: a hue stays in 0..360. */
static void turn(DfColours *block, float hue, float saturation, float limit)
{
    for (int i = 0; i < DF_COLOURS; i++) {
        const float turned = block->a[i] + hue;
        const float lowered = turned - (turned > 360.0f ? 360.0f : 0.0f);
        block->a[i] = lowered + (lowered < 0.0f ? 360.0f : 0.0f);
        const float s = block->b[i] * saturation;
        const float positive = s < 0.0f ? 0.0f : s;
        block->b[i] = positive > limit ? limit : positive;
    }
}

static void swap_channels(DfColours *block, const int order[3])
{
    const DfColours old = *block;
    const float *const channels[3] = { old.a, old.b, old.c };
    memcpy(block->a, channels[order[0]], sizeof block->a);
    memcpy(block->b, channels[order[1]], sizeof block->b);
    memcpy(block->c, channels[order[2]], sizeof block->c);
}

static void distort_row(float *row, int width, const Distortion *d)
{
    DfColours block = { 0 };
    for (int x = 0; x < width; x += DF_COLOURS, row += 3 * DF_COLOURS) {
        const int n = width - x < DF_COLOURS ? width - x : DF_COLOURS;
        df_colours_load(&block, row, n);
        brighten(&block, d->brightness, d->contrast_first ? d->contrast : 1.0f);
        df_colours_to_hsv(&block, n);
        turn(&block, d->hue, d->saturation, d->clips && d->saturation > 1 ? 1.0f : INFINITY);
        df_colours_to_bgr(&block);
        brighten(&block, 0.0f, d->contrast_first ? 1.0f : d->contrast);
        if (d->swap)
            swap_channels(&block, d->order);
        df_colours_store(row, &block, n);
    }
}

static int distort_floats(const Photo *p, DfWork *work)
{
    const Distortion d = p->release == DF_RELEASE_NEW ? draw_all(p, work->draws) : draw_as_used(p, work->draws);
    const int error = df_work_own_floats(work);
    if (error < 0)
        return error;
    float *row = (float *)(void *)work->picture.at;
    for (int y = 0; y < work->picture.height; y++, row += (size_t)work->picture.width * 3)
        distort_row(row, work->picture.width, &d);
    return DF_OK;
}

/* ---- mmseg ----------------------------------------------------------------------------------------------------- */

/* numpy's uint8(clip(float32(v) * alpha + beta, 0, 255)). */
static void convert_table(uint8_t table[256], double alpha, double beta)
{
    for (int v = 0; v < 256; v++)
        table[v] = (uint8_t)df_clamp_float((float)v * (float)alpha + (float)beta, 0.0f, 255.0f);
}

static void map_all(DfGrid *picture, double alpha, double beta)
{
    uint8_t table[256];
    convert_table(table, alpha, beta);
    const size_t n = (size_t)picture->height * (size_t)picture->width * 3;
    for (size_t i = 0; i < n; i++)
        picture->at[i] = table[picture->at[i]];
}

/* Hue or saturation by a table; the picture goes to HSV and back. */
static void map_hsv(DfGrid *picture, const uint8_t table[256], size_t channel)
{
    const size_t n = (size_t)picture->height * (size_t)picture->width * 3;
    df_bgr_to_hsv_bytes(picture->at, picture->height, picture->width);
    for (size_t i = channel; i < n; i += 3)
        picture->at[i] = table[picture->at[i]];
    df_hsv_to_bgr_bytes(picture->at, picture->height, picture->width);
}

static void contrast_bytes(const Photo *p, DfWork *work)
{
    if (toss(work->draws))
        map_all(&work->picture, between(work->draws, p->contrast_range), 0);
}

static void saturation_bytes(const Photo *p, DfWork *work)
{
    uint8_t table[256];
    if (!toss(work->draws))
        return;
    convert_table(table, between(work->draws, p->saturation_range), 0);
    map_hsv(&work->picture, table, 1);
}

static void hue_bytes(const Photo *p, DfWork *work)
{
    uint8_t table[256];
    if (!toss(work->draws))
        return;
    const int turn = df_draw_integer(work->draws, -(int)p->hue_delta, (int)p->hue_delta);
    for (int v = 0; v < 256; v++)
        table[v] = (uint8_t)((v + turn + 180) % 180);
    map_hsv(&work->picture, table, 0);
}

static int distort_bytes(const Photo *p, DfWork *work)
{
    const int error = df_work_own(work);
    if (error < 0)
        return error;
    if (df_work_is_float(work))
        return df_fail(DF_EVALUE, "PhotoMetricDistortion of mmseg on a picture of floats: want it before Normalize");
    if (toss(work->draws))
        map_all(&work->picture, 1, df_draw_uniform(work->draws, -p->brightness_delta, p->brightness_delta));
    const bool contrast_first = toss(work->draws);
    if (contrast_first)
        contrast_bytes(p, work);
    saturation_bytes(p, work);
    hue_bytes(p, work);
    if (!contrast_first)
        contrast_bytes(p, work);
    return DF_OK;
}

static int apply(const void *self, DfWork *work)
{
    const Photo *p = self;
    return p->codebase == DF_CODEBASE_SEGMENTATION ? distort_bytes(p, work) : distort_floats(p, work);
}

const DfTransform df_transform_PhotoMetricDistortion = {
    .name = "PhotoMetricDistortion",
    .help = "changes brightness, contrast, saturation and hue at random",
    .opts = opts,
    .size = sizeof(Photo),
    .training = true,
    .init = init,
    .apply = apply,
};
