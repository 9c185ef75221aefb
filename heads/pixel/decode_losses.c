/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/pixel/decode_losses.c -- the losses of a segmentation head, mmseg's BaseDecodeHead.loss_by_feat: scores are
 * enlarged to the size of the picture; each loss uses every pixel, or those that the sampler selects; losses of the
 * same name are added.
 */
#include <string.h>

#include "heads/pixel/decode_head.h"
#include "heads/pixel/pixel_loss.h"

/* ---- labels ------------------------------------------------------------------------------------------------------ */

static int label_at(const DfLabelMap *map, size_t i)
{
    return map->narrow ? map->narrow[i] : map->wide[i];
}

static bool is_usable(DfCtx *c, const DfLabelMap *map, int picture, const DfPixelLossSettings *how)
{
    if (map->height < 1 || !(map->narrow || map->wide))
        df_ctx_fail(c, DF_EVALUE, "picture %d of the batch has no label map", picture);
    else if (map->height > how->height || map->width > how->width)
        df_ctx_fail(c, DF_ESHAPE, "picture %d of the batch: a label map of %dx%d for an input of %dx%d", picture,
                    map->height, map->width, how->height, how->width);
    return !c->err;
}

/* Where the map ends before the picture does, there is padding: it does not count. */
static void copy_map(const DfLabelMap *map, const DfPixelLossSettings *how, int ignored, int *label)
{
    for (int y = 0; y < how->height; y++)
        for (int x = 0; x < how->width; x++) {
            const bool in = y < map->height && x < map->width;
            *label++ = in ? label_at(map, (size_t)y * (size_t)map->width + (size_t)x) : ignored;
        }
}

static void check_labels(DfCtx *c, const int *label, size_t n, int classes, int ignored)
{
    const int most = classes > 1 ? classes - 1 : 1; /* one class is a question, of yes and no */
    for (size_t i = 0; !c->err && i < n; i++)
        if (label[i] != ignored && label[i] > most)
            df_ctx_fail(c, DF_EVALUE, "a pixel has label %d: want 0..%d, or %d for what does not count", label[i], most,
                        ignored);
}

