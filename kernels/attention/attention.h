/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/attention.h -- softmax attention whose scores never exist as a matrix. Part of the door kernels/kernels.h: include
 * that.
 *
 * All attention, deformable attention too, is made of the same leaves. Queries stand side by side in lanes (a tile, a multiple of 8
 * wide), keys come in blocks, and scores are held transposed, S[key][lane], in a few KB of scratch: then the softmax runs straight down
 * the lanes, a key is one broadcast, and a bias is written before the products are added to it. Blocks of keys are joined by the
 * running maximum and sum of Milakov and Gimelshein (2018), used for attention by FlashAttention (Dao et al., NeurIPS 2022).
 */
#ifndef DF_KERNELS_ATTENTION_ATTENTION_H
#define DF_KERNELS_ATTENTION_ATTENTION_H

#include <stdbool.h>
#include <stddef.h>

#include "core/core.h"

typedef struct DfKernels DfKernels; /* kernels/kernels.h */

enum {
    DF_LANES = 96,         /* widest tile of queries                          */
    DF_KEY_MULTIPLE = 4,   /* scores() computes this many keys at a time      */
    DF_TABLE_MARGIN = 2,   /* rows and columns of zeros before a padded table */
    DF_TABLE_ROWS = 8      /* table rows that table_bias() has in scratch      */
};

/* One head's position table with zeros around it: `value` points at entry (0, 0); rows -2 .. h + 1 exist, and columns from -2 on
 * for `stride`, which is a multiple of 8 and at least w + 18. */
typedef struct {
    int h, w, stride;
    const float *value;
} DfScoreTable;

/* Where the queries of a tile stand, in cells of the table: lane r * width + j is row r, column j of the map's piece. A score is
 * sampled at (y[r] - key_y, x[j] - key_x). `step` is the distance of two columns. */
typedef struct {
    int rows, width;       /* width: a multiple of 8 */
    const float *y, *x;
    float step;
} DfLattice;

/* Widths and lanes are multiples of 8, `depth` is the true length of a head. Scratch is 32-byte aligned and its rows are `width`
 * or `lanes` floats apart. A NULL row reads as zeros and is not written. */
typedef struct {
    /* out[d][lane] = factor rows[lane][d], 0 for lanes from n on */
    void (*transpose_rows)(float *out, const float *const *rows, int n, int lanes, int depth, float factor);
    /* out[i][d] = factor rows[i][d], 0 for d from depth to width */
    void (*copy_rows)(float *out, const float *const *rows, int n, int depth, int width, float factor);
    /* rows[i][d] = in[i][d] / sum[i] */
    void (*store_rows)(float *const *rows, const float *in, const float *sum, int n, int depth, int width);
    /* s[key][lane] = bias[key][lane] + sum over d of k[key][d] q[d][lane]; bias rows are `stride` apart, NULL is zeros, and s
     * itself is allowed. `keys` is a multiple of DF_KEY_MULTIPLE. */
    void (*scores)(float *s, const float *bias, size_t stride, const float *k, const float *q, int keys, int lanes, int depth, int width);
    /* s[key][lane] = bias[key][lane] - 100 where the regions differ; bias as in scores() */
    void (*mask_regions)(float *s, const float *bias, size_t stride, const int *key_region, const int *lane_region, int keys, int lanes);
    /* s[key][lane] = the table sampled bilinearly between query and key, zeros outside. NaN where key_y or a y is NaN; all x are
     * finite. `rows` is scratch for 2 * DF_TABLE_ROWS * table->stride floats. */
    void (*table_bias)(float *s, const DfScoreTable *table, const DfLattice *at, const float *key_y, const float *key_x, int keys, float *rows);
    /* s = exp(s - max) with the maximum so far; sum = sum rescale + the new ones; rescale = exp(old max - max). Start from max = -inf, sum = 0. */
    void (*softmax)(float *s, int keys, int lanes, float *max, float *sum, float *rescale);
    /* out[i][] = keep[i] out[i][] + sum over j of m[i row + j column] x[j][]; keep NULL: out is only written */
    void (*combine)(float *out, const float *keep, const float *m, size_t row, size_t column, const float *x, int n, int terms, int width);
    /* s becomes p = exp(s - lse), dp becomes p (dp - delta), per lane */
    void (*softmax_backward)(float *s, float *dp, int keys, int lanes, const float *lse, const float *delta);
} DfAttentionKernels;

/* ---- window attention: tensor/ops.h, df_window_attention, says what is computed ----------------------------------- */

typedef struct {
    int B, H, W, C, heads, window, shift;
    float scale;
    const float *qkv;   /* B H W 3C                */
    const float *pad;   /* 3C or NULL              */
    const float *table; /* (2 window - 1)^2 heads, or NULL */
} DfWindowProblem;

size_t df_window_attention_workspace(const DfWindowProblem *);          /* floats, forward  */
size_t df_window_attention_backward_workspace(const DfWindowProblem *); /* floats, backward */
size_t df_window_attention_lse_size(const DfWindowProblem *);           /* floats of what forward leaves for backward */

/* `out` is B H W C; `lse` NULL unless backward follows. The only failure is DF_ENOMEM. */
int df_window_attention_forward(DfPool *, const DfAttentionKernels *, const DfWindowProblem *, float *out, float *lse, float *workspace);
/* Adds to dqkv, dpad, dtable, each of which may be NULL. */
int df_window_attention_backward(DfPool *, const DfAttentionKernels *, const DfWindowProblem *, const float *out, const float *lse,
                                 const float *dout, float *dqkv, float *dpad, float *dtable, float *workspace);

/* ---- neighborhood attention: tensor/ops.h, df_neighborhood_attention ------------------------------------------------ */

typedef struct {
    int B, H, W, C, heads, window, dilation; /* window * dilation is at most H and W */
    float scale;
    const float *qkv;   /* B H W 3C                                */
    const float *table; /* heads 2 window - 1 twice, or NULL       */
} DfNeighborhoodProblem;

size_t df_neighborhood_attention_lse_size(const DfNeighborhoodProblem *);
size_t df_neighborhood_attention_backward_workspace(const DfNeighborhoodProblem *);
int df_neighborhood_attention_forward(DfPool *, const DfKernels *, const DfNeighborhoodProblem *, float *out, float *lse);
/* Adds to dqkv and dtable, each of which may be NULL. */
int df_neighborhood_attention_backward(DfPool *, const DfKernels *, const DfNeighborhoodProblem *, const float *out, const float *lse,
                                       const float *dout, float *dqkv, float *dtable, float *workspace);

#endif
