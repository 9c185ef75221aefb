/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/generate.c -- arrays that libraries store although they can be computed, such as the index of relative
 * positions. They are generated when a checkpoint is written for such a library, so that it loads with strict=True.
 */
#include "nn/dialects/dialects.h"

#include <math.h>
#include <string.h>

/* The side W of the window, from the (2 W - 1)^2 rows of its table; 0 if there is no such W. */
static int64_t window_of(const DfArray *table)
{
    enum { LARGEST = 128 };
    for (int64_t W = 1; table->ndim == 2 && W <= LARGEST; W++)
        if ((2 * W - 1) * (2 * W - 1) == table->shape[0])
            return W;
    return 0;
}

/* The index of relative positions: for tokens i and j of a window, the row of the table that has their bias. */
static int index_of_window(int64_t W, const char *name, int ndim, DfArena *arena, DfArray *out)
{
    const int64_t T = W * W;
    int64_t *index = df_arena_alloc(arena, (size_t)(T * T), sizeof *index);
    if (!index)
        return df_fail_memory("an array of a checkpoint");
    *out = df_array(name, DF_I64, ndim, ndim == 1 ? (int64_t[]){ T * T } : (int64_t[]){ T, T }, index);
    for (int64_t i = 0; i < T; i++)
        for (int64_t j = 0; j < T; j++) {
            const int64_t down = i / W - j / W + W - 1;
            const int64_t right = i % W - j % W + W - 1;
            *index++ = down * (2 * W - 1) + right;
        }
    return DF_OK;
}

static int make_index(const DfArray *table, int ndim, DfArena *arena, DfArray *out)
{
    const int64_t W = window_of(table);
    if (W == 0)
        return df_fail(DF_ESHAPE, "%s: want the table of a square window", table->name);
    return index_of_window(W, table->name, ndim, arena, out);
}

int nn_relative_position_index(const DfArray *bias_table, DfArena *arena, DfArray *out)
{
    return make_index(bias_table, 2, arena, out);
}

int nn_relative_position_index_flat(const DfArray *bias_table, DfArena *arena, DfArray *out)
{
    return make_index(bias_table, 1, arena, out);
}

/* ---- Swin v2 ----------------------------------------------------------------------------------------------------- */

/* Distances of -(W-1)..W-1 in eighths of the window, on a logarithmic scale (Liu et al., CVPR 2022, eq. 4). */
static int make_distances(int W, const char *name, DfArena *arena, DfArray *out)
{
    const int64_t side = 2 * W - 1;
    float *d = df_arena_alloc(arena, (size_t)(side * side) * 2, sizeof *d);
    if (!d)
        return df_fail_memory("an array of a checkpoint");
    *out = df_array(name, DF_F32, 4, (int64_t[]){ 1, side, side, 2 }, d);
    for (int64_t i = 0; i < side * side * 2; i++) {
        const int64_t place = i / 2;
        const float distance = (float)((i % 2 ? place % side : place / side) - (W - 1));
        const float eighths = distance / (float)(W > 1 ? W - 1 : 1) * 8;
        d[i] = copysignf(log2f(fabsf(eighths) + 1) / 3, eighths);
    }
    return DF_OK;
}

static int add_tables(NnArrays *ours, const char *weight, int stem, int window)
{
    const char *distances = df_arena_text(ours->arena, "%.*srelative_coords_table", stem, weight);
    const char *index = df_arena_text(ours->arena, "%.*srelative_position_index", stem, weight);
    NnNamed table = { .key = weight };
    NnNamed places = { .key = weight };
    if (!distances || !index)
        return df_fail_memory("the names of a checkpoint");
    int error = make_distances(window, distances, ours->arena, &table.array);
    if (error == DF_OK)
        error = index_of_window(window, index, 2, ours->arena, &places.array);
    if (error == DF_OK)
        error = nn_arrays_add(ours, &table);
    return error == DF_OK ? nn_arrays_add(ours, &places) : error;
}

int nn_add_window_tables(NnArrays *ours, int window)
{
    static const char end[] = "cpb_mlp.2.weight";
    const int n = ours->n;
    int error = DF_OK;
    for (int i = 0; i < n; i++)
        if (df_ends_with(ours->at[i].array.name, ".relative_coords_table"))
            return DF_OK;
    for (int i = 0; i < n && error == DF_OK; i++) {
        const char *name = ours->at[i].array.name;
        if (df_ends_with(name, end))
            error = add_tables(ours, name, (int)(strlen(name) - (sizeof end - 1)), window);
    }
    return error;
}
