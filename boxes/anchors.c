/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/anchors.c -- the anchor boxes of every cell of every level, in float32 and in mmdet's order of operations.
 *
 * An anchor of size s, scale k and ratio r = height / width (Ren et al., NIPS 2015) has the area of a square with
 * side s k:
 *     w = s k / sqrt(r),   h = s k sqrt(r)
 * It stands around the corner of its cell (or where `centers` says). RetinaNet (Lin et al., ICCV 2017) divides octaves:
 * k = octave_base_scale * 2^(i / scales_per_octave). torchvision has a list of sizes for each level instead, rounds
 * half of each side, and takes what fits for a stride.
 */
#include "boxes/boxes.h"

#include <math.h>

static int check_sizes(const DfAnchorOptions *o)
{
    if (o->scales.n > 0 || o->octave_base_scale > 0 || o->base_sizes.n)
        return df_fail(DF_EVALUE, "anchor generator: sizes, and scales or base_sizes: want one or the other");
    for (int i = 0; i < o->levels; i++)
        if (o->sizes[i].n < 1 || o->sizes[i].n > 1024 || o->sizes[i].n != o->sizes[0].n)
            return df_fail(DF_EVALUE,
                           "anchor generator: %d sizes for level %d and %d for level 0: want as many, 1..1024",
                           o->sizes[i].n, i, o->sizes[0].n);
    return DF_OK;
}

static int check(const DfAnchorOptions *o)
{
    const bool octaves = o->octave_base_scale > 0 && o->scales_per_octave > 0;
    if (o->levels < 1 || o->levels > 64)
        return df_fail(DF_EVALUE, "anchor generator: %d strides, want 1..64", o->levels);
    for (int i = 0; i < o->levels; i++)
        if (o->strides_w[i] < 1 || (o->strides_h && o->strides_h[i] < 1))
            return df_fail(DF_EVALUE, "anchor generator: stride %d of level %d, want at least 1", o->strides_w[i], i);
    if (o->ratios.n < 1 || o->ratios.n > 1024)
        return df_fail(DF_EVALUE, "anchor generator: %d ratios, want 1..1024", o->ratios.n);
    if (o->sizes)
        return check_sizes(o);
    if ((o->scales.n > 0) == octaves)
        return df_fail(DF_EVALUE, "anchor generator: want either scales, or octave_base_scale with scales_per_octave");
    if (o->scales.n > 1024 || o->scales_per_octave > 1024)
        return df_fail(DF_EVALUE, "anchor generator: over 1024 scales");
    if (o->base_sizes.n && o->base_sizes.n != o->levels)
        return df_fail(DF_EVALUE, "anchor generator: %d base_sizes for %d strides", o->base_sizes.n, o->levels);
    if (!(o->center_offset >= 0 && o->center_offset <= 1))
        return df_fail(DF_EVALUE, "anchor generator: center_offset = %g, want 0..1", o->center_offset);
    if (o->centers && o->center_offset != 0)
        return df_fail(DF_EVALUE, "anchor generator: both centers and center_offset are given");
    return DF_OK;
}

static int count_scales(const DfAnchorOptions *o)
{
    if (o->sizes)
        return o->sizes[0].n;
    return o->scales.n > 0 ? o->scales.n : o->scales_per_octave;
}

static float scale_of(const DfAnchorOptions *o, int level, int i)
{
    if (o->sizes)
        return (float)o->sizes[level].v[i];
    if (o->scales.n > 0)
        return (float)o->scales.v[i];
    return (float)(pow(2.0, (double)i / o->scales_per_octave) * o->octave_base_scale);
}

/* The anchor of one ratio and scale around (x, y). Which factor comes first changes the last bit: mmdet multiplies
 * by that of its outer loop, the ratio if scale_major. */
static void base_anchor(const DfAnchorOptions *o, double size, double x, double y, float ratio, float scale,
                        float box[4])
{
    const float h_ratio = sqrtf(ratio);
    const float w_ratio = 1 / h_ratio;
    const float base = (float)size;
    const float cx = (float)x;
    const float cy = (float)y;
    const float w = o->scale_major ? base * w_ratio * scale : base * scale * w_ratio;
    const float h = o->scale_major ? base * h_ratio * scale : base * scale * h_ratio;
    const float half_w = o->rounded ? rintf(0.5f * w) : 0.5f * w;
    const float half_h = o->rounded ? rintf(0.5f * h) : 0.5f * h;
    box[0] = cx - half_w;
    box[1] = cy - half_h;
    box[2] = cx + half_w;
    box[3] = cy + half_h;
}

static double base_size(const DfAnchorOptions *o, int level)
{
    if (o->sizes)
        return 1;
    if (o->base_sizes.n)
        return o->base_sizes.v[level];
    const int w = o->strides_w[level];
    const int h = o->strides_h ? o->strides_h[level] : w;
    return w < h ? w : h;
}

