/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd.h -- private to winograd.c, its plans (winograd_plan.c) and its form in bfloat16
 * (winograd_bf16.c).
 */
#ifndef DF_KERNELS_CONV_WINOGRAD_H
#define DF_KERNELS_CONV_WINOGRAD_H

#include "kernels/conv/parts.h"

enum {
    DF_WINOGRAD_O_BLOCK = 64, /* output channels that go back at a time */
    DF_WINOGRAD_MOST_PRODUCTS = 81
};

/* What differs with the stride. Along an axis, `stride` products in a row are of one point, but for infinity's. */
typedef struct {
    size_t stride;
    size_t side;       /* of a patch, in pixels                                             */
    size_t products;   /* side^2: matrices of transformed patches, and of filters           */
    size_t across;     /* points along an axis                                              */
    size_t points;     /* across^2: sums of products                                        */
    size_t tile_bytes; /* transformed patches of a task                                     */
    size_t tasks;      /* cut along output channels, too, until there are so many           */
    size_t channels;   /* of a map in bfloat16 that are transformed at a time               */
    double worth;      /* most products for one of direct arithmetic that are likely faster */
} DfWinogradWay;

/* How a convolution is cut: from the sizes and the precision alone. A task has the tiles of a block, and some output
 * channels, of which it sums up a slab at a time. */
typedef struct {
    const DfWinogradWay *way;
    size_t tiles_y, tiles_x, tiles; /* of an image, of all                                       */
    size_t blocks, block;           /* tasks along tiles; the most tiles of one                  */
    size_t o_tasks;                 /* tasks along output channels                               */
    size_t slab;                    /* O_BLOCKs                                                  */
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

/* Some input channels of some tiles, by some output channels: V and U of these, and what they add to M. */
typedef struct {
    size_t tiles;
    size_t i, I;     /* the first, how many                                                                           */
    size_t v_i, v_I; /* those of whole vectors, which V has: leaves may round what is left of a vector in another way */
    size_t o, O;
} DfWinogradPart;

/* V of one tile at v, in bfloat16, with a zero behind an odd v_I; from the pixels at d, which a->x has. */
void df_winograd_transform_bf16(const DfWinograd *a, const DfWinogradPart *, uint16_t *v, const void *const d[]);
/* m = epilogue(V[p] U[p]); product p of part `next` comes after it, whose O is 0 if there is none. */
void df_winograd_multiply_bf16(const DfWinograd *a, const DfWinogradPart *, size_t p, const uint16_t *v, float *m,
                               const DfEpilogue *, const DfWinogradPart *next, size_t next_p);

#endif
