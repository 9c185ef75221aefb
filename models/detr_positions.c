/* SPDX-License-Identifier: Apache-2.0
 *
 * models/detr_positions.c -- padding masks of batches of different sizes, and the position encodings that count what is no padding:
 * Carion et al., ECCV 2020, appendix A.4.
 */
#include "models/detr_parts.h"

#include <math.h>
#include <string.h>

enum { LEARNED = 50 };

/* ---- construction --------------------------------------------------------------------------------------------------- */

DetrPositions df_detr_sine(int dim)
{
    return (DetrPositions){ .dim = dim, .rows = LEARNED, .columns = LEARNED, .temperature = 10000, .scale = 6.283185307179586 };
}

DetrPositions df_detr_positions_mmdet(NnScope s, const DfNode *dict, int dim)
{
    const char *type = df_node_text(df_node_get(dict, "type"), "SinePositionalEncoding");
    DetrPositions p = df_detr_sine(dim);
    p.learned = strcmp(type, "LearnedPositionalEncoding") == 0;
    p.rows = (int)df_node_int(df_node_get(dict, "row_num_embed"), LEARNED);
    p.columns = (int)df_node_int(df_node_get(dict, "col_num_embed"), LEARNED);
    p.temperature = df_node_number(df_node_get(dict, "temperature"), p.temperature);
    p.offset = df_node_number(df_node_get(dict, "offset"), p.offset);
    p.scale = df_node_number(df_node_get(dict, "scale"), p.scale);
    p.raw = !df_node_bool(df_node_get(dict, "normalize"), false);
    if (!p.learned && strcmp(type, "SinePositionalEncoding") != 0)
        nn_fail(s, DF_EVALUE, "positional_encoding is %s: want SinePositionalEncoding or LearnedPositionalEncoding", type);
    const int half = (int)df_node_int(df_node_get(dict, "num_feats"), dim / 2);
    if (half != dim / 2)
        nn_fail(s, DF_EVALUE, "positional_encoding.num_feats = %d: want half of %d channels", half, dim);
    if (p.rows < 1 || p.rows > 65536 || p.columns < 1 || p.columns > 65536)
        nn_fail(s, DF_EVALUE, "positional_encoding of %d rows and %d columns: want 1 to 65536", p.rows, p.columns);
    return p;
}

void df_detr_positions_init(NnScope s, DetrPositions *p, const char *row_name, const char *column_name)
{
    if (!p->learned)
        return;
    p->row_embed = nn_param(nn_at(s, "%s", row_name), "weight", DF_SHAPE(p->rows, p->dim / 2), NN_AS_IS, nn_uniform(1));
    p->column_embed = nn_param(nn_at(s, "%s", column_name), "weight", DF_SHAPE(p->columns, p->dim / 2), NN_AS_IS, nn_uniform(1));
}

/* ---- padding -------------------------------------------------------------------------------------------------------- */

/* How many of n cells, nearest to pixels of `size`, lie within the first `used` pixels. */
static int used_cells(int n, int size, int used)
{
    const float step = (float)size / (float)n;
    int count = 0;
    for (int i = 0; i < n; i++)
        count += (int)floorf((float)i * step) < used;
    return count;
}

void df_detr_mark_padding(DfCtx *c, NnField *field, const DfImageMeta *metas, int N, int H, int W)
{
    const int L = field->levels.n;
    const size_t cells = (size_t)df_pyramid_cells(&field->levels);
    float *ratios = df_workspace(c, (size_t)N * (size_t)L * 2);
    uint8_t *off = (uint8_t *)df_workspace(c, ((size_t)N * cells + 3) / 4);
    if (!ratios || !off)
        return;
    bool any = false;
    for (int n = 0; n < N; n++)
        for (int l = 0, first = 0; l < L; l++) {
            const int h = field->levels.h[l], w = field->levels.w[l];
            const int used_h = metas ? used_cells(h, H, metas[n].img_h) : h, used_w = metas ? used_cells(w, W, metas[n].img_w) : w;
            ratios[(n * L + l) * 2] = (float)used_w / (float)w;
            ratios[(n * L + l) * 2 + 1] = (float)used_h / (float)h;
            for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++, first++)
                    off[(size_t)n * cells + (size_t)first] = y >= used_h || x >= used_w;
            any |= used_h < h || used_w < w;
        }
    field->valid_ratios = ratios;
    field->padding_mask = any ? off : NULL;
}

/* ---- positions ------------------------------------------------------------------------------------------------------ */

/* sin and cos of the place at wavelengths from 2 pi to 10000 2 pi, y first. Cells are counted where there is no padding, and the
 * last count is `scale`; where all is padding this gives huge angles, which nobody reads. */
