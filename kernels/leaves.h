/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/leaves.h -- the leaf kernels: the small functions that do the arithmetic, one table of them for each topic.
 * Included by kernels/kernels.h: include that.
 *
 * Drivers (gemm/gemm.h, conv/conv.h, ...) divide an operation into tasks and call leaves through these tables. The C
 * reference fills a table first; a faster rung overwrites what it does better. To read what an operation computes,
 * read its C leaf.
 *
 * Pointers need no alignment unless a table says so. Lengths may be 0. "+=" means that a leaf adds to what its result
 * holds. Arguments and results overlap only where a leaf says so: "in place" means that a result may be that very
 * argument, element for element.
 */
#ifndef DF_KERNELS_LEAVES_H
#define DF_KERNELS_LEAVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/act.h"
#include "kernels/keep.h"

/* ---- elements and rows: pointwise/ ------------------------------------------------------------------------------ */

/* In place but where it says otherwise: y may be x, a or b, and gx may be g. */
typedef struct {
    /* elements */
    void (*act)(DfAct, float *y, const float *x, size_t n);                       /* y = act(x)      */
    void (*act_grad)(DfAct, float *gx, const float *g, const float *x, size_t n); /* gx += act'(x) g */
    void (*add)(float *y, const float *a, const float *b, size_t n);              /* y = a + b       */
    void (*mul)(float *y, const float *a, const float *b, size_t n);              /* y = a b         */
    void (*max)(float *y, const float *a, const float *b, size_t n);              /* y = max(a, b)   */
    /* y = max(max(tap[0], tap[1]), ..), as max() has it; taps > 0. y may be one of the taps. */
    void (*max_of)(float *y, const float *const *tap, int taps, size_t n);
    void (*scale)(float *y, const float *x, float factor, size_t n);              /* y = factor x    */
    void (*accumulate)(float *y, const float *x, float factor, size_t n);         /* y += factor x   */
    void (*accumulate_product)(float *y, const float *a, const float *b, size_t n);   /* y += a b          */
    void (*accumulate_square)(float *y, const float *x, const float *mean, size_t n); /* y += (x - mean)^2 */
    /* y += g (x - mean) */
    void (*accumulate_centred)(float *y, const float *g, const float *x, const float *mean, size_t n);
    /* y = x scale + shift */
    void (*affine)(float *y, const float *x, const float *scale, const float *shift, size_t n);
    /* y = 1 / sqrt(x + eps) in float64, then rounded: all rungs give the same bits */
    void (*inverse_root)(float *y, const float *x, float eps, size_t n);

    /* sums, in float64 */
    double (*sum)(const float *x, size_t n);
    double (*dot)(const float *a, const float *b, size_t n);

    /* rows of n floats, one after the other */
    void (*softmax)(float *y, const float *x, size_t rows, size_t n);                       /* e^x / sum(e^x)      */
    void (*softmax_grad)(float *gx, const float *g, const float *y, size_t rows, size_t n); /* gx += y (g - <g, y>) */
    /* y = (x - mean) / sqrt(var + eps) weight + bias, mean and var of each row by two passes. weight, bias: n, or
     * NULL. `stats` takes mean and 1 / sqrt(var + eps) of every row, or is NULL. */
    void (*layer_norm)(float *y, const float *x, const float *weight, const float *bias, size_t rows, size_t n,
                       float eps, float *stats);
    /* Adds to gx (rows n), g_weight (n) and g_bias (n); each may be NULL. Not in place. */
    void (*layer_norm_grad)(float *gx, float *g_weight, float *g_bias, const float *g, const float *x,
                            const float *weight, const float *stats, size_t rows, size_t n);

    /* Sampling: y = sum over t of weight[t] tap[t]. No taps give zeros. y may be one of the taps. */
    void (*blend)(float *y, const float *const *tap, const float *weight, int taps, size_t n);

    /* Linear interpolation: y = a + weight (b - a), rounded in each step, so that all rungs give the same bits. */
    void (*mix)(float *y, const float *a, const float *b, float weight, size_t n);
    /* The index where mix() would be largest, the first among equals; n > 0. */
    size_t (*mix_best)(const float *a, const float *b, float weight, size_t n);

    /* y[j][i] = x[i][j]; `ldy`, `ldx` are the distances of rows. Not in place. */
    void (*transpose)(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t columns);
} DfPointwiseKernels;

