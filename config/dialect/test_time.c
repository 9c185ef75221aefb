/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/test_time.c -- test-time augmentation. mmengine writes it as
 *     tta_pipeline = [load, dict(type='TestTimeAug', transforms=[[Resize(scale=a), Resize(scale=b)],
 *                                                                [RandomFlip(prob=0.), RandomFlip(prob=1.)], [pack]])]
 * Our form is that of mmcv:
 *     [load, dict(type='MultiScaleFlipAug', img_scale=[a, b], flips=['none', 'horizontal'],
 *                 transforms=[Resize, RandomFlip, pack])]
 */
#include "config/dialect/test_time.h"

#include <string.h>

/* ---- TestTimeAug ------------------------------------------------------------------------------------------------- */

static void refuse(DfRewrite *r, const DfNode *at, const char *what)
{
    if (r->error == DF_OK)
        r->error = df_node_fail(at, DF_EVALUE, "TestTimeAug: %s", what);
}

/* Sizes, or factors of the picture's, of a list of Resize: under `key` of the views. */
static void resizes(DfRewrite *r, const DfNode *group, DfNode *views)
{
    const char *key = df_node_get(group->first, "scale") ? "scale" : "scale_factor";
    DfNode *list = df_rewrite_value(r, group, "[]");
    for (const DfNode *one = group->first; one && r->error == DF_OK; one = one->next) {
        const DfNode *value = df_node_get(one, key);
        if (!value || !df_rewrite_is(one, "Resize"))
            refuse(r, one, "want only Resize in this list, all with scale or all with scale_factor");
        else
            df_tree_append(list, df_tree_copy(r->tree, value));
    }
    df_rewrite_set(r, views, strcmp(key, "scale") == 0 ? "img_scale" : key, list);
}

/* Directions of a list of RandomFlip that mirror always or never. */
static void mirrorings(DfRewrite *r, const DfNode *group, DfNode *views)
{
    DfNode *list = df_rewrite_value(r, group, "[]");
    for (const DfNode *one = group->first; one && r->error == DF_OK; one = one->next) {
        const double chance = df_node_number(df_node_get(one, "prob"), -1);
        const char *direction = df_node_text(df_node_get(one, "direction"), "horizontal");
        if (!df_rewrite_is(one, "RandomFlip") || !(chance <= 0 || chance >= 1) || chance < 0)
            refuse(r, one, "want only RandomFlip in this list, with prob=0. or prob=1.");
        else
            df_tree_append(list, df_rewrite_text(r, one, chance > 0 ? direction : "none"));
    }
    df_rewrite_set(r, views, "flips", list);
}

/* One list of alternatives becomes one step, which the views tell what to do. */
static void one_group(DfRewrite *r, const DfNode *group, DfNode *views, DfNode *steps)
{
    if (group->kind != DF_NODE_LIST || group->n < 1) {
        refuse(r, group, "want lists of transforms");
        return;
    }
    DfNode *step = df_tree_copy(r->tree, group->first);
    if (!step)
        return;
    if (df_rewrite_is(step, "Resize")) {
        resizes(r, group, views);
        df_rewrite_drop(step, "scale");
        df_rewrite_drop(step, "scale_factor");
        df_rewrite_add(r, step, "keep_ratio", df_rewrite_value(r, step, "False"));
    } else if (df_rewrite_is(step, "RandomFlip")) {
        mirrorings(r, group, views);
        df_rewrite_drop(step, "prob");
        df_rewrite_drop(step, "direction");
    } else if (group->n > 1) {
        refuse(r, group, "want alternatives of Resize and of RandomFlip alone");
    }
    if (r->error == DF_OK)
        df_tree_append(steps, step);
}

static DfNode *views_of(DfRewrite *r, const DfNode *augmentation)
{
    const DfNode *groups = df_node_get(augmentation, "transforms");
    DfNode *views = df_rewrite_value(r, augmentation, "dict(type='MultiScaleFlipAug', transforms=[])");
    DfNode *steps = views ? df_tree_get(views, "transforms") : NULL;
    for (const DfNode *group = groups ? groups->first : NULL; group && r->error == DF_OK; group = group->next)
        one_group(r, group, views, steps);
    if (r->error == DF_OK)
        df_rewrite_add(r, views, "flips", df_rewrite_value(r, augmentation, "['none']"));
    return r->error == DF_OK ? views : NULL;
}

