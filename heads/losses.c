/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/losses.c -- the list of named losses that a training step computes.
 */
#include "heads/losses.h"

#include <stdarg.h>
#include <stdio.h>

/* A list that is full takes no more names; the total still has every loss. */
static void list(DfLosses *out, DfTensor *loss, double figure, const char *format, va_list arguments)
{
    if (out->n == DF_LOSSES)
        return;
    DfLoss *l = &out->v[out->n++];
    *l = (DfLoss){ .loss = loss, .figure = (float)figure };
    vsnprintf(l->name, sizeof l->name, format, arguments);
}

void df_losses_list(DfLosses *out, DfTensor *loss, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    list(out, loss, 0, format, arguments);
    va_end(arguments);
}

void df_losses_figure(DfLosses *out, double figure, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    list(out, NULL, figure, format, arguments);
    va_end(arguments);
}

void df_losses_total(DfCtx *c, DfLosses *out, DfTensor *loss)
{
    out->total = out->total ? df_add(c, out->total, loss) : loss;
}

void df_losses_add(DfCtx *c, DfLosses *out, DfTensor *loss, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    list(out, loss, 0, format, arguments);
    va_end(arguments);
    df_losses_total(c, out, loss);
}

void df_leave_losses(DfCtx *c, DfMark mark, const DfLosses *losses)
{
    DfTensor *keep[DF_LOSSES + 1];
    int n = 0;
    for (int i = 0; i < losses->n; i++)
        if (losses->v[i].loss)
            keep[n++] = losses->v[i].loss;
    if (losses->total)
        keep[n++] = losses->total;
    df_leave_all(c, mark, keep, n);
}
