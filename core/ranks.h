/* SPDX-License-Identifier: Apache-2.0
 *
 * core/ranks.h -- processes that share one job, on one machine or on many: the ranks of an MPI run.
 * Without MPI, or without mpirun, there is one rank, and these functions do nothing.
 *
 *     DfRanks *ranks;
 *     df_ranks_open(&ranks);
 *     df_ranks_sum(ranks, &loss, 1);
 *     df_ranks_close(ranks, error);
 *
 * Every function that sends is collective: all ranks call it, in the same order, with the same sizes.
 */
#ifndef DF_CORE_RANKS_H
#define DF_CORE_RANKS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/api.h"

DF_BEGIN_DECLS

typedef struct DfRanks DfRanks;

/* Starts MPI if the library was built with it (-DDEFORMER_MPI=ON) and mpirun started the process. Call once per
 * process. DF_OK, DF_ENOMEM or DF_EIO; DF_EVALUE if mpirun started several processes of a library without MPI, because
 * all would do the same work. */
DF_API int df_ranks_open(DfRanks **out);
/* Ends MPI. With an error (negative) it also ends the other ranks, which would otherwise wait for this one. NULL is
 * fine. */
DF_API void df_ranks_close(DfRanks *, int error);

DF_API int df_ranks_count(const DfRanks *); /* 1 for NULL */
DF_API int df_ranks_own(const DfRanks *);   /* 0..count-1; 0 for NULL */

/* Each of n numbers becomes its sum over all ranks; every rank gets the same bits. DF_OK or DF_EIO. */
DF_API int df_ranks_sum(DfRanks *, double *values, size_t n);
/* Each of n numbers becomes the largest that any rank has. DF_OK or DF_EIO. */
DF_API int df_ranks_largest(DfRanks *, int *values, int n);
/* The lowest error code of all ranks: if one rank failed, all can stop together. */
DF_API int df_ranks_agree(DfRanks *, int error);
/* Sends the bytes of rank `from` to all others. */
DF_API int df_ranks_broadcast(DfRanks *, void *data, size_t bytes, int from);

/* Sums blocks of floats in the background: call begin() for each block (all ranks in the same order; at most
 * DF_RANKS_PENDING at once), advance() now and then, and wait() at the end. Do not touch the blocks in between. */
enum { DF_RANKS_PENDING = 256 };
DF_API int df_ranks_sum_begin(DfRanks *, float *block, size_t n);
DF_API void df_ranks_sum_advance(DfRanks *);
DF_API int df_ranks_sum_wait(DfRanks *);

DF_END_DECLS

#endif