/* The anchors of the cell at (0, 0); those of other cells are the same, moved. */
static void base_anchors(const DfAnchorOptions *o, int level, int n_scales, float *out)
{
    const double size = base_size(o, level);
    const double x = o->centers ? o->centers[2 * level] : o->center_offset * size;
    const double y = o->centers ? o->centers[2 * level + 1] : o->center_offset * size;
    for (int r = 0; r < o->ratios.n; r++)
        for (int s = 0; s < n_scales; s++) {
            const int place = o->scale_major ? r * n_scales + s : s * o->ratios.n + r;
            base_anchor(o, size, x, y, (float)o->ratios.v[r], scale_of(o, level, s), out + 4 * place);
        }
}

int df_anchors_init(DfAnchors *out, const DfAnchorOptions *o)
{
    *out = (DfAnchors){ 0 };
    const int error = check(o);
    if (error < 0)
        return error;
    const int n_scales = count_scales(o);
    out->levels = o->levels;
    out->fit_strides = o->fit_strides;
    out->per_cell = o->ratios.n * n_scales;
    out->strides = df_calloc((size_t)o->levels * 2, sizeof *out->strides);
    out->base = df_calloc((size_t)o->levels * (size_t)out->per_cell * 4, sizeof *out->base);
    if (!out->strides || !out->base) {
        df_anchors_done(out);
        return df_fail_memory("the anchors");
    }
    for (int i = 0; i < o->levels; i++) {
        out->strides[2 * i] = o->strides_w[i];
        out->strides[2 * i + 1] = o->strides_h ? o->strides_h[i] : o->strides_w[i];
        base_anchors(o, i, n_scales, out->base + (size_t)i * (size_t)out->per_cell * 4);
    }
    return DF_OK;
}

void df_anchors_done(DfAnchors *a)
{
    df_free(a->strides);
    df_free(a->base);
    *a = (DfAnchors){ 0 };
}

void df_anchors_fit(DfAnchors *out, const DfAnchors *a, const int *h, const int *w, int *strides)
{
    *out = *a;
    if (!a->fit_strides)
        return;
    for (int i = 0; i < a->levels; i++) {
        strides[2 * i] = w[i] > 0 ? w[0] * a->strides[0] / w[i] : 1;
        strides[2 * i + 1] = h[i] > 0 ? h[0] * a->strides[1] / h[i] : 1;
    }
    out->strides = strides;
}

/* [per_cell][4] */
static const float *base_of(const DfAnchors *a, int level)
{
    return a->base + (size_t)level * (size_t)a->per_cell * 4;
}

static void shifted(const float base[4], int x, int y, float out[4])
{
    out[0] = base[0] + (float)x;
    out[1] = base[1] + (float)y;
    out[2] = base[2] + (float)x;
    out[3] = base[3] + (float)y;
}

void df_anchors_grid(const DfAnchors *a, int level, int h, int w, float *out)
{
    const float *base = base_of(a, level);
    const int stride_w = a->strides[2 * level];
    const int stride_h = a->strides[2 * level + 1];
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int i = 0; i < a->per_cell; i++, out += 4)
                shifted(base + 4 * i, x * stride_w, y * stride_h, out);
}

void df_anchors_at(const DfAnchors *a, int level, int w, size_t index, float out[4])
{
    const size_t cell = index / (size_t)a->per_cell;
    const size_t i = index % (size_t)a->per_cell;
    const int x = (int)(cell % (size_t)w);
    const int y = (int)(cell / (size_t)w);
    shifted(base_of(a, level) + 4 * i, x * a->strides[2 * level], y * a->strides[2 * level + 1], out);
}

void df_anchors_valid(const DfAnchors *a, int level, int h, int w, int pad_h, int pad_w, bool *out)
{
    const int stride_w = a->strides[2 * level];
    const int stride_h = a->strides[2 * level + 1];
    const int valid_w = (pad_w + stride_w - 1) / stride_w; /* columns of cells that begin inside the image */
    const int valid_h = (pad_h + stride_h - 1) / stride_h;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int i = 0; i < a->per_cell; i++)
                *out++ = x < valid_w && y < valid_h;
}

/* Left and top may be on the border, right and bottom may not: as mmdet has it. */
void df_anchors_inside(size_t n, const float *anchors, int h, int w, double border, bool *flag)
{
    if (!(border >= 0))
        return;
    const float least = (float)-border;
    const float right = (float)(w + border);
    const float bottom = (float)(h + border);
    for (size_t i = 0; i < n; i++) {
        const float *const box = anchors + 4 * i;
        const bool inside = box[0] >= least && box[1] >= least && box[2] < right && box[3] < bottom;
        flag[i] = flag[i] && inside;
    }
}
