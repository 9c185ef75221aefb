/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/random_erasing.c -- RandomErasing (Zhong et al., AAAI 2020) as timm has it: rectangles of a
 * normalised picture become zeros or normal noise.
 */
#include <math.h>

#include "datasets/pipeline/transform.h"

enum { MODE_CONST, MODE_RAND, MODE_PIXEL, TRIES = 10 };

typedef struct {
    double erase_prob;
    DfFloats area_range, aspect_range;
    int mode, min_count, max_count;
} Erasing;

static const DfOpt opts[] = {
    DF_OPT_FLOAT(Erasing, erase_prob, 0.25, 0, 1, "probability that a rectangle is erased"),
    DF_OPT_FLOATS(Erasing, area_range, "[0.02, 0.3333333333333333]", 0, 1,
                  "smallest and largest share of the picture's area"),
    DF_OPT_FLOATS(Erasing, aspect_range, "[0.3, 3.3333333333333335]", 1e-3, 1e3, "smallest and largest height / width"),
    DF_OPT_ENUM(Erasing, mode, pixel, "const|rand|pixel",
                "what comes there: zeros, one colour of normal noise, or noise in every pixel"),
    DF_OPT_INT(Erasing, min_count, 1, 1, 100, "smallest number of rectangles"),
    DF_OPT_INT(Erasing, max_count, 1, 1, 100, "largest number of rectangles"),
    DF_OPT_END
};

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    const Erasing *e = self;
    (void)reading;
    if (e->area_range.n != 2 || e->aspect_range.n != 2)
        return df_node_fail(dict, DF_EVALUE, "area_range and aspect_range: want two numbers each");
    if (e->max_count < e->min_count)
        return df_node_fail(dict, DF_EVALUE, "max_count = %d: want at least min_count = %d", e->max_count,
                            e->min_count);
    return DF_OK;
}

static void erase(const Erasing *e, DfWork *work, int y, int x, int height, int width)
{
    float *pixels = (float *)(void *)work->picture.at;
    float colour[3] = { 0 };
    for (int c = 0; e->mode == MODE_RAND && c < 3; c++)
        colour[c] = (float)df_draw_normal(work->draws, 0, 1);
    for (int i = 0; i < height; i++) {
        float *at = pixels + ((size_t)(y + i) * (size_t)work->picture.width + (size_t)x) * 3;
        for (int k = 0; k < 3 * width; k++)
            at[k] = e->mode == MODE_PIXEL ? (float)df_draw_normal(work->draws, 0, 1) : colour[k % 3];
    }
}

static void erase_one(const Erasing *e, DfWork *work, int count)
{
    const int height = work->picture.height;
    const int width = work->picture.width;
    const double *aspect = e->aspect_range.v;
    for (int i = 0; i < TRIES; i++) {
        const double area = df_draw_uniform(work->draws, e->area_range.v[0], e->area_range.v[1]) *
                            ((double)height * width) / count;
        const double ratio = exp(df_draw_uniform(work->draws, log(aspect[0]), log(aspect[1])));
        const double h = nearbyint(sqrt(area * ratio));
        const double w = nearbyint(sqrt(area / ratio));
        if (w >= width || h >= height)
            continue;
        const int y = df_draw_integer(work->draws, 0, height - (int)h + 1);
        const int x = df_draw_integer(work->draws, 0, width - (int)w + 1);
        erase(e, work, y, x, (int)h, (int)w);
        return;
    }
}

static int apply(const void *self, DfWork *work)
{
    const Erasing *e = self;
    int count = e->min_count;
    if (!work->normalised)
        return df_fail(DF_EVALUE, "RandomErasing before Normalize: want it behind");
    if (df_draw_share(work->draws) > e->erase_prob)
        return DF_OK;
    if (e->min_count != e->max_count)
        count = df_draw_integer(work->draws, e->min_count, e->max_count + 1);
    const int error = df_work_own_floats(work);
    for (int i = 0; error == DF_OK && i < count; i++)
        erase_one(e, work, count);
    return error;
}

const DfTransform df_transform_RandomErasing = {
    .name = "RandomErasing",
    .help = "erases random rectangles of a normalised picture (Zhong et al., AAAI 2020); for classification",
    .opts = opts,
    .size = sizeof(Erasing),
    .training = true,
    .init = init,
    .apply = apply,
};