/* ---- products: gemm/ -------------------------------------------------------------------------------------------- */

enum { DF_PANEL = 16 }; /* columns of a panel: what a tile reads of a packed matrix lies in one run (gemm/gemm.h) */

/* What is done to a result before it is stored: y = act(y + bias) * scale + residual; or, if `inside`, as in the blocks
 * of a ResNet, y = act(y + bias + residual) * scale. */
typedef struct {
    const float *bias;      /* per column, or NULL                                                                  */
    DfAct act;
    const float *scale;     /* per column, or NULL                                                                  */
    const float *residual;  /* laid out as the result, or NULL. It may be the result itself (y += ...) if there are
                             * neither act nor scale, or if it is inside: then it is added first, before partial sums
                             * overwrite it.                                                                         */
    bool inside;            /* the residual is added before the activation                                           */
} DfEpilogue;

typedef struct DfProduct DfProduct; /* c = alpha op(a) op(b) + beta c: gemm/parts.h */

/* A tile is a block of the result that is small enough to stay in registers during the loop over k. */
typedef struct {
    int tile_m, tile_n; /* rows and columns of the largest tile; tile_n is a multiple of DF_PANEL */
    /* One block of k of a tile: c = a b + what was there, for m <= tile_m rows and n <= tile_n columns.
     *     a      m x k, rows `lda` apart
     *     b      k x n in panels of DF_PANEL columns that begin `panel` floats apart, aligned to 64 bytes
     *     c      m x n, rows `ldc` apart; must not overlap a or b
     *     first  this block of k is the first: sums start from the bias, later ones from what c holds
     *     last   it is the last: activation and scale follow. The residual is added by the first block if it is inside
     *            or neither of them follows, else at the end. Its pointers have been moved to this tile */
    void (*tile)(int m, int n, size_t k, const float *a, size_t lda, const float *b, size_t panel, float *c, size_t ldc,
                 bool first, bool last, const DfEpilogue *);
    void (*fetch)(const float *from, size_t floats); /* prefetches into the second-level cache */
    /* The same as tile(). It also prefetches from two panels, which begin at `ahead` and are `panel` floats apart:
     * `step` floats at every step along k, so that prefetches do not delay the loads of this tile. NULL: the rung has
     * tile() and fetch() only. */
    void (*fetching_tile)(int m, int n, size_t k, const float *a, size_t lda, const float *b, size_t panel, float *c,
                          size_t ldc, bool first, bool last, const DfEpilogue *, const float *ahead, size_t step);
    /* A whole product on the calling thread, by a library (OpenBLAS); NULL: products are computed by tile(). */
    void (*product)(const DfProduct *);
} DfGemmKernels;

/* Products of bfloat16 (bf16.h): both factors are rounded, sums are float32. Numbers along k are stored in pairs: a row
 * of a has 2 `pairs` numbers, and a panel of b holds for every pair the two numbers of column 0, of column 1, ... Each
 * step adds the product of the second of a pair, then that of the first; on ARM four products are added at once. */
typedef struct {
    int tile_m, tile_n; /* as DfGemmKernels */
    /* y[i] = x[i] rounded to bfloat16, to nearest, ties to even; numbers below 2^-126 become zero */
    void (*round)(uint16_t *y, const float *x, size_t n);
    void (*widen)(float *y, const uint16_t *x, size_t n); /* y[i] = x[i], exactly */
    /* As DfPointwiseKernels.max_of() */
    void (*max_of)(uint16_t *y, const uint16_t *const *tap, int taps, size_t n);
    /* As DfGemmKernels.tile; `lda` and `panel` count numbers. NULL: this rung has no products of bfloat16 */
    void (*tile)(int m, int n, size_t pairs, const uint16_t *a, size_t lda, const uint16_t *b, size_t panel, float *c,
                 size_t ldc, bool first, bool last, const DfEpilogue *);
    /* As DfGemmKernels.fetching_tile, or NULL */
    void (*fetching_tile)(int m, int n, size_t pairs, const uint16_t *a, size_t lda, const uint16_t *b, size_t panel,
                          float *c, size_t ldc, bool first, bool last, const DfEpilogue *, const uint16_t *ahead,
                          size_t step);
} DfBf16Kernels;
enum { DF_INT8_STEP = 4 }; /* 8-bit numbers along k that are stored side by side: one step of a tile */

