/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/patches.h -- private to kernels/conv/: for each output pixel the input values that it reads, gathered
 * into one row of a matrix ("im2col"), a few rows at a time.
 */
#ifndef DF_KERNELS_CONV_PATCHES_H
#define DF_KERNELS_CONV_PATCHES_H

#include "kernels/conv/conv.h"

/* Taps side by side: they lie in one run of memory, since channels are last. */
typedef struct {
    int dy, dx;  /* of the first tap, from step * position */
    int length;  /* taps                                   */
} DfRun;

/* Row (n, jy, jx) of the matrix holds, run after run, the taps around pixel (jy * step_y, jx * step_x) of image n;
 * of each tap `channels` numbers from channel c0 on: floats, bfloat16 or whole numbers of 8 bits. */
typedef struct {
    const void *x;            /* N H W C                         */
    size_t number;            /* bytes of one                    */
    size_t bytes;             /* of the map; 0: not known        */
    int outside;              /* each byte of a tap that lies outside the map: 0, but for 8 bits */
    int H, W;
    int jH, jW;               /* positions of an image           */
    int step_y, step_x;
    size_t C, c0, channels;
    size_t k;                 /* numbers of a row                */
    const DfRun *runs;
    size_t n_runs;
    bool column;              /* runs are equally long, one straight below the other */
} DfPatches;

void df_patches_gather(const DfPatches *, size_t row, size_t rows, void *out); /* rows x k */
/* Columns k0..k1-1 of them alone, to rows `ld` numbers apart; what is behind them in a row may be overwritten. */
void df_patches_gather_block(const DfPatches *, size_t row, size_t rows, size_t k0, size_t k1, void *out, size_t ld);
size_t df_patches_rows(size_t k);  /* how many rows of k floats to gather at once: they stay in the second cache */

/* The taps of a convolution. A row of the kernel is one run if nothing lies between its taps, and if it has at most
 * `longest` floats; else every tap is one. */
DfRun *df_conv_runs_new(const DfConvShape *); /* room for all taps, to be freed by df_free(); NULL: out of memory */
size_t df_conv_runs(const DfConvShape *, size_t longest, DfRun *runs);
DfPatches df_conv_patches(const DfConvShape *, const void *x, size_t number, const DfRun *runs, size_t n_runs);

size_t df_conv_outputs(const DfConvShape *);   /* pixels of the result, of all images           */

#endif
