/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd_plan.c -- decides which convolutions use Winograd's method, and how one is divided into tasks,
 * from the sizes alone.
 */
#include "kernels/conv/winograd.h"
#include "kernels/gemm/bf16.h"

enum {
    MOST_TILES = 96,         /* tiles of a task                                                             */
    NEAR_BYTES = 1 << 20,    /* a transformed filter up to this size stays in the second-level cache: ...   */
    NEAR_TILES = 12,         /* ... then tasks of this many tiles, one tile of the product, lose nothing    */
    FEWEST_TASKS = 4,        /* below this many tasks, they are made smaller, even if more is read twice    */
    SHARED_BYTES = 4 << 20,  /* transformed patches up to this size stay in a cache until all tasks read them */
    FAR_BYTES = 8 << 20,     /* a larger filter comes from the third-level cache or from memory: ...        */
    FAR_TILES = 48,          /* ... then a task has this many tiles, ...                                    */
    FAR_BLOCKS = 4,          /* ... or fewer, down to NEAR_TILES, if there would be fewer blocks than this; */
    FAR_TASKS = 8,           /* at least this many tasks, even if those of a block transform its patches twice, ... */
    FAR_SLAB = 8,            /* ... with sums of this many O_BLOCKs at a time: 3.4 MiB                      */
    MEMORY_BYTES = 32 << 20, /* a larger filter comes from memory: ...                                      */
    WORTH_READING = 18       /* ... reading it once takes as long as the products of this many tiles        */
};

static const DfWinogradWay ways[] = {
    { 1, 6, 36, 6, 36, .tile_bytes = 1 << 20, .tasks = 16, .channels = 64, .worth = 0.7 },
    { 2, 9, 81, 5, 25, .tile_bytes = 2 << 20, .tasks = 8, .channels = 32, .worth = 0.7 },
};

static const DfWinogradWay *way_of(const DfConvShape *s)
{
    return &ways[s->stride[0] - 1];
}

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

static size_t number_of(bool bf16) /* bytes of one */
{
    return bf16 ? sizeof(DfBf16) : sizeof(float);
}

static size_t filter_bytes(const DfWinogradWay *way, const DfConvShape *s, bool bf16) /* transformed */
{
    return way->products * number_of(bf16) * (size_t)s->I * (size_t)s->O;
}

static size_t o_blocks_of(const DfConvShape *s)
{
    return df_ceil_div((size_t)s->O, DF_WINOGRAD_O_BLOCK);
}

/* With a stride of 2, whose filters have nine numbers for one of the weight, larger tasks gain nothing. */
static bool is_far(const DfWinogradWay *way, const DfConvShape *s, bool bf16)
{
    return way->stride == 1 && filter_bytes(way, s, bf16) > FAR_BYTES;
}

/* Tiles that a task may take: whole tiles of 6 rows of the product, in bfloat16 of 12. */
static size_t most_tiles(const DfWinogradWay *way, const DfConvShape *s, bool bf16)
{
    const size_t I = (size_t)s->I;
    const size_t rows = bf16 ? 12 : 6;
    const size_t sums = bf16 ? way->points * sizeof(float) * DF_WINOGRAD_O_BLOCK : 0;
    const size_t each = way->products * I * number_of(bf16) + sums;
    const size_t fitting = way->tile_bytes / each;
    return df_clamp_size(fitting / rows * rows, is_far(way, s, bf16) ? FAR_TILES : rows, MOST_TILES);
}

/* The plan if the filter, or all transformed patches, fit into a nearby cache: a task's V, and its M of O_BLOCK
 * channels, fit into the second-level cache. */
static void plan_near(DfWinogradPlan *plan, const DfConvShape *s, bool bf16)
{
    const DfWinogradWay *way = plan->way;
    const size_t most = most_tiles(way, s, bf16);
    const bool is_near = filter_bytes(way, s, bf16) <= NEAR_BYTES;
    const size_t wanted = is_near ? way->tasks : df_ceil_div(FEWEST_TASKS, o_blocks_of(s));
    plan->blocks = df_clamp_size(wanted, df_ceil_div(plan->tiles, most),
                                 df_ceil_div(plan->tiles, df_smaller(NEAR_TILES, most)));
    plan->o_tasks = df_clamp_size(df_ceil_div(way->tasks, plan->blocks), 1, o_blocks_of(s));
    plan->slab = 1;
    plan->k_blocks = 1;
}

