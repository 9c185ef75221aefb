/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_tokens.c -- turns feature maps into the input of a transformer: the cells of all levels as one list
 * of tokens, with the position of each. A level adds its own embedding to its positions, so that equal positions of
 * two levels differ (Zhu et al., ICLR 2021, section 4.1).
 */
#include "heads/set/detr_parts.h"

static DfTensor *flatten(DfCtx *c, DfTensor *map)                                     /* N h w C -> N hw C */
{
    return df_reshape(c, map, DF_SHAPE(df_dim(map, 0), df_dim(map, 1) * df_dim(map, 2), df_dim(map, 3)));
}

static DfTensor *join(DfCtx *c, DfTensor *const *level, int levels)                   /* N hw C each -> N S C */
{
    return levels == 1 ? level[0] : df_concat(c, level, levels, 1);
}

void df_detr_tokens(DfCtx *c, const DetrPositions *positions, const DfMaps *levels, DfTensor *level_embed,
                    const DfSetBatch *batch, DetrTokens *out)
{
    const int L = levels->n;
    const int N = L ? df_dim(levels->map[0], 0) : 0;
    DfTensor *tokens[DF_LEVELS], *position[DF_LEVELS];
    *out = (DetrTokens){ .field.levels.n = L, .tokens = &c->nil, .positions = &c->nil };
    for (int l = 0; l < L; l++) {
        out->field.levels.h[l] = df_dim(levels->map[l], 1);
        out->field.levels.w[l] = df_dim(levels->map[l], 2);
        df_observe(c, levels->map[l], "src_", l);
    }
    df_detr_mark_padding(c, &out->field, batch, N);
    df_detr_observe_padding(c, &out->field, N);
    const DfMark m = df_enter(c, NULL, -1);
    for (int l = 0; l < L; l++) {
        tokens[l] = flatten(c, levels->map[l]);                                       /* N hw C  */
        DfTensor *p = df_detr_positions(c, positions, &out->field, N, l);             /* N h w C */
        df_observe(c, p, "pos_", l);
        position[l] = flatten(c, p);
        if (level_embed)
            position[l] = df_add(c, position[l], df_select(c, level_embed, l));
    }
    out->tokens = join(c, tokens, L);
    out->positions = join(c, position, L);
    df_leave_all(c, m, (DfTensor *[]){ out->tokens, out->positions }, 2);
}
