/* SPDX-License-Identifier: Apache-2.0
 *
 * train/gradients.c -- norms of gradients, gradient clipping, and the number of batches that make one step.
 */
#include <math.h>
#include <string.h>

#include "train/optimizer.h"

/* ---- norms ------------------------------------------------------------------------------------------------------- */

enum { PIECE = 65536 };

typedef struct {
    const float *x;
    size_t n;
    double p;
    double *sums; /* of each piece */
} Norm;

static double sum_of_powers(const float *x, size_t n, double p)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += pow(fabs((double)x[i]), p);
    return sum;
}

/* Four independent sums, added in a fixed order. */
static double sum_of_squares(const float *x, size_t n)
{
    double sum[4] = { 0 };
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            sum[k] += (double)x[i + k] * (double)x[i + k];
    for (; i < n; i++)
        sum[0] += (double)x[i] * (double)x[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static double largest(const float *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        const double size = fabs((double)x[i]);
        if (!(size <= most)) /* also a NaN, which then stays */
            most = isnan(most) ? most : size;
    }
    return most;
}

static void piece(void *arg, size_t task, void *scratch)
{
    (void)scratch;
    const Norm *norm = arg;
    const size_t at = task * PIECE;
    const size_t n = norm->n - at < PIECE ? norm->n - at : PIECE;
    if (isinf(norm->p))
        norm->sums[task] = largest(norm->x + at, n);
    else if (norm->p > 2 || norm->p < 2)
        norm->sums[task] = sum_of_powers(norm->x + at, n, norm->p);
    else
        norm->sums[task] = sum_of_squares(norm->x + at, n);
}

double df_gradient_norm(DfPool *pool, const float *gradients, size_t n, double p)
{
    const size_t pieces = (n + PIECE - 1) / PIECE;
    double few[64] = { 0 };
    Norm norm = { gradients, n, p, pieces <= 64 ? few : df_calloc(pieces, sizeof *few) };
    if (!norm.sums)
        return NAN;
    df_parallel(pool, pieces, 0, piece, &norm);
    double sum = 0;
    for (size_t i = 0; i < pieces; i++) {
        if (!isinf(p))
            sum += norm.sums[i];
        else if (!(norm.sums[i] <= sum))
            sum = isnan(sum) ? sum : norm.sums[i];
    }
    if (norm.sums != few)
        df_free(norm.sums);
    return isinf(p) ? sum : pow(sum, 1 / p);
}

/* ---- clipping ---------------------------------------------------------------------------------------------------- */

typedef struct {
    int type;
    double max_norm, clip_value;
    const DfNode *norm_type;
} ClipDict;
enum { TYPE_NORM, TYPE_VALUE };

static const DfOpt clip_opts[] = {
    DF_OPT_ENUM(ClipDict, type, norm, "norm|value", "cuts off the gradient as a whole, or each of its numbers"),
    DF_OPT_FLOAT(ClipDict, max_norm, None, 0, 1e30, "a longer gradient is shortened to this"),
    DF_OPT_NODE(ClipDict, norm_type, "2", "which norm: a number, or 'inf'"),
    DF_OPT_FLOAT(ClipDict, clip_value, None, 0, 1e30, "larger numbers become this"),
    DF_OPT_UNUSED(error_if_nonfinite, "a gradient that is no number always ends a run"),
    DF_OPT_UNUSED(foreach, "how PyTorch loops over parameters"),
    DF_OPT_END
};

static double read_norm_type(const DfNode *node)
{
    if (node && node->kind == DF_NODE_TEXT && strcmp(node->text, "inf") == 0)
        return INFINITY;
    return df_node_number(node, NAN);
}

int df_clip(DfClip *out, const DfNode *dict)
{
    *out = (DfClip){ .kind = DF_CLIP_NONE };
    if (!dict || dict->kind == DF_NODE_NONE)
        return DF_OK;
    DfArena *arena = df_arena_new();
    ClipDict read = { 0 };
    int error = arena ? df_bind(dict, clip_opts, &read, arena, "grad_clip") : df_fail_memory("grad_clip");
    const bool value = read.type == TYPE_VALUE;
    out->kind = value ? DF_CLIP_VALUE : DF_CLIP_NORM;
    out->most = value ? read.clip_value : read.max_norm;
    out->p = error == DF_OK ? read_norm_type(read.norm_type) : 2;
    if (error == DF_OK && isnan(out->most))
        error = df_node_fail(dict, DF_EVALUE, "grad_clip has no %s", value ? "clip_value" : "max_norm");
    if (error == DF_OK && !(out->p >= 1))
        error = df_node_fail(dict, DF_EVALUE, "norm_type: want a number of at least 1, or 'inf'");
    df_arena_free(arena);
    return error;
}

double df_clip_scale(const DfClip *clip, double norm)
{
    return clip->kind == DF_CLIP_NORM ? fmin(1, clip->most / (norm + 1e-6)) : 1;
}

double df_clip_limit(const DfClip *clip)
{
    return clip->kind == DF_CLIP_VALUE ? clip->most : INFINITY;
}

/* ---- several batches a step -------------------------------------------------------------------------------------- */

int df_accumulation(int64_t iteration, int64_t iterations, int count, bool *update)
{
    const int64_t rest = iterations % count;
    *update = (iteration + 1) % count == 0 || iteration + 1 == iterations;
    return rest == 0 || iteration < iterations - rest ? count : (int)rest;
}
