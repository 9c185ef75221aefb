/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/conv.c -- block X of DAT: x + mlp(norm(dwconv(x))), the block of Liu et al., "A ConvNet for the 2020s"
 * (ConvNeXt), CVPR 2022. This file has the convolution; norm, MLP and sum are in the second half of the block (mlp.c,
 * dat.c).
 */
#include "backbone/dat/kinds.h"

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x, NnResidual r)
{
    return nn_conv_fused(c, self, x, (DfFuse){ .scale = r.scale, .residual = r.residual });
}

static void init(NnScope s, void *self, const DatBlockOptions *o)
{
    const NnConvShape depthwise = { .kernel = o->window, .padding = o->window / 2, .groups = o->dim };
    if (o->window % 2 == 0)
        nn_fail(s, DF_EVALUE, "window_sizes = %d: an X block wants an odd number", o->window);
    nn_conv_init(s, self, o->dim, o->dim, depthwise);
}

const DatBlockKind df_dat_block_conv = {
    .letter = 'X',
    .size = sizeof(NnConv),
    .single = true,
    .init = init,
    .forward = forward,
};
