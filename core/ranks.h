/* SPDX-License-Identifier: Apache-2.0
 *
 * core/ranks.h -- processes that work on one thing together, on one machine or on many: the ranks of an MPI run.
 * Without MPI, or without mpirun, there is one rank, and everything here does nothing.
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

/* Starts MPI if the library was built with it (-DDEFORMER_MPI=ON) and mpirun started the process. Once a process.
 * DF_OK, DF_ENOMEM or DF_EIO; DF_EVALUE if mpirun started several processes of a library without MPI, which would all
 * do the same. */
DF_API int df_ranks_open(DfRanks **out);
/* Ends it. With an error (negative) the other ranks are ended too, as they would wait for this one for ever. NULL is
 * fine. */
DF_API void df_ranks_close(DfRanks *, int error);

DF_API int df_ranks_count(const DfRanks *); /* 1 for NULL */
DF_API int df_ranks_own(const DfRanks *);   /* 0..count-1; 0 for NULL */

/* Each of n numbers becomes its sum over all ranks; every rank gets the same bits. DF_OK or DF_EIO. */
DF_API int df_ranks_sum(DfRanks *, double *values, size_t n);
/* Each of n numbers becomes the largest that any rank has. DF_OK or DF_EIO. */
DF_API int df_ranks_largest(DfRanks *, int *values, int n);
/* The least of all ranks' codes: whether somebody failed, so that all stop together. */
DF_API int df_ranks_agree(DfRanks *, int error);
/* The bytes of rank `from` to all others. */
DF_API int df_ranks_broadcast(DfRanks *, void *data, size_t bytes, int from);

/* The sum of a block of floats while the process computes on: begin() for one block after the other (all ranks in the
 * same order; at most DF_RANKS_PENDING at once), now and then advance(), at the end wait(). The blocks are in nobody's
 * use in between. */
enum { DF_RANKS_PENDING = 256 };
DF_API int df_ranks_sum_begin(DfRanks *, float *block, size_t n);
DF_API void df_ranks_sum_advance(DfRanks *);
DF_API int df_ranks_sum_wait(DfRanks *);

DF_END_DECLS

#endif
