/* SPDX-License-Identifier: Apache-2.0
 *
 * models/deformable_pyramid.c -- from the backbone's maps to one list of tokens: projections, extra levels, padding masks, valid
 * ratios and position encodings. Zhu et al., ICLR 2021, section 4.1 and appendix A.4; Carion et al., ECCV 2020, for the positions.
 */
#include <math.h>
#include <string.h>

#include "models/deformable_detr.h"

enum { GROUPS = 32, LEARNED = 50 };

void df_detr_pyramid_init(NnScope s, Detr *net)
{
    const DetrOptions *o = &net->o;
    const DetrNames *names = net->names;
    if (o->dim % GROUPS)
        nn_fail(s, DF_EVALUE, "%d groups do not divide %d channels", GROUPS, o->dim);
    for (int l = 0; l < o->levels; l++) {
        const bool extra = l >= o->n_maps;
        const int in = l <= o->n_maps ? o->channels[extra ? o->n_maps - 1 : l] : o->dim, kernel = extra ? 3 : 1;
        const bool apart = extra && strcmp(names->proj, names->extra_proj) != 0;
        const NnScope at = nn_at(s, extra ? names->extra_proj : names->proj, apart ? l - o->n_maps : l);
        nn_conv_init_as(nn_at(at, "%s", names->conv), &net->proj[l], in, o->dim, (NnConvShape){ .kernel = kernel, .stride = extra ? 2 : 1, .padding = extra },
                        nn_xavier_uniform(in * kernel * kernel, o->dim * kernel * kernel), nn_constant(0));
        nn_layer_norm_init(nn_at(at, "%s", names->group_norm), &net->proj_norm[l], o->dim, 1e-5);
    }
    if (o->learned) {
        net->row_embed = nn_param(nn_at(s, "%s", names->row_embed), "weight", DF_SHAPE(LEARNED, o->dim / 2), NN_AS_IS, nn_uniform(1));
        net->column_embed = nn_param(nn_at(s, "%s", names->column_embed), "weight", DF_SHAPE(LEARNED, o->dim / 2), NN_AS_IS, nn_uniform(1));
    }
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

/* Pictures of a batch end at different places: which cells are padding, and what part of a level is not. */
static void mark_padding(DfCtx *c, NnField *field, const DfImageMeta *metas, int N, int H, int W)
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
    field->ratios = ratios;
    field->off = any ? off : NULL;
}

/* ---- positions ------------------------------------------------------------------------------------------------------ */

/* sin and cos of the place at wavelengths from 2 pi to 10000 2 pi, y first. Cells are counted where there is no padding, and the
 * last count is `scale`; where all is padding this gives huge angles, which nobody reads. */
static void sine_axis(const DetrOptions *o, float *out, float count, float last)
{
    const int half = o->dim / 2;
    const float place = (count + (float)o->offset) / (last + 1e-6f) * (float)o->scale;
    for (int i = 0; i < half; i++) {
        const float wave = powf((float)o->temperature, (float)(2 * (i / 2)) / (float)half);
        out[i] = i % 2 ? cosf(place / wave) : sinf(place / wave);
    }
}

