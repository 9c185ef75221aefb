/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/flip.c -- RandomFlip: mirrors at random in training; in a test pipeline if MultiScaleFlipAug asks
 * for it.
 */
#include "datasets/pipeline/transform.h"

typedef struct {
    const DfNode *flip_ratio, *prob, *direction, *swap_seg_labels;
    DfFlips flips;      /* n directions                                */
    double chance[4];   /* [n + 1]: of each direction, and of none     */
    bool one_share;     /* mmseg 0.x: one direction, if a share is below its chance */
    bool once;          /* 2.x, 0.x: a second RandomFlip repeats the first */
} Flip;

static const DfOpt opts[] = {
    DF_OPT_NODE(Flip, flip_ratio, "None", "probability of mirroring in training, one for all directions or a list"),
    DF_OPT_NODE(Flip, prob, "None", "another name of flip_ratio, in mmseg and later releases"),
    DF_OPT_NODE(Flip, direction, "'horizontal'",
                "direction of mirroring: 'horizontal', 'vertical' or 'diagonal', or a list of them"),
    DF_OPT_NODE(Flip, swap_seg_labels, "None", "pairs of classes to exchange when mirrored; only None is supported"),
    DF_OPT_END
};

static bool is_chance(const DfNode *node)
{
    return df_node_is_number(node) && node->number >= 0 && node->number <= 1;
}

/* One chance for all directions is divided among them. */
static int read_chances(Flip *f, const DfNode *node, const DfNode *dict)
{
    const int n = f->flips.n;
    const bool list = node && node->kind == DF_NODE_LIST;
    if (!list && !is_chance(node))
        return df_node_fail(node ? node : dict, DF_EVALUE, "want a probability of mirroring, 0 to 1");
    if (list && node->n != n)
        return df_node_fail(node, DF_EVALUE, "%d probabilities of %d directions: want one for each", node->n, n);
    double none = 1;
    const DfNode *v = list ? node->first : node;
    for (int i = 0; i < n; i++, v = list ? v->next : v) {
        if (!is_chance(v))
            return df_node_fail(v, DF_EVALUE, "want a probability, 0 to 1");
        f->chance[i] = list ? v->number : v->number / n;
        none -= f->chance[i];
    }
    f->chance[n] = none > 0 ? none : 0;
    if (none < -1e-9)
        return df_node_fail(node, DF_EVALUE, "the probabilities sum to %g: want at most 1", 1 - none);
    return DF_OK;
}

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    Flip *f = self;
    if (!reading->training)
        return DF_OK;
    if (f->swap_seg_labels)
        return df_node_fail(f->swap_seg_labels, DF_EVALUE, "classes that change places are not built in: want None");
    f->once = reading->release == DF_RELEASE_OLD;
    f->one_share = f->once && reading->codebase == DF_CODEBASE_SEGMENTATION;
    const int error = df_read_flips(&f->flips, f->direction);
    if (error < 0)
        return error;
    if (f->flips.n == 0)
        return df_node_fail(f->direction, DF_EVALUE, "no direction: want one or more");
    return read_chances(f, f->prob ? f->prob : f->flip_ratio, dict);
}

static DfFlip choose(const Flip *f, DfDraws *draws)
{
    if (f->one_share)
        return df_draw_share(draws) < 1 - f->chance[f->flips.n] ? f->flips.v[0] : DF_FLIP_NONE;
    const int i = df_draw_choice(draws, f->flips.n + 1, f->chance);
    return i < f->flips.n ? f->flips.v[i] : DF_FLIP_NONE;
}

static int apply(const void *self, DfWork *work)
{
    const Flip *f = self;
    DfFlip flip = work->flip;
    if (work->draws)
        flip = f->once && work->flip_chosen ? work->flipped : choose(f, work->draws);
    work->flip_chosen = true;
    work->flipped = flip;
    if (flip == DF_FLIP_NONE)
        return DF_OK;
    return df_work_flip(work, flip);
}

const DfTransform df_transform_RandomFlip = {
    .name = "RandomFlip",
    .help = "mirrors the picture: in training with a probability, in testing if MultiScaleFlipAug asks for it",
    .opts = opts,
    .size = sizeof(Flip),
    .init = init,
    .apply = apply,
};