/* The plan if every task reads the filter from memory: it has many tiles, and their V and M are larger than the
 * second-level cache. But V[p] and M[p] fit there if V has the input channels of one block of the sums. While they are
 * there, M[p] is computed for all output channels of the slab; so V and M are read once for each block, and the filter
 * once for each task. */
static void plan_far(DfWinogradPlan *plan, const DfConvShape *s, bool bf16)
{
    const size_t least = df_even_parts(df_ceil_div(plan->tiles, FAR_TILES));
    plan->blocks = df_clamp_size(FAR_BLOCKS, least, df_larger(plan->tiles / NEAR_TILES, least));
    plan->o_tasks = df_clamp_size(df_ceil_div(FAR_TASKS, plan->blocks), 1, o_blocks_of(s));
    plan->slab = df_smaller(df_ceil_div(o_blocks_of(s), plan->o_tasks), FAR_SLAB);
    plan->k_blocks = df_k_blocks((size_t)s->I, bf16);
}

DfWinogradPlan df_winograd_plan(const DfConvShape *s, DfPrecision precision)
{
    const bool bf16 = precision == DF_PRECISION_BF16;
    DfWinogradPlan plan = { .way = way_of(s) };
    plan.tiles_y = df_ceil_div((size_t)s->oH, 4);
    plan.tiles_x = df_ceil_div((size_t)s->oW, 4);
    plan.tiles = (size_t)s->N * plan.tiles_y * plan.tiles_x;
    if (!plan.tiles)
        return plan;
    const size_t v_bytes = plan.tiles * plan.way->products * (size_t)s->I * number_of(bf16);
    if (is_far(plan.way, s, bf16) && v_bytes > SHARED_BYTES)
        plan_far(&plan, s, bf16);
    else
        plan_near(&plan, s, bf16);
    plan.block = df_ceil_div(plan.tiles, plan.blocks);
    plan.shared = plan.o_tasks > 1 && v_bytes <= SHARED_BYTES;
    return plan;
}

/* ---- where it is used -------------------------------------------------------------------------------------------- */

static bool forbidden;

void df_conv_allow_winograd(bool allowed)
{
    forbidden = !allowed;
}

static double tiles_of(const DfConvShape *s)
{
    return (double)df_ceil_div((size_t)s->oH, 4) * (double)df_ceil_div((size_t)s->oW, 4);
}

/* Whether Winograd's method applies: a 3x3 kernel, stride 1 or 2, padding 0 to 2, no dilation, one group. */
static bool has_way(const DfConvShape *s)
{
    bool fits = s->kh == 3 && s->kw == 3 && s->groups == 1 && s->stride[0] == s->stride[1] && s->stride[0] <= 2;
    for (int i = 0; i < 2; i++)
        fits = fits && s->dilation[i] == 1 && s->padding[i] >= 0 && s->padding[i] <= 2;
    return fits;
}

DfPackKind df_conv_pack_kind(const DfConvShape *s, DfPrecision precision)
{
    if (forbidden || !has_way(s) || s->I < 32 || s->O < 32)
        return DF_PACK_GEMM;
    const DfWinogradWay *way = way_of(s);
    if (way->stride == 2 && precision != DF_PRECISION_F32) /* in bf16 it is no faster than direct products */
        return DF_PACK_GEMM;
    double tiles = (double)s->N * tiles_of(s);
    if (filter_bytes(way, s, false) > MEMORY_BYTES) {
        if (way->stride == 2) /* nine times the numbers of the weight */
            return DF_PACK_GEMM;
        tiles = tiles < WORTH_READING ? WORTH_READING : tiles;
    }
    if ((double)way->products * tiles >= way->worth * 9 * s->N * s->oH * s->oW)
        return DF_PACK_GEMM;
    return way->stride == 1 ? DF_PACK_WINOGRAD : DF_PACK_WINOGRAD_STRIDED;
}

double df_conv_multiply_adds(const DfConvShape *s, DfPackKind kind)
{
    const double per_tap = (double)s->N * s->O * s->I / s->groups;
    if (kind == DF_PACK_WINOGRAD || kind == DF_PACK_WINOGRAD_STRIDED)
        return (double)way_of(s)->products * tiles_of(s) * per_tap;
    return (double)s->oH * s->oW * s->kh * s->kw * per_tap;
}
