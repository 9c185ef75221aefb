/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/settings/for_training.c -- reads dicts that only training needs, and reports their errors when training
 * starts.
 */
#include "heads/settings/for_training.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void keep(NnScope s, const char **problem, const char *sentence)
{
    if (*problem)
        return;
    *problem = df_arena_copy(nn_model_arena(s.model), sentence, strlen(sentence));
    if (!*problem)
        nn_fail(s, DF_ENOMEM, "out of memory for a sentence");
}

void df_set_problem(NnScope s, const char **problem, const char *format, ...)
{
    char sentence[512];
    va_list args;
    va_start(args, format);
    df_vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    keep(s, problem, sentence);
}

bool df_bind_for_training(NnScope s, const DfNode *dict, const DfOpt *opts, void *out, const char *what,
                          const char **problem)
{
    if (dict && dict->kind == DF_NODE_NONE)
        dict = NULL;
    const int error = df_bind(dict, opts, out, nn_model_arena(s.model), what);
    if (error == DF_ENOMEM)
        nn_fail(s, error, "%s", df_error());
    else if (error < 0)
        keep(s, problem, df_error());
    return error == DF_OK;
}