/* Two numbers for each column of a product in 8-bit integers, padded to whole panels. */
typedef struct {
    const float *scale;   /* a result is its sum times this                */
    const int32_t *start; /* a sum starts with this: - zero (sum of q)     */
} DfInt8Columns;

typedef struct {
    int tile_m, tile_n; /* rows and columns of the largest tile; tile_n is a multiple of DF_PANEL */
    /* The whole sum of a tile: c = epilogue(scale (start + a b)), for m <= tile_m rows and n <= tile_n columns. Sums
     * are exact in 32 bits, scale and epilogue are float32.
     *     k      a multiple of DF_INT8_STEP
     *     a      m x k, rows `lda` bytes apart
     *     b      panels of DF_PANEL columns that begin `panel` bytes apart, aligned to 64: of every step the first
     *            column's numbers, then the second's, ...
     *     c      m x n, rows `ldc` apart. The residual may be c itself */
    void (*tile)(int m, int n, size_t k, const uint8_t *a, size_t lda, const int8_t *b, size_t panel, float *c,
                 size_t ldc, const DfInt8Columns *, const DfEpilogue *);
    /* As DfGemmKernels.fetching_tile, `step` in bytes; or NULL */
    void (*fetching_tile)(int m, int n, size_t k, const uint8_t *a, size_t lda, const int8_t *b, size_t panel, float *c,
                          size_t ldc, const DfInt8Columns *, const DfEpilogue *, const int8_t *ahead, size_t step);
    /* u = x factor + zero, rounded to nearest, ties to even, and clamped to 0..255; NaN becomes 0 */
    void (*quantise)(uint8_t *u, const float *x, size_t n, float factor, int zero);
} DfInt8Kernels;

/* ---- convolutions: conv/ ---------------------------------------------------------------------------------------- */

/* The transforms of a 3x3 convolution by Winograd (kernels/conv/winograd.c). With a stride of 1 a patch has 6x6 pixels,
 * 36 products and 36 points; with a stride of 2 it has 9x9 pixels, 81 products and 5x5 points. The residual of an
 * epilogue may be y; nothing else overlaps. */
typedef struct {
    /* u[i * stride + l] = (G g G')[i], for all products i, of DF_PANEL filters side by side: tap t of filter l is at
     * g[t * tap + l], t = 0..8. */
    void (*filters)(float *u, size_t stride, const float *g, ptrdiff_t tap);
    /* v[i] = (B' d B)[i], for all products i, of a patch d of pixels with n channels. d[row by row] points to a pixel;
     * v[i] is at v + i * stride. */
    void (*input)(float *v, size_t stride, const float *const *d, size_t n);
    /* y = epilogue(A' m A), the 4x4 pixels of n channels; m[i], for all points i, is at m + i * stride. Pixels outside
     * h x w are not stored. Rows and pixels of y (and of the residual) are ld_row and ld_pixel floats apart. */
    void (*output)(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m, size_t stride, size_t n,
                   const DfEpilogue *);
} DfWinogradKernels;

/* The residual of an epilogue may be y; nothing else overlaps. */
typedef struct {
    DfWinogradKernels winograd, winograd_strided; /* with a stride of 1, of 2 */
    /* y[p] = epilogue(sum over t of w[t] x[t][p * step]): `pixels` outputs of n channels from `taps` taps. */
    void (*depthwise)(float *y, size_t pixels, size_t n, const float *const *x, size_t step, const float *const *w,
                      size_t taps,
                      const DfEpilogue *);
    /* dw[c] += sum over `pixels` p of x[p * x_step + c] dy[p * dy_step + c], n channels: the gradient of one tap */
    void (*depthwise_grad)(float *dw, const float *x, size_t x_step, const float *dy, size_t dy_step, size_t pixels,
                           size_t n);
} DfConvKernels;

/* ---- attention: attention/, deform/ ----------------------------------------------------------------------------- */

