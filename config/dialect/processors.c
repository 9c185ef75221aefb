/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/processors.c -- a preprocessor_config.json of transformers as a test pipeline.
 *
 * Two generations of processors prepare pictures, and differ by a level of 255 here and there. This is the one that
 * transformers takes by itself since release 5 ("torchvision", once called Fast): torch's antialiased resize of bytes,
 * then (x - mean / f) / (std / f) with the rescale factor f, in float32.
 */
#include "config/dialect/hub.h"

#include <math.h>
#include <string.h>

/* Keys of all processors. A size is a dict, or in old files a number. */
typedef struct {
    const DfNode *size, *max_size, *pad_size;
    bool do_resize, do_rescale, do_normalize, do_pad;
    double rescale_factor;
    int resample;
    DfFloats image_mean, image_std;
} Processor;

static const DfOpt opts[] = {
    DF_OPT_NODE  (Processor, size, "None", "a number, or a dict of shortest_edge and longest_edge, or of height and width"),
    DF_OPT_NODE  (Processor, max_size, "None", "of old files: the longest edge"),
    DF_OPT_NODE  (Processor, pad_size, "None", "a dict of height and width, to which all pictures are padded"),
    DF_OPT_BOOL  (Processor, do_resize, True, ""),
    DF_OPT_BOOL  (Processor, do_rescale, True, ""),
    DF_OPT_BOOL  (Processor, do_normalize, True, ""),
    DF_OPT_BOOL  (Processor, do_pad, True, ""),
    DF_OPT_FLOAT (Processor, rescale_factor, 0.00392156862745098, -1e9, 1e9, ""),
    DF_OPT_INT   (Processor, resample, 2, 0, 5, "Pillow's number of the filter"),
    DF_OPT_FLOATS(Processor, image_mean, "[0.485, 0.456, 0.406]", -1e9, 1e9, ""),
    DF_OPT_FLOATS(Processor, image_std, "[0.229, 0.224, 0.225]", -1e9, 1e9, ""),
    DF_OPT_END
};

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static void write_floats(DfHub *hub, const char *key, DfFloats list)
{
    df_textbuf_add(&hub->out, ", %s=[", key);
    for (int i = 0; i < list.n; i++)
        df_textbuf_add(&hub->out, i ? ", %.17g" : "%.17g", list.v[i]);
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
        write_floats(hub, "mean", p->image_mean);
        write_floats(hub, "std", p->image_std);
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
        df_textbuf_add(&hub->out, "    dict(type='ProcessorResize', shortest_edge=800, longest_edge=1333, resample=%d),\n",
                       p->resample);
        return DF_OK;
    }
    if (size->kind == DF_NODE_INT && p->max_size)
        return write_edges(hub, p, size, p->max_size);
    if (size->kind == DF_NODE_INT && is_side(size)) {
        df_textbuf_add(&hub->out, "    dict(type='ProcessorResize', shortest_edge=%lld, longest_edge=1333, resample=%d),\n",
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

static int write_detr(DfHub *hub)
{
    Processor p = { 0 };
    int error = df_hub_bind(hub, hub->processor, opts, &p, "preprocessor_config.json");
    if (error == DF_OK)
        error = write_detr_resize(hub, &p);
    if (error < 0)
        return error;
    write_normalize(hub, &p);
    return write_pad(hub, &p);
}

/* ---- which processor --------------------------------------------------------------------------------------------- */

/* Names without the ending: DetrImageProcessor, DetrImageProcessorFast and DetrFeatureExtractor are "Detr". */
typedef struct {
    const char *stem;
    DfHubTranslator *write;
} Row;

static const Row rows[] = {
    { "Detr",            write_detr },
    { "DeformableDetr",  write_detr },
    { "ConditionalDetr", write_detr },
    { NULL, NULL },
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

int df_hub_write_pipeline(DfHub *hub, const char *usual)
{
    const DfNode *type = df_node_get(hub->processor, "image_processor_type");
    if (!type)
        type = df_node_get(hub->processor, "feature_extractor_type");
    const Row *row = find_row(df_node_text(type, usual));
    if (!row)
        return df_node_fail(type ? type : hub->processor, DF_EVALUE, "image processor '%s' is not built in",
                            df_node_text(type, usual));
    df_textbuf_add(&hub->out, "[\n    dict(type='LoadImageFromFile'),\n"
                              "  dict(type='MultiScaleFlipAug', img_scale=(1, 1), flip=False, transforms=[\n");
    const int error = row->write(hub);
    df_textbuf_add(&hub->out, "    dict(type='ImageToTensor', keys=['img']), dict(type='Collect', keys=['img'])])]");
    return error;
}
