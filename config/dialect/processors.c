/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/processors.c -- translates a preprocessor_config.json of transformers to a test pipeline.
 *
 * There are two generations of image processors, whose results differ by a level of 255 in places. This is the default
 * one since release 5 ("torchvision", formerly called Fast): torch's antialiased resize of bytes, then (x - mean / f)
 * / (std / f) with the rescale factor f, in float32.
 */
#include "config/dialect/hub_network.h"

#include <math.h>
#include <string.h>

/* Keys of all processors. A size is a dict, or in old files a number. */
typedef struct {
    const DfNode *size, *max_size, *pad_size, *crop_size;
    bool do_resize, do_rescale, do_normalize, do_pad, do_center_crop;
    double rescale_factor, crop_pct;
    int resample;
    DfFloats image_mean, image_std;
} Processor;

static const DfOpt opts[] = {
    DF_OPT_NODE  (Processor, size, "None",
                  "a number, or a dict of shortest_edge and longest_edge, or of height and width"),
    DF_OPT_NODE  (Processor, max_size, "None", "of old files: the longest edge"),
    DF_OPT_NODE  (Processor, pad_size, "None", "a dict of height and width, to which all pictures are padded"),
    DF_OPT_BOOL  (Processor, do_resize, True, ""),
    DF_OPT_BOOL  (Processor, do_rescale, True, ""),
    DF_OPT_BOOL  (Processor, do_normalize, True, ""),
    DF_OPT_BOOL  (Processor, do_pad, True, ""),
    DF_OPT_BOOL  (Processor, do_center_crop, False, ""),
    DF_OPT_NODE  (Processor, crop_size, "None", "a number, or a dict of height and width"),
    DF_OPT_FLOAT (Processor, crop_pct, None, 0.01, 100, "of a ConvNext: the part in the middle, of each side"),
    DF_OPT_FLOAT (Processor, rescale_factor, 0.00392156862745098, -1e9, 1e9, ""),
    DF_OPT_INT   (Processor, resample, 2, 0, 5, "Pillow's number of the filter"),
    DF_OPT_FLOATS(Processor, image_mean, "[0.485, 0.456, 0.406]", -1e9, 1e9, ""),
    DF_OPT_FLOATS(Processor, image_std, "[0.229, 0.224, 0.225]", -1e9, 1e9, ""),
    DF_OPT_END
};

/* What a file without the key means depends on the processor. */
typedef struct {
    int side, resample;
    const double *mean, *std; /* NULL: ImageNet's                               */
    int crop;                 /* the side of what is cut out; 0: nothing is     */
    bool edge;                /* a number is the shortest edge, and not a square */
} Usual;
static const double half[3] = { 0.5, 0.5, 0.5 };
static const double clip_mean[3] = { 0.48145466, 0.4578275, 0.40821073 };
static const double clip_std[3] = { 0.26862954, 0.26130258, 0.27577711 };
static const Usual usual_vit = { .side = 224, .resample = 2, .mean = half, .std = half };
static const Usual usual_deit = { .side = 256, .resample = 3, .mean = half, .std = half, .crop = 224 };
static const Usual usual_bit = { .side = 224, .resample = 3, .mean = clip_mean, .std = clip_std, .crop = 224,
                                 .edge = true };
static const Usual usual_pvt = { .side = 224, .resample = 3 };
static const Usual usual_segformer = { .side = 512, .resample = 2 };
static const Usual usual_convnext = { .side = 384, .resample = 3, .mean = half, .std = half };

/* ---- steps ------------------------------------------------------------------------------------------------------- */

/* One number is that of every channel. */
static void write_channels(DfHub *hub, const char *key, DfFloats list)
{
    const bool one = list.n == 1;
    df_textbuf_add(&hub->out, ", %s=[", key);
    for (int i = 0; i < (one ? 3 : list.n); i++)
        df_textbuf_add(&hub->out, i ? ", %.17g" : "%.17g", list.v[one ? 0 : i]);
    df_textbuf_add(&hub->out, "]");
}

static void write_normalize(DfHub *hub, const Processor *p)
{
    df_textbuf_add(&hub->out, "    dict(type='ProcessorNormalize'");
    if (p->do_rescale)
        df_textbuf_add(&hub->out, ", rescale_factor=%.17g", p->rescale_factor);
    else
        df_textbuf_add(&hub->out, ", rescale_factor=None");
    if (p->do_normalize) {
        write_channels(hub, "mean", p->image_mean);
        write_channels(hub, "std", p->image_std);
    } else {
        df_textbuf_add(&hub->out, ", mean=None, std=None");
    }
    df_textbuf_add(&hub->out, "),\n");
}