enum {
    DF_LANES = 96,         /* widest tile of queries                          */
    DF_KEY_MULTIPLE = 4,   /* scores() computes this many keys at a time      */
    DF_TABLE_MARGIN = 2,   /* rows and columns of zeros before a padded table */
    DF_TABLE_ROWS = 8      /* table rows that table_bias() keeps in scratch   */
};

/* One head's position table with zeros around it: `value` points at entry (0, 0); rows -2 .. h + 1 exist, and
 * columns from -2 on for `stride`, which is a multiple of 8 and at least w + 18. */
typedef struct {
    int h, w, stride;
    const float *value;
} DfScoreTable;

/* The positions of a tile's queries, in cells of the table: lane r * width + j is row r, column j of the map's piece.
 * The bias of a score is sampled at (y[r] - key_y, x[j] - key_x). `step` is the distance between two columns. */
typedef struct {
    int rows, width;       /* width: a multiple of 8 */
    const float *y, *x;
    float step;
} DfLattice;

/* The leaf kernels of attention. A tile of queries, a multiple of 8 wide, occupies the lanes; keys are read in blocks.
 * Scores are stored transposed, S[key][lane], in a few KB of scratch: so every lane has its own softmax, a key is
 * broadcast, and sums start from the bias.
 *
 * Widths and lanes are multiples of 8; `depth` is the true length of a head. Scratch is 32-byte aligned and its rows
 * are `width` or `lanes` floats apart. A NULL row reads as zeros and is not written. Arguments overlap only where it is
 * stated. */
typedef struct {
    /* out[d][lane] = factor rows[lane][d]; 0 for lanes from n on */
    void (*transpose_rows)(float *out, const float *const *rows, int n, int lanes, int depth, float factor);
    /* out[i][d] = factor rows[i][d]; 0 for d from depth to width */
    void (*copy_rows)(float *out, const float *const *rows, int n, int depth, int width, float factor);
    /* rows[i][d] = in[i][d] / sum[i] */
    void (*store_rows)(float *const *rows, const float *in, const float *sum, int n, int depth, int width);
    /* s[key][lane] = bias[key][lane] + sum over d of k[key][d] q[d][lane]. Rows of the bias are `stride` apart; NULL
     * is zeros, and s itself is allowed. `keys` is a multiple of DF_KEY_MULTIPLE. */
    void (*scores)(float *s, const float *bias, size_t stride, const float *k, const float *q, int keys, int lanes,
                   int depth,
                   int width);
    /* s[key][lane] = bias[key][lane], minus 100 where the regions differ; bias as in scores() */
    void (*mask_regions)(float *s, const float *bias, size_t stride, const int *key_region, const int *lane_region,
                         int keys,
                         int lanes);
    /* s[key][lane] = the table sampled bilinearly between query and key, zeros outside. NaN where key_y or a y is
     * NaN; all x are finite. `rows` is scratch for 2 * DF_TABLE_ROWS * table->stride floats. */
    void (*table_bias)(float *s, const DfScoreTable *table, const DfLattice *at, const float *key_y,
                       const float *key_x, int keys,
                       float *rows);
    /* In place: s = exp(s - max) with the maximum so far; sum = sum rescale + the sum of the new s; rescale = exp(old
     * max - max). Start from max = -inf, sum = 0. */
    void (*softmax)(float *s, int keys, int lanes, float *max, float *sum, float *rescale);
    /* out[i][] = keep[i] out[i][] + sum over j of m[i row + j column] x[j][]; keep NULL: out is only written */
    void (*combine)(float *out, const float *keep, const float *m, size_t row, size_t column, const float *x, int n,
                    int terms,
                    int width);

    /* In bfloat16 only, see below; else NULL. */
    void (*round_queries)(float *q, int depth, int lanes);
    void (*weigh)(float *out, const float *keep, const float *weights, int lanes, const float *v, int n, int keys,
                  int width);

    /* In place: s becomes p = exp(s - lse), dp becomes p (dp - delta), each lane with its own lse and delta. Adds the
     * latter to `sum` too, whose rows are `stride` apart, unless it is NULL. */
    void (*softmax_backward)(float *s, float *dp, int keys, int lanes, const float *lse, const float *delta,
                             float *sum, size_t stride);
    /* In place: s[key][lane] becomes 0 where dropout->key[sample] drops number[lane] + first + key, else times its
     * scale. */
    void (*drop)(float *s, int keys, int lanes, const uint32_t *number, int first, const DfDropout *dropout,
                 int sample);

    /* Backward only, from here on. rows[i][d] += factor in[i][d]; the same row may occur several times. */
    void (*add_rows)(float *const *rows, const float *in, int n, int depth, int width, float factor);
    /* out[lane] = sum over d of a[lane][d] b[lane][d]; 0 for lanes from n on */
    void (*dot_rows)(float *out, const float *const *a, const float *const *b, int n, int lanes, int depth);
    /* Adds the gradients of table_bias() from ds[key][lane]: to dtable, which is padded like the table (its margin may
     * receive anything) or NULL; and to dkey[key][2], the gradients of key_y and key_x. */
    void (*table_bias_backward)(float *dtable, float *dkey, const float *ds, const DfScoreTable *table,
                                const DfLattice *at, const float *key_y, const float *key_x, int keys);
} DfAttentionKernels;

