/* SPDX-License-Identifier: Apache-2.0
 *
 * train/together.c -- a run of several processes: one step of all, and how they stop together.
 */
#include "train/run_parts.h"

int df_run_together_open(DfRun *r)
{
    if (df_ranks_count(r->o.ranks) == 1)
        return DF_OK;
    return df_parallel_new(&r->parallel, r->o.ranks, r->weights);
}

/* What one process alone has is its own part of the losses. */
static int own_losses(DfRun *r, const DfStepReport *report)
{
    const DfLosses *losses = report->losses;
    for (int i = 0; i < losses->n; i++)
        r->losses[i] = losses->v[i].loss ? losses->v[i].loss->data[0] : losses->v[i].figure;
    r->total = report->total;
    return DF_OK;
}

static int add_losses(DfRun *r, const DfStepReport *report)
{
    r->total = report->total;
    const int error = df_ranks_sum(r->o.ranks, &r->total, 1);
    return error < 0 ? error : df_parallel_losses(r->parallel, report->losses, r->losses);
}

int df_run_together_step(DfRun *r, DfTensor *image, const DfLossBatch *batch, DfStepReport *report)
{
    bool due;
    int error;
    if (!r->parallel) {
        error = df_trainer_step(r->trainer, r->c, image, batch, report);
        return error < 0 ? error : own_losses(r, report);
    }
    df_accumulation(r->state.at.step, r->steps, r->recipe.accumulation, &due);
    df_parallel_begin(r->parallel, r->c, due);
    error = df_trainer_backward(r->trainer, r->c, image, batch, report);
    error = df_parallel_finish(r->parallel, r->c, error);
    if (error == DF_OK)
        error = df_trainer_update(r->trainer, r->c, report);
    return error < 0 ? error : add_losses(r, report);
}

int df_run_together_agree(DfRun *r, int error)
{
    if (!r->parallel)
        return error;
    const int worst = df_ranks_agree(r->o.ranks, error);
    const int stop = worst == DF_OK ? df_ranks_agree(r->o.ranks, r->stopping ? DF_EINTERRUPT : DF_OK) : DF_OK;
    r->stopping = stop < 0;
    return worst;
}
