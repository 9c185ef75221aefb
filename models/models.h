/* SPDX-License-Identifier: Apache-2.0
 *
 * models/models.h -- the public header of models/: networks as wholes. A config goes in, backbone, neck and head are
 * wired; then an image in, detections out. This is what a program that links the library calls:
 *
 *     DfModel *model;  DfCtx *c;  DfConfig *config;
 *     df_config_read(&config, "configs/retinanet/retinanet_dat_tiny_fpn_1x_coco.py", NULL, 0);
 *     df_model_new(&model, df_config_root(config));
 *     df_model_load(model, "weights.pth", NULL);
 *     df_ctx_new(&c, pool);
 *     df_model_detect(model, c, image, &meta, 1, true, &detections);
 */
#ifndef DF_MODELS_MODELS_H
#define DF_MODELS_MODELS_H

#include "models/architecture.h"
#include "models/beside.h"
#include "models/model.h"
#include "models/points.h"

#endif