static bool is_side(const DfNode *node)
{
    return node && node->kind == DF_NODE_INT && node->integer >= 1 && node->integer <= 65500;
}

static int wrong_size(const DfHub *hub, const DfNode *size)
{
    const DfNode *at = size ? size : hub->processor;
    return df_node_fail(at, DF_EVALUE, "want a number, or a dict of shortest_edge and longest_edge, of max_height and "
                                       "max_width, or of height and width, in 1..65500");
}

/* DETR's: the shorter side becomes shortest_edge, or less where the longer one would be over longest_edge. A file with
 * a number has the limit beside it, as max_size; 1333 if it has none. */
static int write_edges(DfHub *hub, const Processor *p, const DfNode *shortest, const DfNode *longest)
{
    if (!is_side(shortest) || (longest && !is_side(longest)))
        return wrong_size(hub, p->size);
    df_textbuf_add(&hub->out, "    dict(type='ProcessorResize', shortest_edge=%lld, longest_edge=%lld, resample=%d),\n",
                   (long long)shortest->integer, (long long)df_node_int(longest, 0), p->resample);
    return DF_OK;
}

static int write_sides(DfHub *hub, const Processor *p, const char *rule, const DfNode *height, const DfNode *width)
{
    if (!is_side(height) || !is_side(width))
        return wrong_size(hub, p->size);
    df_textbuf_add(&hub->out, "    dict(type='ProcessorResize', %s=(%lld, %lld), resample=%d),\n", rule,
                   (long long)height->integer, (long long)width->integer, p->resample);
    return DF_OK;
}

static int write_detr_resize(DfHub *hub, const Processor *p)
{
    const DfNode *size = p->size;
    if (!p->do_resize)
        return DF_OK;
    if (!size) {
        df_textbuf_add(&hub->out,
                       "    dict(type='ProcessorResize', shortest_edge=800, longest_edge=1333, resample=%d),\n",
                       p->resample);
        return DF_OK;
    }
    if (size->kind == DF_NODE_INT && p->max_size)
        return write_edges(hub, p, size, p->max_size);
    if (size->kind == DF_NODE_INT && is_side(size)) {
        df_textbuf_add(&hub->out,
                       "    dict(type='ProcessorResize', shortest_edge=%lld, longest_edge=1333, resample=%d),\n",
                       (long long)size->integer, p->resample);
        return DF_OK;
    }
    if (df_node_get(size, "shortest_edge"))
        return write_edges(hub, p, df_node_get(size, "shortest_edge"), df_node_get(size, "longest_edge"));
    if (df_node_get(size, "max_height"))
        return write_sides(hub, p, "most", df_node_get(size, "max_height"), df_node_get(size, "max_width"));
    return write_sides(hub, p, "size", df_node_get(size, "height"), df_node_get(size, "width"));
}

/* One picture needs no padding unless all are padded to one size. */
static int write_pad(DfHub *hub, const Processor *p)
{
    if (!p->do_pad || !p->pad_size)
        return DF_OK;
    const DfNode *height = df_node_get(p->pad_size, "height");
    const DfNode *width = df_node_get(p->pad_size, "width");
    if (!is_side(height) || !is_side(width))
        return df_node_fail(p->pad_size, DF_EVALUE, "want a dict of height and width in 1..65500");
    df_textbuf_add(&hub->out, "    dict(type='Pad', size=(%lld, %lld)),\n", (long long)height->integer,
                   (long long)width->integer);
    return DF_OK;
}

static int write_detr(DfHub *hub, const Usual *usual)
{
    (void)usual;
    Processor p = { 0 };
    int error = df_hub_bind(hub, hub->processor, opts, &p, "preprocessor_config.json");
    if (error == DF_OK)
        error = write_detr_resize(hub, &p);
    if (error < 0)
        return error;
    write_normalize(hub, &p);
    return write_pad(hub, &p);
}

/* ---- processors of classifiers and segmentors -------------------------------------------------------------------- */

static bool says(const DfHub *hub, const char *key)
{
    const DfNode *value = df_node_get(hub->processor, key);
    return value && value->kind != DF_NODE_NONE;
}

static int read_processor(DfHub *hub, const Usual *usual, Processor *p)
{
    const int error = df_hub_bind(hub, hub->processor, opts, p, "preprocessor_config.json");
    if (!says(hub, "resample"))
        p->resample = usual->resample;
    if (usual->mean && !says(hub, "image_mean"))
        p->image_mean = (DfFloats){ .n = 3, .v = usual->mean };
    if (usual->std && !says(hub, "image_std"))
        p->image_std = (DfFloats){ .n = 3, .v = usual->std };
    if (usual->crop && !says(hub, "do_center_crop"))
        p->do_center_crop = true;
    return error;
}

