/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_table.c -- which models of transformers and timm are translated, and by whom. For timm the row
 * with the first fitting beginning counts.
 */
#include "config/dialect/hub.h"

const DfHubRow df_hub_rows[] = {
    { "detr",            "DetrForObjectDetection",           df_hub_detr },
    { "deformable_detr", "DeformableDetrForObjectDetection", df_hub_deformable_detr },
    { NULL, NULL, NULL },
};
