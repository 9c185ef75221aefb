/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/decode_boxes.c -- an op that decodes deltas to boxes. With (x, y, w, h) the centre and size of the reference
 * box, and d = delta * std + mean:
 *     X = x + w d1    W = w exp(d3)    left = X - W / 2    right = X + W / 2, and the same along y
 * So, with gl and gr the gradients of left and right,
 *     g1 = std (gl + gr) w             g3 = std (gr - gl) W / 2
 * and 0 where a value is clamped.
 */
#include "heads/decode_boxes.h"

#include <math.h>
#include <string.h>

typedef struct {
    DfDeltaCoder coder;
    float boxes[]; /* [n][4] */
} Saved;

/* Whether a centre moves as its delta says, and a size grows as it says. */
static bool moves_freely(const DfDeltaCoder *coder, float distance)
{
    return !coder->add_ctr_clamp || fabsf(distance) <= (float)coder->ctr_clamp;
}

static bool grows_freely(const DfDeltaCoder *coder, float d)
{
    const float most = (float)fabs(log(coder->wh_ratio_clip));
    return d <= most && (coder->add_ctr_clamp || d >= -most);
}

/* Adds to the gradients of a box's deltas. */
static void one_box(const DfDeltaCoder *coder, const float *box, const float *delta, const float *g, float *out)
{
    for (int k = 0; k < 2; k++) {
        const float size = box[2 + k] - box[k];
        const float shift = delta[k] * (float)coder->stds[k] + (float)coder->means[k];
        const float growth = delta[2 + k] * (float)coder->stds[2 + k] + (float)coder->means[2 + k];
        if (moves_freely(coder, size * shift))
            out[k] += (g[k] + g[2 + k]) * size * (float)coder->stds[k];
        if (grows_freely(coder, growth))
            out[2 + k] += (g[2 + k] - g[k]) * 0.5f * size * expf(growth) * (float)coder->stds[2 + k];
    }
}

static void backward(DfCtx *c, DfTensor *y)
{
    const DfTensor *deltas = y->src[0];
    const Saved *s = y->saved;
    float *out = df_grad(c, y->src[0]);
    for (size_t i = 0; out && i < df_size(y); i += 4)
        one_box(&s->coder, s->boxes + i, deltas->data + i, y->grad + i, out + i);
}

static const DfOp op = { "decode_boxes", backward };

DfTensor *df_decode_boxes(DfCtx *c, const DfDeltaCoder *coder, DfTensor *deltas, const float *boxes)
{
    if (c->err)
        return &c->nil;
    DfTensor *y = df_output(c, &op, deltas->shape, 1, &deltas);
    if (df_skip(c, y))
        return y;
    const size_t n = df_size(deltas) / 4;
    Saved *s = df_taped(y) ? df_save(c, y, sizeof *s + 4 * n * sizeof *s->boxes) : NULL;
    if (s) {
        s->coder = *coder;
        memcpy(s->boxes, boxes, 4 * n * sizeof *s->boxes);
    }
    df_delta_decode(coder, n, 1, boxes, deltas->data, 0, 0, y->data);
    return y;
}