static void sine_axis(const DetrPositions *p, float *out, float count, float last)
{
    const int half = p->dim / 2;
    const float place = p->raw ? count : (count + (float)p->offset) / (last + 1e-6f) * (float)p->scale;
    for (int i = 0; i < half; i++) {
        const float wave = powf((float)p->temperature, (float)(2 * (i / 2)) / (float)half);
        out[i] = i % 2 ? cosf(place / wave) : sinf(place / wave);
    }
}

/* Rows and columns repeat, so each is computed once; padding of a level is a rectangle. */
static DfTensor *sine_positions(DfCtx *c, const DetrPositions *how, const NnField *field, int N, int l)
{
    const int h = field->levels.h[l], w = field->levels.w[l], L = field->levels.n;
    const size_t half = (size_t)how->dim / 2;
    DfTensor *p = df_new(c, DF_SHAPE(N, h, w, how->dim)), *rows = df_new(c, DF_SHAPE(2, h, how->dim / 2)), *columns = df_new(c, DF_SHAPE(2, w, how->dim / 2));
    if (df_skip(c, p))
        return p;
    for (int n = 0; n < N; n++) {
        const int used_w = (int)lroundf(field->valid_ratios[(n * L + l) * 2] * (float)w), used_h = (int)lroundf(field->valid_ratios[(n * L + l) * 2 + 1] * (float)h);
        for (int padded = 0; padded < 2; padded++) { /* a padded column counts no rows, and the other way round */
            for (int y = 0; y < h; y++)
                sine_axis(how, rows->data + (size_t)(padded * h + y) * half, padded ? 0 : (float)(y < used_h ? y + 1 : used_h), padded ? 0 : (float)used_h);
            for (int x = 0; x < w; x++)
                sine_axis(how, columns->data + (size_t)(padded * w + x) * half, padded ? 0 : (float)(x < used_w ? x + 1 : used_w), padded ? 0 : (float)used_w);
        }
        float *to = p->data + (size_t)n * (size_t)h * (size_t)w * 2 * half;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++, to += 2 * half) {
                memcpy(to, rows->data + (size_t)((x >= used_w) * h + y) * half, half * sizeof *to);
                memcpy(to + half, columns->data + (size_t)((y >= used_h) * w + x) * half, half * sizeof *to);
            }
    }
    return p;
}

static DfTensor *learned_positions(DfCtx *c, const DetrPositions *p, int N, int h, int w)
{
    const int half = p->dim / 2;
    if (h > p->rows || w > p->columns) {
        df_ctx_fail(c, DF_ESHAPE, "a level of %d x %d cells: learned positions go to %d x %d", h, w, p->rows, p->columns);
        return &c->nil;
    }
    DfTensor *x = df_add(c, df_zeros(c, DF_SHAPE(N, h, w, half)), df_slice(c, p->column_embed, 0, 0, w));
    DfTensor *y = df_add(c, df_zeros(c, DF_SHAPE(N, w, h, half)), df_slice(c, p->row_embed, 0, 0, h));
    return df_concat(c, (DfTensor *[]){ x, df_permute(c, y, DF_SHAPE(0, 2, 1, 3)) }, 2, -1);
}

DfTensor *df_detr_positions(DfCtx *c, const DetrPositions *p, const NnField *field, int N, int l)
{
    const DfMark m = df_enter(c, NULL, -1);
    DfTensor *x = p->learned ? learned_positions(c, p, N, field->levels.h[l], field->levels.w[l]) : sine_positions(c, p, field, N, l);
    return df_leave(c, m, x);
}

/* ---- for listeners -------------------------------------------------------------------------------------------------- */

void df_detr_observe_masks(DfCtx *c, const NnField *field, int N)
{
    const size_t cells = (size_t)df_pyramid_cells(&field->levels);
    for (size_t l = 0, first = 0; df_listens(c) && l < (size_t)field->levels.n; l++) {
        const size_t n_cells = (size_t)field->levels.h[l] * (size_t)field->levels.w[l];
        DfTensor *mask = df_zeros(c, DF_SHAPE(N, field->levels.h[l], field->levels.w[l]));
        if (!df_skip(c, mask) && field->padding_mask)
            for (size_t i = 0; i < (size_t)N * n_cells; i++)
                mask->data[i] = field->padding_mask[i / n_cells * cells + first + i % n_cells];
        df_observe(c, mask, "mask_", (int)l);
        first += n_cells;
    }
    if (df_listens(c) && field->valid_ratios)
        df_observe(c, df_from(c, DF_SHAPE(N, field->levels.n, 2), field->valid_ratios), "valid_ratios", -1);
}
