/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat_conv.c -- block X of DAT: x + mlp(norm(dwconv(x))), the block of Liu et al., A ConvNet for the 2020s (CVPR 2022).
 */
#include "backbone/dat_block.h"

static void init(NnScope s, void *self, const DatBlockOptions *o)
{
    if (o->window % 2 == 0)
        nn_fail(s, DF_EVALUE, "window_sizes = %d: an X block wants an odd number", o->window);
    nn_conv_init(s, self, o->dim, o->dim, (NnConvShape){ .kernel = o->window, .padding = o->window / 2, .groups = o->dim });
}

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x, NnResidual r)
{
    return nn_conv_fused(c, self, x, (DfFuse){ .scale = r.scale, .residual = r.residual });
}

const DatBlockKind df_dat_block_conv = { .letter = 'X', .size = sizeof(NnConv), .single = true, .init = init, .forward = forward };