/* Rows and columns repeat, so each is computed once; padding of a level is a rectangle. */
static DfTensor *sine_positions(DfCtx *c, const DetrOptions *o, const NnField *field, int N, int l)
{
    const int h = field->levels.h[l], w = field->levels.w[l], L = field->levels.n;
    const size_t half = (size_t)o->dim / 2;
    DfTensor *p = df_new(c, DF_SHAPE(N, h, w, o->dim)), *rows = df_new(c, DF_SHAPE(2, h, o->dim / 2)), *columns = df_new(c, DF_SHAPE(2, w, o->dim / 2));
    if (df_skip(c, p))
        return p;
    for (int n = 0; n < N; n++) {
        const int used_w = (int)lroundf(field->ratios[(n * L + l) * 2] * (float)w), used_h = (int)lroundf(field->ratios[(n * L + l) * 2 + 1] * (float)h);
        for (int padded = 0; padded < 2; padded++) { /* a padded column counts no rows, and the other way round */
            for (int y = 0; y < h; y++)
                sine_axis(o, rows->data + (size_t)(padded * h + y) * half, padded ? 0 : (float)(y < used_h ? y + 1 : used_h), padded ? 0 : (float)used_h);
            for (int x = 0; x < w; x++)
                sine_axis(o, columns->data + (size_t)(padded * w + x) * half, padded ? 0 : (float)(x < used_w ? x + 1 : used_w), padded ? 0 : (float)used_w);
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

static DfTensor *learned_positions(DfCtx *c, const Detr *net, int N, int h, int w)
{
    const int half = net->o.dim / 2;
    if (h > LEARNED || w > LEARNED) {
        df_ctx_fail(c, DF_ESHAPE, "a level of %d x %d cells: learned positions go to %d", h, w, LEARNED);
        return &c->nil;
    }
    DfTensor *x = df_add(c, df_zeros(c, DF_SHAPE(N, h, w, half)), df_slice(c, net->column_embed, 0, 0, w));
    DfTensor *y = df_add(c, df_zeros(c, DF_SHAPE(N, w, h, half)), df_slice(c, net->row_embed, 0, 0, h));
    return df_concat(c, (DfTensor *[]){ x, df_permute(c, y, DF_SHAPE(0, 2, 1, 3)) }, 2, -1);
}

static DfTensor *positions(DfCtx *c, const Detr *net, const NnField *field, int N, int l)
{
    const DfMark m = df_enter(c, NULL, -1);
    DfTensor *p = net->o.learned ? learned_positions(c, net, N, field->levels.h[l], field->levels.w[l]) : sine_positions(c, &net->o, field, N, l);
    return df_leave(c, m, p);
}

/* ---- the list ------------------------------------------------------------------------------------------------------- */

static void project(DfCtx *c, const Detr *net, const DfMaps *maps, DfTensor **level)
{
    const DetrOptions *o = &net->o;
    const int first = maps->n - o->n_maps; /* of a backbone that gives all its maps the last are taken */
    for (int l = 0; l < o->levels; l++) {
        const DfMark m = df_enter(c, "input_proj", l);
        DfTensor *x = l < o->n_maps ? maps->map[first + l] : l == o->n_maps ? maps->map[maps->n - 1] : level[l - 1];
        x = nn_conv(c, &net->proj[l], x);
        level[l] = df_leave(c, m, df_group_norm(c, x, GROUPS, net->proj_norm[l].weight, net->proj_norm[l].bias, net->proj_norm[l].eps));
        df_observe(c, level[l], "src_", l);
    }
}

static void observe_masks(DfCtx *c, const NnField *field, int N)
{
    const size_t cells = (size_t)df_pyramid_cells(&field->levels);
    for (size_t l = 0, first = 0; df_listens(c) && l < (size_t)field->levels.n; l++) {
        const size_t n_cells = (size_t)field->levels.h[l] * (size_t)field->levels.w[l];
        DfTensor *mask = df_zeros(c, DF_SHAPE(N, field->levels.h[l], field->levels.w[l]));
        if (!df_skip(c, mask) && field->off)
            for (size_t i = 0; i < (size_t)N * n_cells; i++)
                mask->data[i] = field->off[i / n_cells * cells + first + i % n_cells];
        df_observe(c, mask, "mask_", (int)l);
        first += n_cells;
    }
    if (df_listens(c) && field->ratios)
        df_observe(c, df_from(c, DF_SHAPE(N, field->levels.n, 2), field->ratios), "valid_ratios", -1);
}

void df_detr_pyramid(DfCtx *c, const Detr *net, const DfMaps *maps, const DfImageMeta *metas, int H, int W, DetrPyramid *out)
{
    const int L = net->o.levels, C = net->o.dim;
    DfTensor *level[DF_LEVELS] = { NULL }, *position[DF_LEVELS] = { NULL };
    *out = (DetrPyramid){ .tokens = &c->nil, .positions = &c->nil };
    if (maps->n < net->o.n_maps) {
        df_ctx_fail(c, DF_ESHAPE, "the backbone gives %d maps: want %d", maps->n, net->o.n_maps);
        return;
    }
    project(c, net, maps, level);
    if (c->err)
        return;
    const int N = df_dim(level[0], 0);
    out->field.levels.n = L;
    for (int l = 0; l < L; l++) {
        out->field.levels.h[l] = df_dim(level[l], 1);
        out->field.levels.w[l] = df_dim(level[l], 2);
    }
    mark_padding(c, &out->field, metas, N, H, W);
    observe_masks(c, &out->field, N);
    for (int l = 0; l < L; l++) {
        const DfShape list = DF_SHAPE(N, df_dim(level[l], 1) * df_dim(level[l], 2), C);
        position[l] = positions(c, net, &out->field, N, l);
        df_observe(c, position[l], "pos_", l);
        position[l] = df_reshape(c, position[l], list);
        if (net->level_embed)
            position[l] = df_add(c, position[l], df_select(c, net->level_embed, l));
        level[l] = df_reshape(c, level[l], list);
    }
    out->tokens = df_concat(c, level, L, 1);
    out->positions = df_concat(c, position, L, 1);
}
