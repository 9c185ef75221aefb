/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/levels.c -- feature levels of equal width from a backbone's maps: Zhu et al., "Deformable DETR", ICLR 2021,
 * appendix A.2. A 1x1 convolution projects each map to C channels. Levels beyond the last map are 3x3 convolutions
 * with stride 2: the first of them of the last map, the others of the level before. A group norm follows each.
 */
#include "nn/nn.h"

enum { GROUPS = 32 };

static void level_init(NnScope s, const NnLevelNames *names, NnLevels *p, int l, int in, int dim)
{
    const bool extra = l >= p->n_maps;
    const NnConvShape given = { .kernel = 1 };
    const NnConvShape halves = { .kernel = 3, .stride = 2, .padding = 1 };
    const NnConvShape shape = extra ? halves : given;
    const int cells = shape.kernel * shape.kernel;
    const NnInit spread = nn_xavier_uniform(in * cells, dim * cells);
    nn_conv_init_as(nn_at(s, "%s", names->conv), &p->conv[l], in, dim, shape, spread, nn_constant(0));
    nn_layer_norm_init(nn_at(s, "%s", names->norm), &p->norm[l], dim, 1e-5);
}

void nn_levels_init(NnScope s, NnLevels *p, const NnLevelNames *names, int n_maps, const int *channels, int levels,
                    int dim)
{
    p->n_maps = n_maps;
    p->n = levels;
    p->scope = names->scope;
    if (dim % GROUPS)
        nn_fail(s, DF_EVALUE, "%d groups do not divide %d channels", GROUPS, dim);
    if (levels < n_maps)
        nn_fail(s, DF_EVALUE, "%d feature levels of %d maps: want at least as many", levels, n_maps);
    for (int l = 0; nn_ok(s) && l < levels; l++) {
        int in = dim;
        if (l < n_maps)
            in = channels[l];
        else if (l == n_maps)
            in = channels[n_maps - 1];
        level_init(nn_at(s, names->given, l), names, p, l, in, dim);
    }
}

void nn_levels(DfCtx *c, const NnLevels *p, const DfMaps *in, DfMaps *out)
{
    *out = (DfMaps){ 0 };
    if (in->n < p->n_maps) {
        df_ctx_fail(c, DF_ESHAPE, "the backbone gives %d maps: want %d", in->n, p->n_maps);
        return;
    }
    DfTensor *const *maps = in->map + in->n - p->n_maps; /* the last n_maps maps */
    for (int l = 0; l < p->n; l++) {
        const DfMark m = df_enter(c, p->scope, l);
        DfTensor *x;
        if (l < p->n_maps)
            x = maps[l];
        else if (l == p->n_maps)
            x = maps[l - 1];
        else
            x = out->map[l - 1];
        x = nn_conv(c, &p->conv[l], x);                                               /* N h w C */
        x = df_group_norm(c, x, GROUPS, p->norm[l].weight, p->norm[l].bias, p->norm[l].eps);
        out->map[l] = df_leave(c, m, x);
        out->n++;
    }
}
