/* SPDX-License-Identifier: Apache-2.0
 *
 * models/detr_args.c -- what the arguments of the official main programs of DETR and Deformable DETR mean in both.
 */
#include "models/detr_parts.h"

#include <stdio.h>
#include <string.h>

enum { R18, R34, R50, R101, R152 };
enum { SINE, LEARNED };

static void free_config(void *config)
{
    df_config_free(config);
}

/* torchvision's ResNet as a dict of the stages 1 to 3, or with one map of the last, and their channels. NULL after a failure. */
static const DfNode *resnet(NnScope s, const DetrArgs *a, const DfNode *root, int n_maps, int *channels)
{
    static const int depths[] = { [R18] = 18, [R34] = 34, [R50] = 50, [R101] = 101, [R152] = 152 };
    const DfNode *smaller = df_node_get(root, "resnet"), *blocks = df_node_get(smaller, "layers");
    const int base = (int)df_node_int(df_node_get(smaller, "base_width"), 64), expansion = a->backbone < R50 ? 1 : 4;
    if (base < 1 || base > 8192)
        nn_fail(s, DF_EVALUE, "resnet.base_width = %d: want 1 to 8192", base);
    if (a->dilation && a->backbone < R50)
        nn_fail(s, DF_EVALUE, "args.dilation = True: want a resnet50 or deeper, torchvision's basic blocks do not dilate");
    if (!nn_ok(s))
        return NULL;
    char text[512], layers[64] = "";
    for (const DfNode *n = blocks ? blocks->first : NULL; n && strlen(layers) < 40; n = n->next)
        snprintf(layers + strlen(layers), sizeof layers - strlen(layers), "%d, ", (int)df_node_int(n, 1));
    snprintf(text, sizeof text,
             "backbone = dict(type='ResNet', depth=%d, %s%s%s base_channels=%d, style='torchvision', num_classes=0, frozen_stages=1, out_indices=%s,\n"
             "    norm_cfg=dict(type='BN', requires_grad=False), replace_stride_with_dilation=[False, False, %s])\n",
             depths[a->backbone], layers[0] ? "stage_blocks=[" : "", layers, layers[0] ? "]," : "", base, n_maps > 1 ? "[1, 2, 3]" : "[3]",
             a->dilation ? "True" : "False");
    for (int i = 0; i < n_maps; i++)
        channels[i] = expansion * base << (4 - n_maps + i);
    DfConfig *config = NULL;
    const int error = df_config_parse(&config, text, strlen(text), "args.backbone", true);
    if (error < 0) {
        nn_fail(s, error, "%s", df_error());
        return NULL;
    }
    nn_at_end(s, free_config, config);
    return df_node_get(df_config_root(config), "backbone");
}

static int classes_of(NnScope s, const DfNode *root, const char *dataset_file)
{
    const int usual = strcmp(dataset_file, "coco") == 0 ? 91 : strcmp(dataset_file, "coco_panoptic") == 0 ? 250 : 20;
    const int classes = (int)df_node_int(df_node_get(root, "num_classes"), usual);
    if (classes < 1 || classes > 100000)
        nn_fail(s, DF_EVALUE, "num_classes = %d: want 1 to 100000", classes);
    return classes;
}

void df_detr_args(NnScope s, DetrBase *net, const DetrArgs *a, const DfNode *root, int n_maps)
{
    DetrOptions *o = &net->o;
    DfSetCriterion *k = &net->criterion;
    if (a->masks)
        nn_fail(s, DF_EVALUE, "args.masks = True: want False, the segmentation head is not built in");
    *o = (DetrOptions){
        .dim = a->hidden_dim, .heads = a->nheads, .ffn = a->dim_feedforward, .encoder_layers = a->enc_layers, .decoder_layers = a->dec_layers,
        .queries = a->num_queries, .dropout = a->dropout, .n_maps = n_maps, .classes = classes_of(s, root, a->dataset_file),
    };
    k->matcher.cost_class = a->set_cost_class;
    k->matcher.cost_bbox = a->set_cost_bbox;
    k->matcher.cost_giou = a->set_cost_giou;
    k->weight_bbox = a->bbox_loss_coef;
    k->weight_giou = a->giou_loss_coef;
    net->positions = df_detr_sine(a->hidden_dim);
    net->positions.learned = a->position_embedding % 2 == LEARNED;
    net->trunk.backbone_cfg = resnet(s, a, root, n_maps, o->channels);
}
