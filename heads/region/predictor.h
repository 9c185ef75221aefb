/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/predictor.h -- private: the last layer of a box or mask head, by mmdet's cls_predictor_cfg,
 * reg_predictor_cfg and predictor_cfg: a plain layer, or one on normalised vectors (NormedLinear, NormedConv2d; Wang
 * et al., CVPR 2021, appendix):
 *     y = W' x' + b,   x' = t x / (|x|^p + eps),   the rows of W' = w / (|w|^p + eps)
 */
#ifndef DF_HEADS_PREDICTOR_H
#define DF_HEADS_PREDICTOR_H

#include "nn/nn.h"

typedef struct {
    bool normed, has_bias;
    double tempearture, power, eps; /* spelled as in mmdet */
} Predictor;

/* types: how the plain one and the normed one are called. Anything else poisons the model. */
void df_predictor_init(NnScope, Predictor *, const DfNode *cfg, const char *plain, const char *normed);
DfTensor *df_predictor_linear(DfCtx *, const Predictor *, const NnLinear *, DfTensor *x); /* .. I -> .. O           */
DfTensor *df_predictor_conv(DfCtx *, const Predictor *, const NnConv *, DfTensor *x);     /* of 1x1: N h w I -> O   */

#endif
