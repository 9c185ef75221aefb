/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/test_aliasing.c -- where a leaf says that its result may be an argument, it gives the same bits there
 * as in a place of its own: every such leaf of kernels/leaves.h, on every rung, with each argument that may be the
 * result, and with several. What a leaf computes is compared with float64 in the other tests here.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "kernels/kernels.h"

enum {
    LONGEST = 100,            /* columns                            */
    ROWS = 12,                /* rows, keys, pixels                 */
    INPUTS = 4,               /* arguments that may be the result   */
    SIZE = 16 * LONGEST,
    GUARD = 16,
    K = 40                    /* terms of a product                 */
};
static const float guard = -12345.5f;

typedef struct {
    _Alignas(64) float block[64 + SIZE + GUARD];
} Array;
static Array in[INPUTS];
static Array apart; /* a result in a place of its own */

/* Operands that are never the result. */
static _Alignas(64) float left[ROWS * K + SIZE];
static _Alignas(64) float right[8 * DF_PANEL * K];
static _Alignas(64) uint16_t left_half[ROWS * K];
static _Alignas(64) uint16_t right_half[8 * DF_PANEL * K];
static _Alignas(64) uint8_t left_byte[ROWS * K];
static _Alignas(64) int8_t right_byte[8 * DF_PANEL * K];
static int32_t start[8 * DF_PANEL];

static void fill_operands(DfRandom *random)
{
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        left[i] = (float)df_normal(random);
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        right[i] = (float)df_normal(random);
    const DfBf16Kernels *k = &df_kernels_named("c")->bf16;
    k->round(left_half, left, sizeof left_half / sizeof *left_half);
    k->round(right_half, right, sizeof right_half / sizeof *right_half);
    for (size_t i = 0; i < sizeof left_byte; i++)
        left_byte[i] = (uint8_t)df_random_bits(random);
    for (size_t i = 0; i < sizeof right_byte; i++)
        right_byte[i] = (int8_t)(df_random_bits(random) % 255 - 127);
}

/* ---- the leaves -------------------------------------------------------------------------------------------------- */

typedef struct {
    const DfKernels *k;
    float *y;                   /* rows x n                 */
    const float *in[INPUTS];
    size_t rows;
    size_t n;
    int option;
} Call;

typedef struct {
    const char *name;
    int may_be;                 /* y may be each of in[0], .. in[may_be - 1] */
    void (*run)(const Call *);
    int option;
    bool aligned;               /* its arrays begin at 64 bytes, as the leaf wants */
} Leaf;

static const DfPointwiseKernels *rows_of(const Call *c) { return &c->k->pointwise; }
static size_t all(const Call *c) { return c->rows * c->n; }

static void act(const Call *c) { rows_of(c)->act((DfAct)c->option, c->y, c->in[0], all(c)); }
static void act_grad(const Call *c) { rows_of(c)->act_grad((DfAct)c->option, c->y, c->in[0], c->in[1], all(c)); }
static void add(const Call *c) { rows_of(c)->add(c->y, c->in[0], c->in[1], all(c)); }
static void mul(const Call *c) { rows_of(c)->mul(c->y, c->in[0], c->in[1], all(c)); }
static void max(const Call *c) { rows_of(c)->max(c->y, c->in[0], c->in[1], all(c)); }
static void scale(const Call *c) { rows_of(c)->scale(c->y, c->in[0], -1.5f, all(c)); }
static void accumulate(const Call *c) { rows_of(c)->accumulate(c->y, c->in[0], 0.75f, all(c)); }
static void product(const Call *c) { rows_of(c)->accumulate_product(c->y, c->in[0], c->in[1], all(c)); }
static void square(const Call *c) { rows_of(c)->accumulate_square(c->y, c->in[0], c->in[1], all(c)); }
static void centred(const Call *c) { rows_of(c)->accumulate_centred(c->y, c->in[1], c->in[0], c->in[2], all(c)); }
static void affine(const Call *c) { rows_of(c)->affine(c->y, c->in[0], c->in[1], c->in[2], all(c)); }
static void inverse_root(const Call *c) { rows_of(c)->inverse_root(c->y, c->in[0], 1e-5f, all(c)); }
static void softmax(const Call *c) { rows_of(c)->softmax(c->y, c->in[0], c->rows, c->n); }
static void softmax_grad(const Call *c) { rows_of(c)->softmax_grad(c->y, c->in[0], c->in[1], c->rows, c->n); }
static void layer_norm(const Call *c) { rows_of(c)->layer_norm(c->y, c->in[0], c->in[1], c->in[2], c->rows, c->n, 1e-5f, NULL); }
static void mix(const Call *c) { rows_of(c)->mix(c->y, c->in[0], c->in[1], 0.3f, all(c)); }

