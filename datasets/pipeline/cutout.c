/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/cutout.c -- CutOut of mmdet and RandomCutOut of mmseg: random rectangles are covered (DeVries and
 * Taylor, arXiv 1708.04552).
 */
#include "datasets/pipeline/transform.h"

typedef struct {
    const DfNode *n_holes, *cutout_shape, *cutout_ratio, *seg_fill_in;
    DfFloats fill_in;
    double prob;
    bool by_chance;   /* RandomCutOut */
    int holes[2];     /* least, most  */
    int n;
    double (*sizes)[2]; /* [n]: width, height, in pixels or shares */
} CutOut;

#define HOLES \
    DF_OPT_NODE(CutOut, n_holes, NULL, "number of rectangles, or a pair: the least and the most"), \
    DF_OPT_NODE(CutOut, cutout_shape, "None", "size (w, h) of a rectangle in pixels, or a list to draw from"), \
    DF_OPT_NODE(CutOut, cutout_ratio, "None", "instead of cutout_shape: sides as shares of the picture's"),    \
    DF_OPT_FLOATS(CutOut, fill_in, "[0, 0, 0]", -1e6, 1e6, "colour of the covered pixels: B, G, R")

static const DfOpt cutout_opts[] = { HOLES, DF_OPT_END };

static const DfOpt random_opts[] = {
    DF_OPT_FLOAT(CutOut, prob, 0.5, 0, 1, "probability that rectangles are covered"),
    HOLES,
    DF_OPT_NODE(CutOut, seg_fill_in, "None", "class of the covered pixels; None: unchanged"),
    DF_OPT_END
};

static int read_holes(CutOut *c)
{
    const DfNode *node = c->n_holes;
    const bool pair = node && node->kind == DF_NODE_LIST && node->n == 2;
    const DfNode *v = pair ? node->first : node;
    for (int i = 0; i < 2; i++, v = pair ? v->next : v) {
        if (!v || v->kind != DF_NODE_INT || v->integer < 0 || v->integer > 10000)
            return df_node_fail(node, DF_EVALUE, "want a number of rectangles, 0..10000, or a pair of them");
        c->holes[i] = (int)v->integer;
    }
    if (c->holes[0] > c->holes[1])
        return df_node_fail(node, DF_EVALUE, "%d to %d rectangles: want the smaller first", c->holes[0], c->holes[1]);
    return DF_OK;
}

static int read_one(double out[2], const DfNode *node, double most)
{
    const DfNode *v = node->kind == DF_NODE_LIST && node->n == 2 ? node->first : NULL;
    for (int i = 0; i < 2; i++, v = v ? v->next : NULL) {
        if (!df_node_is_number(v) || !(v->number >= 0 && v->number <= most))
            return df_node_fail(node, DF_EVALUE, "want a pair (w, h) of 0 to %g", most);
        out[i] = v->number;
    }
    return DF_OK;
}

static int read_sizes(CutOut *c, const DfNode *node, double most, DfArena *arena)
{
    if (node->kind != DF_NODE_LIST || node->n < 1)
        return df_node_fail(node, DF_EVALUE, "want a pair (w, h), or a list of them");
    const bool several = node->first->kind == DF_NODE_LIST;
    if (!(c->sizes = df_arena_alloc(arena, several ? (size_t)node->n : 1, sizeof *c->sizes)))
        return df_fail_memory("sizes");
    int error = DF_OK;
    for (const DfNode *v = several ? node->first : node; v && error == DF_OK; v = several ? v->next : NULL)
        error = read_one(c->sizes[c->n++], v, most);
    return error;
}

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    CutOut *c = self;
    if (c->fill_in.n != 3)
        return df_node_fail(dict, DF_EVALUE, "want three numbers in fill_in");
    if (!c->cutout_shape == !c->cutout_ratio)
        return df_node_fail(dict, DF_EVALUE, "want either cutout_shape or cutout_ratio");
    const int64_t label = df_node_int(c->seg_fill_in, 0);
    if (label < 0 || label > 65535)
        return df_node_fail(c->seg_fill_in, DF_EVALUE, "want a class, 0..65535");
    const int error = read_holes(c);
    if (error < 0)
        return error;
    if (c->cutout_shape)
        return read_sizes(c, c->cutout_shape, DF_IMAGE_MAX_SIDE, reading->arena);
    return read_sizes(c, c->cutout_ratio, 1, reading->arena);
}

static int init_random(void *self, const DfNode *dict, DfReading *reading)
{
    CutOut *c = self;
    c->by_chance = true;
    return init(self, dict, reading);
}

static void cover(const CutOut *c, DfWork *work, int x, int y, const double size[2])
{
    const int width = work->picture.width;
    const int height = work->picture.height;
    const int right = x + (int)(c->cutout_shape ? size[0] : size[0] * width);
    const int bottom = y + (int)(c->cutout_shape ? size[1] : size[1] * height);
    const float *fill = (const float[3]){ (float)c->fill_in.v[0], (float)c->fill_in.v[1], (float)c->fill_in.v[2] };
    uint8_t bytes[3];
    for (int i = 0; i < 3; i++)
        bytes[i] = (uint8_t)df_clamp_float(fill[i], 0.0f, 255.0f);
    df_grid_fill(&work->picture, x, y, right, bottom, df_work_is_float(work) ? (const void *)fill : bytes);
    if (!c->seg_fill_in || !work->map.at)
        return;
    const uint8_t narrow = (uint8_t)df_node_int(c->seg_fill_in, 0);
    const uint16_t wide = (uint16_t)df_node_int(c->seg_fill_in, 0);
    df_grid_fill(&work->map, x, y, right, bottom, work->map.cell == 1 ? (const void *)&narrow : &wide);
}

static int apply(const void *self, DfWork *work)
{
    const CutOut *c = self;
    DfDraws *draws = work->draws;
    if (c->by_chance && !(df_draw_share(draws) < c->prob))
        return DF_OK;
    int error = df_work_own(work);
    if (error == DF_OK && c->seg_fill_in && work->map.at)
        error = df_grid_own(&work->map);
    const int n = df_draw_integer(draws, c->holes[0], c->holes[1] + 1);
    for (int i = 0; i < n && error == DF_OK; i++) {
        const int x = df_draw_integer(draws, 0, work->picture.width);
        const int y = df_draw_integer(draws, 0, work->picture.height);
        cover(c, work, x, y, c->sizes[df_draw_integer(draws, 0, c->n)]);
    }
    return error;
}

const DfTransform df_transform_CutOut = {
    .name = "CutOut",
    .help = "covers random rectangles",
    .opts = cutout_opts,
    .size = sizeof(CutOut),
    .training = true,
    .init = init,
    .apply = apply,
};
const DfTransform df_transform_RandomCutOut = {
    .name = "RandomCutOut",
    .help = "covers random rectangles, or none",
    .opts = random_opts,
    .size = sizeof(CutOut),
    .training = true,
    .init = init_random,
    .apply = apply,
};
