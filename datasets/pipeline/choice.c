/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/choice.c -- RandomChoice and AutoAugment apply one of several lists of transforms (DETR: resize,
 * or resize, crop, resize). RandomApply applies its list, or nothing.
 */
#include "datasets/pipeline/transform.h"

/* ---- one of several -------------------------------------------------------------------------------------------- */

typedef struct {
    const DfNode *lists;
    DfFloats prob;
    int n;
    DfSteps *v;
} Choice;

static const DfOpt choice_opts[] = {
    DF_OPT_AS(Choice, transforms, lists, DF_KIND_NODE, NULL, 0, 0, NULL,
              "lists of transforms, of which one is applied"),
    DF_OPT_FLOATS(Choice, prob, "[]", 0, 1, "probability of each list; default: equal"),
    DF_OPT_END
};

static const DfOpt policies_opts[] = {
    DF_OPT_AS(Choice, policies, lists, DF_KIND_NODE, NULL, 0, 0, NULL, "lists of transforms, of which one is applied"),
    DF_OPT_FLOATS(Choice, prob, "[]", 0, 1, "probability of each list; default: equal"),
    DF_OPT_END
};

static int check_prob(const Choice *c, const DfNode *dict)
{
    double sum = 0;
    for (int i = 0; i < c->prob.n; i++)
        sum += c->prob.v[i];
    if (c->prob.n && (c->prob.n != c->n || sum < 1 - 1e-6 || sum > 1 + 1e-6))
        return df_node_fail(dict, DF_EVALUE, "%d probabilities that sum to %g for %d lists: want one each, and 1",
                            c->prob.n, sum, c->n);
    return DF_OK;
}

static int choice_init(void *self, const DfNode *dict, DfReading *reading)
{
    Choice *c = self;
    if (!c->lists || c->lists->kind != DF_NODE_LIST || c->lists->n < 1)
        return df_node_fail(dict, DF_EVALUE, "want one or more lists of transforms");
    if (!(c->v = df_arena_alloc(reading->arena, (size_t)c->lists->n, sizeof *c->v)))
        return df_fail_memory("lists of transforms");
    for (const DfNode *list = c->lists->first; list; list = list->next) {
        const int error = df_steps_read(&c->v[c->n++], list, reading);
        if (error < 0)
            return error;
    }
    return check_prob(c, dict);
}

static int choice_apply(const void *self, DfWork *work)
{
    const Choice *c = self;
    return df_steps_run(&c->v[df_draw_choice(work->draws, c->n, c->prob.n ? c->prob.v : NULL)], work);
}

const DfTransform df_transform_RandomChoice = {
    .name = "RandomChoice",
    .help = "applies one of several lists of transforms, chosen at random",
    .opts = choice_opts,
    .size = sizeof(Choice),
    .training = true,
    .init = choice_init,
    .apply = choice_apply,
};
const DfTransform df_transform_AutoAugment = {
    .name = "AutoAugment",
    .help = "applies one of several lists of transforms, chosen at random",
    .opts = policies_opts,
    .size = sizeof(Choice),
    .training = true,
    .init = choice_init,
    .apply = choice_apply,
};

/* ---- one or none ----------------------------------------------------------------------------------------------- */

typedef struct {
    const DfNode *transforms;
    double prob;
    DfSteps steps;
} Apply;

static const DfOpt apply_opts[] = {
    DF_OPT_NODE(Apply, transforms, NULL, "list of transforms"),
    DF_OPT_FLOAT(Apply, prob, 0.5, 0, 1, "probability that the list is applied"),
    DF_OPT_END
};

static int apply_init(void *self, const DfNode *dict, DfReading *reading)
{
    Apply *a = self;
    (void)dict;
    return df_steps_read(&a->steps, a->transforms, reading);
}

static int apply_apply(const void *self, DfWork *work)
{
    const Apply *a = self;
    return df_draw_share(work->draws) < a->prob ? df_steps_run(&a->steps, work) : DF_OK;
}

const DfTransform df_transform_RandomApply = {
    .name = "RandomApply",
    .help = "applies a list of transforms, or none of them",
    .opts = apply_opts,
    .size = sizeof(Apply),
    .training = true,
    .init = apply_init,
    .apply = apply_apply,
};
