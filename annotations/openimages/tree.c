/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/openimages/tree.c -- reads the tree of classes. A class may occur in several places.
 */
#include <string.h>

#include "annotations/openimages/openimages.h"

typedef struct {
    const char *label;
    size_t parent; /* ROOT: none that counts */
} Node;
#define ROOT SIZE_MAX

typedef struct {
    DfJson *json;
    DfArena *arena;
    Node *node;
    size_t n, capacity;
} Tree;

static int add_node(Tree *t, size_t parent, size_t *place)
{
    if (!df_grow((void **)&t->node, &t->capacity, t->n, sizeof *t->node))
        return df_fail_memory("the tree of classes");
    *place = t->n;
    t->node[t->n++] = (Node){ NULL, parent };
    return DF_OK;
}

static int wrong(const Tree *t, const char *what)
{
    const int error = df_json_error(t->json);
    return error < 0 ? error : df_json_fail(t->json, DF_EFORMAT, "%s", what);
}

static int read_label(Tree *t, size_t node)
{
    DfJsonValue v;
    if (df_json_next(t->json, &v) != DF_JSON_TEXT || v.length == 0 || v.length >= DF_CSV_TEXT)
        return wrong(t, "LabelName is no name of a class");
    t->node[node].label = df_arena_copy(t->arena, v.text, v.length);
    return t->node[node].label ? DF_OK : df_fail_memory("the tree of classes");
}

static int read_node(Tree *t, size_t node);

static int read_children(Tree *t, size_t parent)
{
    DfJsonValue v;
    DfJsonEvent event = df_json_next(t->json, &v);
    int error = event == DF_JSON_ARRAY ? DF_OK : wrong(t, "Subcategory is no list");
    while (error == DF_OK && (event = df_json_next(t->json, &v)) != DF_JSON_CLOSE) {
        size_t child = 0;
        error = event == DF_JSON_OBJECT ? add_node(t, parent, &child) : wrong(t, "Subcategory holds what is no object");
        if (error == DF_OK)
            error = read_node(t, child);
    }
    return error;
}

/* Behind its '{'. The reader bounds the depth. */
static int read_node(Tree *t, size_t node)
{
    DfJsonValue v;
    DfJsonEvent event = DF_JSON_END;
    int error = DF_OK;
    while (error == DF_OK && (event = df_json_next(t->json, &v)) == DF_JSON_KEY) {
        if (strcmp(v.text, "LabelName") == 0)
            error = read_label(t, node);
        else if (strcmp(v.text, "Subcategory") == 0)
            error = read_children(t, node);
        else
            error = df_json_skip(t->json);
    }
    if (error == DF_OK && event != DF_JSON_CLOSE)
        error = wrong(t, "want the end of a class");
    if (error == DF_OK && !t->node[node].label && t->node[node].parent != ROOT)
        error = wrong(t, "a class without LabelName");
    return error;
}

static int tell(const Tree *t, const DfOpenImagesTreeSink *sink)
{
    int error = DF_OK;
    for (size_t i = 1; error == DF_OK && i < t->n; i++) {
        error = sink->above(sink->arg, t->node[i].label, NULL);
        for (size_t k = t->node[i].parent; error == DF_OK && k != 0; k = t->node[k].parent)
            if (strcmp(t->node[k].label, t->node[i].label) != 0)
                error = sink->above(sink->arg, t->node[i].label, t->node[k].label);
    }
    return error;
}

int df_openimages_read_tree(const char *text, size_t size, const char *name, const DfOpenImagesTreeSink *sink)
{
    Tree t = { .arena = df_arena_new() };
    DfJsonValue v;
    size_t root = 0;
    int error = t.arena ? df_json_open_text(&t.json, text, size, name) : df_fail_memory("the tree of classes");
    if (error == DF_OK)
        error = add_node(&t, ROOT, &root);
    if (error == DF_OK && df_json_next(t.json, &v) != DF_JSON_OBJECT)
        error = wrong(&t, "want the tree of classes, an object with Subcategory");
    if (error == DF_OK)
        error = read_node(&t, root);
    if (error == DF_OK && df_json_next(t.json, &v) != DF_JSON_END)
        error = wrong(&t, "text behind the tree of classes");
    if (error == DF_OK && t.n == 1)
        error = df_fail(DF_EFORMAT, "%s: no class in its Subcategory: want the tree of classes of Open Images", name);
    if (error == DF_OK)
        error = tell(&t, sink);
    df_json_close(t.json);
    df_free(t.node);
    df_arena_free(t.arena);
    return error;
}
