/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/expand.c -- Expand: puts the picture at a random position on a larger canvas (Liu et al., SSD,
 * ECCV 2016).
 */
#include "datasets/pipeline/transform.h"

typedef struct {
    DfFloats mean, ratio_range;
    const DfNode *seg_ignore_label;
    bool to_rgb;
    double prob;
    int map_fill;
} Expand;

static const DfOpt opts[] = {
    DF_OPT_FLOATS(Expand, mean, "[0, 0, 0]", -1e6, 1e6, "colour of the rest, in the network's channel order"),
    DF_OPT_BOOL(Expand, to_rgb, True, "the network takes R G B, so that mean is turned round for B G R"),
    DF_OPT_FLOATS(Expand, ratio_range, "[1, 4]", 1, 100, "smallest and largest factor of both sides"),
    DF_OPT_NODE(Expand, seg_ignore_label, "None", "label of the rest of a label map; None: 255"),
    DF_OPT_FLOAT(Expand, prob, 0.5, 0, 1, "probability that the picture is expanded"),
    DF_OPT_END
};

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    Expand *e = self;
    (void)reading;
    if (e->mean.n != 3 || e->ratio_range.n != 2)
        return df_node_fail(dict, DF_EVALUE, "want three numbers in mean and two in ratio_range");
    const int64_t label = df_node_int(e->seg_ignore_label, 255);
    if (label < 0 || label > 65535)
        return df_node_fail(e->seg_ignore_label, DF_EVALUE, "want a class, 0..65535");
    e->map_fill = (int)label;
    return DF_OK;
}

static int apply(const void *self, DfWork *work)
{
    const Expand *e = self;
    DfDraws *draws = work->draws;
    if (df_draw_uniform(draws, 0, 1) > e->prob)
        return DF_OK;
    const int height = df_work_height(work);
    const int width = df_work_width(work);
    const double ratio = df_draw_uniform(draws, e->ratio_range.v[0], e->ratio_range.v[1]);
    DfPlacing p = { .height = (int)(height * ratio), .width = (int)(width * ratio), .map_fill = e->map_fill };
    p.x = (int)df_draw_uniform(draws, 0, width * ratio - width);
    p.y = (int)df_draw_uniform(draws, 0, height * ratio - height);
    for (int c = 0; c < 3; c++)
        p.fill[c] = (float)e->mean.v[e->to_rgb ? 2 - c : c];
    return df_work_place(work, &p);
}

const DfTransform df_transform_Expand = {
    .name = "Expand",
    .help = "puts the picture at a random position on a larger canvas",
    .opts = opts,
    .size = sizeof(Expand),
    .training = true,
    .init = init,
    .apply = apply,
};
