/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/offsets.c -- the offset network, theta_offset of the DAT paper, section 3.2 and figure 2(b): a strided
 * depthwise convolution of the queries, layer norm, GELU, and a 1x1 convolution to the offsets. All groups of channels
 * use the same small network.
 */
#include "backbone/dat/offsets.h"

/* The shared weights stand side by side, once for each group, so that one convolution takes all channels. */
DfTensor *df_dat_offsets(DfCtx *c, const DatOffsets *o, DfTensor *q)
{
    const int G = o->groups;
    DfTensor *weight = df_repeat(c, o->conv.weight, G);                          /* k k C */
    DfTensor *bias = df_repeat(c, o->conv.bias, G);                              /* C */
    DfTensor *x = df_conv2d(c, q, weight, bias, o->conv.conv, (DfFuse){ 0 });    /* B Hk Wk C */
    const int B = df_dim(x, 0), Hk = df_dim(x, 1), Wk = df_dim(x, 2), C = df_dim(x, 3);
    x = df_reshape(c, x, DF_SHAPE(B, Hk, Wk, G, C / G));
    x = df_gelu(c, nn_layer_norm(c, &o->norm, x));                               /* over the channels of a group */
    return nn_linear(c, &o->out, x);                                             /* B Hk Wk G numbers */
}

void df_dat_offsets_init(NnScope s, DatOffsets *o, int C, int G, NnConvShape shape, int numbers)
{
    const int Cg = C / G, k = shape.kernel;
    const NnInit start = nn_kaiming_uniform(k * k);
    o->groups = G;
    o->conv.conv = (DfConv){
        .stride = { shape.stride, shape.stride },
        .padding = { shape.padding, shape.padding },
        .dilation = { 1, 1 },
        .groups = C,
    };
    o->conv.weight = nn_param(s, "0.weight", DF_SHAPE(Cg, 1, k, k), NN_DEPTHWISE, start);
    nn_last(s)->role = NN_OF_DEPTHWISE;
    o->conv.bias = nn_param(s, "0.bias", DF_SHAPE(Cg), NN_AS_IS, start);
    nn_last(s)->role = NN_OF_DEPTHWISE;
    nn_layer_norm_init(nn_at(s, "1.norm"), &o->norm, Cg, 1e-5);
    nn_pointwise_init(nn_at(s, "3"), &o->out, Cg, numbers, false);
}