static void layer_norm_alone(const Call *c)
{
    rows_of(c)->layer_norm(c->y, c->in[0], NULL, NULL, c->rows, c->n, 1e-5f, NULL);
}

static void layer_norm_kept(const Call *c)
{
    float stats[2 * ROWS];
    rows_of(c)->layer_norm(c->y, c->in[0], c->in[1], c->in[2], c->rows, c->n, 1e-5f, stats);
}

/* The arguments again and again, as many taps as `option` says. */
enum { MOST_TAPS = 80 };
static void set_taps(const Call *c, const float *tap[MOST_TAPS])
{
    for (int t = 0; t < c->option; t++)
        tap[t] = c->in[t % INPUTS];
}

static void blend(const Call *c)
{
    const float *tap[MOST_TAPS];
    set_taps(c, tap);
    rows_of(c)->blend(c->y, tap, left, c->option, all(c));
}

static void max_of(const Call *c)
{
    const float *tap[MOST_TAPS];
    set_taps(c, tap);
    rows_of(c)->max_of(c->y, tap, c->option, all(c));
}

/* The same memory as numbers of bfloat16. */
static void max_of_bf16(const Call *c)
{
    const uint16_t *tap[MOST_TAPS];
    for (int t = 0; t < c->option; t++)
        tap[t] = (const uint16_t *)(const void *)c->in[t % INPUTS];
    if (c->k->bf16.max_of)
        c->k->bf16.max_of((uint16_t *)(void *)c->y, tap, c->option, 2 * all(c));
}

/* What an epilogue does with the residual; with BLOCKS, k passes in two. */
enum { PLAIN, INSIDE, AT_THE_END, BLOCKS = 4 };
static DfEpilogue epilogue(const Call *c)
{
    const int how = c->option & 3;
    if (how == PLAIN)
        return (DfEpilogue){ .bias = left, .residual = c->in[0] };
    return (DfEpilogue){ .bias = left, .act = DF_ACT_RELU, .scale = left + LONGEST, .residual = c->in[0], .inside = how == INSIDE };
}

static size_t least(size_t a, int b) { return a < (size_t)b ? a : (size_t)b; }

static void tile(const Call *c)
{
    const DfGemmKernels *k = &c->k->gemm;
    const DfEpilogue end = epilogue(c);
    const size_t m = k->tile ? least(c->rows, k->tile_m) : 0;
    const size_t n = k->tile ? least(c->n, k->tile_n) : 0;
    if (!m || !n)
        return;
    if (!(c->option & BLOCKS)) {
        k->tile((int)m, (int)n, K, left, K, right, DF_PANEL * K, c->y, n, true, true, &end);
        return;
    }
    k->tile((int)m, (int)n, K / 2, left, K, right, DF_PANEL * K, c->y, n, true, false, &end);
    k->tile((int)m, (int)n, K / 2, left + K / 2, K, right + DF_PANEL * K / 2, DF_PANEL * K, c->y, n, false, true, &end);
}

static void tile_bf16(const Call *c)
{
    const DfBf16Kernels *k = &c->k->bf16;
    const DfEpilogue end = epilogue(c);
    const size_t m = k->tile ? least(c->rows, k->tile_m) : 0;
    const size_t n = k->tile ? least(c->n, k->tile_n) : 0;
    if (!m || !n)
        return;
    if (!(c->option & BLOCKS)) {
        k->tile((int)m, (int)n, K / 2, left_half, K, right_half, DF_PANEL * K, c->y, n, true, true, &end);
        return;
    }
    k->tile((int)m, (int)n, K / 4, left_half, K, right_half, DF_PANEL * K, c->y, n, true, false, &end);
    k->tile((int)m, (int)n, K / 4, left_half + K / 2, K, right_half + DF_PANEL * K / 2, DF_PANEL * K, c->y, n, false, true, &end);
}

