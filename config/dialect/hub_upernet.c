/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_upernet.c -- translates UPerNet of transformers to mmseg's EncoderDecoder. Its heads are those of
 * mmseg; the scores are enlarged to the prepared picture, and from there to the original size.
 */
#include "config/dialect/hub_network.h"

#include <string.h>

typedef struct {
    int hidden_size, auxiliary_in_channels, auxiliary_channels, auxiliary_num_convs, loss_ignore_index;
    DfInts pool_scales;
    double auxiliary_loss_weight;
    bool use_auxiliary_head, auxiliary_concat_input;
} Uper;

static const DfOpt opts[] = {
    DF_OPT_INT  (Uper, hidden_size, 512, 1, 65536, ""),
    DF_OPT_INTS (Uper, pool_scales, "[1, 2, 3, 6]", 1, 256, ""),
    DF_OPT_BOOL (Uper, use_auxiliary_head, True, ""),
    DF_OPT_FLOAT(Uper, auxiliary_loss_weight, 0.4, 0, 1e6, ""),
    DF_OPT_INT  (Uper, auxiliary_in_channels, None, 0, 65536, ""),
    DF_OPT_INT  (Uper, auxiliary_channels, 256, 1, 65536, ""),
    DF_OPT_INT  (Uper, auxiliary_num_convs, 1, 0, 64, ""),
    DF_OPT_BOOL (Uper, auxiliary_concat_input, False, ""),
    DF_OPT_INT  (Uper, loss_ignore_index, 255, -1000000, 1000000, ""),
    DF_OPT_END
};

/* ---- the backbone ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *model_type;
    DfHubBackbone *write;
} backbones[] = {
    { "swin",   df_hub_swin_backbone    },
    { "swinv2", df_hub_swin_v2_backbone },
    { "pvt_v2", df_hub_pvt_v2_backbone  },
    { "resnet", df_hub_resnet_backbone  },
};

static int write_backbone(DfHub *hub, DfHubMaps *maps)
{
    const DfNode *dict = df_node_get(hub->config, "backbone_config");
    const DfNode *type = df_node_get(dict, "model_type");
    const char *name = df_node_text(type, "resnet");
    for (size_t i = 0; i < sizeof backbones / sizeof *backbones; i++)
        if (strcmp(backbones[i].model_type, name) == 0)
            return backbones[i].write(hub, dict, maps);
    return df_node_fail(type, DF_EVALUE, "backbone '%s' is not built in: want swin, swinv2, pvt_v2 or resnet", name);
}

/* ---- the heads --------------------------------------------------------------------------------------------------- */

static int classes_of(const DfHub *hub)
{
    return df_hub_classifier_classes(hub, "decode_head.classifier.weight");
}

static void write_decode_head(DfHub *hub, const Uper *u, const DfHubMaps *maps)
{
    DfTextbuf *out = &hub->out;
    df_textbuf_add(out, "    decode_head=dict(type='UPerHead', channels=%d, num_classes=%d, dropout_ratio=0,\n"
                        "        norm_cfg=dict(type='BN'), align_corners=False", u->hidden_size, classes_of(hub));
    df_hub_write_list(hub, "in_channels", maps->channels, maps->n);
    df_hub_write_list(hub, "in_index", maps->index, maps->n);
    df_hub_write_list(hub, "pool_scales", u->pool_scales.v, u->pool_scales.n);
    df_textbuf_add(out, ", ignore_index=%d,\n        loss_decode=dict(type='CrossEntropyLoss')),\n",
                   u->loss_ignore_index);
}

/* It always reads the third map. */
static int write_auxiliary_head(DfHub *hub, const Uper *u, const DfHubMaps *maps)
{
    enum { THIRD = 2 };
    DfTextbuf *out = &hub->out;
    if (!u->use_auxiliary_head)
        return DF_OK;
    if (maps->n <= THIRD)
        return df_node_fail(hub->config, DF_EVALUE, "use_auxiliary_head with %d maps of the backbone: want 3 or more",
                            maps->n);
    const int in = u->auxiliary_in_channels ? u->auxiliary_in_channels : maps->channels[THIRD];
    df_textbuf_add(out, "    auxiliary_head=dict(type='FCNHead', in_channels=%d, in_index=%d, channels=%d,\n"
                        "        num_convs=%d, concat_input=%s, num_classes=%d, dropout_ratio=0,\n"
                        "        norm_cfg=dict(type='BN'),\n",
                   in, maps->index[THIRD], u->auxiliary_channels, u->auxiliary_num_convs,
                   df_hub_truth(u->auxiliary_concat_input), classes_of(hub));
    df_textbuf_add(out, "        align_corners=False, ignore_index=%d,\n"
                        "        loss_decode=dict(type='CrossEntropyLoss', loss_weight=%.17g)),\n",
                   u->loss_ignore_index, u->auxiliary_loss_weight);
    return DF_OK;
}

static int weights_agree(const DfHub *hub, const Uper *u)
{
    const DfNode *config = hub->config;
    int error = df_hub_agrees(hub, DF_HUB_KEY(config, "hidden_size", 0), 0, u->hidden_size,
                              "decode_head.fpn_bottleneck.conv.weight");
    if (error == DF_OK)
        error = df_hub_counts(hub, DF_HUB_KEY(config, "pool_scales", 0), u->pool_scales.n,
                              "decode_head.psp_modules.#.1.conv.weight");
    if (error == DF_OK && u->use_auxiliary_head)
        error = df_hub_agrees(hub, DF_HUB_KEY(config, "auxiliary_channels", 0), 0, u->auxiliary_channels,
                              "auxiliary_head.convs.0.conv.weight");
    if (error == DF_OK && u->use_auxiliary_head)
        error = df_hub_counts(hub, DF_HUB_KEY(config, "auxiliary_num_convs", 0), u->auxiliary_num_convs,
                              "auxiliary_head.convs.#.conv.weight");
    return error;
}

int df_hub_upernet(DfHub *hub)
{
    Uper u = { 0 };
    DfHubMaps maps;
    int error = df_hub_bind(hub, hub->config, opts, &u, "config.json");
    if (error == DF_OK)
        error = weights_agree(hub, &u);
    df_textbuf_add(&hub->out, "model = dict(type='EncoderDecoder', backbone=");
    if (error == DF_OK)
        error = write_backbone(hub, &maps);
    if (error < 0)
        return error;
    df_textbuf_add(&hub->out, ",\n");
    write_decode_head(hub, &u, &maps);
    error = write_auxiliary_head(hub, &u, &maps);
    if (error < 0)
        return error;
    df_textbuf_add(&hub->out, "    test_cfg=dict(mode='whole'))\n"
                              "data = dict(test=dict(type='CustomDataset', pipeline=");
    error = df_hub_write_pipeline(hub, "SegformerImageProcessor");
    df_textbuf_add(&hub->out, "))\n");
    return error;
}
