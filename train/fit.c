/* SPDX-License-Identifier: Apache-2.0
 *
 * train/fit.c -- changes to a config that make it learn from a folder.
 */
#include "train/fit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/found.h"

enum { DEEP = 8 };

typedef struct {
    DfFit *out;
    DfArena *arena;
    const DfNode *root;
    size_t capacity;
    DfTextbuf classes;      /* "('cat', 'dog')" */
} Fitting;

/* ---- lists of changes -------------------------------------------------------------------------------------------- */

static int change(Fitting *f, const char *format, ...) DF_PRINTF(2, 3);
static int change(Fitting *f, const char *format, ...)
{
    enum { SHORT = 1 << 16 };
    DfFit *out = f->out;
    char *text = df_malloc(SHORT);
    va_list args;
    va_start(args, format);
    const int length = text ? vsnprintf(text, SHORT, format, args) : 0;
    va_end(args);
    const bool room = (size_t)out->n < f->capacity;
    if (text && room && length < SHORT)
        out->set[out->n] = df_arena_copy(f->arena, text, (size_t)length);
    const bool fine = text && room && length < SHORT && out->set[out->n];
    df_free(text);
    if (!fine)
        return df_fail(DF_EVALUE, "the classes of the data do not fit into a config: there are too many");
    out->n++;
    return DF_OK;
}

