/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_resnet.c -- translates the ResNet of a detector of transformers: its own, which a dict describes,
 * or one of timm, which only has a name. The number of its blocks and channels is read from the tensors, if they are
 * available.
 */
#include <stdio.h>
#include <string.h>

#include "config/dialect/hub_network.h"

enum { STAGES = 4 }; /* of timm's */

typedef struct {
    bool bottleneck, caffe, first_stage_strides;
    int stages, stem, channels[DF_HUB_STAGES], blocks[DF_HUB_STAGES], in_channels;
    int output_stride;      /* 32; 16 and 8: the last two of four stages dilate instead of striding            */
    const char *activation; /* behind the stem and sums: within blocks transformers has ReLU, whatever is said */
} ResNet;

/* What all of them say: the layers. */
static void write_layers(DfHub *hub, const ResNet *r)
{
    int strides[DF_HUB_STAGES], dilations[DF_HUB_STAGES];
    for (int i = 0; i < r->stages; i++) {
        const int dilation = (4 << i) / r->output_stride; /* the paper's stride of stage i is 4 * 2^i */
        const bool dilates = r->output_stride < 32 && dilation > 1;
        strides[i] = dilates || (i == 0 && !r->first_stage_strides) ? 1 : 2;
        dilations[i] = dilates ? dilation : 1;
    }
    df_textbuf_add(&hub->out, "type='ResNet', depth=%d, stride_in_1x1=%s, hidden_act='%s'", r->bottleneck ? 50 : 18,
                   df_hub_truth(r->caffe), r->activation);
    df_textbuf_add(&hub->out, ", in_channels=%d, stem_channels=%d, num_stages=%d\n    ", r->in_channels, r->stem,
                   r->stages);
    df_hub_write_list(hub, "strides", strides, r->stages);
    df_hub_write_list(hub, "dilations", dilations, r->stages);
    df_hub_write_list(hub, "stage_channels", r->channels, r->stages);
    df_hub_write_list(hub, "stage_blocks", r->blocks, r->stages);
}

static void write_resnet(DfHub *hub, const ResNet *r, const DfHubMaps *maps)
{
    df_textbuf_add(&hub->out, "resnet = dict(");
    write_layers(hub, r);
    df_hub_write_list(hub, "out_indices", maps->stage, maps->n);
    df_textbuf_add(&hub->out, ",\n    style='pytorch', contract_dilation=True, dilated_basic=True,\n"
                              "    frozen_stages=1, norm_cfg=dict(type='BN', requires_grad=False), norm_eval=True)\n");
}

/* ---- transformers' own ------------------------------------------------------------------------------------------- */

typedef struct {
    int embedding_size, layer_type, num_channels;
    DfInts hidden_sizes, depths;
    bool downsample_in_first_stage, downsample_in_bottleneck;
} Own;
enum { BASIC, BOTTLENECK };

static const DfOpt own_opts[] = {
    DF_OPT_INT (Own, embedding_size, 64, 1, 65536, ""),
    DF_OPT_INT (Own, num_channels, 3, 1, 64, ""),
    DF_OPT_INTS(Own, hidden_sizes, "[256, 512, 1024, 2048]", 1, 65536, ""),
    DF_OPT_INTS(Own, depths, "[3, 4, 6, 3]", 1, 1000, ""),
    DF_OPT_ENUM(Own, layer_type, bottleneck, "basic|bottleneck", ""),
    DF_OPT_BOOL(Own, downsample_in_first_stage, False, ""),
    DF_OPT_BOOL(Own, downsample_in_bottleneck, False, ""),
    DF_OPT_END
};

static const char *own_prefix(const DfHub *hub)
{
    static const char *const prefixes[] = {
        "resnet.", "backbone.", "model.backbone.conv_encoder.model.", "model.backbone.model.",
        "detr.model.backbone.conv_encoder.model.", "detr.model.backbone.model.",
    };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (df_hub_has(hub, "%sembedder.embedder.convolution.weight", prefixes[i]))
            return prefixes[i];
    return "";
}

static int stage_agrees(const DfHub *hub, const DfNode *dict, const ResNet *r, const char *prefix, int i)
{
    static const char *const types[] = { "layer_type", "depths", "hidden_sizes" };
    const int last = r->bottleneck ? 2 : 1;
    int error = df_hub_counts(hub, DF_HUB_KEY(dict, types[0], 0), last + 1,
                              "%sencoder.stages.%d.layers.0.layer.#.convolution.weight", prefix, i);
    if (error == DF_OK)
        error = df_hub_counts(hub, DF_HUB_KEY(dict, types[1], i), r->blocks[i],
                              "%sencoder.stages.%d.layers.#.layer.0.convolution.weight", prefix, i);
    if (error == DF_OK)
        error = df_hub_agrees(hub, DF_HUB_KEY(dict, types[2], i), 0, r->channels[i],
                              "%sencoder.stages.%d.layers.0.layer.%d.convolution.weight", prefix, i, last);
    return error;
}