static void write_size(DfHub *hub, int height, int width, int resample)
{
    df_textbuf_add(&hub->out, "    dict(type='ProcessorResize', size=(%d, %d), resample=%d),\n", height, width,
                   resample);
}

static void write_crop(DfHub *hub, const int size[2])
{
    df_textbuf_add(&hub->out, "    dict(type='CenterCrop', crop_size=(%d, %d), library='transformers'),\n", size[0],
                   size[1]);
}

/* 0 0: the processor crops nothing. */
static int read_crop(DfHub *hub, const Processor *p, const Usual *usual, int size[2])
{
    const DfNode *height = df_node_get(p->crop_size, "height");
    const DfNode *width = df_node_get(p->crop_size, "width");
    size[0] = size[1] = p->do_center_crop ? usual->crop : 0;
    if (!p->do_center_crop || !p->crop_size)
        return DF_OK;
    if (!is_side(height ? height : p->crop_size) || !is_side(width ? width : p->crop_size))
        return wrong_size(hub, p->crop_size);
    size[0] = (int)(height ? height : p->crop_size)->integer;
    size[1] = (int)(width ? width : p->crop_size)->integer;
    return DF_OK;
}

/* Squashed to one size, whatever the shape; a number is both sides. With shortest_edge the shape stays. */
static int read_squashed(DfHub *hub, const Processor *p, const Usual *usual, int size[2])
{
    const DfNode *height = df_node_get(p->size, "height");
    const DfNode *width = df_node_get(p->size, "width");
    const bool by_edge = df_node_get(p->size, "shortest_edge") || (usual->edge && !width);
    size[0] = size[1] = p->size || usual->edge ? 0 : usual->side;
    if (!p->size || by_edge)
        return DF_OK;
    if (p->size->kind == DF_NODE_LIST && p->size->n == 2) {
        height = p->size->first;
        width = height->next;
    }
    if (!is_side(height ? height : p->size) || !is_side(width ? width : p->size))
        return wrong_size(hub, p->size);
    size[0] = (int)(height ? height : p->size)->integer;
    size[1] = (int)(width ? width : p->size)->integer;
    return DF_OK;
}

/* A processor that squashes: what pictures are resized to and then cut to; 0 0: not. */
typedef struct {
    Processor p;
    int size[2], crop[2];
} Squashed;

static int read_all(DfHub *hub, const Usual *usual, Squashed *q)
{
    *q = (Squashed){ .size = { 0, 0 } };
    int error = read_processor(hub, usual, &q->p);
    if (error == DF_OK && q->p.do_resize)
        error = read_squashed(hub, &q->p, usual, q->size);
    if (error == DF_OK)
        error = read_crop(hub, &q->p, usual, q->crop);
    return error;
}

static int write_shortest(DfHub *hub, const Processor *p, const Usual *usual)
{
    const DfNode *edge = df_node_get(p->size, "shortest_edge");
    if (p->size)
        return write_edges(hub, p, edge ? edge : p->size, df_node_get(p->size, "longest_edge"));
    df_textbuf_add(&hub->out, "    dict(type='ProcessorResize', shortest_edge=%d, resample=%d),\n", usual->side,
                   p->resample);
    return DF_OK;
}

static int write_squashed(DfHub *hub, const Usual *usual)
{
    Squashed q;
    int error = read_all(hub, usual, &q);
    const Processor *p = &q.p;
    if (error == DF_OK && p->do_resize && !q.size[0])
        error = write_shortest(hub, p, usual);
    if (error < 0)
        return error;
    if (q.size[0])
        write_size(hub, q.size[0], q.size[1], p->resample);
    if (q.crop[0])
        write_crop(hub, q.crop);
    write_normalize(hub, p);
    return DF_OK;
}

static int squashed_picture(DfHub *hub, const Usual *usual, int picture[2])
{
    Squashed q;
    const int error = read_all(hub, usual, &q);
    memcpy(picture, q.crop[0] ? q.crop : q.size, 2 * sizeof *picture);
    return error;
}

/* ---- ConvNext's: small sides are cut out of a larger picture, sides from 384 on squashed ------------------------- */

enum { SQUASHES_FROM = 384 };

