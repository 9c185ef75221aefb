/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/random_resized_crop.c -- RandomResizedCrop as timm and torchvision define it (Szegedy et al., CVPR
 * 2015): crops a random area and shape, and resizes it to one size by Pillow.
 */
#include <math.h>

#include "datasets/pipeline/whole.h"

typedef struct {
    const DfNode *scale, *size;
    DfFloats crop_ratio_range, aspect_ratio_range;
    int max_attempts, interpolation, backend, efficientnet_style;
    int to[2]; /* height, width */
} Crop;

static const DfOpt opts[] = {
    DF_OPT_NODE(Crop, scale, "None", "size of the result: a number, or (height, width)"),
    DF_OPT_NODE(Crop, size, "None", "another name of the option, in mmcls 0.x"),
    DF_OPT_FLOATS(Crop, crop_ratio_range, "[0.08, 1.0]", 1e-6, 1, "smallest and largest share of the picture's area"),
    DF_OPT_FLOATS(Crop, aspect_ratio_range, "[0.75, 1.3333333333333333]", 1e-3, 1e3,
                  "smallest and largest width / height"),
    DF_OPT_INT(Crop, max_attempts, 10, 1, 1000, "number of random crops tried before the centre is taken"),
    DF_OPT_ENUM(Crop, interpolation, bicubic, DF_PIL_FILTERS, "interpolation of the resize"),
    DF_OPT_ENUM(Crop, backend, pillow, "pillow", "the library whose pixels are reproduced bit for bit"),
    DF_OPT_ENUM(Crop, efficientnet_style, False, "False", "crop as EfficientNet does; only False is supported"),
    DF_OPT_END
};

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    Crop *c = self;
    (void)reading;
    if (c->crop_ratio_range.n != 2 || c->aspect_ratio_range.n != 2)
        return df_node_fail(dict, DF_EVALUE, "crop_ratio_range and aspect_ratio_range: want two numbers each");
    return df_whole_size(c->to, c->scale ? c->scale : c->size, dict);
}

typedef struct {
    int x, y, height, width;
} Part;

/* Of a picture of no such part: the largest in the middle whose shape is allowed. */
static Part middle(const Crop *c, int height, int width)
{
    const double least = c->aspect_ratio_range.v[0];
    const double most = c->aspect_ratio_range.v[1];
    const double ratio = (double)width / height;
    Part part = { .height = height, .width = width };
    if (ratio < least)
        part.height = (int)nearbyint(width / least);
    else if (ratio > most)
        part.width = (int)nearbyint(height * most);
    part.y = (height - part.height) / 2;
    part.x = (width - part.width) / 2;
    return part;
}

static Part choose(const Crop *c, DfDraws *draws, int height, int width)
{
    const double *share = c->crop_ratio_range.v;
    const double *ratio = c->aspect_ratio_range.v;
    for (int i = 0; i < c->max_attempts; i++) {
        const double area = df_draw_uniform(draws, share[0], share[1]) * ((double)height * width);
        const double aspect = exp(df_draw_uniform(draws, log(ratio[0]), log(ratio[1])));
        const double w = nearbyint(sqrt(area * aspect));
        const double h = nearbyint(sqrt(area / aspect));
        if (w < 1 || h < 1 || w > width || h > height)
            continue;
        Part part = { .height = (int)h, .width = (int)w };
        part.y = df_draw_integer(draws, 0, height - part.height + 1);
        part.x = df_draw_integer(draws, 0, width - part.width + 1);
        return part;
    }
    return middle(c, height, width);
}

static int apply(const void *self, DfWork *work)
{
    const Crop *c = self;
    DfImage view, resized;
    int error = df_whole_bytes(work, &view, "RandomResizedCrop");
    if (error < 0)
        return error;
    const Part part = choose(c, work->draws, view.height, view.width);
    error = df_work_cut(work, part.x, part.y, part.height, part.width);
    if (error == DF_OK)
        error = df_whole_bytes(work, &view, "RandomResizedCrop");
    if (error == DF_OK)
        error = df_resize_antialiased(&resized, &view, c->to[0], c->to[1], (DfPilFilter)c->interpolation,
                                      DF_ANTIALIAS_PILLOW);
    if (error == DF_OK)
        df_whole_replace(work, resized);
    return error;
}

const DfTransform df_transform_RandomResizedCrop = {
    .name = "RandomResizedCrop",
    .help = "crops a random area and shape, and resizes it (Szegedy et al., CVPR 2015); for classification",
    .opts = opts,
    .size = sizeof(Crop),
    .training = true,
    .init = init,
    .apply = apply,
};
