/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/mlp.h -- private: the second half of a block of DAT.
 */
#ifndef DF_BACKBONE_DAT_MLP_H
#define DF_BACKBONE_DAT_MLP_H

#include "nn/nn.h"

typedef enum {
    DAT_MLP_PLAIN,     /* linear, GELU, linear                                                                 */
    DAT_MLP_CONV_2022, /* conv1x1, dwconv3x3, GELU, conv1x1                                                    */
    DAT_MLP_CONV,      /* the same with h + dwconv(h): the ConvFFN of DAT++                                    */
    DAT_MLP_CMT        /* as CONV, with batch norms after the GELUs and at the end: Guo et al., CMT, CVPR 2022 */
} DatMlpKind;

typedef struct {
    DatMlpKind kind;
    NnMlp plain;       /* of PLAIN, and of no other kind      */
    NnLinear fc1, fc2;
    NnConv dwc;
    NnNorm norm[3];    /* CMT: in the order of the pass       */
    float drop;        /* training: dropout after each linear */
} DatMlp;

void df_dat_mlp_init(NnScope, DatMlp *, DatMlpKind, int dim, int hidden, float drop);
DfTensor *df_dat_mlp_add(DfCtx *, const DatMlp *, DfTensor *x, NnResidual); /* B H W C, normalised -> B H W C */

#endif
