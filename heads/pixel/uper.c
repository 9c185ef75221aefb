/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/pixel/uper.c -- UPerHead: pyramid pooling on the last map, a feature pyramid over all maps, and their
 * concatenation at the finest size. Xiao et al., "Unified Perceptual Parsing for Scene Understanding", ECCV 2018,
 * section 3 and figure 4; pyramid pooling: Zhao et al., "Pyramid Scene Parsing Network", CVPR 2017, section 3.2.
 */
#include "heads/pixel/decode_head.h"

enum { SCALES = 8, ROWS = 64 };

typedef struct {
    DecodeHead base; /* first */
    DfInts pool_scales;
    NnConvModule psp[SCALES], bottleneck;             /* pyramid pooling            */
    NnConvModule lateral[DF_LEVELS], fpn[DF_LEVELS];  /* the pyramid, without its top */
    NnConvModule fpn_bottleneck;
} Uper;

static const DfOpt opts[] = {
    DF_OPT_INTS(Uper, pool_scales, "[1, 2, 3, 6]", 1, 256, "side of each pooled map, in cells"),
    DECODE_HEAD_OPTS(Uper),
    DF_OPT_END
};

static void init(NnScope s, void *self)
{
    Uper *h = self;
    DecodeHead *base = &h->base;
    df_decode_head_init(s, base, true);
    if (h->pool_scales.n < 1 || h->pool_scales.n > SCALES)
        nn_fail(s, DF_EVALUE, "%d pool_scales: want 1 to %d", h->pool_scales.n, SCALES);
    if (!nn_ok(s))
        return;
    const int C = base->channels, n = base->in_channels.n, top = n - 1;
    const int top_channels = base->in_channels.v[top];
    for (int i = 0; i < h->pool_scales.n; i++)
        df_decode_head_conv(nn_at(s, "psp_modules.%d.1", i), &h->psp[i], base, top_channels, 1, 1);
    df_decode_head_conv(nn_at(s, "bottleneck"), &h->bottleneck, base, top_channels + h->pool_scales.n * C, 3, 1);
    for (int i = 0; i < top; i++) {
        df_decode_head_conv(nn_at(s, "lateral_convs.%d", i), &h->lateral[i], base, base->in_channels.v[i], 1, 1);
        df_decode_head_conv(nn_at(s, "fpn_convs.%d", i), &h->fpn[i], base, C, 3, 1);
    }
    df_decode_head_conv(nn_at(s, "fpn_bottleneck"), &h->fpn_bottleneck, base, n * C, 3, 1);
}

/* ---- pyramid pooling --------------------------------------------------------------------------------------------- */

/* What the whole picture, its halves, thirds and sixths show on average, beside every cell of the map. */
static DfTensor *pyramid_pooling(DfCtx *c, const Uper *h, DfTensor *x)             /* N h w C -> N h w channels */
{
    const DfMark m = df_enter(c, "psp", -1);
    DfTensor *parts[SCALES + 1] = { x };
    for (int i = 0; i < h->pool_scales.n; i++) {
        const int side = h->pool_scales.v[i];
        DfTensor *pooled = df_adaptive_avg_pool2d(c, x, side, side);               /* N side side C             */
        parts[i + 1] = nn_conv_module(c, &h->psp[i], pooled);                      /* N side side channels      */
    }
    const NnJoinedConv joined = nn_join_maps(c, &h->bottleneck, parts, h->pool_scales.n + 1, h->base.align_corners);
    return df_leave(c, m, nn_joined_rows(c, &joined, 0, c->err ? 1 : df_dim(x, 1)));
}

/* ---- the pyramid ------------------------------------------------------------------------------------------------- */

/* A step down the pyramid: the coarser level enlarged, plus the backbone's map as it is seen through a 1x1
 * convolution. */
static DfTensor *merged(DfCtx *c, const Uper *h, const NnConvModule *lateral, DfTensor *fine, DfTensor *coarse)
{
    DfTensor *enlarged = df_decode_head_resize(c, &h->base, coarse, fine);
    DfTensor *sum = nn_conv_module_add(c, lateral, fine, enlarged);
    if (enlarged != coarse)
        df_release(c, enlarged);
    return sum;
}

/* ---- all levels at the finest size ------------------------------------------------------------------------------- */

/* A multiple of 4, the side of Winograd's tiles: strips have the bits of the whole. A norm that takes its mean from the
 * map must see all of it. */
static int strip_rows(const DfCtx *c, const Uper *h, int H)
{
    if (c->recording || c->training || !nn_norm_is_local(c, &h->fpn_bottleneck.norm))
        return H;
    const int least = (H + DF_SOURCES - 1) / DF_SOURCES; /* df_concat() joins at most so many */
    return least > ROWS ? (least + 3) / 4 * 4 : ROWS;
}

/* All levels side by side have thousands of channels at a quarter of the image's size. They exist one strip of rows at
 * a time, except in training and with group norm. */
static DfTensor *join(DfCtx *c, const Uper *h, DfTensor *const *x, int n)        /* -> N H W classes */
{
    const DfMark m = df_enter(c, "fpn_bottleneck", -1);
    const int H = df_dim(x[0], 1), rows = strip_rows(c, h, H);
    const NnJoinedConv joined = nn_join_maps(c, &h->fpn_bottleneck, x, n, h->base.align_corners);
    DfTensor *strips[DF_SOURCES];
    int n_strips = 0;
    for (int first = 0; first < H; first += rows) {
        const DfMark strip = df_enter(c, NULL, -1);
        DfTensor *y = nn_joined_rows(c, &joined, first, H - first < rows ? H - first : rows);
        strips[n_strips++] = df_leave(c, strip, df_decode_head_classes(c, &h->base, y));  /* N rows W classes */
    }
    return df_leave(c, m, n_strips == 1 ? strips[0] : df_concat(c, strips, n_strips, 1));
}

static DfTensor *forward(DfCtx *c, const void *self, const DfMaps *maps)
{
    const Uper *h = self;
    DfMaps in;
    df_decode_head_inputs(c, &h->base, maps, &in);
    const int top = in.n - 1;
    DfTensor *x[DF_LEVELS]; /* of each N h w channels */
    x[top] = pyramid_pooling(c, h, in.map[top]);
    for (int i = top - 1; i >= 0; i--)
        x[i] = merged(c, h, &h->lateral[i], in.map[i], x[i + 1]);
    for (int i = 0; i < top; i++)
        df_next(c, &x[i], nn_conv_module(c, &h->fpn[i], x[i]));
    return c->err ? &c->nil : join(c, h, x, in.n); /* the nil tensor has no rows to make strips of */
}

const DfPixelHead df_head_uper = {
    .name = "UPerHead",
    .help = "pyramid pooling and feature pyramid for semantic segmentation (Xiao et al., ECCV 2018)",
    .size = sizeof(Uper),
    .opts = opts,
    .init = init,
    .classes = df_decode_head_n_classes,
    .align_corners = df_decode_head_align_corners,
    .forward = forward,
    .losses = df_decode_head_losses,
};
