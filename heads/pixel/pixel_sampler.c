/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/pixel/pixel_sampler.c -- online hard example mining of pixels (Shrivastava et al., CVPR 2016), mmseg's
 * OHEMPixelSampler: selects the pixels whose own class has a low probability, or those with the largest loss; at least
 * min_kept times the number of pictures.
 */
#include "heads/pixel/pixel_loss.h"

#include <math.h>
#include <string.h>

/* The pixels that count, by a number of each: the smallest first. */
typedef struct {
    size_t n;
    uint32_t *order;
    uint64_t *key;
} Ranking;

static void rank(DfCtx *c, const float *number, float sign, const PixelTargets *t, size_t pixels, Ranking *out)
{
    *out = (Ranking){ 0 };
    out->order = (uint32_t *)(void *)df_workspace(c, pixels + 1);
    out->key = (uint64_t *)(void *)df_workspace(c, 2 * pixels + 1);
    if (c->err)
        return;
    for (size_t i = 0; i < pixels; i++) {
        if (t->label[i] == t->ignore_index)
            continue;
        out->key[i] = df_sort_key((double)(sign * number[i]));
        out->order[out->n++] = (uint32_t)i;
    }
    const int error = df_sort(out->order, out->n, out->key);
    if (error < 0)
        df_ctx_fail(c, error, "%s", df_error());
}

/* ---- which are hard ---------------------------------------------------------------------------------------------- */

/* p < max(thresh, the number at min_kept of all that count, in ascending order) */
static void keep_unlikely(const Ranking *r, double thresh, size_t kept, const float *p, float *weight)
{
    if (r->n == 0)
        return;
    const float last = p[r->order[kept < r->n - 1 ? kept : r->n - 1]];
    const float limit = fmaxf(last, (float)thresh);
    for (size_t i = 0; i < r->n; i++)
        weight[r->order[i]] = p[r->order[i]] < limit ? 1 : 0;
}

static void keep_costly(const Ranking *r, size_t kept, float *weight)
{
    for (size_t i = 0; i < r->n && i < kept; i++)
        weight[r->order[i]] = 1;
}

void df_pixel_sample(DfCtx *c, const PixelSamplerCfg *sampler, const float *probability, const float *loss,
                     const PixelTargets *t, size_t pictures, size_t pixels, float *weight)
{
    const size_t kept = (size_t)sampler->min_kept * pictures;
    const bool by_loss = isnan(sampler->thresh);
    Ranking r;
    if (c->err || c->dry)
        return;
    memset(weight, 0, pixels * sizeof *weight);
    rank(c, by_loss ? loss : probability, by_loss ? -1 : 1, t, pixels, &r);
    if (c->err)
        return;
    if (by_loss)
        keep_costly(&r, kept, weight);
    else
        keep_unlikely(&r, sampler->thresh, kept, probability, weight);
}

/* ---- of scores --------------------------------------------------------------------------------------------------- */

/* p of a pixel's own class; 0 for the first class where the label does not count. */
static void own_probability(const DfTensor *p, const PixelTargets *t, float *out)
{
    const size_t C = (size_t)df_dim(p, -1);
    for (size_t i = 0; i < df_size(p) / C; i++) {
        const bool known = t->label[i] >= 0 && (size_t)t->label[i] < C;
        out[i] = p->data[i * C + (known ? (size_t)t->label[i] : 0)];
    }
}

static DfTensor *sum_of_losses(DfCtx *c, DfTensor *scores, const PixelTargets *t, const LossCfg *losses, int n)
{
    const size_t pixels = df_size(scores) / (size_t)df_dim(scores, -1);
    PixelTargets all = *t;
    all.weight = NULL;
    DfTensor *sum = NULL;
    for (int i = 0; i < n; i++) {
        DfTensor *each = df_pixel_loss_elements(c, &losses[i], scores, &all);
        if (!c->err && df_size(each) != pixels)
            df_ctx_fail(c, DF_EVALUE, "OHEMPixelSampler without thresh: %s has no loss of a pixel", losses[i].type);
        sum = sum ? df_add(c, sum, each) : each;
    }
    return sum && !c->err ? sum : &c->nil;
}

static void sample(DfCtx *c, const PixelSamplerCfg *sampler, DfTensor *scores, const PixelTargets *t,
                   const LossCfg *losses, int n_losses, float *weight)
{
    const size_t pixels = df_size(scores) / (size_t)df_dim(scores, -1);
    float *p = df_workspace(c, pixels + 1);
    DfTensor *loss = &c->nil;
    if (isnan(sampler->thresh))
        loss = sum_of_losses(c, scores, t, losses, n_losses);
    else {
        DfTensor *all = df_softmax(c, scores, -1);
        if (!c->err)
            own_probability(all, t, p);
    }
    df_pixel_sample(c, sampler, p, loss->data, t, (size_t)df_dim(scores, 0), pixels, weight);
}

void df_pixel_sample_scores(DfCtx *c, const PixelSamplerCfg *sampler, DfTensor *scores, const PixelTargets *t,
                            const LossCfg *losses, int n_losses, float *weight)
{
    const bool recording = c->recording;
    if (c->err || c->dry)
        return;
    c->recording = false; /* a choice has no gradient */
    const DfMark m = df_enter(c, NULL, -1);
    sample(c, sampler, scores, t, losses, n_losses, weight);
    df_leave(c, m, NULL);
    c->recording = recording;
}