static void tile_int8(const Call *c)
{
    const DfInt8Kernels *k = &c->k->int8;
    const DfEpilogue end = epilogue(c);
    const DfInt8Columns columns = { .scale = left + 2 * LONGEST, .start = start };
    const size_t m = k->tile ? least(c->rows, k->tile_m) : 0;
    const size_t n = k->tile ? least(c->n, k->tile_n) : 0;
    if (m && n)
        k->tile((int)m, (int)n, K, left_byte, K, right_byte, DF_PANEL * K, c->y, n, &columns, &end);
}

/* The same while something is fetched, where the rung has such tiles. */
static void fetching_tile(const Call *c)
{
    const DfGemmKernels *k = &c->k->gemm;
    const DfEpilogue end = epilogue(c);
    const size_t m = least(c->rows, k->tile_m), n = least(c->n, k->tile_n);
    if (k->fetching_tile && m && n)
        k->fetching_tile((int)m, (int)n, K, left, K, right, DF_PANEL * K, c->y, n, true, true, &end, right, DF_PANEL);
}

static void fetching_tile_bf16(const Call *c)
{
    const DfBf16Kernels *k = &c->k->bf16;
    const DfEpilogue end = epilogue(c);
    const size_t m = least(c->rows, k->tile_m), n = least(c->n, k->tile_n);
    if (k->fetching_tile && m && n)
        k->fetching_tile((int)m, (int)n, K / 2, left_half, K, right_half, DF_PANEL * K, c->y, n, true, true, &end, right_half, DF_PANEL);
}

static void fetching_tile_int8(const Call *c)
{
    const DfInt8Kernels *k = &c->k->int8;
    const DfEpilogue end = epilogue(c);
    const DfInt8Columns columns = { .scale = left + 2 * LONGEST, .start = start };
    const size_t m = least(c->rows, k->tile_m), n = least(c->n, k->tile_n);
    if (k->fetching_tile && m && n)
        k->fetching_tile((int)m, (int)n, K, left_byte, K, right_byte, DF_PANEL * K, c->y, n, &columns, &end, right_byte, DF_PANEL);
}

static void depthwise(const Call *c)
{
    enum { TAPS = 9 };
    const float *x[TAPS], *w[TAPS];
    for (size_t t = 0; t < TAPS; t++) {
        x[t] = left + 3 * t;
        w[t] = right + LONGEST * t;
    }
    const DfEpilogue end = epilogue(c);
    c->k->conv.depthwise(c->y, c->rows, c->n, x, c->n, w, TAPS, &end);
}

/* A tile of three rows of four pixels, one row of it outside. */
static void winograd(const Call *c)
{
    const DfEpilogue end = epilogue(c);
    if (c->rows == ROWS)
        c->k->conv.winograd.output(c->y, 4 * c->n, c->n, 3, 4, right, LONGEST, c->n, &end);
}

static void winograd_strided(const Call *c)
{
    const DfEpilogue end = epilogue(c);
    if (c->rows == ROWS)
        c->k->conv.winograd_strided.output(c->y, 4 * c->n, c->n, 3, 4, right, LONGEST, c->n, &end);
}

enum { DEPTH = 7, WIDTH = 8 };
static void scores(const Call *c)
{
    const size_t lanes = c->n / 8 * 8;
    if (c->rows % DF_KEY_MULTIPLE == 0)
        c->k->attention.scores(c->y, c->in[0], lanes, left, right, (int)c->rows, (int)lanes, DEPTH, WIDTH);
}

static void mask_regions(const Call *c)
{
    static const int key[ROWS] = { 1, 1, 1, 2, 2, 2, 2, 1, 3, 3, 1, 2 };
    static const int lane[DF_LANES] = { [3] = 1, [4] = 1, [9] = 2, [17] = 1, [40] = 3, [95] = 2 };
    const size_t lanes = c->n / 8 * 8;
    c->k->attention.mask_regions(c->y, c->in[0], lanes, key, lane, (int)c->rows, (int)lanes);
}

