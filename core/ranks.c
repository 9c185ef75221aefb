/* SPDX-License-Identifier: Apache-2.0
 *
 * core/ranks.c -- ranks by MPI (MPI Forum, 2012, version 3.0, for its non-blocking collectives), or a single process
 * without MPI.
 */
#include "core/ranks.h"

#include <limits.h>

#include "core/environment.h"
#include "core/error.h"
#include "core/log.h"
#include "core/memory.h"

#ifdef DEFORMER_MPI
#include <mpi.h>
#endif

struct DfRanks {
    int count, own;
#ifdef DEFORMER_MPI
    MPI_Request pending[DF_RANKS_PENDING];
    int n_pending;
#endif
};

int df_ranks_count(const DfRanks *ranks)
{
    return ranks ? ranks->count : 1;
}

int df_ranks_own(const DfRanks *ranks)
{
    return ranks ? ranks->own : 0;
}

/* How many processes mpirun started, as the launchers of Open MPI, MPICH and Slurm tell them; 1 without any. */
static int started_together(int *count)
{
    static const char *const names[] = { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_SIZE" };
    int error = DF_OK;
    *count = 0;
    for (size_t i = 0; error == DF_OK && *count <= 1 && i < sizeof names / sizeof *names; i++)
        error = df_environment_count(count, names[i], INT_MAX);
    if (*count < 1)
        *count = 1;
    return error;
}

#ifdef DEFORMER_MPI

/* ---- MPI --------------------------------------------------------------------------------------------------------- */

/* Counts of MPI 3 are ints: longer blocks go in pieces. */
enum { PIECE = 1 << 28 };

static int failed(int code, const char *what)
{
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    if (code == MPI_SUCCESS)
        return DF_OK;
    MPI_Error_string(code, text, &length);
    return df_fail(DF_EIO, "MPI: %s failed: %.*s", what, length, text);
}

int df_ranks_open(DfRanks **out)
{
    *out = df_calloc(1, sizeof **out);
    if (!*out)
        return df_fail_memory("the ranks");
    (*out)->count = 1;
    int started, provided = 0;
    int error = started_together(&started);
    if (error < 0 || started == 1)
        return error;
    error = failed(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided), "the start");
    if (error == DF_OK) {
        MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
        MPI_Comm_size(MPI_COMM_WORLD, &(*out)->count);
        MPI_Comm_rank(MPI_COMM_WORLD, &(*out)->own);
    }
    return error;
}

void df_ranks_close(DfRanks *ranks, int error)
{
    if (ranks && ranks->count > 1) {
        if (error < 0) { /* nobody comes to print the sentence after this */
            df_log(DF_LOG_WARNING, "process %d of %d failed: %s", ranks->own, ranks->count, df_error());
            MPI_Abort(MPI_COMM_WORLD, 1);
        }
        MPI_Finalize();
    }
    df_free(ranks);
}

int df_ranks_sum(DfRanks *ranks, double *values, size_t n)
{
    int error = DF_OK;
    if (df_ranks_count(ranks) == 1)
        return DF_OK;
    for (size_t at = 0; error == DF_OK && at < n; at += PIECE) {
        const int count = (int)(n - at < PIECE ? n - at : PIECE);
        error = failed(MPI_Allreduce(MPI_IN_PLACE, values + at, count, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD), "a sum");
    }
    return error;
}

int df_ranks_largest(DfRanks *ranks, int *values, int n)
{
    if (df_ranks_count(ranks) == 1)
        return DF_OK;
    return failed(MPI_Allreduce(MPI_IN_PLACE, values, n, MPI_INT, MPI_MAX, MPI_COMM_WORLD), "a comparison");
}

int df_ranks_agree(DfRanks *ranks, int error)
{
    int least = error;
    if (df_ranks_count(ranks) > 1)
        MPI_Allreduce(&error, &least, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (least < 0 && error >= 0)
        return df_fail(least, "another process of this run failed");
    return error;
}

int df_ranks_broadcast(DfRanks *ranks, void *data, size_t bytes, int from)
{
    int error = DF_OK;
    if (df_ranks_count(ranks) == 1)
        return DF_OK;
    for (size_t at = 0; error == DF_OK && at < bytes; at += PIECE) {
        const int count = (int)(bytes - at < PIECE ? bytes - at : PIECE);
        error = failed(MPI_Bcast((char *)data + at, count, MPI_BYTE, from, MPI_COMM_WORLD), "a broadcast");
    }
    return error;
}

int df_ranks_sum_begin(DfRanks *ranks, float *block, size_t n)
{
    if (df_ranks_count(ranks) == 1 || n == 0)
        return DF_OK;
    if (ranks->n_pending == DF_RANKS_PENDING || n > PIECE)
        return df_fail(DF_EVALUE, "a sum of %zu numbers behind %d others: want at most %d numbers behind %d", n,
                       ranks->n_pending, PIECE, DF_RANKS_PENDING - 1);
    MPI_Request *request = &ranks->pending[ranks->n_pending++];
    return failed(MPI_Iallreduce(MPI_IN_PLACE, block, (int)n, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, request), "a sum");
}

/* Open MPI moves data only while it is called. */
void df_ranks_sum_advance(DfRanks *ranks)
{
    int done = 0;
    if (df_ranks_count(ranks) > 1 && ranks->n_pending > 0)
        MPI_Testall(ranks->n_pending, ranks->pending, &done, MPI_STATUSES_IGNORE);
}

int df_ranks_sum_wait(DfRanks *ranks)
{
    if (df_ranks_count(ranks) == 1)
        return DF_OK;
    const int n = ranks->n_pending;
    ranks->n_pending = 0;
    return failed(MPI_Waitall(n, ranks->pending, MPI_STATUSES_IGNORE), "a sum");
}

#else

/* ---- one process ------------------------------------------------------------------------------------------------- */

int df_ranks_open(DfRanks **out)
{
    int started;
    *out = NULL;
    const int error = started_together(&started);
    if (error < 0)
        return error;
    if (started > 1)
        return df_fail(DF_EVALUE, "mpirun started %d processes, and this program was built without MPI: "
                                  "configure with -DDEFORMER_MPI=ON", started);
    *out = df_calloc(1, sizeof **out);
    if (!*out)
        return df_fail_memory("the ranks");
    (*out)->count = 1;
    return DF_OK;
}

void df_ranks_close(DfRanks *ranks, int error)
{
    (void)error;
    df_free(ranks);
}

int df_ranks_sum(DfRanks *ranks, double *values, size_t n)
{
    (void)ranks, (void)values, (void)n;
    return DF_OK;
}

int df_ranks_largest(DfRanks *ranks, int *values, int n)
{
    (void)ranks, (void)values, (void)n;
    return DF_OK;
}

int df_ranks_agree(DfRanks *ranks, int error)
{
    (void)ranks;
    return error;
}

int df_ranks_broadcast(DfRanks *ranks, void *data, size_t bytes, int from)
{
    (void)ranks, (void)data, (void)bytes, (void)from;
    return DF_OK;
}

int df_ranks_sum_begin(DfRanks *ranks, float *block, size_t n)
{
    (void)ranks, (void)block, (void)n;
    return DF_OK;
}

void df_ranks_sum_advance(DfRanks *ranks)
{
    (void)ranks;
}

int df_ranks_sum_wait(DfRanks *ranks)
{
    (void)ranks;
    return DF_OK;
}

#endif
