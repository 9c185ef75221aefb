/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_outputs.c -- the predictions of the queries after each layer: stored beyond the pass, compared with
 * the truth, passed to listeners.
 */
#include <stdio.h>

#include "heads/set/detr_parts.h"

void df_detr_leave(DfCtx *c, DfMark m, const DfSetOutputs *out)
{
    DfTensor *keep[2 * DF_SET_LAYERS + 6];
    int n = 0;
    for (int i = 0; i < out->n; i++) {
        keep[n++] = out->logits[i];
        keep[n++] = out->boxes[i];
    }
    if (out->encoder_logits) {
        keep[n++] = out->encoder_logits;
        keep[n++] = out->encoder_boxes;
    }
    if (out->hidden) {
        keep[n++] = out->hidden;
        keep[n++] = out->memory;
        keep[n++] = out->projected;
    }
    if (out->padding)
        keep[n++] = out->padding;
    df_leave_all(c, m, keep, n);
}

/* ---- losses ---------------------------------------------------------------------------------------------------- */

static void add_losses(DfCtx *c, const DfSetCriterion *criterion, DfTensor *logits, DfTensor *boxes,
                       const DfLossBatch *batch, int layer, DfLosses *out)
{
    DfSetLosses l;
    df_set_losses(c, criterion, logits, boxes, batch, layer == DF_SET_ENCODER, &l);
    df_losses_add_set(c, out, criterion, &l, layer);
}

/* Every layer has a matching and losses of its own (Carion et al., section 3.2, "auxiliary decoding losses"). They
 * come in the official order: the last layer, the others by their number, the first of two stages. */
void df_detr_losses(DfCtx *c, const void *self, const DfSetOutputs *outputs, const DfLossBatch *batch, DfLosses *out)
{
    const DfDetrOptions *o = self;
    const int last = outputs->n - 1;
    if (last >= 0)
        add_losses(c, &o->criterion, outputs->logits[last], outputs->boxes[last], batch, DF_SET_LAST, out);
    for (int i = 0; i < last; i++)
        add_losses(c, &o->criterion, outputs->logits[i], outputs->boxes[i], batch, i, out);
    if (outputs->encoder_logits)
        add_losses(c, &o->criterion, outputs->encoder_logits, outputs->encoder_boxes, batch, DF_SET_ENCODER, out);
}

/* ---- for listeners --------------------------------------------------------------------------------------------- */

/* A listener takes what has four dimensions for a map N H W C and turns it: this is turned the other way first. */
void df_detr_observe(DfCtx *c, DfTensor *x, const char *name, int index)
{
    if (df_listens(c) && !c->err)
        df_observe(c, x->shape.n == 4 ? df_permute(c, x, DF_SHAPE(0, 2, 3, 1)) : x, name, index);
}

void df_detr_observe_layers(DfCtx *c, DfTensor *const *x, int n, const char *name)
{
    DfTensor *rows[DF_SET_LAYERS];
    if (!df_listens(c) || c->err || n > DF_SOURCES)
        return;
    for (int i = 0; i < n; i++)
        rows[i] = df_reshape(c, x[i], DF_SHAPE(1, df_dim(x[i], 0), df_dim(x[i], 1), df_dim(x[i], 2)));
    df_detr_observe(c, df_concat(c, rows, n, 0), name, -1);
}

void df_detr_observe_outputs(DfCtx *c, const DfSetOutputs *out)
{
    for (int i = 0; i < out->n; i++) {
        char logits[32] = "pred_logits", boxes[32] = "pred_boxes";
        if (i + 1 < out->n) {
            snprintf(logits, sizeof logits, "aux_%d_logits", i);
            snprintf(boxes, sizeof boxes, "aux_%d_boxes", i);
        }
        df_observe(c, out->logits[i], logits, -1);
        df_observe(c, out->boxes[i], boxes, -1);
    }
}