/* Attention with its two products in bfloat16, forward only, has a table of the same type. Queries, keys, values and
 * weights are rounded (bf16.round) and stored in pairs, each in the space of a float; everything else is float32. Each
 * step of a sum adds the product of the second of a pair, then that of the first. The differences:
 *     copy_rows      rounds: out[i] begins with `width` numbers of bfloat16. It is for keys and values
 *     round_queries  in place: q[d][lane] of transpose_rows() becomes, at q[d / 2][lane], the pair d, d + 1; a number
 *                    beyond the depth is 0
 *     scores         takes keys of copy_rows(), and queries of round_queries()
 *     softmax        leaves the weights at s[key / 2][lane], the pair key, key + 1, and adds up what was rounded;
 *                    beyond the last key is 0
 *     weigh          out[i][] = keep[i] out[i][] + sum over keys of weights[key][i] v[key][], for n lanes, with the
 *                    weights of softmax() and the values of copy_rows(); keep as in combine()
 * Dropout and the way back are not for such numbers. */

/* The level of every sample of multi-scale deformable attention, as a table: height and width as floats, width and
 * first cell as integers. There are n samples, padded to `room`, a multiple of 8; the padding has no level (height and
 * width 0) and weight 0. */
typedef struct {
    int n, room;
    const float *h, *w;
    const int *width, *first;
} DfMsSamples;

/* Nothing overlaps. */
typedef struct {
    /* Taps of the n samples of a query and head at location[n][2] (x, y in [0, 1] of a level): tap t of sample i is
     * cell cell[t * room + i] with weight[t * room + i], which has attention[i] in it; outside the level cell 0 with
     * weight 0. */
    void (*taps)(int *cell, float *weight, const DfMsSamples *, const float *location, const float *attention);
    /* out[d] = sum over n taps of weight[t] value[cell[t] * stride + d] */
    void (*gather)(float *out, const float *value, size_t stride, const int *cell, const float *weight, int n,
                   int depth);
    /* The backward pass of gather(), from the gradient g of out: dvalue[cell[t] * stride + d] += weight[t] g[d], except
     * where the weight is 0, and e[t] = sum over d of g[d] value[cell[t] * stride + d]. dvalue may be NULL; n is a
     * multiple of 8. */
    void (*scatter)(float *e, float *dvalue, const float *value, size_t stride, const int *cell, const float *weight,
                    const float *g, int n, int depth);
    /* Adds the gradients of taps(), computed from e[4 * room] of scatter() and the arguments of taps(), to
     * dlocation[n][2] and dattention[n], each of which may be NULL. */
    void (*slopes)(float *dlocation, float *dattention, const DfMsSamples *, const float *location,
                   const float *attention, const float *e);
} DfMsDeformKernels;

/* ---- all of them: a rung of the ladder -------------------------------------------------------------------------- */

typedef struct DfKernels {
    const char *name; /* of the rung: "c", "blas", "avx2", "avx512", "neon" */
    DfGemmKernels gemm;
    DfBf16Kernels bf16;
    DfInt8Kernels int8;
    DfConvKernels conv;
    DfPointwiseKernels pointwise;
    DfAttentionKernels attention;
    DfAttentionKernels attention_bf16; /* weigh == NULL: this rung has no attention in bfloat16 */
    DfMsDeformKernels ms_deform;
} DfKernels;

#endif