static int weights_agree(const DfHub *hub, const DfNode *dict, const ResNet *r)
{
    static const char stem[] = "embedder.embedder.convolution.weight";
    const char *prefix = own_prefix(hub);
    int error = df_hub_agrees(hub, DF_HUB_KEY(dict, "embedding_size", 0), 0, r->stem, "%s%s", prefix, stem);
    if (error == DF_OK)
        error = df_hub_agrees(hub, DF_HUB_KEY(dict, "num_channels", 0), 1, r->in_channels, "%s%s", prefix, stem);
    if (error == DF_OK)
        error = df_hub_counts(hub, DF_HUB_KEY(dict, "depths", 0), r->stages,
                              "%sencoder.stages.#.layers.0.layer.0.convolution.weight", prefix);
    for (int i = 0; i < r->stages && error == DF_OK; i++)
        error = stage_agrees(hub, dict, r, prefix, i);
    return error;
}

static int of_transformers(DfHub *hub, const DfNode *dict, ResNet *r)
{
    Own own = { 0 };
    const int error = df_hub_bind(hub, dict, own_opts, &own, "config.json");
    if (error < 0)
        return error;
    const int n = own.depths.n;
    if (n < 1 || n > DF_HUB_STAGES || own.hidden_sizes.n != n)
        return df_node_fail(dict, DF_EVALUE, "%d hidden_sizes and %d depths, want as many of each, up to %d",
                            own.hidden_sizes.n, n, DF_HUB_STAGES);
    *r = (ResNet){ .stages = n, .bottleneck = own.layer_type == BOTTLENECK, .caffe = own.downsample_in_bottleneck,
                   .first_stage_strides = own.downsample_in_first_stage, .stem = own.embedding_size,
                   .in_channels = own.num_channels, .output_stride = 32,
                   .activation = df_hub_activation(dict, "hidden_act", "ReLU") };
    memcpy(r->channels, own.hidden_sizes.v, (size_t)n * sizeof *r->channels);
    memcpy(r->blocks, own.depths.v, (size_t)n * sizeof *r->blocks);
    return r->activation ? weights_agree(hub, dict ? dict : hub->config, r) : DF_EVALUE;
}

int df_hub_resnet(DfHub *hub)
{
    ResNet r;
    const int error = of_transformers(hub, hub->config, &r);
    if (error < 0)
        return error;
    df_textbuf_add(&hub->out, "backbone = dict(");
    write_layers(hub, &r);
    df_textbuf_add(&hub->out, ",\n    out_indices=[%d], style='torchvision', num_classes=%d)\n", r.stages - 1,
                   df_hub_classifier_classes(hub, "classifier.1.weight"));
    return df_hub_write_classifier_data(hub, "ConvNextImageProcessor");
}

int df_hub_resnet_backbone(DfHub *hub, const DfNode *dict, DfHubMaps *maps)
{
    ResNet r;
    int error = of_transformers(hub, dict, &r);
    if (error == DF_OK)
        error = df_hub_maps(dict, maps, r.stages);
    if (error < 0)
        return error;
    for (int i = 0; i < maps->n; i++)
        maps->channels[i] = r.channels[maps->stage[i]];
    df_textbuf_add(&hub->out, "dict(");
    write_layers(hub, &r);
    df_textbuf_add(&hub->out, ", style='pytorch', norm_eval=False, zero_init_residual=False");
    df_hub_write_list(hub, "out_indices", maps->stage, maps->n);
    df_textbuf_add(&hub->out, ")");
    return DF_OK;
}

/* ---- timm's ------------------------------------------------------------------------------------------------------ */

/* Table 1 of He et al., CVPR 2016. */
typedef struct {
    const char *name;
    bool bottleneck;
    int blocks[STAGES];
} Known;

static const Known known[] = {
    { "resnet18",  false, { 2, 2,  2, 2 } },
    { "resnet34",  false, { 3, 4,  6, 3 } },
    { "resnet26",  true,  { 2, 2,  2, 2 } },
    { "resnet50",  true,  { 3, 4,  6, 3 } },
    { "resnet101", true,  { 3, 4, 23, 3 } },
    { "resnet152", true,  { 3, 8, 36, 3 } },
    { NULL, false, { 0 } },
};

