/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/evaluator.c -- compares mmengine's test_evaluator with what eval does: here the dataset determines the
 * rule of scoring, and every number of the rule is computed.
 */
#include "inference/evaluator.h"

#include <string.h>

/* Metrics of the libraries, and the numbers of each that we have; NULL: all. */
static const struct {
    const char *type, *key;
    const char *known[4];
} metrics[] = {
    { "CocoMetric",       "metric",      { "bbox", "segm" }            },
    { "LVISMetric",       "metric",      { "bbox", "segm" }            },
    { "VOCMetric",        "metric",      { "mAP" }                     },
    { "CityScapesMetric", "metric",      { NULL }                      },
    { "IoUMetric",        "iou_metrics", { "mIoU", "mDice", "mFscore" } },
};
enum { METRICS = sizeof metrics / sizeof *metrics };

typedef struct {
    DfTextbuf text;
    int n;
} Vain;

static void tell(Vain *v, const char *what, const char *value)
{
    df_textbuf_add(&v->text, "%s%s%s%s", v->n++ ? "; " : "", what, *value ? " " : "", value);
}

static void check_metrics(Vain *v, const DfNode *evaluator, int kind)
{
    const DfNode *given = df_node_get(evaluator, metrics[kind].key);
    const bool list = given && given->kind == DF_NODE_LIST;
    for (const DfNode *one = list ? given->first : given; one; one = list ? one->next : NULL) {
        bool known = !metrics[kind].known[0];
        for (int i = 0; i < 4 && metrics[kind].known[i]; i++)
            known = known || strcmp(metrics[kind].known[i], df_node_text(one, "")) == 0;
        if (!known)
            tell(v, "no metric", df_node_text(one, "of another kind"));
    }
}

/* Options with a value that would change the result. */
static void check_options(Vain *v, const DfNode *evaluator)
{
    static const char *const numbers[] = { "proposal_nums", "metric_items", "beta", "nan_to_num" };
    if (df_node_bool(df_node_get(evaluator, "format_only"), false))
        tell(v, "format_only=True: results are scored, and kept with --out", "");
    if (strcmp(df_node_text(df_node_get(evaluator, "type"), ""), "VOCMetric") != 0 &&
        df_node_get(evaluator, "iou_thrs") && df_node_get(evaluator, "iou_thrs")->kind != DF_NODE_NONE)
        tell(v, "iou_thrs is not used: the thresholds are COCO's ten", "");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const DfNode *value = df_node_get(evaluator, numbers[i]);
        if (value && value->kind != DF_NODE_NONE)
            tell(v, numbers[i], "is not used");
    }
}

/* Of the same file, one path ends as the other does. */
static void check_file(Vain *v, const DfNode *root, const DfNode *evaluator)
{
    const char *scored = df_node_text(df_node_get(evaluator, "ann_file"), NULL);
    const char *read = df_node_text(df_node_at(root, "data.test.ann_file"), NULL);
    if (scored && read && *read && !df_ends_with(scored, read) && !df_ends_with(read, scored))
        tell(v, "ann_file: data.test is scored by its own,", read);
}

static void check(Vain *v, const DfNode *root, const DfNode *evaluator, bool own_data)
{
    const char *type = df_node_text(df_node_get(evaluator, "type"), "");
    int kind = 0;
    while (kind < METRICS && strcmp(metrics[kind].type, type) != 0)
        kind++;
    if (kind == METRICS) {
        tell(v, "no metric", type);
        return;
    }
    check_metrics(v, evaluator, kind);
    check_options(v, evaluator);
    if (own_data)
        check_file(v, root, evaluator);
}

static int finish(Vain *v, const char *where)
{
    char *text = NULL;
    const int error = df_textbuf_take(&v->text, &text);
    if (error == DF_OK && v->n)
        df_log(DF_LOG_WARNING, "eval does not do all that %s in the config says: %s", where, text);
    df_free(text);
    return error;
}

/* mmdet 2.x and mmseg 0.x hand the options of `evaluation` to the metric of the dataset. */
static int warn_of_evaluation(const DfNode *root)
{
    Vain v = { 0 };
    check_options(&v, df_node_get(root, "evaluation"));
    return finish(&v, "evaluation");
}

int df_evaluator_warn(const DfNode *root, bool own_data)
{
    Vain v = { 0 };
    const DfNode *evaluator = df_node_get(root, "test_evaluator");
    const bool list = evaluator && evaluator->kind == DF_NODE_LIST;
    for (const DfNode *one = list ? evaluator->first : evaluator; one; one = list ? one->next : NULL)
        if (one->kind == DF_NODE_DICT)
            check(&v, root, one, own_data);
    const int error = finish(&v, "test_evaluator");
    return error < 0 ? error : warn_of_evaluation(root);
}
