/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/train/test_groups.c -- rate and decay of every parameter: by mmengine's constructor, by mmcv's, by the official DETR programs, and from
 * layer to layer; rules that fit no network.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/models.h"
#include "train/train.h"

typedef struct {
    DfModel *model;
    DfGroups groups;
} Built;

static void build(Built *b, const DfNode *root, const DfRecipe *recipe)
{
    cr_assert_eq(df_model_new(&b->model, root), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_init(b->model, 0), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_train(df_model_weights(b->model)), DF_OK, "%s", df_error());
    cr_assert_eq(df_groups_new(&b->groups, df_model_weights(b->model), recipe), DF_OK, "%s", df_error());
}

static void destroy(Built *b)
{
    df_groups_done(&b->groups);
    df_model_free(b->model);
}

static const DfSlot *slot_of(const Built *b, const char *name)
{
    for (int i = 0; i < b->groups.n; i++)
        if (strcmp(b->groups.params[i]->name, name) == 0)
            return &b->groups.slots[i];
    return NULL;
}

static void expect(const Built *b, const char *name, double rate, double decay)
{
    const DfSlot *slot = slot_of(b, name);
    cr_assert_not_null(slot, "%s is not trained", name);
    const double r = b->groups.rates[slot->group], d = b->groups.decays[slot->group];
    cr_expect(fabs(r - rate) <= 1e-12 * rate, "%s: rate %.17g, want %.17g", name, r, rate);
    cr_expect(fabs(d - decay) <= 1e-12 * decay, "%s: decay %.17g, want %.17g", name, d, decay);
}

/* ---- mmengine's ------------------------------------------------------------------------------------------------------ */

static void run_case(const DfNode *one)
{
    Built b;
    DfRecipe recipe = { .dialect = DF_RECIPE_MMENGINE, .paramwise = df_node_get(one, "paramwise_cfg") };
    cr_assert_eq(df_optimizer_rule(&recipe.rule, df_node_get(one, "optimizer")), DF_OK, "%s", df_error());
    build(&b, one, &recipe);
    int n = 0;
    for (const DfNode *row = df_node_get(one, "params")->first; row; row = row->next, n++) {
        const DfNode *rate = row->first->next;
        expect(&b, row->first->text, rate->number, rate->next->number);
    }
    cr_expect_eq(b.groups.n, n, "%s", df_node_text(df_node_get(one, "name"), ""));
    for (const DfNode *name = df_node_get(one, "skipped")->first; name; name = name->next)
        cr_expect_null(slot_of(&b, name->text), "%s is frozen", name->text);
    destroy(&b);
}

Test(groups, of_mmengine)
{
    DfConfig *config;
    int n = 0;
    cr_assert_eq(df_config_read(&config, DF_TEST_DATA "/train/groups.json", NULL, 0), DF_OK, "%s", df_error());
    for (const DfNode *one = df_node_get(df_config_root(config), "cases")->first; one; one = one->next, n++)
        run_case(one);
    cr_expect_eq(n, 5);
    df_config_free(config);
}
