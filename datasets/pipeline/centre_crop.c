/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/centre_crop.c -- ResizeEdge and CenterCrop: how classifiers are tested, with the pixels of
 * torchvision's Resize and CenterCrop on Pillow's pictures.
 */
#include <math.h>

#include "datasets/pipeline/whole.h"

/* ---- ResizeEdge ------------------------------------------------------------------------------------------------- */

typedef struct {
    int scale, edge, interpolation, backend;
} Resize;
enum { EDGE_SHORT, EDGE_LONG, EDGE_WIDTH, EDGE_HEIGHT };

static const DfOpt resize_opts[] = {
    DF_OPT_ROW(Resize, scale, DF_KIND_INT, NULL, 1, DF_IMAGE_MAX_SIDE, NULL, "pixels that the edge gets"),
    DF_OPT_ENUM(Resize, edge, short, "short|long|width|height", "which edge; the other one follows"),
    DF_OPT_ENUM(Resize, interpolation, bicubic, DF_WHOLE_INTERPOLATIONS, "how it is resized"),
    DF_OPT_ENUM(Resize, backend, pillow, "pillow", "the library whose pixels are reproduced bit for bit"),
    DF_OPT_END
};

static bool by_width(const Resize *r, int height, int width)
{
    switch (r->edge) {
    case EDGE_SHORT: return width <= height;
    case EDGE_LONG: return width > height;
    default: return r->edge == EDGE_WIDTH;
    }
}

/* torchvision: the other edge is int(scale * long / short). */
static int resize_apply(const void *self, DfWork *work)
{
    const Resize *r = self;
    DfImage view, resized;
    int error = df_whole_bytes(work, &view, "ResizeEdge");
    if (error < 0)
        return error;
    int height = r->scale;
    int width = r->scale;
    if (by_width(r, view.height, view.width))
        height = (int)((int64_t)r->scale * view.height / view.width);
    else
        width = (int)((int64_t)r->scale * view.width / view.height);
    error = df_resize_pil_as(&resized, &view, height < 1 ? 1 : height, width < 1 ? 1 : width,
                             (DfPilFilter)r->interpolation);
    if (error == DF_OK)
        df_whole_replace(work, resized);
    return error;
}

const DfTransform df_transform_ResizeEdge = {
    .name = "ResizeEdge",
    .help = "one edge to a length, the shape kept; for classification",
    .opts = resize_opts,
    .size = sizeof(Resize),
    .apply = resize_apply,
};

/* ---- CenterCrop ------------------------------------------------------------------------------------------------- */

typedef struct {
    const DfNode *crop_size;
    int to[2]; /* height, width */
} Crop;

static const DfOpt crop_opts[] = {
    DF_OPT_NODE(Crop, crop_size, "None", "size of the part: a number, or (height, width)"),
    DF_OPT_END
};

static int crop_init(void *self, const DfNode *dict, DfReading *reading)
{
    Crop *c = self;
    (void)reading;
    return df_whole_size(c->to, c->crop_size, dict);
}

/* A picture that is too small gets a black border, half of it on each side. */
static int enlarge(const Crop *c, DfWork *work, const DfImage *view)
{
    DfPlacing larger = { .height = view->height, .width = view->width };
    if (view->height < c->to[0]) {
        larger.height = c->to[0];
        larger.y = (c->to[0] - view->height) / 2;
    }
    if (view->width < c->to[1]) {
        larger.width = c->to[1];
        larger.x = (c->to[1] - view->width) / 2;
    }
    if (larger.height == view->height && larger.width == view->width)
        return DF_OK;
    return df_work_place(work, &larger);
}

/* torchvision: int(round((side - wanted) / 2)), rounded to even. */
static int crop_apply(const void *self, DfWork *work)
{
    const Crop *c = self;
    DfImage view;
    int error = df_whole_bytes(work, &view, "CenterCrop");
    if (error == DF_OK)
        error = enlarge(c, work, &view);
    if (error < 0)
        return error;
    const int y = (int)nearbyint((df_work_height(work) - c->to[0]) / 2.0);
    const int x = (int)nearbyint((df_work_width(work) - c->to[1]) / 2.0);
    return df_work_cut(work, x, y, c->to[0], c->to[1]);
}

const DfTransform df_transform_CenterCrop = {
    .name = "CenterCrop",
    .help = "the part in the middle; for classification",
    .opts = crop_opts,
    .size = sizeof(Crop),
    .init = crop_init,
    .apply = crop_apply,
};