static int read_convnext(DfHub *hub, const Usual *usual, Processor *p, int *side)
{
    int error = read_processor(hub, usual, p);
    const DfNode *edge = df_node_get(p->size, "shortest_edge");
    *side = usual->side;
    if (error == DF_OK && p->size && !is_side(edge ? edge : p->size))
        error = wrong_size(hub, p->size);
    if (error == DF_OK && p->size)
        *side = (int)(edge ? edge : p->size)->integer;
    return error;
}

static int write_convnext(DfHub *hub, const Usual *usual)
{
    Processor p = { 0 };
    int side;
    const int error = read_convnext(hub, usual, &p, &side);
    if (error < 0)
        return error;
    const double part = p.crop_pct > 0 ? p.crop_pct : 224.0 / 256;
    if (p.do_resize && side < SQUASHES_FROM) {
        df_textbuf_add(&hub->out, "    dict(type='ProcessorResize', shortest_edge=%d, resample=%d),\n",
                       (int)(side / part), p.resample);
        write_crop(hub, (int[2]){ side, side });
    } else if (p.do_resize) {
        write_size(hub, side, side, p.resample);
    }
    write_normalize(hub, &p);
    return DF_OK;
}

static int convnext_picture(DfHub *hub, const Usual *usual, int picture[2])
{
    Processor p = { 0 };
    const int error = read_convnext(hub, usual, &p, &picture[0]);
    picture[0] = p.do_resize ? picture[0] : 0;
    picture[1] = picture[0];
    return error;
}

/* ---- which processor --------------------------------------------------------------------------------------------- */

/* Names without the ending: DetrImageProcessor, DetrImageProcessorFast and DetrFeatureExtractor are "Detr". */
typedef struct {
    const char *stem;
    int (*write)(DfHub *, const Usual *);
    int (*picture)(DfHub *, const Usual *, int picture[2]); /* the size of all pictures; NULL: they have different ones */
    const Usual *usual;
} Row;

static const Row rows[] = {
    { "Detr",            write_detr,     NULL,             NULL             },
    { "DeformableDetr",  write_detr,     NULL,             NULL             },
    { "ConditionalDetr", write_detr,     NULL,             NULL             },
    { "ViT",             write_squashed, squashed_picture, &usual_vit       },
    { "DeiT",            write_squashed, squashed_picture, &usual_deit      },
    { "Bit",             write_squashed, squashed_picture, &usual_bit       },
    { "Pvt",             write_squashed, squashed_picture, &usual_pvt       },
    { "Segformer",       write_squashed, squashed_picture, &usual_segformer },
    { "ConvNext",        write_convnext, convnext_picture, &usual_convnext  },
    { NULL, NULL, NULL, NULL },
};

static const Row *find_row(const char *name)
{
    static const char *const endings[] = { "", "ImageProcessor", "ImageProcessorFast", "ImageProcessorPil",
                                           "FeatureExtractor" };
    for (const Row *row = rows; row->stem; row++)
        for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
            if (df_starts_with(name, row->stem) && strcmp(name + strlen(row->stem), endings[i]) == 0)
                return row;
    return NULL;
}

/* The row of the folder's processor; NULL after df_fail(). */
static const Row *row_of(const DfHub *hub, const char *usual)
{
    const DfNode *type = df_node_get(hub->processor, "image_processor_type");
    if (!type)
        type = df_node_get(hub->processor, "feature_extractor_type");
    const Row *row = find_row(df_node_text(type, usual));
    if (!row)
        df_node_fail(type ? type : hub->processor, DF_EVALUE, "image processor '%s' is not built in: want that of Detr, "
                     "DeformableDetr, ConditionalDetr, ViT, DeiT, Bit, Pvt, Segformer or ConvNext", df_node_text(type, usual));
    return row;
}

int df_hub_picture(DfHub *hub, const char *usual, int picture[2])
{
    const Row *row = row_of(hub, usual);
    picture[0] = picture[1] = 0;
    if (!row)
        return DF_EVALUE;
    return row->picture ? row->picture(hub, row->usual, picture) : DF_OK;
}

int df_hub_write_pipeline(DfHub *hub, const char *usual)
{
    const Row *row = row_of(hub, usual);
    if (!row)
        return DF_EVALUE;
    df_textbuf_add(&hub->out, "[\n    dict(type='LoadImageFromFile', imdecode_backend='pillow'),\n"
                              "  dict(type='MultiScaleFlipAug', img_scale=(1, 1), flip=False, transforms=[\n");
    const int error = row->write(hub, row->usual);
    df_textbuf_add(&hub->out, "    dict(type='ImageToTensor', keys=['img']), dict(type='Collect', keys=['img'])])]");
    return error;
}
