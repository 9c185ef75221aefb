/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_padding.c -- padding of batches: pictures of different sizes are padded on the right and below.
 * Attention must not see the padding: the padding mask marks the padded cells of a level (Carion et al., ECCV 2020),
 * and the valid ratios are the shares of its width and height that are not padded (Zhu et al., ICLR 2021, where
 * references are in [0, 1] of that part).
 */
#include <math.h>

#include "heads/set/detr_parts.h"

/* How many of n cells are no padding: a cell is what its nearest pixel is, of `size` pixels, the first `valid` of
 * which are picture. */
static int count_valid_cells(int n, int size, int valid)
{
    const float step = (float)size / (float)n;
    int count = 0;
    for (int i = 0; i < n; i++)
        count += (int)floorf((float)i * step) < valid;
    return count;
}

int df_detr_valid_cells(const NnField *field, int n, int level, int axis)
{
    const int cells = axis ? field->levels.h[level] : field->levels.w[level];
    return (int)lroundf(field->valid_ratios[(n * field->levels.n + level) * 2 + axis] * (float)cells);
}

/* One level of one picture: mask[h][w], ratio x y. Gives whether it has padding. */
static bool mark_level(int h, int w, int valid_h, int valid_w, uint8_t *mask, float ratio[2])
{
    ratio[0] = (float)valid_w / (float)w;
    ratio[1] = (float)valid_h / (float)h;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            mask[(size_t)y * (size_t)w + (size_t)x] = y >= valid_h || x >= valid_w;
    return valid_h < h || valid_w < w;
}

void df_detr_mark_padding(DfCtx *c, NnField *field, const DfSetBatch *batch, int N)
{
    const int L = field->levels.n;
    const size_t cells = (size_t)df_pyramid_cells(&field->levels);
    const DfImageMeta *metas = batch->metas;
    float *ratios = df_workspace(c, (size_t)N * (size_t)L * 2);
    uint8_t *mask = (uint8_t *)df_workspace(c, ((size_t)N * cells + 3) / 4);
    if (!ratios || !mask)
        return;
    bool any = false;
    uint8_t *to = mask;
    for (int n = 0; n < N; n++)
        for (int l = 0; l < L; l++) {
            const int h = field->levels.h[l];
            const int w = field->levels.w[l];
            const int valid_h = metas ? count_valid_cells(h, batch->height, metas[n].img_h) : h;
            const int valid_w = metas ? count_valid_cells(w, batch->width, metas[n].img_w) : w;
            any |= mark_level(h, w, valid_h, valid_w, to, ratios + (n * L + l) * 2);
            to += (size_t)h * (size_t)w;
        }
    field->valid_ratios = ratios;
    field->padding_mask = any ? mask : NULL;
}

void df_detr_observe_padding(DfCtx *c, const NnField *field, int N)
{
    if (!df_listens(c) || c->err)
        return;
    const size_t cells = (size_t)df_pyramid_cells(&field->levels);
    size_t first = 0;
    for (int l = 0; l < field->levels.n; l++) {
        const size_t n_cells = (size_t)field->levels.h[l] * (size_t)field->levels.w[l];
        DfTensor *mask = df_zeros(c, DF_SHAPE(N, field->levels.h[l], field->levels.w[l]));
        if (!df_skip(c, mask) && field->padding_mask)
            for (size_t i = 0; i < df_size(mask); i++)
                mask->data[i] = field->padding_mask[i / n_cells * cells + first + i % n_cells];
        df_observe(c, mask, "mask_", l);
        first += n_cells;
    }
    df_observe(c, df_from(c, DF_SHAPE(N, field->levels.n, 2), field->valid_ratios), "valid_ratios", -1);
}
