/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/patches.h -- private to convolutions: what each pixel of the result sees of the map, gathered into
 * the rows of a matrix ("im2col"), a few rows at a time.
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
 * of each tap `channels` floats from channel c0 on. Taps outside the map are zeros. */
typedef struct {
    const float *x;           /* N H W C                         */
    size_t floats;            /* of it; 0: not known             */
    int H, W;
    int jH, jW;               /* positions of an image           */
    int step_y, step_x;
    size_t C, c0, channels;
    size_t k;                 /* floats of a row                 */
    const DfRun *runs;
    size_t n_runs;
    bool column;              /* runs are equally long, one straight below the other */
} DfPatches;

/* Do all taps around pixel (y, x) of the map lie within it? false may also mean that it is not known. */
static inline bool df_patches_inside(const DfPatches *p, int y, int x)
{
    const DfRun *first = p->runs;
    const DfRun *last = first + p->n_runs - 1;
    const int left = x + first->dx;
    return p->column && y + first->dy >= 0 && y + last->dy < p->H && left >= 0 && left + first->length <= p->W;
}
/* Numbers of the map from the beginning of a run to that of the next one, where they are a column. */
static inline size_t df_patches_run_step(const DfPatches *p)
{
    return p->n_runs > 1 ? (size_t)(p->runs[1].dy - p->runs[0].dy) * (size_t)p->W * p->C : 0;
}
/* Where the first run around pixel (y, x) begins, if that lies inside. */
static inline size_t df_patches_first(const DfPatches *p, int y, int x)
{
    return ((size_t)(y + p->runs->dy) * (size_t)p->W + (size_t)(x + p->runs->dx)) * p->C + p->c0;
}

void df_patches_gather(const DfPatches *, size_t row, size_t rows, float *out); /* rows x k */
/* Columns k0..k1-1 of them alone, to rows `ld` apart. */
void df_patches_gather_block(const DfPatches *, size_t row, size_t rows, size_t k0, size_t k1, float *out, size_t ld);
size_t df_patches_rows(size_t k);  /* how many rows of k floats to gather at once: they stay in the second cache */

/* The taps of a convolution. A row of the kernel is one run if nothing lies between its taps, and if it has at most
 * `longest` floats; else every tap is one. */
DfRun *df_conv_runs_new(const DfConvShape *); /* room for all taps, to be freed by df_free(); NULL: out of memory */
size_t df_conv_runs(const DfConvShape *, size_t longest, DfRun *runs);
DfPatches df_conv_patches(const DfConvShape *, const float *x, const DfRun *runs, size_t n_runs);

size_t df_conv_outputs(const DfConvShape *);   /* pixels of the result, of all images           */

#endif
