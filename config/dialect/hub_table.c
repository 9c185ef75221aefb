/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_table.c -- the models of transformers and timm that can be translated, and their translators. For
 * timm the first row whose prefix matches is used.
 */
#include "config/dialect/hub.h"

const DfHubRow df_hub_rows[] = {
    { "detr",            "DetrForObjectDetection",           df_hub_detr },
    { "detr",            "DetrForSegmentation",              df_hub_detr_segmentation },
    { "deformable_detr", "DeformableDetrForObjectDetection", df_hub_deformable_detr },
    { "swin",            "SwinForImageClassification",       df_hub_swin },
    { "swinv2",          "Swinv2ForImageClassification",     df_hub_swin_v2 },
    { "pvt",             "PvtForImageClassification",        df_hub_pvt },
    { "pvt_v2",          "PvtV2ForImageClassification",      df_hub_pvt_v2 },
    { "resnet",          "ResNetForImageClassification",     df_hub_resnet },
    { "upernet",         "UperNetForSemanticSegmentation",   df_hub_upernet },
    { NULL,              "swinv2_",                          df_hub_timm_swin },
    { NULL,              "swin_",                            df_hub_timm_swin },
    { NULL,              "pvt_v2",                           df_hub_timm_pvt_v2 },
    { NULL,              "",                                 df_hub_timm_resnet },
    { NULL, NULL, NULL },
};
