/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/settings/train_cfg.h -- private: a head's part of train_cfg, as mmdet has it: which boxes answer for which
 * object (the assigner), which of them a loss counts (the sampler), and a few numbers more.
 */
#ifndef DF_HEADS_SETTINGS_TRAIN_CFG_H
#define DF_HEADS_SETTINGS_TRAIN_CFG_H

#include "heads/settings/for_training.h"

/* MaxIoUAssigner, Faster R-CNN's rule (Ren et al., NIPS 2015, section 3.1.2). By its best IoU with an object a box is
 * background within [neg_iou_lo, neg_iou_hi), an example of that object from pos_iou_thr on, and nothing between. */
typedef struct {
    double pos_iou_thr, neg_iou_lo, neg_iou_hi;
    bool match_low_quality;     /* an object also gets the boxes of its best IoU, if that is at least min_pos_iou */
    double min_pos_iou;
    bool gt_max_assign_all;     /* all of equally good ones, or the first                                          */
    double ignore_iof_thr;      /* boxes that lie in an ignored region by more than this do not count; < 0: all do */
    bool ignore_wrt_candidates; /* by their own area, not by the region's                                          */
} AssignerCfg;

typedef enum {
    SAMPLE_ALL,               /* PseudoSampler                                                       */
    SAMPLE_RANDOM,            /* RandomSampler                                                       */
    SAMPLE_HARD,              /* OHEMSampler: those of the greatest loss (Shrivastava et al., CVPR 2016) */
    SAMPLE_IOU_BALANCED,      /* IoUBalancedNegSampler: from all IoUs alike (Libra R-CNN)            */
    SAMPLE_INSTANCE_BALANCED  /* InstanceBalancedPosSampler: of all objects alike                    */
} SampleKind;

typedef struct {
    SampleKind positives, negatives;
    int num;                        /* boxes of an image                                             */
    double pos_fraction;            /* at most this part of them positive                            */
    double neg_pos_ub;              /* at most so many negatives for each positive; < 0: any number  */
    bool add_gt_as_proposals;       /* objects themselves are among the boxes                        */
    double floor_thr, floor_fraction; /* IoU balanced: a part of the boxes is from below floor_thr   */
    int num_bins;                   /* IoU balanced                                                  */
} SamplerCfg;

typedef struct {
    bool given;           /* false: the config has none, as one for inference alone                   */
    const char *problem;    /* not NULL: nobody can train by it                                         */
    AssignerCfg assigner;
    SamplerCfg sampler;
    double allowed_border; /* anchors that reach so many pixels beyond the image do not count; < 0: all do */
    double pos_weight;     /* weight of positive boxes; <= 0: 1                                       */
    DfInts mask_size;      /* side of the masks that a mask head learns, in cells; n 0: none          */
} TrainCfg;

/* A NULL or None dict: not given. `what` is its name in messages: "train_cfg.rpn". */
void df_train_cfg(NnScope, TrainCfg *, const DfNode *dict, const char *what);

/* mmseg's OHEMPixelSampler, in a head's own dict: only pixels count that are hard. */
typedef struct {
    bool given;
    const char *problem;
    double thresh; /* those whose own class has less than this probability; NAN: those of the greatest loss */
    int min_kept;  /* but at least so many of an image                                                     */
} PixelSamplerCfg;
void df_pixel_sampler_cfg(NnScope, PixelSamplerCfg *, const DfNode *dict);

#endif
