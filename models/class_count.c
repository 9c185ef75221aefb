/* SPDX-License-Identifier: Apache-2.0
 *
 * models/class_count.c -- the most common mistake with a checkpoint: it was trained for other classes. Then only the
 * layers that end in classes have another shape, and all of them imply the same number.
 *
 * A layer of a network with n classes has a * n rows, or a * (n + 1) if the background has its own. So a layer of w
 * rows that has m rows in the file implies k = m / a classes, or k = m / a - 1, with a = w / n or a = w / (n + 1).
 */
#include "models/class_count.h"

#include <stdio.h>
#include <string.h>

/* ---- how many the checkpoint has -------------------------------------------------------------------------------- */

/* 0: the rows do not follow the number of classes. */
static int64_t told(const NnRows *rows, int64_t n, int background)
{
    const int64_t places = n + background;
    const int64_t each = rows->wanted / places;
    if (rows->wanted % places || each == 0 || rows->met % each)
        return 0;
    return rows->met / each - background;
}

static bool agrees(const NnReport *report, int64_t n, int64_t k)
{
    bool all = k > 0;
    for (int i = 0; all && i < report->of[NN_WRONG_SHAPE].n; i++)
        all = told(&report->rows[i], n, 0) == k || told(&report->rows[i], n, 1) == k;
    return all;
}

int64_t df_classes_of_checkpoint(const NnReport *report, int n)
{
    const bool other = report->of[NN_WRONG_SHAPE].n == 0 || report->of[NN_MISSING].n > 0 || n < 1;
    for (int background = 0; !other && background < 2; background++) {
        const int64_t k = told(&report->rows[0], n, background);
        if (agrees(report, n, k))
            return k;
    }
    return 0;
}

/* ---- where the config says it ------------------------------------------------------------------------------------ */

/* A dict that has a number of classes for its own ends. */
static bool is_another(const char *key)
{
    return key && (strstr(key, "loss") || strcmp(key, "rpn_head") == 0 || strcmp(key, "train_cfg") == 0);
}

static void add_keys(DfTextbuf *out, const DfNode *node, const char *path, int n, int64_t k)
{
    int i = 0;
    for (const DfNode *child = node ? node->first : NULL; child; child = child->next, i++) {
        char at[512];
        char number[24];
        snprintf(number, sizeof number, "%d", i);
        if (is_another(child->key))
            continue;
        snprintf(at, sizeof at, "%s.%s", path, child->key ? child->key : number);
        if (child->kind == DF_NODE_DICT || child->kind == DF_NODE_LIST)
            add_keys(out, child, at, n, k);
        else if (child->key && strcmp(child->key, "num_classes") == 0 && df_node_int(child, -1) == n)
            df_textbuf_add(out, " --set %s=%lld", at, (long long)k);
    }
}

int df_classes_fail(const DfNode *root, int n, int64_t k)
{
    static const char *const places[] = { "model", "args", "backbone" };
    DfTextbuf keys = { 0 };
    char *text;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        add_keys(&keys, df_node_get(root, places[i]), places[i], n, k);
    df_textbuf_add(&keys, "%s", "");
    const int error = df_textbuf_take(&keys, &text);
    if (error < 0)
        return error;
    df_fail(DF_ESHAPE, "the checkpoint has %lld class%s, the config %d:%s", (long long)k, k == 1 ? "" : "es", n,
            text[0] ? text : " want the same num_classes");
    df_free(text);
    return DF_ESHAPE;
}
