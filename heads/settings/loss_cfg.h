/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/settings/loss_cfg.h -- private: a head's `loss_cls`, `loss_bbox`, `loss_mask` or `loss_decode`, as in mmdet
 * and mmseg. The arithmetic is in tensor/ (losses are ops); this is the choice of a loss and its parameters.
 */
#ifndef DF_HEADS_SETTINGS_LOSS_CFG_H
#define DF_HEADS_SETTINGS_LOSS_CFG_H

#include "heads/settings/for_training.h"

typedef enum {
    LOSS_NONE,          /* the config says None                                  */
    LOSS_FOCAL,         /* Lin et al., ICCV 2017, equation 5                     */
    LOSS_CROSS_ENTROPY, /* softmax, or one sigmoid a class                       */
    LOSS_L1,
    LOSS_SMOOTH_L1,     /* Girshick, ICCV 2015, equation 3                       */
    LOSS_BALANCED_L1,   /* Pang et al., Libra R-CNN, CVPR 2019, section 3.3      */
    LOSS_IOU,           /* Yu et al., UnitBox, ACM Multimedia 2016               */
    LOSS_GIOU,          /* Rezatofighi et al., CVPR 2019                         */
    LOSS_DIOU,          /* Zheng et al., AAAI 2020                               */
    LOSS_CIOU,          /* the same paper                                        */
    LOSS_BOUNDED_IOU,   /* Tychsen-Smith and Petersson, CVPR 2018                */
    LOSS_MSE,
    LOSS_DICE,          /* Milletari et al., V-Net, 3DV 2016                     */
    LOSS_LOVASZ,        /* Berman et al., CVPR 2018                              */
    LOSS_SEESAW,        /* Wang et al., CVPR 2021: of box heads alone            */
    LOSS_OTHER          /* not built in: `problem` says so, and `type` is which  */
} LossKind;

/* A loss of a config. What the fields of the union mean is in the option tables of loss_cfg.c. */
typedef struct {
    LossKind kind;
    const char *type;   /* as the config writes it: "FocalLoss"                  */
    const char *problem;  /* not NULL: nobody can compute this loss                */
    double weight;      /* factor of the loss in the sum of all                  */
    enum { REDUCE_MEAN, REDUCE_SUM, REDUCE_NONE } reduction;
    const char *name;   /* its name in the log, of mmseg; NULL: the head's own   */
    union {
        struct {
            bool use_sigmoid, activated;
            double gamma, alpha;
        } focal;
        struct {
            bool use_sigmoid, use_mask, avg_non_ignore;
            DfFloats class_weight; /* n 0: all classes count alike               */
            DfInts ignore_index;   /* n 0: every label counts                    */
            double smoothing;      /* 0: none                                     */
            enum { SMOOTH_ORIGINAL, SMOOTH_CLASSY_VISION } smooth_mode;
            double background;     /* DETR: weight of the no-object class        */
        } cross_entropy;
        struct {
            double beta;
        } smooth_l1;
        struct {
            double alpha, gamma, beta;
        } balanced_l1;
        struct {
            double eps;
            enum { IOU_LINEAR, IOU_SQUARE, IOU_LOG } mode; /* of LOSS_IOU        */
            bool linear;                                   /* its older spelling */
            enum { CIOU_3, CIOU_211 } formula;             /* of LOSS_CIOU       */
        } iou; /* of all four */
        struct {
            double beta, eps;
        } bounded_iou;
        struct {
            bool use_sigmoid, activate, naive_dice;
            bool older; /* the dict has a key that only mmseg up to 0.30 has   */
            double eps, smooth, exponent;
            DfFloats class_weight;
            DfInts ignore_index;
        } dice;
        struct {
            enum { LOVASZ_BINARY, LOVASZ_MULTI_CLASS } loss_type;
            const DfNode *classes; /* 'present', 'all' or a list of numbers      */
            bool per_image;
            DfFloats class_weight;
        } lovasz;
        struct {
            double p, q, eps;
            int num_classes;
            bool return_dict;
        } seesaw;
    };
} LossCfg;

/* `key` is the dict's name in messages: "loss_cls". A NULL or None dict gives LOSS_NONE. */
void df_loss_cfg(NnScope, LossCfg *, const DfNode *dict, const char *key);
/* One dict, or a list of up to `most`; returns how many there are, or 0 with *problem. */
int df_loss_cfgs(NnScope, LossCfg *, int most, const DfNode *node, const char *key, const char **problem);
/* Whether each class has a score of its own, by a sigmoid: what the dict says, and no if it says nothing, whatever the
 * loss itself has for its default. That is how mmdet's heads ask. */
bool df_loss_says_sigmoid(const DfNode *dict);

#endif
