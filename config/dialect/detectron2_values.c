/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/detectron2_values.c -- the keys that a YAML file of detectron2 may have, and their values where it
 * says nothing (version 2 of its configs). None: the key is known, and changes nothing here.
 */
#include "config/dialect/detectron2.h"

const char df_d2_values[] =
    "VERSION = 2\n"
    "DATASETS = DATALOADER = SOLVER = GLOBAL = OUTPUT_DIR = SEED = CUDNN_BENCHMARK = VIS_PERIOD = FLOAT32_PRECISION = None\n"
    "INPUT = dict(MIN_SIZE_TEST=800, MAX_SIZE_TEST=1333, FORMAT='BGR', MIN_SIZE_TRAIN=None, MIN_SIZE_TRAIN_SAMPLING=None,\n"
    "    MAX_SIZE_TRAIN=None, RANDOM_FLIP=None, CROP=None, MASK_FORMAT=None)\n"
    "TEST = dict(DETECTIONS_PER_IMAGE=100, EXPECTED_RESULTS=None, EVAL_PERIOD=None, KEYPOINT_OKS_SIGMAS=None, AUG=None,\n"
    "    PRECISE_BN=None)\n"
    "MODEL = dict(META_ARCHITECTURE='GeneralizedRCNN', MASK_ON=False, KEYPOINT_ON=False, LOAD_PROPOSALS=False,\n"
    "    PIXEL_MEAN=[103.53, 116.28, 123.675], PIXEL_STD=[1.0, 1.0, 1.0], DEVICE=None, WEIGHTS=None,\n"
    "    ROI_BOX_CASCADE_HEAD=None, ROI_KEYPOINT_HEAD=None, SEM_SEG_HEAD=None, PANOPTIC_FPN=None,\n"
    "    BACKBONE=dict(NAME='build_resnet_backbone', FREEZE_AT=None),\n"
    "    FPN=dict(IN_FEATURES=[], OUT_CHANNELS=256, NORM='', FUSE_TYPE='sum'),\n"
    "    RESNETS=dict(DEPTH=50, OUT_FEATURES=['res4'], NUM_GROUPS=1, NORM='FrozenBN', WIDTH_PER_GROUP=64,\n"
    "        STRIDE_IN_1X1=True, RES5_DILATION=1, RES2_OUT_CHANNELS=256, STEM_OUT_CHANNELS=64,\n"
    "        DEFORM_ON_PER_STAGE=[False, False, False, False], DEFORM_MODULATED=False, DEFORM_NUM_GROUPS=1),\n"
    "    PROPOSAL_GENERATOR=dict(NAME='RPN', MIN_SIZE=0),\n"
    "    ANCHOR_GENERATOR=dict(NAME='DefaultAnchorGenerator', SIZES=[[32, 64, 128, 256, 512]],\n"
    "        ASPECT_RATIOS=[[0.5, 1.0, 2.0]], ANGLES=None, OFFSET=0.0),\n"
    "    RPN=dict(HEAD_NAME='StandardRPNHead', IN_FEATURES=['res4'], BBOX_REG_WEIGHTS=(1.0, 1.0, 1.0, 1.0),\n"
    "        PRE_NMS_TOPK_TEST=6000, POST_NMS_TOPK_TEST=1000, NMS_THRESH=0.7, CONV_DIMS=[-1], BOUNDARY_THRESH=None,\n"
    "        IOU_THRESHOLDS=None, IOU_LABELS=None, BATCH_SIZE_PER_IMAGE=None, POSITIVE_FRACTION=None,\n"
    "        BBOX_REG_LOSS_TYPE=None, BBOX_REG_LOSS_WEIGHT=None, SMOOTH_L1_BETA=None, LOSS_WEIGHT=None,\n"
    "        PRE_NMS_TOPK_TRAIN=None, POST_NMS_TOPK_TRAIN=None),\n"
    "    ROI_HEADS=dict(NAME='Res5ROIHeads', NUM_CLASSES=80, IN_FEATURES=['res4'], SCORE_THRESH_TEST=0.05,\n"
    "        NMS_THRESH_TEST=0.5, IOU_THRESHOLDS=None, IOU_LABELS=None, BATCH_SIZE_PER_IMAGE=None,\n"
    "        POSITIVE_FRACTION=None, PROPOSAL_APPEND_GT=None),\n"
    "    ROI_BOX_HEAD=dict(NAME='', BBOX_REG_WEIGHTS=(10.0, 10.0, 5.0, 5.0), POOLER_RESOLUTION=14,\n"
    "        POOLER_SAMPLING_RATIO=0, POOLER_TYPE='ROIAlignV2', NUM_FC=0, FC_DIM=1024, NUM_CONV=0, CONV_DIM=256, NORM='',\n"
    "        CLS_AGNOSTIC_BBOX_REG=False, USE_SIGMOID_CE=False, TRAIN_ON_PRED_BOXES=None, BBOX_REG_LOSS_TYPE=None,\n"
    "        BBOX_REG_LOSS_WEIGHT=None, SMOOTH_L1_BETA=None, USE_FED_LOSS=None, FED_LOSS_FREQ_WEIGHT_POWER=None,\n"
    "        FED_LOSS_NUM_CLASSES=None),\n"
    "    ROI_MASK_HEAD=dict(NAME='MaskRCNNConvUpsampleHead', POOLER_RESOLUTION=14, POOLER_SAMPLING_RATIO=0,\n"
    "        POOLER_TYPE='ROIAlignV2', NUM_CONV=0, CONV_DIM=256, NORM='', CLS_AGNOSTIC_MASK=False),\n"
    "    RETINANET=dict(NUM_CLASSES=80, IN_FEATURES=['p3', 'p4', 'p5', 'p6', 'p7'], NUM_CONVS=4, NORM='',\n"
    "        BBOX_REG_WEIGHTS=(1.0, 1.0, 1.0, 1.0), SCORE_THRESH_TEST=0.05, TOPK_CANDIDATES_TEST=1000, NMS_THRESH_TEST=0.5,\n"
    "        IOU_THRESHOLDS=None, IOU_LABELS=None, PRIOR_PROB=None, FOCAL_LOSS_GAMMA=None, FOCAL_LOSS_ALPHA=None,\n"
    "        SMOOTH_L1_LOSS_BETA=None, BBOX_REG_LOSS_TYPE=None))\n";