static const Leaf leaves[] = {
    { "act, none",                 1, act, DF_ACT_NONE, false },
    { "act, relu",                 1, act, DF_ACT_RELU, false },
    { "act, gelu",                 1, act, DF_ACT_GELU, false },
    { "act, gelu_tanh",            1, act, DF_ACT_GELU_TANH, false },
    { "act, sigmoid",              1, act, DF_ACT_SIGMOID, false },
    { "act, tanh",                 1, act, DF_ACT_TANH, false },
    { "act_grad, none",            1, act_grad, DF_ACT_NONE, false },
    { "act_grad, relu",            1, act_grad, DF_ACT_RELU, false },
    { "act_grad, gelu",            1, act_grad, DF_ACT_GELU, false },
    { "act_grad, gelu_tanh",       1, act_grad, DF_ACT_GELU_TANH, false },
    { "act_grad, sigmoid",         1, act_grad, DF_ACT_SIGMOID, false },
    { "act_grad, tanh",            1, act_grad, DF_ACT_TANH, false },
    { "add",                       2, add, 0, false },
    { "mul",                       2, mul, 0, false },
    { "max",                       2, max, 0, false },
    { "scale",                     1, scale, 0, false },
    { "accumulate",                1, accumulate, 0, false },
    { "accumulate_product",        2, product, 0, false },
    { "accumulate_square",         1, square, 0, false },
    { "accumulate_centred",        1, centred, 0, false },
    { "affine",                    1, affine, 0, false },
    { "inverse_root",              1, inverse_root, 0, false },
    { "softmax",                   1, softmax, 0, false },
    { "softmax_grad",              1, softmax_grad, 0, false },
    { "layer_norm",                1, layer_norm, 0, false },
    { "layer_norm, no weights",    1, layer_norm_alone, 0, false },
    { "layer_norm, kept",          1, layer_norm_kept, 0, false },
    { "mix",                       2, mix, 0, false },
    { "max_of, 1 tap",             1, max_of, 1, false },
    { "max_of, 3 taps",            3, max_of, 3, false },
    { "max_of, 9 taps",            4, max_of, 9, false },
    { "max_of, 33 taps",           4, max_of, 33, false },
    { "bf16.max_of, 3 taps",       3, max_of_bf16, 3, false },
    { "bf16.max_of, 9 taps",       4, max_of_bf16, 9, false },
    { "blend, 1 tap",              1, blend, 1, false },
    { "blend, 3 taps",             3, blend, 3, false },
    { "blend, 4 taps",             4, blend, 4, false },
    { "blend, 31 taps",            4, blend, 31, false },
    { "blend, 32 taps",            4, blend, 32, false },
    { "blend, 33 taps",            4, blend, 33, false },
    { "blend, 65 taps",            4, blend, 65, false },
    { "gemm.tile",                 1, tile, PLAIN, false },
    { "gemm.tile in blocks",       1, tile, PLAIN | BLOCKS, false },
    { "gemm.tile, inside",         1, tile, INSIDE, false },
    { "gemm.tile in blocks, inside", 1, tile, INSIDE | BLOCKS, false },
    { "gemm.fetching_tile",        1, fetching_tile, PLAIN, false },
    { "gemm.fetching_tile, inside", 1, fetching_tile, INSIDE, false },
    { "bf16.tile",                 1, tile_bf16, PLAIN, false },
    { "bf16.tile in blocks",       1, tile_bf16, PLAIN | BLOCKS, false },
    { "bf16.tile, inside",         1, tile_bf16, INSIDE, false },
    { "bf16.tile in blocks, inside", 1, tile_bf16, INSIDE | BLOCKS, false },
    { "bf16.fetching_tile",        1, fetching_tile_bf16, PLAIN, false },
    { "bf16.fetching_tile, inside", 1, fetching_tile_bf16, INSIDE, false },
    { "int8.tile",                 1, tile_int8, PLAIN, false },
    { "int8.tile, inside",         1, tile_int8, INSIDE, false },
    { "int8.tile, at the end",     1, tile_int8, AT_THE_END, false },
    { "int8.fetching_tile",        1, fetching_tile_int8, PLAIN, false },
    { "int8.fetching_tile, inside", 1, fetching_tile_int8, INSIDE, false },
    { "int8.fetching_tile, at the end", 1, fetching_tile_int8, AT_THE_END, false },
    { "depthwise",                 1, depthwise, PLAIN, false },
    { "depthwise, inside",         1, depthwise, INSIDE, false },
    { "depthwise, at the end",     1, depthwise, AT_THE_END, false },
    { "winograd.output",           1, winograd, PLAIN, false },
    { "winograd.output, inside",   1, winograd, INSIDE, false },
    { "winograd.output, at the end", 1, winograd, AT_THE_END, false },
    { "winograd_strided.output",   1, winograd_strided, PLAIN, false },
    { "winograd_strided.output, inside", 1, winograd_strided, INSIDE, false },
    { "winograd_strided.output, at the end", 1, winograd_strided, AT_THE_END, false },
    { "scores",                    1, scores, 0, true },
    { "mask_regions",              1, mask_regions, 0, true },
};

