/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_resnet.c -- the ResNet under a detector of transformers: its own, which a dict describes, or one
 * of timm, of which there is a name. How many blocks and channels that has the tensors say, where they are at hand.
 */
#include <stdio.h>
#include <string.h>

#include "config/dialect/hub_network.h"

enum { STAGES = 4 };

typedef struct {
    bool bottleneck, caffe, first_stage_strides;
    int stages, stem, channels[STAGES], blocks[STAGES], in_channels;
    int output_stride; /* 32; 16 and 8: the last stages dilate instead of striding */
} ResNet;

static void write_resnet(DfHub *hub, const ResNet *r, int n_maps)
{
    static const char *const last[] = { "", "[3]", "[2, 3]", "[1, 2, 3]", "[0, 1, 2, 3]" };
    DfTextbuf *out = &hub->out;
    df_textbuf_add(out, "resnet = dict(type='ResNet', depth=%d, style='%s', in_channels=%d, stem_channels=%d,\n",
                   r->bottleneck ? 50 : 18, r->caffe ? "caffe" : "pytorch", r->in_channels, r->stem);
    df_textbuf_add(out, "    stage_channels=");
    df_hub_write_ints(hub, r->channels, STAGES);
    df_textbuf_add(out, ", stage_blocks=");
    df_hub_write_ints(hub, r->blocks, STAGES);
    df_textbuf_add(out, ",\n    strides=(%d, 2, %d, %d), ", r->first_stage_strides ? 2 : 1,
                   r->output_stride < 16 ? 1 : 2,
                   r->output_stride < 32 ? 1 : 2);
    df_textbuf_add(out, "dilations=(1, 1, %d, %d), contract_dilation=True, dilated_basic=True,\n",
                   r->output_stride < 16 ? 2 : 1, 32 / r->output_stride);
    df_textbuf_add(out, "    frozen_stages=1, norm_cfg=dict(type='BN', requires_grad=False), norm_eval=True,\n"
                        "    out_indices=%s)\n", last[n_maps]);
}

/* ---- transformers' own ------------------------------------------------------------------------------------------- */

typedef struct {
    int embedding_size, layer_type, num_channels, hidden_act;
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
    DF_OPT_ENUM(Own, hidden_act, relu, "relu", ""),
    DF_OPT_BOOL(Own, downsample_in_first_stage, False, ""),
    DF_OPT_BOOL(Own, downsample_in_bottleneck, False, ""),
    DF_OPT_END
};

static int of_transformers(DfHub *hub, const DfNode *dict, ResNet *r)
{
    Own own = { 0 };
    const int error = df_hub_bind(hub, dict, own_opts, &own, "backbone_config");
    if (error < 0)
        return error;
    const int n = own.depths.n;
    if (n < 1 || n > STAGES || own.hidden_sizes.n != n)
        return df_node_fail(dict, DF_EVALUE, "%d hidden_sizes and %d depths, want as many of each, up to %d",
                            own.hidden_sizes.n,
                            n, STAGES);
    *r = (ResNet){ .stages = n, .bottleneck = own.layer_type == BOTTLENECK, .caffe = own.downsample_in_bottleneck,
                   .first_stage_strides = own.downsample_in_first_stage, .stem = own.embedding_size,
                   .in_channels = own.num_channels, .output_stride = 32 };
    memcpy(r->channels, own.hidden_sizes.v, (size_t)n * sizeof *r->channels);
    memcpy(r->blocks, own.depths.v, (size_t)n * sizeof *r->blocks);
    return DF_OK;
}

/* As a classifier, or under a segmentor. */
static void write_own(DfHub *hub, const ResNet *r)
{
    const int strides[STAGES] = { r->first_stage_strides ? 2 : 1, 2, 2, 2 };
    const int dilations[STAGES] = { 1, 1, 1, 1 };
    df_textbuf_add(&hub->out,
                   "dict(type='ResNet', depth=%d, stride_in_1x1=%s, in_channels=%d, stem_channels=%d, num_stages=%d",
                   r->bottleneck ? 50 : 18, df_hub_truth(r->caffe), r->in_channels, r->stem, r->stages);
    df_hub_write_list(hub, "strides", strides, r->stages);
    df_hub_write_list(hub, "dilations", dilations, r->stages);
    df_hub_write_list(hub, "stage_channels", r->channels, r->stages);
    df_hub_write_list(hub, "stage_blocks", r->blocks, r->stages);
}

int df_hub_resnet(DfHub *hub)
{
    ResNet r;
    const int error = of_transformers(hub, hub->config, &r);
    if (error < 0)
        return error;
    df_textbuf_add(&hub->out, "backbone = ");
    write_own(hub, &r);
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
    write_own(hub, &r);
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
    *r = (ResNet){ .bottleneck = k->bottleneck, .in_channels = 3, .output_stride = 32 };
    memcpy(r->blocks, k->blocks, sizeof r->blocks);
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

int df_hub_write_detr_backbone(DfHub *hub, bool dilation, int n_maps)
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
    if (error == DF_OK && own && r.stages != STAGES)
        error = df_node_fail(dict, DF_EVALUE, "%d stages under a detector, want %d", r.stages, STAGES);
    if (error == DF_OK && !own)
        error = read_output_stride(hub, has_dict ? dict : NULL, dilation, &r);
    if (error == DF_OK)
        write_resnet(hub, &r, n_maps);
    return error;
}
