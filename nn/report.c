/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/report.c -- what happened to every key of a checkpoint and to every parameter of a model, and a summary of it for
 * the log.
 */
#include "nn/report.h"

#include <stdio.h>
#include <string.h>

#include "nn/dialects/dialects.h"

int nn_report_add(NnReport *report, NnFate fate, const char *name, const char *more)
{
    NnNames *names = &report->of[fate];
    const size_t length = strlen(name) + strlen(more) + 1;
    char *copy = df_malloc(length);
    if (!copy || !df_grow((void **)&names->name, &names->capacity, (size_t)names->n, sizeof *names->name)) {
        df_free(copy);
        return df_fail_memory("the report of a checkpoint");
    }
    snprintf(copy, length, "%s%s", name, more);
    names->name[names->n++] = copy;
    return DF_OK;
}

void nn_report_free(NnReport *report)
{
    for (int fate = 0; fate < NN_FATES; fate++) {
        for (int i = 0; i < report->of[fate].n; i++)
            df_free(report->of[fate].name[i]);
        df_free(report->of[fate].name);
    }
    df_free(report->rows);
    *report = (NnReport){ 0 };
}

static const char *const titles[NN_FATES] = {
    [NN_LOADED] = "loaded",
    [NN_RESIZED] = "resized",
    [NN_IGNORED] = "known and not needed",
    [NN_KEPT] = "absent, kept as they start",
    [NN_MISSING] = "missing",
    [NN_UNEXPECTED] = "unexpected",
    [NN_WRONG_SHAPE] = "of another shape",
};

/* Lists only the first few names of each problem: the rest are mostly the same. */
char *nn_report_text(const NnReport *report)
{
    enum { SHOWN = 5, ROOM = 16384 };
    char *text = df_calloc(ROOM, 1);
    size_t used = 0;
    if (text && report->dialect)
        used = (size_t)snprintf(text, ROOM, "names of %s (%s)", report->dialect->package, report->dialect->what);
    for (int fate = 0; text && fate < NN_FATES; fate++) {
        const NnNames *names = &report->of[fate];
        const bool wrong = fate >= NN_MISSING;
        if (names->n == 0 && fate != NN_LOADED)
            continue;
        used += (size_t)snprintf(text + used, ROOM - used, "%s%d %s", used ? "; " : "", names->n, titles[fate]);
        for (int i = 0; wrong && i < names->n && i < SHOWN && used < ROOM - 512; i++)
            used += (size_t)snprintf(text + used, ROOM - used, "%s%.300s", i ? ", " : ": ", names->name[i]);
        if (wrong && names->n > SHOWN)
            used += (size_t)snprintf(text + used, ROOM - used, ", ...");
    }
    return text;
}