/* The leaves that have no such place: their results overlap nothing, or the result is the argument itself. */
static const char *const others[] = {
    "sum", "dot", "layer_norm_grad", "mix_best", "transpose", "gemm.fetch", "gemm.product", "bf16.round", "bf16.widen", "int8.quantise", "winograd.filters", "winograd_strided.filters", "depthwise_grad",
    "winograd.input", "winograd_strided.input", "transpose_rows", "copy_rows", "store_rows", "table_bias", "softmax of scores", "combine", "round_queries", "weigh", "softmax_backward", "drop", "add_rows", "dot_rows", "table_bias_backward", "taps", "gather", "scatter", "slopes",
};

/* ---- each of them twice ------------------------------------------------------------------------------------------ */

static float *fill(Array *a, const Leaf *leaf, size_t n, DfRandom *random)
{
    float *x = a->block + !leaf->aligned;
    for (size_t i = 0; i < n; i++)
        x[i] = (float)df_normal(random);
    for (size_t i = n; i < n + GUARD; i++)
        x[i] = guard;
    return x;
}

/* y is in[i] for every bit i of `set`: these are one array then, in the other run several with the same numbers. */
static void check(const Leaf *leaf, const char *rung, unsigned set, size_t rows, size_t n, DfRandom *random)
{
    const size_t size = rows * n;
    Call call = { .k = df_kernels_named(rung), .rows = rows, .n = n, .option = leaf->option };
    float *same = NULL;
    for (int i = 0; i < INPUTS; i++) {
        float *x = fill(&in[i], leaf, size, random);
        if (set >> i & 1 && same)
            memcpy(x, same, size * sizeof *x);
        else if (set >> i & 1)
            same = x;
        call.in[i] = x;
    }
    call.y = fill(&apart, leaf, size, random);
    memcpy(call.y, same, size * sizeof *same);
    leaf->run(&call);
    const float *expected = call.y;
    for (int i = 0; i < INPUTS; i++)
        if (set >> i & 1)
            call.in[i] = same;
    call.y = same;
    leaf->run(&call);
    cr_assert(memcmp(same, expected, (size + GUARD) * sizeof *same) == 0, "%s of %s: other bits where y is one of the arguments (set %u), %zu rows of %zu",
              leaf->name, rung, set, rows, n);
}

/* A new leaf belongs into one of the two lists. */
Test(aliasing, the_lists_have_every_leaf)
{
    enum { SIZES = 3 * 2 * sizeof(int) }; /* tile_m and tile_n of three tables */
    const size_t leaves_of_all = sizeof(DfKernels) - sizeof(const char *) - SIZES - sizeof(DfAttentionKernels); /* bfloat16's */
    const size_t all_leaves = leaves_of_all / sizeof(void (*)(void));
    const size_t n_others = sizeof others / sizeof *others;
    size_t listed = n_others;
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        const size_t length = strcspn(leaves[i].name, ", ");
        for (size_t j = 0; j < n_others; j++)
            cr_expect_neq(strcmp(leaves[i].name, others[j]), 0, "%s is in both lists", others[j]);
        size_t before = 0;
        while (before < i && (strncmp(leaves[before].name, leaves[i].name, length) != 0 || strcspn(leaves[before].name, ", ") != length))
            before++;
        listed += before == i;
    }
    cr_expect_eq(listed, all_leaves, "%zu leaves are listed of %zu", listed, all_leaves);
}

Test(aliasing, every_leaf_on_every_rung)
{
    static const size_t rows[] = { 1, 3, ROWS };
    DfRandom random = df_random(7, 0);
    fill_operands(&random);
    for (int r = 0; df_kernels_rung(r); r++)
        for (size_t l = 0; l < sizeof leaves / sizeof *leaves; l++)
            for (unsigned set = 1; set < 1u << leaves[l].may_be; set++)
                for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                    for (size_t n = 0; n <= LONGEST; n++)
                        check(&leaves[l], df_kernels_rung(r), set, rows[i], n, &random);
}
