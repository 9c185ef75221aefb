/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/pixel/fcn.c -- FCNHead: a few convolutions on one map; used as UPerNet's auxiliary head. Long et al., "Fully
 * Convolutional Networks for Semantic Segmentation", CVPR 2015: a classifier whose linear layers have become
 * convolutions, so that it predicts a map of classes.
 */
#include "heads/pixel/decode_head.h"

enum { CONVS = 16 };

typedef struct {
    DecodeHead base; /* first */
    int num_convs, kernel_size, dilation;
    bool concat_input;
    NnConvModule convs[CONVS], conv_cat;
} Fcn;

static const DfOpt opts[] = {
    DF_OPT_INT(Fcn, num_convs, 2, 0, CONVS, "number of convolutions before the last one"),
    DF_OPT_INT(Fcn, kernel_size, 3, 1, 31, "side of their kernels, in pixels"),
    DF_OPT_INT(Fcn, dilation, 1, 1, 64, "dilation of their kernels"),
    DF_OPT_BOOL(Fcn, concat_input, True,
                "concatenate the input to their result, and convolve once more without dilation"),
    DECODE_HEAD_OPTS(Fcn),
    DF_OPT_END
};

static void init(NnScope s, void *self)
{
    Fcn *h = self;
    df_decode_head_init(s, &h->base, false);
    int in = 0;
    for (int i = 0; i < h->base.in_channels.n; i++)
        in += h->base.in_channels.v[i];
    if (h->num_convs == 0 && in != h->base.channels)
        nn_fail(s, DF_EVALUE, "num_convs = 0 with %d in_channels and channels = %d: want the same", in,
                h->base.channels);
    for (int i = 0; nn_ok(s) && i < h->num_convs; i++)
        df_decode_head_conv(nn_at(s, "convs.%d", i), &h->convs[i], &h->base, i == 0 ? in : h->base.channels,
                            h->kernel_size, h->dilation);
    if (h->concat_input)
        df_decode_head_conv(nn_at(s, "conv_cat"), &h->conv_cat, &h->base, in + h->base.channels, h->kernel_size, 1);
}

static DfTensor *forward(DfCtx *c, const void *self, const DfMaps *maps)
{
    const Fcn *h = self;
    DfMaps in;
    df_decode_head_inputs(c, &h->base, maps, &in);
    DfTensor *x = in.map[0];                                                                     /* N h w C        */
    for (int i = 0; i < h->num_convs; i++)
        x = nn_conv_module(c, &h->convs[i], x);                                                  /* N h w channels */
    if (h->concat_input)
        x = nn_conv_module(c, &h->conv_cat, df_concat(c, (DfTensor *[]){ in.map[0], x }, 2, 3));
    return df_decode_head_classes(c, &h->base, x);                                               /* N h w classes  */
}

const DfPixelHead df_head_fcn = {
    .name = "FCNHead",
    .help = "convolutions on one feature map (Long et al., CVPR 2015)",
    .size = sizeof(Fcn),
    .opts = opts,
    .init = init,
    .classes = df_decode_head_n_classes,
    .align_corners = df_decode_head_align_corners,
    .forward = forward,
    .losses = df_decode_head_losses,
};
