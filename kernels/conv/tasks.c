/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/tasks.c -- divides a convolution by patches into tasks. The division depends on the sizes alone, so
 * results do not depend on the number of threads.
 */
#include "kernels/conv/tasks.h"

#include "kernels/cut.h"

static size_t tiles_of(const DfConvTasks *t)
{
    return df_ceil_div(t->n, t->width);
}

DfConvTasks df_conv_tasks(const DfConvShape *s, DfPatches patches, size_t width, DfConvCut wanted)
{
    DfConvTasks t = { .patches = patches, .rows = df_conv_outputs(s), .groups = (size_t)s->groups, .width = width };
    t.n = (size_t)(s->O / s->groups);
    t.blocks = df_even_parts(df_ceil_div(t.rows, wanted.rows));
    t.pieces = df_smaller(df_ceil_div(wanted.parts, t.blocks * t.groups), df_ceil_div(tiles_of(&t), wanted.tiles));
    return t;
}

size_t df_conv_parts(const DfConvTasks *t)
{
    return t->blocks * t->groups * t->pieces;
}

size_t df_conv_part_rows(const DfConvTasks *t)
{
    return df_ceil_div(t->rows, t->blocks);
}

/* Consecutive parts share pixels, so that different threads mostly have different pixels. */
DfConvPart df_conv_part(const DfConvTasks *t, size_t i)
{
    const size_t piece = i % t->pieces;
    const size_t block = i / t->pieces % t->blocks;
    const size_t tiles = tiles_of(t);
    DfConvPart part = { .patches = t->patches, .group = i / t->pieces / t->blocks };
    part.patches.c0 = part.group * t->patches.channels;
    part.row = df_cut(t->rows, t->blocks, block);
    part.rows = df_cut(t->rows, t->blocks, block + 1) - part.row;
    part.n0 = df_cut(tiles, t->pieces, piece) * t->width;
    part.n1 = df_smaller(df_cut(tiles, t->pieces, piece + 1) * t->width, t->n);
    return part;
}
