/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/mixing.c -- mixes pairs of pictures of a batch.
 */
#include "datasets/training/mixing.h"

#include <math.h>
#include <string.h>

/* ---- the share -------------------------------------------------------------------------------------------------- */

/* Gamma(alpha, 1), alpha >= 1: Marsaglia and Tsang, 2000. */
static double gamma_from_one(DfRandom *random, double alpha)
{
    const double d = alpha - 1.0 / 3.0;
    const double c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        const double x = df_normal(random);
        const double v = pow(1.0 + c * x, 3);
        if (v <= 0)
            continue;
        const double u = 1 - df_uniform(random);
        if (log(u) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

/* The logarithm, so that the tiny numbers of a small alpha do not vanish: Gamma(a) = Gamma(a + 1) u^(1/a). */
static double log_gamma_draw(DfRandom *random, double alpha)
{
    if (alpha >= 1)
        return log(gamma_from_one(random, alpha));
    const double u = 1 - df_uniform(random);
    return log(gamma_from_one(random, alpha + 1)) + log(u) / alpha;
}

/* Beta(alpha, alpha) = a / (a + b) of two gammas. */
static double beta(DfRandom *random, double alpha)
{
    const double a = log_gamma_draw(random, alpha);
    const double b = log_gamma_draw(random, alpha);
    return 1.0 / (1.0 + exp(b - a));
}

/* timm.data.mixup.rand_bbox(): a rectangle of the picture's shape around a random pixel, cut at the border. */
static void draw_rectangle(DfMixture *m, DfRandom *random, int height, int width)
{
    const double side = sqrt(1 - m->kept);
    const int h = (int)(height * side);
    const int w = (int)(width * side);
    const int y = (int)(df_uniform(random) * height);
    const int x = (int)(df_uniform(random) * width);
    m->y0 = df_clamp_int(y - h / 2, 0, height);
    m->y1 = df_clamp_int(y + h / 2, 0, height);
    m->x0 = df_clamp_int(x - w / 2, 0, width);
    m->x1 = df_clamp_int(x + w / 2, 0, width);
    const double area = (double)(m->y1 - m->y0) * (m->x1 - m->x0);
    m->kept = 1 - area / ((double)height * width);
}

DfMixture df_mixing_draw(const DfMixing *mixing, DfRandom *random, int height, int width)
{
    DfMixture m = { .kept = 1 };
    const bool both = mixing->mixup > 0 && mixing->cutmix > 0;
    if ((mixing->mixup <= 0 && mixing->cutmix <= 0) || df_uniform(random) >= mixing->prob)
        return m;
    m.cut = both ? df_uniform(random) < mixing->switch_prob : mixing->cutmix > 0;
    m.kept = beta(random, m.cut ? mixing->cutmix : mixing->mixup);
    if (m.cut)
        draw_rectangle(&m, random, height, width);
    return m;
}

/* ---- pixels ----------------------------------------------------------------------------------------------------- */

/* x := kept x + (1 - kept) y, and the same for y, in float32. */
static void add_up(float *x, float *y, size_t n, double kept)
{
    const float own = (float)kept;
    const float other = (float)(1 - kept);
    for (size_t i = 0; i < n; i++) {
        const float a = x[i];
        const float b = y[i];
        x[i] = a * own + b * other;
        y[i] = b * own + a * other;
    }
}

static void exchange(const DfBatch *batch, float *x, float *y, const DfMixture *m)
{
    for (int row = m->y0; row < m->y1; row++)
        for (int k = 3 * m->x0; k < 3 * m->x1; k++) {
            const size_t at = (size_t)row * (size_t)batch->width * 3 + (size_t)k;
            const float swap = x[at];
            x[at] = y[at];
            y[at] = swap;
        }
}

int df_batch_mix(DfBatch *batch, const DfMixture *m)
{
    const size_t size = (size_t)batch->height * (size_t)batch->width * 3;
    if (m->kept >= 1)
        return DF_OK;
    for (int i = 0; i < batch->n; i++)
        if (!batch->objects[i].has_class)
            return df_fail(DF_EVALUE, "%s: a picture without a class cannot be mixed", batch->path[i]);
    for (int i = 0, k = batch->n - 1; i < batch->n; i++, k--) {
        batch->objects[i].second_class = batch->objects[k].image_class;
        batch->objects[i].second_share = (float)(1 - m->kept);
        float *x = batch->pixels + (size_t)i * size;
        float *y = batch->pixels + (size_t)k * size;
        if (i < k && m->cut)
            exchange(batch, x, y, m);
        else if (i < k)
            add_up(x, y, size, m->kept);
    }
    return DF_OK;
}

/* ---- what a config says ----------------------------------------------------------------------------------------- */

typedef struct {
    double alpha, prob;
    bool known;
} Augment;

static int read_augment(Augment mixup_and_cutmix[2], const DfNode *dict, double fallback)
{
    const char *type = df_node_text(df_node_get(dict, "type"), "");
    const double alpha = df_node_number(df_node_get(dict, "alpha"), 1);
    const bool cut = strcmp(type, "CutMix") == 0 || strcmp(type, "BatchCutMix") == 0;
    if (!cut && strcmp(type, "Mixup") != 0 && strcmp(type, "BatchMixup") != 0)
        return df_node_fail(dict, DF_EVALUE, "'%s': want Mixup or CutMix", type);
    const double prob = df_node_number(df_node_get(dict, "prob"), fallback);
    if (!(alpha > 0 && alpha < 1e6) || !(prob >= 0 && prob <= 1))
        return df_node_fail(dict, DF_EVALUE, "want alpha above 0, and prob in 0..1");
    mixup_and_cutmix[cut] = (Augment){ alpha, prob, true };
    return DF_OK;
}

static double listed(const DfNode *probs, int i, double fallback)
{
    const DfNode *node = probs ? probs->first : NULL;
    for (int k = 0; node && k < i; k++)
        node = node->next;
    return df_node_number(node, fallback);
}

int df_mixing_options(DfMixing *out, const DfNode *config)
{
    Augment of[2] = { { 0 } };
    const DfNode *cfg = df_node_at(config, "model.train_cfg");
    if (!df_node_get(cfg, "augments"))
        cfg = df_node_get(config, "train_cfg");
    const DfNode *list = df_node_get(cfg, "augments");
    *out = (DfMixing){ 0 };
    if (!list || list->kind == DF_NODE_NONE)
        return DF_OK;
    const bool one = list->kind == DF_NODE_DICT;
    const DfNode *node = one ? list : list->first;
    const double even = one ? 1.0 : 1.0 / (list->n ? list->n : 1);
    int error = DF_OK;
    for (int i = 0; error == DF_OK && node; i++, node = one ? NULL : node->next)
        error = read_augment(of, node, listed(df_node_get(cfg, "probs"), i, even));
    const double sum = of[0].prob + of[1].prob;
    if (error == DF_OK && sum > 1 + 1e-9)
        error = df_node_fail(list, DF_EVALUE, "the probabilities sum to %g: want at most 1", sum);
    if (error == DF_OK && sum > 0)
        *out = (DfMixing){ of[0].alpha, of[1].alpha, fmin(sum, 1), of[1].prob / sum };
    return error;
}