/* N H W, or NULL with the context poisoned. */
static int *labels_of(DfCtx *c, const DecodeHead *h, const DfLossBatch *batch, const DfPixelLossSettings *how)
{
    const size_t pixels = (size_t)how->height * (size_t)how->width;
    const size_t all = pixels * (size_t)batch->n;
    int *label = (int *)(void *)df_workspace(c, all);
    for (int i = 0; !c->err && i < batch->n; i++)
        if (is_usable(c, &batch->objects[i].map, i, how))
            copy_map(&batch->objects[i].map, how, h->ignore_index, label + (size_t)i * pixels);
    if (!c->err)
        check_labels(c, label, all, h->num_classes, h->ignore_index);
    return c->err ? NULL : label;
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

typedef struct {
    int n;
    const char *name[DECODE_LOSSES];
    DfTensor *loss[DECODE_LOSSES];
} Named;

static void add_named(DfCtx *c, Named *all, const char *name, DfTensor *loss)
{
    int i = 0;
    while (i < all->n && strcmp(all->name[i], name) != 0)
        i++;
    if (i < all->n) {
        all->loss[i] = df_add(c, all->loss[i], loss);
        return;
    }
    all->name[i] = name;
    all->loss[i] = loss;
    all->n++;
}

/* mmseg before 0.20 had one loss and one name for it. */
static const char *name_of(const DecodeHead *h, const LossCfg *loss, const DfPixelLossSettings *how)
{
    if (loss->name)
        return loss->name;
    if (how->older && h->n_losses == 1)
        return "loss_seg";
    if (loss->kind == LOSS_DICE)
        return "loss_dice";
    return loss->kind == LOSS_LOVASZ ? "loss_lovasz" : "loss_ce";
}

/* What has "loss" in its name is trained by; the rest is looked at. */
static void list_losses(DfCtx *c, const Named *all, const char *prefix, DfLosses *out)
{
    for (int i = 0; i < all->n; i++) {
        df_losses_list(out, all->loss[i], "%s%s", prefix, all->name[i]);
        if (strstr(all->name[i], "loss"))
            df_losses_total(c, out, all->loss[i]);
    }
}

/* ---- accuracy ---------------------------------------------------------------------------------------------------- */

static int likeliest(const float *score, size_t C)
{
    int best = 0;
    for (size_t i = 1; i < C; i++)
        best = score[i] > score[best] ? (int)i : best;
    return best;
}

/* The percentage of pixels whose likeliest class is right, of those that count; mmseg before 1.0: of all. */
static double accuracy(const int *best, const PixelTargets *t, size_t pixels)
{
    size_t right = 0, known = 0;
    for (size_t i = 0; i < pixels; i++) {
        const bool counts = t->label[i] != t->ignore_index;
        known += counts || t->older;
        right += counts && t->label[i] == best[i];
    }
    return known ? 100 * (double)right / (double)known : 0;
}

/* ---- any losses: with scores of the large size ------------------------------------------------------------------- */

static void large_losses(DfCtx *c, const DecodeHead *h, DfTensor *scores, PixelTargets *t,
                         const DfPixelLossSettings *how, Named *all, int *best)
{
    const size_t C = (size_t)df_dim(scores, -1);
    if (df_dim(scores, 1) != how->height || df_dim(scores, 2) != how->width)
        scores = df_interpolate(c, scores, how->height, how->width, DF_BILINEAR, h->align_corners);
    if (c->err)
        return;
    if (c->dry) { /* there are no labels: memory about as much, and a way back */
        add_named(c, all, "loss", df_sum(c, df_softmax(c, scores, -1)));
        return;
    }
    if (h->sampler.given) {
        float *weight = df_workspace(c, df_size(scores) / C);
        df_pixel_sample_scores(c, &h->sampler, scores, t, h->loss_decode, h->n_losses, weight);
        t->weight = weight;
    }
    for (int i = 0; i < h->n_losses; i++)
        add_named(c, all, name_of(h, &h->loss_decode[i], how), df_pixel_loss(c, &h->loss_decode[i], scores, t));
    for (size_t i = 0; !c->err && i < df_size(scores) / C; i++)
        best[i] = likeliest(scores->data + i * C, C);
}

/* ---- cross entropy: without -------------------------------------------------------------------------------------- */

static bool all_softmax(const DecodeHead *h)
{
    for (int i = 0; i < h->n_losses; i++)
        if (!df_pixel_loss_is_softmax(&h->loss_decode[i]))
            return false;
    return true;
}

static void choose(DfCtx *c, const DecodeHead *h, DfTensor *const *each, const float *probability, PixelTargets *t)
{
    const size_t pixels = df_size(each[0]);
    float *weight = df_workspace(c, pixels + 1);
    float *sum = df_workspace(c, pixels + 1);
    if (c->err || c->dry)
        return;
    memset(sum, 0, pixels * sizeof *sum);
    for (int i = 0; i < h->n_losses; i++)
        c->k->pointwise.add(sum, sum, each[i]->data, pixels);
    df_pixel_sample(c, &h->sampler, probability, sum, t, (size_t)df_dim(each[0], 0), pixels, weight);
    t->weight = weight;
}

static void small_losses(DfCtx *c, const DecodeHead *h, DfTensor *scores, PixelTargets *t,
                         const DfPixelLossSettings *how, Named *all, int *best)
{
    const PixelSize size = { how->height, how->width, h->align_corners };
    const size_t pixels = (size_t)df_dim(scores, 0) * (size_t)how->height * (size_t)how->width;
    DfTensor *each[DECODE_LOSSES];
    float *p = h->sampler.given ? df_workspace(c, pixels) : NULL;
    for (int i = 0; i < h->n_losses; i++) {
        const PixelFigures figures = { .probability = p, .best = i == 0 ? best : NULL };
        each[i] = df_pixel_softmax_elements(c, &h->loss_decode[i], scores, size, t, &figures);
    }
    if (h->sampler.given && h->n_losses > 0 && !c->err)
        choose(c, h, each, p, t);
    for (int i = 0; i < h->n_losses; i++)
        add_named(c, all, name_of(h, &h->loss_decode[i], how),
                  df_pixel_softmax_reduced(c, &h->loss_decode[i], each[i], t));
}

/* ---- the head ---------------------------------------------------------------------------------------------------- */

static bool can_learn(DfCtx *c, const DecodeHead *h)
{
    const char *problem = h->problem ? h->problem : h->sampler.problem;
    if (problem)
        df_ctx_fail(c, DF_EVALUE, "%s", problem);
    else if (h->n_losses == 0)
        df_ctx_fail(c, DF_EVALUE, "loss_decode is empty");
    return !c->err;
}

void df_decode_head_losses(DfCtx *c, const void *self, DfTensor *scores, const DfLossBatch *batch,
                           const DfPixelLossSettings *how, DfLosses *out)
{
    const DecodeHead *h = self;
    Named all = { 0 };
    if (!can_learn(c, h))
        return;
    const size_t pixels = (size_t)df_dim(scores, 0) * (size_t)how->height * (size_t)how->width;
    PixelTargets t = { .ignore_index = h->ignore_index, .older = how->older };
    int *best = (int *)(void *)df_workspace(c, pixels);
    if (!c->dry)
        t.label = labels_of(c, h, batch, how);
    if (c->err)
        return;
    if (all_softmax(h))
        small_losses(c, h, scores, &t, how, &all, best);
    else
        large_losses(c, h, scores, &t, how, &all, best);
    if (c->err)
        return;
    list_losses(c, &all, how->prefix, out);
    df_losses_figure(out, c->dry ? 0 : accuracy(best, &t, pixels), "%sacc_seg", how->prefix);
}
