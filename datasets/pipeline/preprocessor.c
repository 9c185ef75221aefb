/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/preprocessor.c -- DetDataPreprocessor, SegDataPreProcessor and others of mmengine's libraries.
 * There the model normalises and pads the result of the transforms; here this is the last step of the list, in
 * PyTorch's arithmetic: (pixel - mean) / std in float32.
 */
#include "datasets/pipeline/transform.h"

typedef struct {
    bool normalises;
    DfNormal normal;
    int divisor;       /* both sides up to a multiple; 0: none */
    int height, width; /* both sides up to this; 0: none       */
    int map_fill;
    float fill;        /* after normalising                    */
} Preprocessor;

typedef struct {
    Preprocessor p;
    DfFloats mean, std;
    const DfNode *size;
    int pad_size_divisor, seg_pad_val, seg_pad_value, size_divisor, batch_augments;
    double pad_value, pad_val;
    bool bgr_to_rgb, rgb_to_bgr;
} Options;

static const DfOpt opts[] = {
    DF_OPT_FLOATS(Options, mean, "[]", -1e6, 1e6, "mean of each channel, in the order of the network"),
    DF_OPT_FLOATS(Options, std, "[]", -1e6, 1e6, "standard deviation of each channel"),
    DF_OPT_INT(Options, pad_size_divisor, 1, 1, 65500, "pad both sides to a multiple of this"),
    DF_OPT_FLOAT(Options, pad_value, 0, -1e6, 1e6, "value of the border, after normalising"),
    DF_OPT_BOOL(Options, bgr_to_rgb, False, "exchange the channels: B, G, R to R, G, B"),
    DF_OPT_BOOL(Options, rgb_to_bgr, False, "another name of bgr_to_rgb"),
    DF_OPT_NODE(Options, size, "None", "mmseg: size (h, w) that pictures of a batch are padded to"),
    DF_OPT_INT(Options, size_divisor, 0, 0, 65500, "mmseg: in place of size, a divisor of both sides"),
    DF_OPT_FLOAT(Options, pad_val, 0, -1e6, 1e6, "mmseg: value of the border, after normalising"),
    DF_OPT_INT(Options, seg_pad_val, 255, 0, 65535, "mmseg: value of the border of label maps"),
    DF_OPT_INT(Options, seg_pad_value, 255, 0, 65535, "mmdet: value of the border of label maps"),
    DF_OPT_UNUSED(pad_mask, "pad masks, too; they are always padded with the picture"),
    DF_OPT_UNUSED(mask_pad_value, "value of the border of masks, which is always background"),
    DF_OPT_UNUSED(pad_seg, "pad label maps, too; they are always padded with the picture"),
    DF_OPT_UNUSED(boxtype2tensor, "boxes are always plain arrays"),
    DF_OPT_UNUSED(non_blocking, "how PyTorch copies to a device"),
    DF_OPT_ENUM(Options, batch_augments, None, "None", "in training: sizes that change from batch to batch"),
    DF_OPT_UNUSED(to_onehot, "convert labels to one-hot vectors; they stay numbers"),
    DF_OPT_UNUSED(num_classes, "for to_onehot"),
    DF_OPT_END
};

static int read_normal(Preprocessor *out, const Options *o, const DfNode *dict)
{
    out->normal = (DfNormal){ .kind = DF_NORMAL_TORCH, .to_rgb = o->bgr_to_rgb || o->rgb_to_bgr };
    out->normalises = o->mean.n || o->std.n || out->normal.to_rgb;
    for (int c = 0; c < 3; c++)
        out->normal.std[c] = 1.0f;
    if (!o->mean.n && !o->std.n)
        return DF_OK;
    const int error = df_check_normalize(&o->mean, &o->std, dict);
    for (int c = 0; c < 3 && error == DF_OK; c++) {
        out->normal.mean[c] = (float)o->mean.v[c];
        out->normal.std[c] = (float)o->std.v[c];
    }
    return error;
}

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    Options *o = self;
    Preprocessor *p = &o->p;
    DfScales size;
    *p = (Preprocessor){ 0 };
    int error = df_read_sizes(&size, o->size, reading->arena);
    if (error == DF_OK)
        error = read_normal(p, o, dict);
    if (error < 0)
        return error;
    reading->normalises |= o->mean.n > 0;
    p->divisor = o->size_divisor ? o->size_divisor : o->pad_size_divisor;
    p->height = size.n ? size.v->size[0] : 0;
    p->width = size.n ? size.v->size[1] : 0;
    p->map_fill = o->seg_pad_val != 255 ? o->seg_pad_val : o->seg_pad_value;
    p->fill = (float)(o->pad_val != 0 ? o->pad_val : o->pad_value);
    return DF_OK;
}

static int side_of(int side, int divisor, int least)
{
    const int multiple = (side + divisor - 1) / divisor * divisor;
    return multiple > least ? multiple : least;
}

static int apply(const void *self, DfWork *work)
{
    const Preprocessor *p = &((const Options *)self)->p;
    int error = p->normalises ? df_work_normalize(work, &p->normal) : DF_OK;
    const int height = side_of(df_work_height(work), p->divisor, p->height);
    const int width = side_of(df_work_width(work), p->divisor, p->width);
    const float fill[3] = { p->fill, p->fill, p->fill };
    if (error < 0 || (height == df_work_height(work) && width == df_work_width(work)))
        return error;
    const bool counted = work->padded && work->pad_is_size; /* what Pad made is picture, this border is not */
    if (counted && (error = df_work_settle(work)) < 0)
        return error;
    work->pad_is_size = false;
    return df_work_pad(work, height, width, fill, p->map_fill);
}

#define PREPROCESSOR(type) \
    const DfTransform df_transform_##type = { \
        .name = #type, .help = "normalises and pads, as the model does in later releases", .opts = opts, \
        .size = sizeof(Options), .init = init, .apply = apply, \
    };
PREPROCESSOR(DetDataPreprocessor)
PREPROCESSOR(SegDataPreProcessor)
PREPROCESSOR(ClsDataPreprocessor)
PREPROCESSOR(ImgDataPreprocessor)
