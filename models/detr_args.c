/* SPDX-License-Identifier: Apache-2.0
 *
 * models/detr_args.c -- what the arguments of the official main programs of DETR and Deformable DETR mean in both: the backbone, the
 * number of classes.
 */
#include "models/detr_parts.h"

#include <stdio.h>
#include <string.h>

static void free_config(void *config)
{
    df_config_free(config);
}

const DfNode *df_detr_resnet(NnScope s, const DfNode *root, int backbone, bool dilation, int n_maps, int *channels)
{
    static const int depths[] = { [DETR_R18] = 18, [DETR_R34] = 34, [DETR_R50] = 50, [DETR_R101] = 101, [DETR_R152] = 152 };
    const DfNode *resnet = df_node_get(root, "resnet"), *blocks = df_node_get(resnet, "layers");
    const int base = (int)df_node_int(df_node_get(resnet, "base_width"), 64), expansion = backbone < DETR_R50 ? 1 : 4;
    if (base < 1 || base > 8192)
        nn_fail(s, DF_EVALUE, "resnet.base_width = %d: want 1 to 8192", base);
    if (dilation && backbone < DETR_R50)
        nn_fail(s, DF_EVALUE, "args.dilation = True: want a resnet50 or deeper, torchvision's basic blocks do not dilate");
    if (!nn_ok(s))
        return NULL;
    char text[512], layers[64] = "";
    for (const DfNode *n = blocks ? blocks->first : NULL; n && strlen(layers) < 40; n = n->next)
        snprintf(layers + strlen(layers), sizeof layers - strlen(layers), "%d, ", (int)df_node_int(n, 1));
    snprintf(text, sizeof text,
             "backbone = dict(type='ResNet', depth=%d, %s%s%s base_channels=%d, style='torchvision', num_classes=0, frozen_stages=1, out_indices=%s,\n"
             "    norm_cfg=dict(type='BN', requires_grad=False), replace_stride_with_dilation=[False, False, %s])\n",
             depths[backbone], layers[0] ? "stage_blocks=[" : "", layers, layers[0] ? "]," : "", base, n_maps > 1 ? "[1, 2, 3]" : "[3]",
             dilation ? "True" : "False");
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

int df_detr_classes(NnScope s, const DfNode *root, const char *dataset_file)
{
    const int usual = strcmp(dataset_file, "coco") == 0 ? 91 : strcmp(dataset_file, "coco_panoptic") == 0 ? 250 : 20;
    const int classes = (int)df_node_int(df_node_get(root, "num_classes"), usual);
    if (classes < 1 || classes > 100000)
        nn_fail(s, DF_EVALUE, "num_classes = %d: want 1 to 100000", classes);
    return classes;
}
