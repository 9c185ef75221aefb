/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/samples.c -- the loop of eval and predict: pictures from the loader, one by one.
 */
#include "cli/common/samples.h"

int cli_each_sample(CliSamples *s)
{
    DfLoader *loader = NULL;
    CliProgress progress = cli_progress(s->what, s->n, s->done);
    int error = df_loader_new(&loader, &s->loading);
    for (DfSample sample; error == DF_OK && !cli_interrupted() && df_loader_next(loader, &sample); df_sample_free(&sample)) {
        error = s->take(s->run, &sample);
        s->done++;
        if (!s->silent)
            cli_progress_step(&progress, s->done);
    }
    df_loader_free(loader);
    if (error == DF_OK && !s->silent)
        cli_progress_end(&progress);
    return error;
}
