/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/sequence.c -- pictures from the loader, one by one.
 */
#include "inference/sequence.h"

static bool goes_on(const DfSequence *s)
{
    return !s->progress || s->progress(s->progress_user, s->done, s->n);
}

int df_sequence_run(DfSequence *s)
{
    DfLoader *loader = NULL;
    DfSample sample;
    int error = df_loader_new(&loader, &s->loading);
    while (error == DF_OK && goes_on(s) && df_loader_next(loader, &sample)) {
        error = s->take(s->take_user, &sample);
        s->done++;
        df_sample_free(&sample);
    }
    df_loader_free(loader);
    return error;
}
