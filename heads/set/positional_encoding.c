/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/positional_encoding.c -- positional encoding: attention does not know the positions of its keys, so C
 * numbers for every cell of a map encode them, half for y and half for x. Carion et al., ECCV 2020, appendix A.4,
 * after Vaswani et al., NeurIPS 2017:
 *     pe(2k)     = sin(place / T^(2k / (C/2)))
 *     pe(2k + 1) = cos(place / T^(2k / (C/2))),    place = (i + 1 + offset) / n * scale  for cell i of n
 * or, learned, a row of a table for every y and one for every x.
 */
#include <math.h>
#include <string.h>

#include "heads/set/detr_parts.h"

DfPositionalEncoding df_positional_encoding(void)
{
    return (DfPositionalEncoding){
        .rows = 50,
        .columns = 50,
        .normalize = true,
        .temperature = 10000,
        .eps = 1e-6,
        .scale = 6.283185307179586, /* 2 pi */
    };
}

/* ---- sines ----------------------------------------------------------------------------------------------------- */

void df_detr_sines(double temperature, float place, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        const float wave = powf((float)temperature, (float)(2 * (i / 2)) / (float)n);
        out[i] = i % 2 ? cosf(place / wave) : sinf(place / wave);
    }
}

/* Of the cell that is the `count`-th of `valid` cells without padding. Where there are none (0 of 0) the angle is
 * huge, and nobody reads it. */
static void sine_of_cell(const DetrPositions *p, int count, int valid, float *out)
{
    const DfPositionalEncoding *how = &p->how;
    float place = (float)count;
    if (how->normalize)
        place = ((float)count + (float)how->offset) / ((float)valid + (float)how->eps) * (float)how->scale;
    df_detr_sines(how->temperature, place, (size_t)p->dim / 2, out);
}

/* Of the n cells of an axis, the first `valid` of which are no padding: out[2][n][C/2]. Counting stops where
 * padding begins, and in a line that is all padding nothing is counted: those are the second n. */
static void sines_of_axis(const DetrPositions *p, int n, int valid, float *out)
{
    const size_t half = (size_t)p->dim / 2;
    for (int i = 0; i < n; i++) {
        sine_of_cell(p, df_clamp_int(i + 1, 0, valid), valid, out + (size_t)i * half);
        sine_of_cell(p, 0, 0, out + (size_t)(n + i) * half);
    }
}

/* All columns have the same y and all rows the same x, so each is computed once; what is no padding is a rectangle. */
static DfTensor *sine_positions(DfCtx *c, const DetrPositions *p, const NnField *field, int N, int l)
{
    const int h = field->levels.h[l];
    const int w = field->levels.w[l];
    const size_t half = (size_t)p->dim / 2;
    DfTensor *out = df_new(c, DF_SHAPE(N, h, w, p->dim));
    DfTensor *rows = df_new(c, DF_SHAPE(2, h, p->dim / 2));
    DfTensor *columns = df_new(c, DF_SHAPE(2, w, p->dim / 2));
    if (df_skip(c, out))
        return out;
    float *to = out->data;
    for (int n = 0; n < N; n++) {
        const int valid_w = df_detr_valid_cells(field, n, l, 0);
        const int valid_h = df_detr_valid_cells(field, n, l, 1);
        sines_of_axis(p, h, valid_h, rows->data);
        sines_of_axis(p, w, valid_w, columns->data);
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++, to += 2 * half) {
                const bool padded_column = x >= valid_w;
                const bool padded_row = y >= valid_h;
                memcpy(to, rows->data + (size_t)(padded_column * h + y) * half, half * sizeof *to);
                memcpy(to + half, columns->data + (size_t)(padded_row * w + x) * half, half * sizeof *to);
            }
    }
    return out;
}

/* ---- learned --------------------------------------------------------------------------------------------------- */

static DfTensor *learned_positions(DfCtx *c, const DetrPositions *p, int N, int h, int w)
{
    const int half = p->dim / 2;
    if (h > p->how.rows || w > p->how.columns) {
        df_ctx_fail(c, DF_ESHAPE, "a level of %d x %d cells: learned positions go to %d x %d", h, w, p->how.rows,
                    p->how.columns);
        return &c->nil;
    }
    DfTensor *column = df_slice(c, p->column_embed, 0, 0, w);                         /* w C/2     */
    DfTensor *row = df_slice(c, p->row_embed, 0, 0, h);                               /* h C/2     */
    DfTensor *x = df_add(c, df_zeros(c, DF_SHAPE(N, h, w, half)), column);            /* N h w C/2 */
    DfTensor *y = df_add(c, df_zeros(c, DF_SHAPE(N, w, h, half)), row);               /* N w h C/2 */
    y = df_permute(c, y, DF_SHAPE(0, 2, 1, 3));                                       /* N h w C/2 */
    return df_concat(c, (DfTensor *[]){ x, y }, 2, -1);                               /* N h w C   */
}

/* ---- either ---------------------------------------------------------------------------------------------------- */

void df_detr_positions_init(NnScope s, DetrPositions *p, const DfPositionalEncoding *how, int dim,
                            const DetrNames *names)
{
    p->how = *how;
    p->dim = dim;
    if (!how->learned)
        return;
    const NnScope rows = nn_at(s, "%s", names->row_embed);
    const NnScope columns = nn_at(s, "%s", names->column_embed);
    p->row_embed = nn_param(rows, "weight", DF_SHAPE(how->rows, dim / 2), NN_AS_IS, nn_uniform(1));
    p->column_embed = nn_param(columns, "weight", DF_SHAPE(how->columns, dim / 2), NN_AS_IS, nn_uniform(1));
}

DfTensor *df_detr_positions(DfCtx *c, const DetrPositions *p, const NnField *field, int N, int l)
{
    const DfMark m = df_enter(c, NULL, -1);
    if (p->how.learned)
        return df_leave(c, m, learned_positions(c, p, N, field->levels.h[l], field->levels.w[l]));
    return df_leave(c, m, sine_positions(c, p, field, N, l));
}
