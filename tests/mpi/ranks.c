/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/mpi/ranks.c -- run by mpirun with a few ranks: sums, broadcasts and agreement between processes. Not Criterion:
 * it forks, and MPI does not survive that. Every rank prints its number when all went well.
 */
#include "core/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WANT(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: rank %d: not %s: %s\n", __FILE__, __LINE__, df_ranks_own(ranks), #condition, df_error()); \
            exit(1); \
        } \
    } while (0)

enum { BLOCKS = 5, FLOATS = 100000 };

int main(int n, char **args)
{
    DfRanks *ranks = NULL;
    if (df_ranks_open(&ranks) < 0) {
        fprintf(stderr, "%s\n", df_error());
        return 1;
    }
    const int count = df_ranks_count(ranks), own = df_ranks_own(ranks);
    if (n > 1 && strcmp(args[1], "fail") == 0) { /* the last rank fails while the others wait for it */
        double never = 0;
        if (own == count - 1)
            df_ranks_close(ranks, DF_EIO);
        else
            df_ranks_sum(ranks, &never, 1);
        return 0;
    }
    WANT(n < 2 || count == atoi(args[1]));

    double values[2] = { own + 1, 0.5 };
    WANT(df_ranks_sum(ranks, values, 2) == DF_OK);
    WANT(values[0] == count * (count + 1) / 2.0 && values[1] == 0.5 * count);

    int sizes[2] = { own, 7 };
    WANT(df_ranks_largest(ranks, sizes, 2) == DF_OK);
    WANT(sizes[0] == count - 1 && sizes[1] == 7);

    char word[8] = "";
    if (own == 0)
        strcpy(word, "weights");
    WANT(df_ranks_broadcast(ranks, word, sizeof word, 0) == DF_OK);
    WANT(strcmp(word, "weights") == 0);

    WANT(df_ranks_agree(ranks, DF_OK) == DF_OK);
    const int code = df_ranks_agree(ranks, own == count - 1 ? df_fail(DF_EIO, "a disk is full") : DF_OK);
    WANT(code == DF_EIO);
    WANT(strstr(df_error(), own == count - 1 ? "a disk is full" : "another process"));

    static float block[BLOCKS][FLOATS];
    for (int b = 0; b < BLOCKS; b++)
        for (int i = 0; i < FLOATS; i++)
            block[b][i] = (float)((own + 1) * (b + 1) * (i % 7));
    for (int b = 0; b < BLOCKS; b++) {
        WANT(df_ranks_sum_begin(ranks, block[b], FLOATS) == DF_OK);
        df_ranks_sum_advance(ranks);
    }
    WANT(df_ranks_sum_wait(ranks) == DF_OK);
    for (int b = 0; b < BLOCKS; b++)
        for (int i = 0; i < FLOATS; i++)
            WANT(block[b][i] == (float)(count * (count + 1) / 2 * (b + 1) * (i % 7)));

    printf("rank %d of %d is content\n", own, count);
    df_ranks_close(ranks, DF_OK);
    return 0;
}
