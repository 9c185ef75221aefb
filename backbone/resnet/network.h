/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/resnet/network.h -- private: the parts of a ResNet, and functions that its files share.
 */
#ifndef DF_BACKBONE_RESNET_NETWORK_H
#define DF_BACKBONE_RESNET_NETWORK_H

#include "backbone/resnet/plugin.h"

enum { RESNET_STAGES = 8, RESNET_STEM = 3 }; /* at most; the papers' networks have 4 stages */
enum { RESNET_PYTORCH, RESNET_CAFFE, RESNET_TORCHVISION }; /* style */
enum { DCN_NONE, DCN_V1, DCN_V2 };

typedef struct {
    NnConv conv;
    NnNorm norm;
    NnConv offset;      /* of a deformable convolution: to the offsets, and in v2 the weights */
    int dcn, groups;    /* which, and how many groups of channels have offsets of their own   */
} ConvNorm;

typedef struct {
    ConvNorm conv[3];   /* a basic block has two                                         */
    ConvNorm shortcut;  /* where size or channels change, else without a weight          */
    Plugin *plugins[3]; /* behind each convolution, or NULL                             */
    int pool;           /* avg_down: stride of the pooling before the shortcut, else 0   */
    bool smooths;       /* timm: a dilated stage pools 2x2 in steps of 1 instead         */
} ResNetBlock;

typedef struct {
    /* the plan: plan.c */
    int depth, width;   /* blocks; channels of their 3x3 convolutions, groups aside      */
    int stride;         /* of the first block                                            */
    int dilation, first_dilation; /* of the 3x3 convolutions; of those of the first block */
    const int *grid;    /* multi_grid: the dilation of each block, or NULL               */
    bool dcn;           /* its 3x3 convolutions are deformable                           */
    bool first_dcn;     /* and no stage before it has such: where fallback_on_stride acts */
    bool frozen;        /* a training run leaves it as it is                             */
    bool given;         /* its map is an output                                          */
    /* modules: build.c */
    ResNetBlock *blocks;
} ResNetStage;

typedef struct {
    /* options, by mmdet's names: resnet.c */
    int depth, in_channels, stem_channels, base_channels, base_width, num_stages, style, frozen_stages, groups;
    int width_per_group, num_classes, global_pool;
    DfInts strides, dilations, out_indices, stage_blocks, stage_channels, multi_grid;
    DfBools stage_with_dcn, replace_stride_with_dilation;
    bool deep_stem, tiered_stem, stride_in_1x1, avg_down, contract_dilation, dilated_basic, norm_eval,
        zero_init_residual, with_cp;
    bool never_falls_back; /* ResNeXt, whose official code forgets fallback_on_stride    */
    const DfNode *norm_cfg, *dcn, *plugins, *conv_cfg;
    const char *hidden_act, *inner_act;
    /* the plan */
    int n_convs;        /* of a block: 2 in a basic block, 3 in a bottleneck             */
    int expansion;      /* channels that a block gives, over its width                   */
    DfAct act, inner;   /* behind the stem and behind sums; within blocks                */
    ResNetStage stages[RESNET_STAGES];
    /* modules */
    ConvNorm stem[RESNET_STEM]; /* the first one alone, or three if the stem is deep     */
    NnLinear fc;
} ResNet;

enum { POOL_AVG, POOL_MAX, POOL_AVGMAX, POOL_CATAVGMAX }; /* global_pool */

/* Checks the options and fills the plan; false if the model is poisoned. */
bool df_resnet_plan(NnScope, ResNet *);
/* Makes the modules of a planned network. */
void df_resnet_build(NnScope, ResNet *);

/* How many stages anybody reads. In training all of them run, as in the official code: batch norms see the batch. */
int df_resnet_stages_to_run(const DfCtx *, const ResNet *);

/* ---- residual.c -------------------------------------------------------------------------------------------------- */

/* act(norm(conv(x))): N H W C -> N H' W' C'. `next`: what alone reads the result, or NULL. */
DfTensor *df_resnet_conv(DfCtx *, const ConvNorm *, DfTensor *x, DfAct act, const ConvNorm *next);

/* Block j of stage i: N H W C -> N H' W' C'. *begun: what its first convolution gives, if the block before has computed
 * that along, else NULL; then it is that of the next block. */
DfTensor *df_resnet_block(DfCtx *, const ResNet *, int i, int j, DfTensor *x, DfTensor **begun);

/* Is the input of that block for it alone? That of a stage may be a result of the network. */
bool df_resnet_owns(const ResNet *, int i, int j);

#endif
