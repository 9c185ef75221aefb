/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/tasks.h -- private to kernels/conv/: how a convolution by patches is divided into tasks, in every
 * precision.
 */
#ifndef DF_KERNELS_CONV_TASKS_H
#define DF_KERNELS_CONV_TASKS_H

#include "kernels/conv/patches.h"

/* The pixels of the result in blocks, the output channels of every group in pieces of whole tiles. */
typedef struct {
    DfPatches patches;
    size_t rows, blocks; /* pixels of the result, in so many blocks    */
    size_t groups, n;    /* groups of n output channels                */
    size_t width;        /* output channels of a tile                  */
    size_t pieces;       /* of a group: parts that share their patches */
} DfConvTasks;

/* The limits of the division. */
typedef struct {
    size_t rows;  /* most pixels of a part                                                       */
    size_t parts; /* below this many parts, output channels are divided, too; ...                */
    size_t tiles; /* ... but a part keeps at least this many tiles side by side                  */
} DfConvCut;

/* Output channels n0..n1-1 of a group for some pixels. */
typedef struct {
    DfPatches patches; /* of the channels that the group reads */
    size_t row, rows;
    size_t group, n0, n1;
} DfConvPart;

DfConvTasks df_conv_tasks(const DfConvShape *, DfPatches, size_t width, DfConvCut);
size_t df_conv_parts(const DfConvTasks *);     /* how many there are                             */
size_t df_conv_part_rows(const DfConvTasks *); /* at most, of a part                             */
/* Part i. `pieces` in a row share their patches. */
DfConvPart df_conv_part(const DfConvTasks *, size_t i);

#endif
