/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/pad.c -- Pad: adds a border on the right and below, to a fixed size, a square or a multiple.
 */
#include "datasets/pipeline/transform.h"

typedef struct {
    const DfNode *size, *pad_val;
    int size_divisor, seg_pad_val, padding_mode;
    bool pad_to_square;
    int height, width; /* of size; 0: none */
    float value[3];
    bool as_picture;   /* 3.x: the border counts as picture */
} Pad;

static const DfOpt opts[] = {
    DF_OPT_NODE(Pad, size, "None", "size (h, w) of the result, in pixels; (w, h) in mmdet 3.x and mmseg 1.x"),
    DF_OPT_INT(Pad, size_divisor, 0, 0, 65500, "in place of size: pad both sides up to a multiple of this"),
    DF_OPT_BOOL(Pad, pad_to_square, False, "instead of size: pad to a square"),
    DF_OPT_NODE(Pad, pad_val, "0",
                "value of the border: a list, one for each channel, or dict(img=..., seg=...); "
                "a lone number sets the first channel, as in OpenCV, but all channels in 3.x"),
    DF_OPT_INT(Pad, seg_pad_val, 255, 0, 65535, "value of the border of label maps"),
    DF_OPT_ENUM(Pad, padding_mode, constant, "constant", "how the border is filled"),
    DF_OPT_END
};

/* cv2.copyMakeBorder makes a Scalar of a lone number: (v, 0, 0). Later configs write dict(img=(v, v, v)) because
 * of it; mmcv 2 repeats a lone integer, but hands a float on. */
static int read_value(Pad *p, const DfNode *node)
{
    if (node && node->kind == DF_NODE_LIST && node->n == 3) {
        const DfNode *v = node->first;
        for (int c = 0; c < 3; c++, v = v->next) {
            if (!df_node_is_number(v))
                return df_node_fail(p->pad_val, DF_EVALUE, "want three numbers");
            p->value[c] = (float)v->number;
        }
        return DF_OK;
    }
    if (node && !df_node_is_number(node))
        return df_node_fail(p->pad_val, DF_EVALUE, "want a number or a list of three");
    p->value[0] = node ? (float)node->number : 0.0f;
    if (node && node->kind == DF_NODE_INT && p->as_picture)
        p->value[1] = p->value[2] = p->value[0];
    return DF_OK;
}

static int read_values(Pad *p)
{
    const DfNode *node = p->pad_val;
    const DfNode *seg = df_node_get(node, "seg");
    if (seg && (seg->kind != DF_NODE_INT || seg->integer < 0 || seg->integer > 65535))
        return df_node_fail(seg, DF_EVALUE, "want a class, 0..65535");
    if (seg)
        p->seg_pad_val = (int)seg->integer;
    return read_value(p, node && node->kind == DF_NODE_DICT ? df_node_get(node, "img") : node);
}

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    Pad *p = self;
    DfScales size;
    p->as_picture = reading->release == DF_RELEASE_NEW;
    int error = df_read_sizes(&size, p->size, reading->arena);
    if (error < 0 || (error = read_values(p)) < 0)
        return error;
    if ((size.n == 1) == (p->size_divisor > 0 || p->pad_to_square))
        return df_node_fail(dict, DF_EVALUE, "want either size or size_divisor");
    if (size.n == 1) {
        p->height = size.v[0].size[p->as_picture ? 1 : 0];
        p->width = size.v[0].size[p->as_picture ? 0 : 1];
    }
    return DF_OK;
}

static int up_to_multiple(int side, int divisor)
{
    return divisor ? (side + divisor - 1) / divisor * divisor : side;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static int apply(const void *self, DfWork *work)
{
    const Pad *p = self;
    const int now_height = df_work_height(work);
    const int now_width = df_work_width(work);
    const int square = p->pad_to_square ? larger(now_height, now_width) : 0;
    const int height = p->height ? p->height : up_to_multiple(larger(now_height, square), p->size_divisor);
    const int width = p->width ? p->width : up_to_multiple(larger(now_width, square), p->size_divisor);
    if (work->padded && !work->draws)
        return df_fail(DF_EVALUE, "Pad twice: want it once");
    if ((height < now_height || width < now_width) && !work->draws)
        return df_fail(DF_EVALUE, "Pad to %d x %d: the picture is already %d x %d", height, width, now_height,
                       now_width);
    work->pad_is_size = p->as_picture;
    return df_work_pad(work, larger(height, now_height), larger(width, now_width), p->value, p->seg_pad_val);
}

const DfTransform df_transform_Pad = {
    .name = "Pad",
    .help = "adds a border on the right and below",
    .opts = opts,
    .size = sizeof(Pad),
    .init = init,
    .apply = apply,
};
