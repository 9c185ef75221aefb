/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/advice.c -- a score near zero is rarely the network's fault: prints what `metric check` finds in the same
 * files.
 */
#include "cli/common/advice.h"

#include <stdio.h>
#include <string.h>

static const double near_zero = 0.05;

static bool is_low(const DfCocoScores *s)
{
    for (int i = 0; i < s->n; i++)
        if (s->kind[i] != DF_SCORE_PROPOSALS && s->eval[i]->stats[0] < near_zero)
            return true;
    return false;
}

/* A pipe has been read and is empty now. */
static bool can_be_read_again(const CliScoring *o)
{
    bool files = df_is_file(o->gt_path);
    for (int i = 0; i < o->n_dt; i++)
        files = files && df_is_file(o->dt_paths[i]);
    return files;
}

static int look(DfCheck *check, const CliScoring *o)
{
    int error = df_check_truth(check, o->gt_path);
    for (int i = 0; error == DF_OK && i < o->n_dt; i++)
        error = df_check_results(check, o->dt_paths[i]);
    return error == DF_OK ? df_check_conclude(check) : error;
}

int cli_advise(const DfCocoScores *s, const CliScoring *o)
{
    DfCheck *check;
    char *text = NULL;
    if (!is_low(s) || !can_be_read_again(o))
        return DF_OK;
    int error = df_check_new(&check);
    if (error == DF_OK)
        error = look(check, o);
    if (error == DF_OK)
        error = df_check_advice(check, &text);
    if (error == DF_OK)
        fputs(text, stderr);
    df_free(text);
    df_check_free(check);
    return error;
}
