/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd.h -- private to the winograd*.c files: the sizes of one convolution by Winograd's method, how
 * it is divided, and the steps that bfloat16 has of its own.
 */
#ifndef DF_KERNELS_CONV_WINOGRAD_H
#define DF_KERNELS_CONV_WINOGRAD_H

#include "kernels/conv/parts.h"

enum {
    DF_WINOGRAD_O_BLOCK = 64, /* output channels that A' transforms at a time */
    DF_WINOGRAD_MOST_PRODUCTS = 81
};

/* The sizes that depend on the stride. Along an axis, `stride` consecutive products belong to one point; the point at
 * infinity has one product. */
typedef struct {
    size_t stride;
    size_t side;       /* of a patch, in pixels                                             */
    size_t products;   /* side^2: matrices of transformed patches, and of filters           */
    size_t across;     /* points along an axis                                              */
    size_t points;     /* across^2: sums of products                                        */
    size_t tile_bytes; /* transformed patches of a task                                     */
    size_t tasks;      /* below this many tasks, output channels are divided, too           */
    size_t channels;   /* channels of a bfloat16 map that are transformed at a time         */
    double worth;      /* faster if there are fewer products than this part of the direct ones */
} DfWinogradWay;

/* How a convolution is divided; this depends on the sizes and the precision alone. A task has the tiles of a block and
 * some output channels, of which it computes a slab at a time. */
typedef struct {
    const DfWinogradWay *way;
    size_t tiles_y, tiles_x, tiles; /* of an image, of all                                       */
    size_t blocks, block;           /* tasks along tiles; the most tiles of one                  */
    size_t o_tasks;                 /* tasks along output channels                               */
    size_t slab;                    /* output channels computed at a time, in O_BLOCKs           */
    size_t k_blocks;                /* parts of the input channels; one is transformed at a time */
    bool shared;                    /* all patches are transformed before all products           */
} DfWinogradPlan;

DfWinogradPlan df_winograd_plan(const DfConvShape *, DfPrecision);

/* One convolution. */
typedef struct {
    DfWinogradPlan plan;
    const DfKernels *k;
    const DfWinogradKernels *leaves;
    const DfConvShape *s;
    DfMap x, y;
    const DfPacked *w;
    DfEpilogue e;
    size_t v_row, v_matrix; /* numbers from a tile to the next in a matrix of V, and from a matrix to the next */
    size_t m_row, m_matrix; /* floats of M likewise                                                            */
    char *shared;           /* V of all blocks, one after the other, where it is shared; or NULL               */
} DfWinograd;

/* One step of a task: some tiles, input channels and output channels; their V times their U is added to M. */
typedef struct {
    size_t tiles;
    size_t i, I;     /* input channels: the first, how many                                                           */
    size_t v_i, v_I; /* the same in whole vectors, as V has them: leaf kernels may round a partial vector differently */
    size_t o, O;
} DfWinogradPart;

/* Writes V of one tile to v, in bfloat16, with a zero after an odd v_I; from the pixels d of a->x. */
void df_winograd_transform_bf16(const DfWinograd *a, const DfWinogradPart *, uint16_t *v, const void *const d[]);
/* m = epilogue(V[p] U[p]). Prefetches for product p of part `next`, whose O is 0 if there is none. */
void df_winograd_multiply_bf16(const DfWinograd *a, const DfWinogradPart *, size_t p, const uint16_t *v, float *m,
                               const DfEpilogue *, const DfWinogradPart *next, size_t next_p);

#endif