/* A text of Python. */
static void put_text(DfTextbuf *t, const char *text)
{
    df_textbuf_add(t, "'");
    for (const char *c = text; *c; c++) {
        if (*c == '\\' || *c == '\'')
            df_textbuf_add(t, "\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            df_textbuf_add(t, " ");
        else
            df_textbuf_add(t, "%c", *c);
    }
    df_textbuf_add(t, "'");
}

static int change_text(Fitting *f, const char *place, const char *key, const char *value)
{
    DfTextbuf t = { 0 };
    char *quoted = NULL;
    put_text(&t, value);
    int error = df_textbuf_take(&t, &quoted);
    if (error == DF_OK)
        error = change(f, "%s.%s=%s", place, key, quoted);
    df_free(quoted);
    return error;
}

/* ---- heads ------------------------------------------------------------------------------------------------------- */

static bool is_head(const char *key)
{
    static const char *const heads[] = { "bbox_head", "mask_head", "decode_head", "auxiliary_head" };
    for (size_t i = 0; key && i < sizeof heads / sizeof *heads; i++)
        if (strcmp(key, heads[i]) == 0)
            return true;
    return false;
}

/* Below `node`, every dict of a head, or with a key num_classes, gets the number; a region of class-agnostic boxes
 * keeps to its one class only where the dict has no such key (RPN). */
static int fit_heads(Fitting *f, const DfNode *node, const char *place, bool head, int depth)
{
    int error = DF_OK;
    int i = 0;
    if (depth == DEEP)
        return DF_OK;
    if (node->kind == DF_NODE_DICT && (df_node_get(node, "num_classes") || (head && df_node_get(node, "type")))) {
        f->out->n_heads++;
        error = change(f, "%s.num_classes=%d", place, f->out->n_classes);
    }
    for (const DfNode *child = node->first; error == DF_OK && child; child = child->next, i++) {
        char below[512];
        const bool in_list = node->kind == DF_NODE_LIST;
        if (child->kind != DF_NODE_DICT && child->kind != DF_NODE_LIST)
            continue;
        if (in_list)
            snprintf(below, sizeof below, "%s.%d", place, i);
        else
            snprintf(below, sizeof below, "%s.%s", place, child->key);
        error = fit_heads(f, child, below, in_list ? head : is_head(child->key), depth + 1);
    }
    return error;
}

static int fit_network(Fitting *f)
{
    const DfNode *model = df_node_get(f->root, "model");
    const DfNode *backbone = df_node_get(f->root, "backbone");
    if (df_node_get(f->root, "args")) {
        f->out->n_heads = 1;
        return change(f, "num_classes=%d", f->out->n_classes);
    }
    if (model)
        return fit_heads(f, model, "model", false, 0);
    f->out->n_heads = 1;
    return backbone ? change(f, "backbone.num_classes=%d", f->out->n_classes) : DF_OK;
}

/* ---- data sets --------------------------------------------------------------------------------------------------- */

/* The dict of the data set itself, inside RepeatDataset and its like. */
static int find_dataset(char place[128], const DfNode *root, const char *split)
{
    snprintf(place, 128, "data.%s", split);
    for (int depth = 0; depth < DEEP; depth++) {
        const DfNode *node = df_node_at(root, place);
        const size_t n = strlen(place);
        if (node && node->kind != DF_NODE_DICT)
            return df_node_fail(node, DF_EVALUE, "is a list of data sets: --data DIR takes the place of one");
        if (!df_node_get(node, "dataset"))
            return DF_OK;
        snprintf(place + n, 128 - n, ".dataset");
    }
    return DF_OK;
}

/* Where a pipeline loads label maps that count from 1 in the config's own data, it must not do so here. */
static int fit_loading(Fitting *f, const char *place)
{
    const DfNode *pipeline = df_node_get(df_node_at(f->root, place), "pipeline");
    int error = DF_OK;
    int i = 0;
    for (const DfNode *step = pipeline ? pipeline->first : NULL; error == DF_OK && step; step = step->next, i++)
        if (df_node_get(step, "reduce_zero_label"))
            error = change(f, "%s.pipeline.%d.reduce_zero_label=False", place, i);
    return error;
}

static int fit_one(Fitting *f, const char *split, const DfFoundSplit *found, const DfFound *all)
{
    char place[128];
    int error = find_dataset(place, f->root, split);
    const DfNode *dict = df_node_at(f->root, place);
    if (error == DF_OK)
        error = change_text(f, place, "type", all->type);
    for (int i = 0; error == DF_OK && i < DF_FOUND_KEYS && all->keys[i]; i++)
        error = change_text(f, place, all->keys[i], found->values[i]);
    if (error == DF_OK)
        error = change(f, "%s.classes=%s", place, f->classes.at);
    if (error == DF_OK && df_node_get(dict, "id_classes"))
        error = change(f, "%s.id_classes=0", place);
    if (error == DF_OK && df_node_get(dict, "palette"))
        error = change(f, "%s.palette=None", place);
    if (error == DF_OK && all->label_maps)
        error = change(f, "%s.reduce_zero_label=False", place);
    if (error == DF_OK && all->label_maps)
        error = fit_loading(f, place);
    return error;
}

static int fit_data(Fitting *f, const DfFound *found)
{
    static const char *const splits[] = { "train", "val", "test" };
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < 3; i++)
        error = fit_one(f, splits[i], &found->split[i > 0], found);
    return error;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void list_classes(Fitting *f, const DfFound *found)
{
    df_textbuf_add(&f->classes, "(");
    for (int i = 0; i < found->n_classes; i++) {
        put_text(&f->classes, found->classes[i]);
        df_textbuf_add(&f->classes, ",");
    }
    df_textbuf_add(&f->classes, ")");
}

/* Detectors learn from boxes, segmentors from label maps, backbones from classes of pictures. */
static DfFoundKind wanted(const DfNode *root)
{
    const DfNode *model = df_node_get(root, "model");
    if (!model && df_node_get(root, "backbone"))
        return DF_FOUND_FOLDERS;
    return df_node_get(model, "decode_head") ? DF_FOUND_LABEL_MAPS : DF_FOUND_OBJECTS;
}

int df_fit(DfFit *out, const char *folder, const DfNode *root, DfArena *arena)
{
    enum { MOST = 256 };
    DfFound found = { 0 };
    Fitting f = { .out = out, .arena = arena, .root = root, .capacity = MOST };
    *out = (DfFit){ 0 };
    out->set = df_arena_alloc(arena, MOST, sizeof *out->set);
    int error = out->set ? df_find_data(&found, folder, wanted(root), arena) : df_fail_memory("a folder of data");
    if (error < 0)
        return error;
    out->n_classes = found.n_classes;
    out->warning = found.warning;
    for (int i = 0; i < 2 && !found.label_maps; i++) {
        out->truth[i] = found.split[i].truth;
        out->images[i] = found.split[i].images;
    }
    list_classes(&f, &found);
    error = f.classes.failed ? df_fail_memory("the classes") : fit_network(&f);
    if (error == DF_OK)
        error = fit_data(&f, &found);
    df_free(f.classes.at);
    return error;
}
