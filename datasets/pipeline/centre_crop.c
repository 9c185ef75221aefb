/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/centre_crop.c -- CenterCrop: crops the centre, which classifiers are tested on, as torchvision or
 * transformers do.
 */
#include <math.h>

#include "datasets/pipeline/whole.h"

typedef struct {
    const DfNode *crop_size;
    DfFloats fill;
    int library;
    int to[2]; /* height, width */
} Crop;
enum { TORCHVISION, TRANSFORMERS, TRANSFORMERS_PIL };

static const DfOpt crop_opts[] = {
    DF_OPT_NODE(Crop, crop_size, "None", "size of the crop: a number, or (height, width)"),
    DF_OPT_FLOATS(Crop, fill, "[0, 0, 0]", 0, 255, "R, G, B of the border around a picture that is too small"),
    DF_OPT_ENUM(Crop, library, torchvision, "torchvision|transformers|transformers_pil",
                "who halves an odd border: torchvision rounds to even; transformers rounds down, but its PIL backend "
                "rounds the border up that it puts around a small picture"),
    DF_OPT_END
};

static int crop_init(void *self, const DfNode *dict, DfReading *reading)
{
    Crop *c = self;
    (void)reading;
    if (c->fill.n != 3)
        return df_node_fail(dict, DF_EVALUE, "fill: %d numbers: want three, of R, G and B", c->fill.n);
    return df_whole_size(c->to, c->crop_size, dict);
}

/* What a picture that is too small gets before it. */
static int border(const Crop *c, int side, int wanted)
{
    const int less = side < wanted ? wanted - side : 0;
    return c->library == TRANSFORMERS_PIL ? (less + 1) / 2 : less / 2;
}

/* A border on all sides. */
static int enlarge(const Crop *c, DfWork *work)
{
    const int height = df_work_height(work);
    const int width = df_work_width(work);
    const DfPlacing larger = {
        .height = height < c->to[0] ? c->to[0] : height,
        .width = width < c->to[1] ? c->to[1] : width,
        .y = border(c, height, c->to[0]),
        .x = border(c, width, c->to[1]),
        .fill = { (float)c->fill.v[2], (float)c->fill.v[1], (float)c->fill.v[0] },
    };
    if (larger.height == height && larger.width == width)
        return DF_OK;
    return df_work_place(work, &larger);
}

/* What is cut off before the part. */
static int offset(const Crop *c, int side, int wanted)
{
    if (c->library == TORCHVISION)
        return (int)nearbyint((side - wanted) / 2.0);
    return (side - wanted) / 2;
}

static int crop_apply(const void *self, DfWork *work)
{
    const Crop *c = self;
    DfImage view;
    int error = df_whole_bytes(work, &view, "CenterCrop");
    if (error == DF_OK)
        error = enlarge(c, work);
    if (error < 0)
        return error;
    const int y = offset(c, df_work_height(work), c->to[0]);
    const int x = offset(c, df_work_width(work), c->to[1]);
    return df_work_cut(work, x, y, c->to[0], c->to[1]);
}

const DfTransform df_transform_CenterCrop = {
    .name = "CenterCrop",
    .help = "crops the centre; for classification",
    .opts = crop_opts,
    .size = sizeof(Crop),
    .init = crop_init,
    .apply = crop_apply,
};
