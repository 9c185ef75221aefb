/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/pixel/decode_head.c -- the inputs of a segmentation head, and its last convolution.
 */
#include "heads/pixel/decode_head.h"

#include <math.h>

#include "heads/settings/settings.h"

void df_decode_head_init(NnScope s, DecodeHead *h, bool several)
{
    if (several)
        h->input_transform = MULTIPLE_SELECT;
    const bool one = h->input_transform == ONE_MAP;
    const int n = h->in_channels.n;
    if (n != h->in_index.n || n > DF_LEVELS || (one && n != 1))
        nn_fail(s, DF_EVALUE, "%d in_channels and %d in_index: want %s", n, h->in_index.n,
                one ? "one of each" : "as many of each, at most 8");
    h->n_losses = df_loss_cfgs(s, h->loss_decode, DECODE_LOSSES, h->loss_decode_cfg, "loss_decode", &h->problem);
    df_pixel_sampler_cfg(s, &h->sampler, h->sampler_cfg);
    nn_conv_init_as(nn_at(s, "conv_seg"), &h->conv_seg, h->channels, h->num_classes, (NnConvShape){ .kernel = 1 },
                    nn_normal(0.01), nn_constant(0));
}

static DfTensor *pick(DfCtx *c, const DecodeHead *h, const DfMaps *in, int i)
{
    const int index = h->in_index.v[i] < 0 ? in->n + h->in_index.v[i] : h->in_index.v[i];
    if (index < 0 || index >= in->n) {
        df_ctx_fail(c, DF_ESHAPE, "in_index %d of %d maps", h->in_index.v[i], in->n);
        return &c->nil;
    }
    const int channels = df_dim(in->map[index], 3);
    if (channels != h->in_channels.v[i])
        df_ctx_fail(c, DF_ESHAPE, "map %d has %d channels, in_channels says %d", index, channels, h->in_channels.v[i]);
    return in->map[index];
}

void df_decode_head_inputs(DfCtx *c, const DecodeHead *h, const DfMaps *in, DfMaps *out)
{
    *out = (DfMaps){ .n = h->in_index.n };
    for (int i = 0; i < out->n; i++)
        out->map[i] = pick(c, h, in, i);
    if (h->input_transform != RESIZE_CONCAT)
        return;
    for (int i = 1; i < out->n; i++)
        out->map[i] = df_decode_head_resize(c, h, out->map[i], out->map[0]);
    out->map[0] = df_concat(c, out->map, out->n, 3);
    out->n = 1;
}

void df_decode_head_conv(NnScope s, NnConvModule *m, const DecodeHead *h, int in, int kernel, int dilation)
{
    const NnConvShape shape = { .kernel = kernel, .padding = kernel / 2 * dilation, .dilation = dilation,
                                .standard_eps = nn_conv_kind(s, h->conv_cfg) };
    const NnInit kaiming = nn_normal(sqrt(2.0 / ((double)h->channels * kernel * kernel))); /* mmcv's: normal, fan_out */
    nn_conv_module_init(s, m, in, h->channels, shape, h->norm_cfg, nn_act(s, h->act_cfg), kaiming);
}

DfTensor *df_decode_head_resize(DfCtx *c, const DecodeHead *h, DfTensor *x, const DfTensor *like)
{
    const int H = df_dim(like, 1), W = df_dim(like, 2);
    if (df_dim(x, 1) == H && df_dim(x, 2) == W)
        return x;
    return df_interpolate(c, x, H, W, DF_BILINEAR, h->align_corners);
}

DfTensor *df_decode_head_classes(DfCtx *c, const DecodeHead *h, DfTensor *x)
{
    if (c->training && h->dropout_ratio > 0)
        x = df_dropout_channels(c, x, (float)h->dropout_ratio);
    return nn_conv(c, &h->conv_seg, x);
}

int df_decode_head_n_classes(const void *self)
{
    const DecodeHead *h = self;
    return h->num_classes;
}

bool df_decode_head_align_corners(const void *self)
{
    const DecodeHead *h = self;
    return h->align_corners;
}
