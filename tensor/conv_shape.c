/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/conv_shape.c -- computes and checks the sizes of convolutions.
 */
#include "tensor/conv_shape.h"

bool df_conv_fits(DfConv conv)
{
    bool good = conv.groups >= 1;
    for (int i = 0; i < 2; i++)
        good = good && conv.stride[i] >= 1 && conv.padding[i] >= 0 && conv.dilation[i] >= 1;
    return good;
}

void df_conv_strides(DfConvShape *s, DfConv conv)
{
    s->groups = conv.groups;
    for (int i = 0; i < 2; i++) {
        s->stride[i] = conv.stride[i];
        s->padding[i] = conv.padding[i];
        s->dilation[i] = conv.dilation[i];
    }
}

static int side(int size, int kernel, int stride, int padding, int dilation)
{
    const long long room = (long long)size + 2LL * padding - (long long)dilation * (kernel - 1) - 1;
    if (room < 0)
        return size == 0 ? 0 : -1;
    return (int)(room / stride) + 1;
}

DfConvShape df_conv_shape(const DfTensor *x, int O, int kh, int kw, DfConv conv)
{
    DfConvShape s = { .N = df_dim(x, 0), .H = df_dim(x, 1), .W = df_dim(x, 2), .I = df_dim(x, 3) };
    s.O = O;
    s.kh = kh;
    s.kw = kw;
    df_conv_strides(&s, conv);
    s.oH = side(s.H, kh, conv.stride[0], conv.padding[0], conv.dilation[0]);
    s.oW = side(s.W, kw, conv.stride[1], conv.padding[1], conv.dilation[1]);
    return s;
}