/* "resnet50.a1_in1k" is a resnet50: the tag says how it was trained. */
static const Known *find_known(const char *name)
{
    const size_t n = strcspn(name, ".");
    for (const Known *k = known; k->name; k++)
        if (strlen(k->name) == n && memcmp(k->name, name, n) == 0)
            return k;
    return NULL;
}

/* Where the tensors of the backbone stand: transformers moved them with release 5, and put `detr.` before the network
 * of a segmentor. */
static const char *find_prefix(const DfHub *hub)
{
    static const char *const prefixes[] = {
        "model.backbone.conv_encoder.model.", "model.backbone.model.", "detr.model.backbone.conv_encoder.model.",
        "detr.model.backbone.model.", "backbone.conv_encoder.model.", "backbone.model.", NULL,
    };
    for (const char *const *prefix = prefixes; *prefix; prefix++)
        if (df_hub_has(hub, "%sconv1.weight", *prefix))
            return *prefix;
    return "";
}

static void measure(const DfHub *hub, ResNet *r)
{
    const char *prefix = find_prefix(hub);
    const int last = r->bottleneck ? 3 : 2;
    r->stem = df_hub_size(hub, 0, 64, "%sconv1.weight", prefix);
    for (int i = 0; i < STAGES; i++) {
        const int usual = (r->bottleneck ? 256 : 64) << i;
        r->channels[i] = df_hub_size(hub, 0, usual, "%slayer%d.0.conv%d.weight", prefix, i + 1, last);
    }
}

static int of_timm(DfHub *hub, const DfNode *name, ResNet *r)
{
    const char *text = df_node_text(name, "resnet50");
    const Known *k = find_known(text);
    if (!k)
        return df_node_fail(name, DF_EVALUE,
                            "backbone '%s' is not built in under a detector of transformers: want resnet18, "
                                             "26, 34, 50, 101 or 152", text);
    *r = (ResNet){ .stages = STAGES, .bottleneck = k->bottleneck, .in_channels = 3, .output_stride = 32,
                   .activation = "ReLU" };
    memcpy(r->blocks, k->blocks, sizeof k->blocks);
    measure(hub, r);
    return DF_OK;
}

/* ---- which ------------------------------------------------------------------------------------------------------- */

/* DC5 dilates the last stage instead of striding, the last two for an output stride of 8. */
static int read_output_stride(const DfHub *hub, const DfNode *dict, bool dilation, ResNet *r)
{
    const DfNode *kwargs = df_node_get(hub->config, "backbone_kwargs");
    const DfNode *node = df_node_get(dict ? dict : kwargs, "output_stride");
    r->output_stride = (int)df_node_int(node, dilation && !dict ? 16 : 32);
    if (r->output_stride != 8 && r->output_stride != 16 && r->output_stride != 32)
        return df_node_fail(node, DF_EVALUE, "want 8, 16 or 32");
    return DF_OK;
}

/* The maps that the dict says; without one, the last `usual` ones. */
static int maps_of(const DfNode *dict, int stages, int usual, DfHubMaps *maps)
{
    if (dict)
        return df_hub_maps(dict, maps, stages);
    *maps = (DfHubMaps){ .n = usual };
    for (int i = 0; i < usual; i++)
        maps->stage[i] = stages - usual + i;
    return DF_OK;
}

int df_hub_write_detr_backbone(DfHub *hub, bool dilation, int usual, DfHubMaps *maps)
{
    const DfNode *dict = df_node_get(hub->config, "backbone_config");
    const DfNode *of_dict = df_node_get(dict, "model_type");
    const bool timm_dict = strcmp(df_node_text(of_dict, ""), "timm_backbone") == 0;
    const bool has_dict = dict && dict->kind == DF_NODE_DICT;
    const bool own = has_dict ? !timm_dict : !df_node_bool(df_node_get(hub->config, "use_timm_backbone"), true);
    ResNet r;
    if (has_dict && own && strcmp(df_node_text(of_dict, "resnet"), "resnet") != 0)
        return df_node_fail(of_dict, DF_EVALUE,
                            "backbone '%s' is not built in under a detector of transformers: want resnet "
                                                "or timm_backbone", of_dict->text);
    int error = own ? of_transformers(hub, has_dict ? dict : NULL, &r)
                    : of_timm(hub, df_node_get(has_dict ? dict : hub->config, "backbone"), &r);
    if (error == DF_OK && !own)
        error = read_output_stride(hub, has_dict ? dict : NULL, dilation, &r);
    if (error == DF_OK)
        error = maps_of(has_dict ? dict : NULL, r.stages, usual, maps);
    if (error == DF_OK)
        write_resnet(hub, &r, maps);
    return error;
}
