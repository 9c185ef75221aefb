/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/pixel/semantic_fpn.c -- FPNHead: every level is enlarged to the finest size step by step, and all are added.
 * Kirillov et al., "Panoptic Feature Pyramid Networks", CVPR 2019, section 3, "Semantic segmentation branch", and
 * figure 3.
 */
#include "heads/pixel/decode_head.h"

enum { STEPS = 8 };

typedef struct {
    DecodeHead base; /* first */
    DfInts feature_strides;
    int steps[DF_LEVELS]; /* convolutions of each level; but for level 0 each doubles the size */
    NnConvModule scale[DF_LEVELS][STEPS];
} SemanticFpn;

static const DfOpt opts[] = {
    DF_OPT_INTS(SemanticFpn, feature_strides, NULL, 1, 4096,
                "stride of each feature map, in pixels of the network's input; the finest first"),
    DECODE_HEAD_OPTS(SemanticFpn),
    DF_OPT_END
};

static int log2_of(int n)
{
    int log = 0;
    while (n > 1) {
        n /= 2;
        log++;
    }
    return log;
}

static void init(NnScope s, void *self)
{
    SemanticFpn *h = self;
    df_decode_head_init(s, &h->base, true);
    if (h->feature_strides.n != h->base.in_channels.n)
        nn_fail(s, DF_EVALUE, "%d feature_strides and %d in_channels: want as many", h->feature_strides.n,
                h->base.in_channels.n);
    for (int i = 0; nn_ok(s) && i < h->feature_strides.n; i++) {
        const int stride = h->feature_strides.v[i];
        const int first = h->feature_strides.v[0];
        const bool grows = stride != first;
        h->steps[i] = grows ? log2_of(stride) - log2_of(first) : 1;
        if (h->steps[i] < 1 || h->steps[i] > STEPS) {
            nn_fail(s, DF_EVALUE, "feature_strides: %d after %d, want the finest first", stride, first);
            return;
        }
        for (int k = 0; k < h->steps[i]; k++) {
            const int place = grows ? 2 * k : k; /* upsampling has a place of its own in the official Sequential */
            const int in = k == 0 ? h->base.in_channels.v[i] : h->base.channels;
            df_decode_head_conv(nn_at(s, "scale_heads.%d.%d", i, place), &h->scale[i][k], &h->base, in, 3, 1);
        }
    }
}

/* An upsampling stage of the paper: 3x3 convolution, norm, ReLU, twice the size; as often as the stride is twice the
 * finest one. */
static DfTensor *level(DfCtx *c, const SemanticFpn *h, int i, DfTensor *x)            /* N h w C -> N H W channels */
{
    const DfMark m = df_enter(c, "scale_heads", i);
    const bool grows = h->feature_strides.v[i] != h->feature_strides.v[0];
    for (int k = 0; k < h->steps[i]; k++) {
        x = nn_conv_module(c, &h->scale[i][k], x);
        if (grows)
            x = df_interpolate(c, x, 2 * df_dim(x, 1), 2 * df_dim(x, 2), DF_BILINEAR, h->base.align_corners);
    }
    return df_leave(c, m, x);
}

static DfTensor *forward(DfCtx *c, const void *self, const DfMaps *maps)
{
    const SemanticFpn *h = self;
    DfMaps in;
    df_decode_head_inputs(c, &h->base, maps, &in);
    DfTensor *sum = level(c, h, 0, in.map[0]);                              /* N H W channels: a quarter of the image */
    for (int i = 1; i < in.n; i++) {
        DfTensor *x = level(c, h, i, in.map[i]);
        sum = df_add(c, sum, df_decode_head_resize(c, &h->base, x, sum));   /* of odd sizes a doubling gives one more */
    }
    return df_decode_head_classes(c, &h->base, sum);                        /* N H W classes                          */
}

const DfPixelHead df_head_semantic_fpn = {
    .name = "FPNHead",
    .help = "Semantic FPN (Kirillov et al., CVPR 2019)",
    .size = sizeof(SemanticFpn),
    .opts = opts,
    .init = init,
    .classes = df_decode_head_n_classes,
    .align_corners = df_decode_head_align_corners,
    .forward = forward,
    .losses = df_decode_head_losses,
};
