/* SPDX-License-Identifier: Apache-2.0
 *
 * models/detr_answers.c -- what the queries of a decoder answer: the head that says where, losses of all layers, boxes in pixels, and
 * what listeners hear. Carion et al., ECCV 2020, section 3.
 */
#include "models/detr_parts.h"

#include <stdio.h>

DfTensor *df_detr_locate(DfCtx *c, const DetrBoxHead *head, DfTensor *x)
{
    const NnLinear *l = head->linear;
    const DfMark m = df_enter(c, NULL, -1);
    x = df_linear_fused(c, x, l[0].weight, l[0].bias, (DfFuse){ .act = DF_ACT_RELU });
    x = df_linear_fused(c, x, l[1].weight, l[1].bias, (DfFuse){ .act = DF_ACT_RELU });
    return df_leave(c, m, nn_linear(c, &l[2], x));
}

void df_detr_leave(DfCtx *c, DfMark m, DetrOutputs *out)
{
    DfTensor *keep[2 * DETR_LAYERS + 2];
    int n = 0;
    for (int i = 0; i < out->n; i++) {
        keep[n++] = out->logits[i];
        keep[n++] = out->boxes[i];
    }
    if (out->first_logits) {
        keep[n++] = out->first_logits;
        keep[n++] = out->first_boxes;
    }
    df_leave_all(c, m, keep, n);
}

void df_detr_add_losses(DfCtx *c, const DfSetCriterion *criterion, const DetrOutputs *outputs, const DfTargets *targets, DfLosses *out)
{
    DfSetLosses l;
    for (int i = 0; i < outputs->n && !c->err; i++) {
        const int layer = (outputs->n - 1 + i) % outputs->n;
        char tail[16] = "";
        if (i)
            snprintf(tail, sizeof tail, "_%d", layer);
        df_set_losses(c, criterion, outputs->logits[layer], outputs->boxes[layer], targets, false, &l);
        df_losses_add_set(c, out, &l, tail);
    }
    if (outputs->first_logits && !c->err) {
        df_set_losses(c, criterion, outputs->first_logits, outputs->first_boxes, targets, true, &l);
        df_losses_add_set(c, out, &l, "_enc");
    }
}

/* ---- boxes in pixels ------------------------------------------------------------------------------------------------ */

static float clamp(float x, float most)
{
    return x < 0 ? 0 : x > most ? most : x;
}

void df_detr_place(const float box[4], const DfImageMeta *meta, bool rescale, bool clip, float out[4])
{
    const bool direct = rescale && !clip;
    const float size[2] = { (float)(direct ? meta->ori_w : meta->img_w), (float)(direct ? meta->ori_h : meta->img_h) };
    for (int i = 0; i < 4; i++) {
        const int axis = i % 2;
        out[i] = (box[axis] + (i < 2 ? -0.5f : 0.5f) * box[axis + 2]) * size[axis];
        if (clip)
            out[i] = clamp(out[i], size[axis]);
        if (clip && rescale)
            out[i] /= meta->scale_factor[i];
    }
}

/* ---- for listeners -------------------------------------------------------------------------------------------------- */

/* Turned the other way first. */
void df_detr_observe(DfCtx *c, DfTensor *x, const char *name, int index)
{
    if (df_listens(c) && !c->err)
        df_observe(c, x->shape.n == 4 ? df_permute(c, x, DF_SHAPE(0, 2, 3, 1)) : x, name, index);
}

void df_detr_observe_layers(DfCtx *c, DfTensor *const *x, int n, const char *name)
{
    DfTensor *of[DETR_LAYERS];
    if (!df_listens(c) || c->err || n > DF_SOURCES)
        return;
    for (int i = 0; i < n; i++)
        of[i] = df_reshape(c, x[i], DF_SHAPE(1, df_dim(x[i], 0), df_dim(x[i], 1), df_dim(x[i], 2)));
    df_detr_observe(c, df_concat(c, of, n, 0), name, -1);
}

void df_detr_observe_outputs(DfCtx *c, const DetrOutputs *out)
{
    for (int i = 0; i < out->n; i++) {
        char name[2][32] = { "pred_logits", "pred_boxes" };
        if (i + 1 < out->n) {
            snprintf(name[0], sizeof name[0], "aux_%d_logits", i);
            snprintf(name[1], sizeof name[1], "aux_%d_boxes", i);
        }
        df_observe(c, out->logits[i], name[0], -1);
        df_observe(c, out->boxes[i], name[1], -1);
    }
}