/* ---- tta_pipeline ------------------------------------------------------------------------------------------------ */

static DfNode *last_of(DfNode *list)
{
    DfNode *last = list && list->kind == DF_NODE_LIST ? list->first : NULL;
    while (last && last->next)
        last = last->next;
    return last;
}

/* The innermost first dataset that has a pipeline. */
static DfNode *with_pipeline(DfNode *dataset)
{
    if (dataset && dataset->kind == DF_NODE_LIST)
        return with_pipeline(dataset->first);
    if (!dataset || df_tree_get(dataset, "pipeline"))
        return dataset;
    DfNode *inner = df_tree_get(dataset, "dataset");
    return with_pipeline(inner ? inner : df_tree_get(dataset, "datasets"));
}

/* Where a tree has its test pipeline: the dict with this key. */
static DfNode *owner(DfConfig *tree, const char **key)
{
    DfNode *dataset = with_pipeline(df_tree_get(df_tree_get(tree->root, "data"), "test"));
    *key = dataset ? "pipeline" : "test_pipeline";
    return dataset ? dataset : tree->root;
}

/* What mmdet's --tta takes where a config says nothing: the picture mirrored and plain. */
static void usual(DfRewrite *r)
{
    const char *key;
    DfNode *where = owner(r->tree, &key);
    DfNode *pipeline = df_tree_get(where, key);
    DfNode *copy = pipeline && r->error == DF_OK ? df_tree_copy(r->tree, pipeline) : NULL;
    DfNode *pack = last_of(copy);
    DfNode *views = pack ? df_rewrite_value(r, pack, "dict(type='MultiScaleFlipAug', flips=['horizontal', 'none'], "
                                                     "transforms=[dict(type='RandomFlip')])") : NULL;
    if (!views)
        return;
    df_tree_remove(pack);
    df_tree_append(df_tree_get(views, "transforms"), pack);
    df_tree_append(copy, views);
    df_rewrite_set(r, r->tree->root, "tta_pipeline", copy);
    df_rewrite_add(r, r->tree->root, "tta_model", df_rewrite_value(r, r->tree->root,
                   "dict(type='DetTTAModel', tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100))"));
}

static bool asked(const DfNode *root)
{
    return df_node_bool(df_node_get(root, "aug_test"), false);
}

/* Of a config that is not asked for it, it is not even looked at: it may be of any kind. */
void df_mmengine_test_time(DfRewrite *r)
{
    DfNode *root = r->tree->root;
    DfNode *pipeline = df_tree_get(root, "tta_pipeline");
    DfNode *augmentation = last_of(pipeline);
    const DfNode *model = df_node_get(root, "model");
    if (!asked(root))
        return;
    if (!pipeline && !(model && df_rewrite_is(model, "EncoderDecoder")))
        usual(r);
    if (!augmentation || !df_rewrite_is(augmentation, "TestTimeAug"))
        return;
    DfNode *views = views_of(r, augmentation);
    if (!views)
        return;
    df_tree_remove(augmentation);
    df_tree_append(pipeline, views);
}

/* ---- in our own form --------------------------------------------------------------------------------------------- */

static void six_scales(DfRewrite *r, DfNode *views)
{
    df_rewrite_set(r, views, "img_ratios", df_rewrite_value(r, views, "[0.5, 0.75, 1.0, 1.25, 1.5, 1.75]"));
    df_rewrite_set(r, views, "flip", df_rewrite_value(r, views, "True"));
}

int df_test_time_apply(DfConfig *tree)
{
    DfRewrite r = { .tree = tree };
    const bool wanted = asked(tree->root);
    const char *key;
    df_rewrite_drop(tree->root, "aug_test");
    if (!wanted)
        return DF_OK;
    DfNode *where = owner(tree, &key);
    DfNode *given = df_rewrite_take(tree->root, "tta_pipeline");
    DfNode *views = last_of(df_tree_get(where, key));
    if (given)
        df_rewrite_set(&r, where, key, given);
    else if (views && df_rewrite_is(views, "MultiScaleFlipAug"))
        six_scales(&r, views);
    else
        return df_node_fail(where, DF_EVALUE, "test-time augmentation: there is no tta_pipeline, and no "
                            "MultiScaleFlipAug in the test pipeline");
    return r.error;
}
