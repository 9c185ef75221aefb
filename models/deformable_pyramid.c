/* SPDX-License-Identifier: Apache-2.0
 *
 * models/deformable_pyramid.c -- from the backbone's maps to one list of tokens with their positions: projections, extra levels.
 * Zhu et al., ICLR 2021, section 4.1 and appendix A.4.
 */
#include <string.h>

#include "models/deformable_detr.h"

enum { GROUPS = 32 };

void df_detr_pyramid_init(NnScope s, Detr *net)
{
    const DetrOptions *o = &net->base.o;
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
    df_detr_positions_init(s, &net->base.positions, names->row_embed, names->column_embed);
}

/* ---- the list ------------------------------------------------------------------------------------------------------- */

static void project(DfCtx *c, const Detr *net, const DfMaps *maps, DfTensor **level)
{
    const DetrOptions *o = &net->base.o;
    const int first = maps->n - o->n_maps; /* of a backbone that gives all its maps the last are taken */
    for (int l = 0; l < o->levels; l++) {
        const DfMark m = df_enter(c, "input_proj", l);
        DfTensor *x = l < o->n_maps ? maps->map[first + l] : l == o->n_maps ? maps->map[maps->n - 1] : level[l - 1];
        x = nn_conv(c, &net->proj[l], x);
        level[l] = df_leave(c, m, df_group_norm(c, x, GROUPS, net->proj_norm[l].weight, net->proj_norm[l].bias, net->proj_norm[l].eps));
        df_observe(c, level[l], "src_", l);
    }
}

void df_detr_pyramid(DfCtx *c, const Detr *net, const DfMaps *maps, const DfImageMeta *metas, int H, int W, DetrPyramid *out)
{
    const int L = net->base.o.levels, C = net->base.o.dim;
    DfTensor *level[DF_LEVELS] = { NULL }, *position[DF_LEVELS] = { NULL };
    *out = (DetrPyramid){ .tokens = &c->nil, .positions = &c->nil };
    if (maps->n < net->base.o.n_maps) {
        df_ctx_fail(c, DF_ESHAPE, "the backbone gives %d maps: want %d", maps->n, net->base.o.n_maps);
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
    df_detr_mark_padding(c, &out->field, metas, N, H, W);
    df_detr_observe_masks(c, &out->field, N);
    for (int l = 0; l < L; l++) {
        const DfShape list = DF_SHAPE(N, df_dim(level[l], 1) * df_dim(level[l], 2), C);
        position[l] = df_detr_positions(c, &net->base.positions, &out->field, N, l);
        df_observe(c, position[l], "pos_", l);
        position[l] = df_reshape(c, position[l], list);
        if (net->level_embed)
            position[l] = df_add(c, position[l], df_select(c, net->level_embed, l));
        level[l] = df_reshape(c, level[l], list);
    }
    out->tokens = df_concat(c, level, L, 1);
    out->positions = df_concat(c, position, L, 1);
}
