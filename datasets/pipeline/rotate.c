/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/rotate.c -- RandomRotate of mmseg: rotates picture and label map by a random angle.
 */
#include <math.h>

#include "datasets/image/warp.h"
#include "datasets/pipeline/transform.h"

typedef struct {
    const DfNode *degree, *pad_val, *center;
    double prob;
    int seg_pad_val;
    bool auto_bound;
    double from, to;
    uint8_t border[3];
    double middle[2];
} Rotate;

static const DfOpt opts[] = {
    DF_OPT_FLOAT(Rotate, prob, NULL, 0, 1, "probability that the picture is rotated"),
    DF_OPT_NODE(Rotate, degree, NULL, "largest angle in degrees, either way; or the smallest and the largest"),
    DF_OPT_NODE(Rotate, pad_val, "0", "colour outside the picture; a single number sets the first channel only"),
    DF_OPT_INT(Rotate, seg_pad_val, 255, 0, 65535, "class of the pixels outside the picture"),
    DF_OPT_NODE(Rotate, center, "None", "centre of the rotation, (x, y); None: the middle"),
    DF_OPT_BOOL(Rotate, auto_bound, False, "enlarge the picture so that nothing is cut off"),
    DF_OPT_END
};

/* Up to n numbers: how many were read. */
static int read_numbers(double *out, int n, const DfNode *node)
{
    const bool list = node && node->kind == DF_NODE_LIST;
    int read = 0;
    for (const DfNode *v = list ? node->first : node; v && read < n; v = list ? v->next : NULL) {
        if (!df_node_is_number(v) || !(fabs(v->number) < 1e6))
            return 0;
        out[read++] = v->number;
    }
    return read;
}

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    Rotate *r = self;
    double angle[2];
    double value[3] = { 0 };
    (void)reading;
    const int angles = read_numbers(angle, 2, r->degree);
    if (angles == 0)
        return df_node_fail(dict, DF_EVALUE, "want an angle in degree, or a pair of them");
    r->from = angles == 2 ? fmin(angle[0], angle[1]) : -fabs(angle[0]);
    r->to = angles == 2 ? fmax(angle[0], angle[1]) : fabs(angle[0]);
    if (r->pad_val && read_numbers(value, 3, r->pad_val) == 0)
        return df_node_fail(r->pad_val, DF_EVALUE, "want a number, or three");
    for (int c = 0; c < 3; c++)
        r->border[c] = (uint8_t)rint(df_clamp_double(value[c], 0, 255));
    if (r->center && read_numbers(r->middle, 2, r->center) != 2)
        return df_node_fail(r->center, DF_EVALUE, "want a pair (x, y)");
    if (r->center && r->auto_bound)
        return df_node_fail(dict, DF_EVALUE, "center with auto_bound: want one of them");
    return DF_OK;
}

/* Wide enough for the corners, and the picture in the middle. */
static void enlarge(DfAffine *affine, int *height, int *width)
{
    const double across = fabs(affine->m[0]);
    const double down = fabs(affine->m[1]);
    const double w = *height * down + *width * across;
    const double h = *height * across + *width * down;
    affine->m[2] += (w - *width) * 0.5;
    affine->m[5] += (h - *height) * 0.5;
    *width = (int)rint(w);
    *height = (int)rint(h);
}

static int turn(DfGrid *grid, const DfAffine *affine, int height, int width, const void *border, bool linear)
{
    DfGrid turned;
    const int error = linear ? df_warp_linear(&turned, grid, affine, height, width, border)
                             : df_warp_nearest(&turned, grid, affine, height, width, border);
    if (error == DF_OK) {
        df_grid_free(grid);
        *grid = turned;
    }
    return error;
}

static int turn_map(const Rotate *r, DfWork *work, const DfAffine *affine, int height, int width)
{
    const uint8_t narrow = (uint8_t)r->seg_pad_val;
    const uint16_t wide = (uint16_t)r->seg_pad_val;
    if (!work->map.at)
        return DF_OK;
    const void *border = work->map.cell == 1 ? (const void *)&narrow : &wide;
    return turn(&work->map, affine, height, width, border, false);
}

static int apply(const void *self, DfWork *work)
{
    const Rotate *r = self;
    const bool turns = df_draw_share(work->draws) < r->prob;
    const double angle = df_draw_uniform(work->draws, r->from, r->to);
    if (!turns)
        return DF_OK;
    int error = df_work_settle(work);
    if (error < 0)
        return error;
    if (df_work_is_float(work) || df_work_objects(work))
        return df_fail(DF_EVALUE, "RandomRotate turns label maps and pictures of bytes: no boxes, no floats");
    int height = df_work_height(work);
    int width = df_work_width(work);
    const double x = r->center ? r->middle[0] : (width - 1) * 0.5;
    const double y = r->center ? r->middle[1] : (height - 1) * 0.5;
    DfAffine affine = df_affine_rotation(x, y, -angle);
    if (r->auto_bound)
        enlarge(&affine, &height, &width);
    error = turn(&work->picture, &affine, height, width, r->border, true);
    return error < 0 ? error : turn_map(r, work, &affine, height, width);
}

const DfTransform df_transform_RandomRotate = {
    .name = "RandomRotate",
    .help = "rotates picture and label map by a random angle",
    .opts = opts,
    .size = sizeof(Rotate),
    .training = true,
    .init = init,
    .apply = apply,
};
