/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/turn.c -- rearranges the numbers of an array between two dialects: transposes, squeezes, cuts or joins
 * it. Most results are views of the same memory.
 */
#include "nn/dialects/dialects.h"

#include <string.h>

static int refuse(const DfArray *in, const char *wanted)
{
    return df_fail(DF_ESHAPE, "%s has %d dimensions, the first of %lld: want %s", in->name, in->ndim,
                   (long long)(in->ndim ? in->shape[0] : 0), wanted);
}

/* A contiguous array of this shape with its own memory; *data points at its numbers. */
static int make(DfArena *arena, const DfArray *like, int ndim, const int64_t *shape, DfArray *out, unsigned char **data)
{
    *out = df_array(like->name, like->dtype, ndim, shape, NULL);
    const size_t count = (size_t)df_array_count(out);
    *data = df_arena_alloc(arena, count + 1, df_dtype_size(like->dtype));
    out->data = *data;
    return *data ? DF_OK : df_fail_memory("an array of a checkpoint");
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static DfArray rows_of(const DfArray *in, int64_t first, int64_t count)
{
    DfArray out = *in;
    out.shape[0] = count;
    if (count > 0)
        out.data = (const unsigned char *)in->data + (size_t)(first * in->stride[0]) * df_dtype_size(in->dtype);
    return out;
}

int nn_turn_parts(const DfArray *in, int first, int count, int parts, DfArray *out)
{
    if (in->ndim < 1 || in->shape[0] % parts != 0)
        return refuse(in, "rows that can be divided");
    const int64_t rows = in->shape[0] / parts;
    *out = rows_of(in, first * rows, count * rows);
    return DF_OK;
}

int nn_turn_part(const DfArray *in, int part, int parts, DfArray *out)
{
    return nn_turn_parts(in, part, 1, parts, out);
}

static const DfArray *first_there(const DfArray *part, int parts)
{
    for (int i = 0; i < parts; i++)
        if (part[i].data)
            return &part[i];
    return NULL;
}

static bool same_but_rows(const DfArray *a, const DfArray *b)
{
    bool same = a->ndim == b->ndim && a->dtype == b->dtype;
    for (int d = 1; same && d < a->ndim; d++)
        same = a->shape[d] == b->shape[d];
    return same;
}

int nn_turn_join(const DfArray *part, int parts, DfArena *arena, DfArray *out)
{
    const DfArray *like = first_there(part, parts);
    int64_t shape[DF_ARRAY_DIMS] = { 0 };
    if (!like || like->ndim < 1)
        return df_fail(DF_ESHAPE, "%s: an array without rows cannot be joined", like ? like->name : "an array");
    memcpy(shape, like->shape, sizeof shape);
    shape[0] = 0;
    for (int i = 0; i < parts; i++) {
        if (part[i].data && !same_but_rows(&part[i], like))
            return refuse(&part[i], "arrays of one shape and type to be joined");
        shape[0] += part[i].data ? part[i].shape[0] : like->shape[0];
    }
    unsigned char *data;
    const int error = make(arena, like, like->ndim, shape, out, &data);
    for (int i = 0; error == DF_OK && i < parts; i++) {
        const DfArray *from = part[i].data ? &part[i] : like;
        if (part[i].data)
            df_array_copy(from, from->dtype, data);
        data += (size_t)df_array_count(from) * df_dtype_size(from->dtype);
    }
    return error;
}

/* Moves the first row to the end, or the last one to the front. */
static int roll(bool back, const DfArray *in, DfArena *arena, DfArray *out)
{
    if (in->ndim < 1 || in->shape[0] < 1)
        return refuse(in, "a row for the background");
    const int64_t rest = in->shape[0] - 1;
    const DfArray to_end[2] = { rows_of(in, 1, rest), rows_of(in, 0, 1) };
    const DfArray to_front[2] = { rows_of(in, rest, 1), rows_of(in, 0, rest) };
    return nn_turn_join(back ? to_front : to_end, 2, arena, out);
}

/* Removes the first `rows` rows, or inserts them as zeros. */
static int drop_rows(bool back, int64_t rows, const DfArray *in, DfArena *arena, DfArray *out)
{
    if (in->ndim < 1 || in->shape[0] < rows)
        return refuse(in, "rows for the background");
    if (!back) {
        *out = rows_of(in, rows, in->shape[0] - rows);
        return DF_OK;
    }
    int64_t shape[DF_ARRAY_DIMS];
    unsigned char *zeros;
    DfArray part[2];
    memcpy(shape, in->shape, sizeof shape);
    shape[0] = rows;
    const int error = make(arena, in, in->ndim, shape, &part[0], &zeros);
    part[1] = *in;
    return error == DF_OK ? nn_turn_join(part, 2, arena, out) : error;
}

/* ---- views ------------------------------------------------------------------------------------------------------- */

static int transpose(const DfArray *in, DfArray *out)
{
    if (in->ndim != 2)
        return refuse(in, "two dimensions");
    *out = *in;
    for (int d = 0; d < 2; d++) {
        out->shape[d] = in->shape[1 - d];
        out->stride[d] = in->stride[1 - d];
    }
    return DF_OK;
}

static int squeeze(bool back, const DfArray *in, DfArray *out)
{
    *out = *in;
    if (back && in->ndim == 2) {
        out->ndim = 4;
        out->shape[2] = out->shape[3] = 1;
        out->stride[2] = out->stride[3] = 1;
    } else if (!back && in->ndim == 4 && in->shape[2] == 1 && in->shape[3] == 1) {
        out->ndim = 2;
    }
    return DF_OK;                /* already a linear layer, or a bias */
}

static int square(bool back, const DfArray *in, DfArena *arena, DfArray *out)
{
    const int64_t count = df_array_count(in);
    int64_t side = 0;
    while (side * side < count)
        side++;
    const int64_t shape[2] = { back ? count : side, side };
    unsigned char *data;
    if (side * side != count)
        return refuse(in, "n * n numbers");
    const int error = make(arena, in, back ? 1 : 2, shape, out, &data);
    if (error == DF_OK)
        df_array_copy(in, in->dtype, data);
    return error;
}

/* The order of channels in patch merging: nn.Unfold has C, row, column; the official code column, row, C. */
static int unfold(bool back, const DfArray *in, DfArena *arena, DfArray *out)
{
    const int last = in->ndim - 1;
    if (in->ndim < 1 || in->ndim > 2 || in->shape[last] % 4 != 0)
        return refuse(in, "a multiple of four channels");
    const int64_t C = in->shape[last] / 4;
    const int64_t ours[3] = { 2, 2, C };
    const int64_t theirs[3] = { C, 2, 2 };
    const int64_t step_in_theirs[3] = { 1, 2, 4 };       /* of column, row, C */
    const int64_t step_in_ours[3] = { 1, C, 2 * C };     /* of C, row, column */
    DfArray view = *in;
    view.ndim = last + 3;
    for (int d = 0; d < 3; d++) {
        view.shape[last + d] = back ? theirs[d] : ours[d];
        view.stride[last + d] = in->stride[last] * (back ? step_in_ours[d] : step_in_theirs[d]);
    }
    unsigned char *data;
    const int error = make(arena, in, in->ndim, in->shape, out, &data);
    if (error == DF_OK)
        df_array_copy(&view, in->dtype, data);
    return error;
}

int nn_turn(NnTurn turn, bool back, const DfArray *in, DfArena *arena, DfArray *out)
{
    switch (turn) {
    case NN_SAME:
    case NN_NEEDLESS:
        break;
    case NN_TRANSPOSED:
        return transpose(in, out);
    case NN_SQUEEZED:
        return squeeze(back, in, out);
    case NN_SQUARED:
        return square(back, in, arena, out);
    case NN_UNFOLDED:
        return unfold(back, in, arena, out);
    case NN_BACKGROUND_FIRST:
        return roll(back, in, arena, out);
    case NN_BACKGROUND_ROW:
        return drop_rows(back, 1, in, arena, out);
    case NN_BACKGROUND_BOX:
        return drop_rows(back, 4, in, arena, out);
    }
    *out = *in;
    return DF_OK;
}
