/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/pad.c -- Pad: a border right and below, to a fixed size or up to a multiple.
 */
#include <math.h>

#include "datasets/pipeline/transform.h"

typedef struct {
    const DfNode *size, *pad_val;
    int size_divisor;
    int height, width; /* of size; 0: none */
    double value[3];
} Pad;

static const DfOpt opts[] = {
    DF_OPT_NODE(Pad, size, "None", "size (h, w) of the result, in pixels"),
    DF_OPT_INT(Pad, size_divisor, 0, 0, 65500, "in place of size: pad both sides up to a multiple of this"),
    DF_OPT_NODE(Pad, pad_val, "0",
                "value of the border: a list, one for each channel, or dict(img=...); "
                "a lone number sets the first channel, as in OpenCV"),
    DF_OPT_END
};

static bool is_number(const DfNode *node)
{
    return node && (node->kind == DF_NODE_INT || node->kind == DF_NODE_FLOAT);
}

/* cv2.copyMakeBorder makes a Scalar of a lone number: (v, 0, 0). Later configs write dict(img=(v, v, v)) because
 * of it. */
static int read_value(Pad *p)
{
    const DfNode *node = p->pad_val;
    if (node && node->kind == DF_NODE_DICT)
        node = df_node_get(node, "img");
    if (node && node->kind == DF_NODE_LIST && node->n == 3) {
        const DfNode *v = node->first;
        for (int c = 0; c < 3; c++, v = v->next) {
            if (!is_number(v))
                return df_node_fail(p->pad_val, DF_EVALUE, "want three numbers");
            p->value[c] = v->number;
        }
        return DF_OK;
    }
    if (node && !is_number(node))
        return df_node_fail(p->pad_val, DF_EVALUE, "want a number or a list of three");
    p->value[0] = node ? node->number : 0.0;
    return DF_OK;
}

static int init(void *self, const DfNode *dict, DfArena *arena)
{
    Pad *p = self;
    DfScales size;
    int error = df_read_sizes(&size, p->size, arena);
    if (error < 0 || (error = read_value(p)) < 0)
        return error;
    if ((size.n == 1) == (p->size_divisor > 0))
        return df_node_fail(dict, DF_EVALUE, "want either size or size_divisor");
    if (size.n == 1) {
        p->height = size.v[0].size[0];
        p->width = size.v[0].size[1];
    }
    return DF_OK;
}

static int up_to_multiple(int side, int divisor)
{
    return (side + divisor - 1) / divisor * divisor;
}

static int apply(const void *self, DfWork *work)
{
    const Pad *p = self;
    const DfImage *image = df_work_image(work);
    if (work->padded)
        return df_fail(DF_EVALUE, "Pad twice: want it once");
    const int height = p->height ? p->height : up_to_multiple(image->height, p->size_divisor);
    const int width = p->width ? p->width : up_to_multiple(image->width, p->size_divisor);
    if (height < image->height || width < image->width)
        return df_fail(DF_EVALUE, "Pad to %d x %d: the picture is already %d x %d", height, width, image->height,
                       image->width);
    work->padded = true;
    work->pad_height = height;
    work->pad_width = width;
    for (int c = 0; c < 3; c++) { /* an 8-bit picture takes whole values */
        const double whole = fmin(fmax(rint(p->value[c]), 0.0), 255.0);
        work->pad[c] = (float)(work->normalised ? p->value[c] : whole);
    }
    return DF_OK;
}

const DfTransform df_transform_Pad = {
    .name = "Pad",
    .help = "adds a border on the right and below",
    .opts = opts,
    .size = sizeof(Pad),
    .init = init,
    .apply = apply,
};
