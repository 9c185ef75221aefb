/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/generate.c -- what libraries store beside the weights though it can be computed: made when a checkpoint
 * is written for them, so that they load it strictly.
 */
#include "nn/dialects/dialects.h"

/* The side of the window, from the (2 W - 1)^2 rows of its table; 0 if they are of no square window. */
static int64_t window_of(const DfArray *table)
{
    enum { LARGEST = 128 };
    for (int64_t W = 1; table->ndim == 2 && W <= LARGEST; W++)
        if ((2 * W - 1) * (2 * W - 1) == table->shape[0])
            return W;
    return 0;
}

/* Which row of the table tells how place i of a window sees place j. */
static int make_index(const DfArray *table, int ndim, DfArena *arena, DfArray *out)
{
    const int64_t W = window_of(table);
    const int64_t T = W * W;
    if (W == 0)
        return df_fail(DF_ESHAPE, "%s: want the table of a square window", table->name);
    int64_t *index = df_arena_alloc(arena, (size_t)(T * T), sizeof *index);
    if (!index)
        return df_fail_memory("an array of a checkpoint");
    *out = df_array(table->name, DF_I64, ndim, ndim == 1 ? (int64_t[]){ T * T } : (int64_t[]){ T, T }, index);
    for (int64_t i = 0; i < T; i++)
        for (int64_t j = 0; j < T; j++) {
            const int64_t down = i / W - j / W + W - 1;
            const int64_t right = i % W - j % W + W - 1;
            *index++ = down * (2 * W - 1) + right;
        }
    return DF_OK;
}

int nn_relative_position_index(const DfArray *bias_table, DfArena *arena, DfArray *out)
{
    return make_index(bias_table, 2, arena, out);
}

int nn_relative_position_index_flat(const DfArray *bias_table, DfArena *arena, DfArray *out)
{
    return make_index(bias_table, 1, arena, out);
}
