/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/bbox_head.h -- private: from the features of regions to scores of classes and boxes. mmdet's ConvFCBBoxHead.
 */
#ifndef DF_HEADS_REGION_BBOX_HEAD_H
#define DF_HEADS_REGION_BBOX_HEAD_H

#include "heads/heads.h"

typedef struct {
    int n_convs, n_fcs;
    NnConvModule *convs;
    NnLinear *fcs;
} BoxBranch;

typedef struct {
    /* options */
    int num_shared_convs, num_shared_fcs, num_cls_convs, num_cls_fcs, num_reg_convs, num_reg_fcs, conv_out_channels, fc_out_channels;
    int in_channels, num_classes;
    DfInts roi_feat_size;
    bool with_avg_pool, with_cls, with_reg, reg_class_agnostic, reg_decoded_bbox;
    const DfNode *conv_cfg, *norm_cfg, *bbox_coder, *loss_cls, *loss_bbox;
    /* modules */
    BoxBranch shared, cls, reg;
    NnLinear fc_cls, fc_reg;
    DfDeltaCoder coder;
    int size[2];        /* of the features */
} BoxHead;

/* x: n h w C -> scores n classes+1, background last; deltas n 4*classes, or n 4 if class agnostic. */
void df_box_head_forward(DfCtx *, const BoxHead *, DfTensor *x, DfTensor **scores, DfTensor **deltas);

#endif
