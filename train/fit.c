/* SPDX-License-Identifier: Apache-2.0
 *
 * train/fit.c -- changes a config so that it trains on a folder: datasets/folder/ changes the data sets, this file the
 * network.
 */
#include "train/fit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEP = 8, HEADS = 64 };

/* ---- heads ------------------------------------------------------------------------------------------------------- */

static bool is_head(const char *key)
{
    static const char *const heads[] = { "bbox_head", "mask_head", "decode_head", "auxiliary_head", "head" };
    for (size_t i = 0; key && i < sizeof heads / sizeof *heads; i++)
        if (strcmp(key, heads[i]) == 0)
            return true;
    return false;
}

static int set_classes(DfFit *fit, const char *place)
{
    const char *text = df_arena_text(fit->arena, "--data %s%snum_classes=%d", place, *place ? "." : "", fit->n_classes);
    if (!text)
        return df_fail_memory("a config");
    fit->set[fit->n++] = text;
    fit->n_heads++;
    return DF_OK;
}

/* Sets num_classes in every dict below `node` that is a head or has this key. An RPN has no such key, because it only
 * distinguishes objects from background. */
static int fit_heads(DfFit *fit, const DfNode *node, const char *place, bool head, int depth)
{
    int error = DF_OK;
    int i = 0;
    if (depth == DEEP || fit->n_heads == HEADS)
        return DF_OK;
    if (node->kind == DF_NODE_DICT && (df_node_get(node, "num_classes") || (head && df_node_get(node, "type"))))
        error = set_classes(fit, place);
    for (const DfNode *child = node->first; error == DF_OK && child; child = child->next, i++) {
        char below[512];
        const bool in_list = node->kind == DF_NODE_LIST;
        if (child->kind != DF_NODE_DICT && child->kind != DF_NODE_LIST)
            continue;
        if (in_list)
            snprintf(below, sizeof below, "%s.%d", place, i);
        else
            snprintf(below, sizeof below, "%s.%s", place, child->key);
        error = fit_heads(fit, child, below, in_list ? head : is_head(child->key), depth + 1);
    }
    return error;
}

/* A config has a model, or the args of an official DETR program with num_classes at the top, or just a backbone. */
static int fit_network(DfFit *fit, const DfNode *root)
{
    const DfNode *model = df_node_get(root, "model");
    if (df_node_get(root, "args"))
        return set_classes(fit, "");
    if (model)
        return fit_heads(fit, model, "model", false, 0);
    return df_node_get(root, "backbone") ? set_classes(fit, "backbone") : DF_OK;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* Paths are absolute, because config.py of the work dir may be read from any folder. */
static int open_folder(DfFit *fit, const char *folder, const DfNode *root)
{
    char *absolute = df_path_absolute(folder);
    const int error = absolute ? df_folder_open_for(&fit->folder, absolute, root) : DF_EIO;
    df_free(absolute);
    return error;
}

static int list_settings(DfFit *fit, const DfNode *root, const char *work_dir)
{
    DfFolderSettings settings;
    char *absolute = df_path_absolute(work_dir);
    const int error = absolute ? df_folder_settings(fit->folder, root, absolute, &settings) : DF_EIO;
    df_free(absolute);
    if (error < 0)
        return error;
    fit->set = df_arena_alloc(fit->arena, (size_t)settings.n + HEADS + 1, sizeof *fit->set);
    if (!fit->set)
        return df_fail_memory("a config");
    memcpy(fit->set, settings.text, (size_t)settings.n * sizeof *fit->set);
    fit->n = settings.n;
    return DF_OK;
}

int df_fit(DfFit *out, const char *folder, const DfNode *root, const char *work_dir)
{
    *out = (DfFit){ .arena = df_arena_new() };
    int error = out->arena ? open_folder(out, folder, root) : df_fail_memory("a config");
    if (error == DF_OK && df_folder_training(out->folder) == 0)
        error = df_fail(DF_EVALUE, "%s: no picture to train on", folder);
    if (error == DF_OK)
        error = list_settings(out, root, work_dir);
    if (error < 0)
        return error;
    out->n_classes = df_folder_classes(out->folder)->n;
    return fit_network(out, root);
}

void df_fit_done(DfFit *fit)
{
    df_folder_free(fit->folder);
    df_arena_free(fit->arena);
    *fit = (DfFit){ 0 };
}
