/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/delta_coder.c -- boxes as offsets from other boxes, in float32. Girshick et al., R-CNN, CVPR 2014, appendix C.
 *
 * With a proposal P and a target G by centre and size, the deltas are (equations 6 to 9 there)
 *     dx = (Gx - Px) / Pw,   dy = (Gy - Py) / Ph,   dw = log(Gw / Pw),   dh = log(Gh / Ph)
 * less `means`, over `stds`, so that a network learns numbers of about the same size. Decoding solves this for G
 * (equations 1 to 4).
 */
#include "boxes/boxes.h"

#include <math.h>

DfDeltaCoder df_delta_coder(void)
{
    return (DfDeltaCoder){ .stds = { 1, 1, 1, 1 }, .clip_border = true, .ctr_clamp = 32, .wh_ratio_clip = 16.0 / 1000 };
}

typedef struct {
    float x, y, w, h;
} Centred;

static inline Centred centred(const float *box)
{
    return (Centred){ (box[0] + box[2]) * 0.5f, (box[1] + box[3]) * 0.5f, box[2] - box[0], box[3] - box[1] };
}

void df_delta_encode(const DfDeltaCoder *coder, size_t n, const float *boxes, const float *targets, float *deltas)
{
    for (size_t i = 0; i < n; i++) {
        const Centred p = centred(boxes + 4 * i);
        const Centred g = centred(targets + 4 * i);
        const float d[4] = { (g.x - p.x) / p.w, (g.y - p.y) / p.h, logf(g.w / p.w), logf(g.h / p.h) };
        for (int k = 0; k < 4; k++)
            deltas[4 * i + (size_t)k] = (d[k] - (float)coder->means[k]) / (float)coder->stds[k];
    }
}

static void decode_one(const DfDeltaCoder *coder, const Centred p, const float *deltas, float *out)
{
    const float most = (float)fabs(log(coder->wh_ratio_clip)); /* of dw and dh, so that exp() does not overflow */
    const float least = coder->add_ctr_clamp || coder->shrink_freely ? -INFINITY : -most;
    float d[4];
    for (int k = 0; k < 4; k++)
        d[k] = deltas[k] * (float)coder->stds[k] + (float)coder->means[k];
    float dx = p.w * d[0];
    float dy = p.h * d[1];
    if (coder->add_ctr_clamp) {
        const float reach = (float)coder->ctr_clamp;
        dx = df_clamp_float(dx, -reach, reach);
        dy = df_clamp_float(dy, -reach, reach);
    }
    const float w = p.w * expf(df_clamp_float(d[2], least, most));
    const float h = p.h * expf(df_clamp_float(d[3], least, most));
    const float x = p.x + dx;
    const float y = p.y + dy;
    out[0] = x - w * 0.5f;
    out[1] = y - h * 0.5f;
    out[2] = x + w * 0.5f;
    out[3] = y + h * 0.5f;
}

void df_delta_decode(const DfDeltaCoder *coder, size_t n, int per_box, const float *boxes, const float *deltas,
                     int image_h, int image_w, float *out)
{
    const bool clip = coder->clip_border && image_w > 0;
    for (size_t i = 0; i < n; i++) {
        const Centred p = centred(boxes + 4 * i);
        for (int c = 0; c < per_box; c++, deltas += 4, out += 4) {
            decode_one(coder, p, deltas, out);
            for (int k = 0; clip && k < 4; k++)
                out[k] = df_clamp_float(out[k], 0, (float)(k % 2 ? image_h : image_w));
        }
    }
}
