/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub.c -- reads the folder of a model of transformers or timm and calls its translator.
 */
#include "config/dialect/hub.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LABELS = 1000000 };

/* ---- id2label ---------------------------------------------------------------------------------------------------- */

typedef struct {
    DfConfig *tree;
    DfJson *json;
    const char *file;
    DfNode **label; /* [capacity], NULL where none was met */
    size_t n, capacity;
} Labels;

static int put_label(Labels *l, long id, const DfJsonValue *name)
{
    const size_t at = (size_t)id;
    while (l->capacity <= at) {
        const size_t before = l->capacity;
        if (!df_grow((void **)&l->label, &l->capacity, l->capacity, sizeof *l->label))
            return df_fail_memory("the class names");
        memset((void *)(l->label + before), 0, (l->capacity - before) * sizeof *l->label);
    }
    l->label[at] = df_tree_text(l->tree, name->text, name->length, l->file, (int)df_json_line(l->json));
    if (at >= l->n)
        l->n = at + 1;
    return l->label[at] ? DF_OK : DF_EVALUE;
}

static int read_label(Labels *l, const char *key)
{
    char *end;
    DfJsonValue value;
    const long id = strtol(key, &end, 10);
    if (*end || end == key || id < 0 || id >= MOST_LABELS)
        return df_json_fail(l->json, DF_EVALUE, "id2label has the key '%.40s', want a number from 0 on", key);
    if (df_json_next(l->json, &value) != DF_JSON_TEXT)
        return df_json_error(l->json) ? DF_EFORMAT
                                      : df_json_fail(l->json, DF_EVALUE, "id2label: want the name of class %ld", id);
    return put_label(l, id, &value);
}

static int read_labels(Labels *l)
{
    DfJsonValue value;
    DfJsonEvent event = df_json_next(l->json, &value);
    int error = DF_OK;
    if (event == DF_JSON_NULL)
        return DF_OK;
    if (event != DF_JSON_OBJECT)
        return df_json_fail(l->json, DF_EVALUE, "id2label: want an object");
    while (error == DF_OK && (event = df_json_next(l->json, &value)) == DF_JSON_KEY)
        error = read_label(l, value.text);
    return error == DF_OK && event == DF_JSON_ERROR ? DF_EFORMAT : error;
}

/* The object `id2label` at the top of the file. */
static int find_labels(Labels *l)
{
    DfJsonValue value;
    DfJsonEvent event = df_json_next(l->json, &value);
    int error = event == DF_JSON_OBJECT ? DF_OK : DF_EFORMAT;
    while (error == DF_OK && (event = df_json_next(l->json, &value)) == DF_JSON_KEY)
        error = strcmp(value.text, "id2label") == 0 ? read_labels(l) : df_json_skip(l->json);
    return error == DF_OK && event == DF_JSON_ERROR ? DF_EFORMAT : error;
}

static int as_list(DfNode **out, const Labels *l)
{
    *out = l->n ? df_tree_new(l->tree, DF_NODE_LIST, l->file, 1) : NULL;
    if (l->n && !*out)
        return DF_EVALUE;
    for (size_t i = 0; i < l->n; i++) {
        if (!l->label[i])
            return df_fail(DF_EVALUE, "%s: id2label has no class %zu of %zu", l->file, i, l->n);
        df_tree_append(*out, l->label[i]);
    }
    return DF_OK;
}

static int labels_of(DfHub *hub, const char *text, size_t size)
{
    Labels l = { .tree = hub->tree, .file = hub->file };
    int error = df_json_open_text(&l.json, text, size, hub->file);
    if (error == DF_OK)
        error = find_labels(&l);
    if (error == DF_OK)
        error = as_list(&hub->labels, &l);
    df_json_close(l.json);
    df_free(l.label);
    return hub->tree->error ? hub->tree->error : error;
}

/* ---- the files --------------------------------------------------------------------------------------------------- */

/* A dict of the file; `labels` are taken from it too. */
static int read_json(DfHub *hub, DfNode **root, const char *path, bool labels)
{
    char *text = NULL;
    size_t size = 0;
    int error = df_file_text(&text, &size, path, MAX_FILE);
    if (error < 0)
        return error;
    hub->tree->passes_over_labels = true;
    *root = df_tree_new(hub->tree, DF_NODE_DICT, path, 1);
    error = *root ? df_read_json(hub->tree, *root, text, size, path) : DF_EVALUE;
    if (error == DF_OK && labels)
        error = labels_of(hub, text, size);
    hub->tree->passes_over_labels = false;
    df_free(text);
    return hub->tree->error ? hub->tree->error : error;
}

static char *path_in(DfHub *hub, const char *name)
{
    const char *slash = hub->folder[0] && !df_ends_with(hub->folder, "/") ? "/" : "";
    char *path = df_arena_text(hub->tree->arena, "%s%s%s", hub->folder, slash, name);
    if (!path)
        hub->tree->error = df_fail_memory("a config");
    return path;
}

/* preprocessor_config.json; or a processor of several kinds of input, of which the one for pictures counts. */
static int read_processor(DfHub *hub)
{
    DfNode *root = NULL;
    const char *own = path_in(hub, "preprocessor_config.json");
    const char *shared = path_in(hub, "processor_config.json");
    if (!own || !shared)
        return DF_ENOMEM;
    if (!df_file_exists(own) && !df_file_exists(shared))
        return DF_OK;
    const int error = read_json(hub, &root, df_file_exists(own) ? own : shared, false);
    const DfNode *inner = df_node_get(root, "image_processor");
    hub->processor = inner ? inner : root;
    return error;
}

/* timm's training program leaves its arguments beside the checkpoints. */
static int read_args(DfHub *hub)
{
    DfNode *args = NULL;
    const int error = read_json(hub, &args, hub->file, false);
    return error == DF_OK ? df_hub_timm_args(hub, args) : error;
}

static int read_files(DfHub *hub)
{
    DfNode *config = NULL;
    const char *args = path_in(hub, "args.json");
    if (!args || !(hub->file = path_in(hub, "config.json")))
        return DF_ENOMEM;
    if (!df_file_exists(hub->file) && df_file_exists(args)) {
        hub->file = args;
        return read_args(hub);
    }
    if (!df_file_exists(hub->file))
        return df_fail(DF_EIO, "%s: want a config file that ends in .py, .json or .yaml, or the folder of a model "
                               "with its config.json or config.yaml", hub->folder);
    const int error = read_json(hub, &config, hub->file, true);
    hub->config = config;
    return error < 0 ? error : read_processor(hub);
}

/* ---- which translator -------------------------------------------------------------------------------------------- */

bool df_hub_wrote(const DfNode *root)
{
    const bool timm = df_node_text(df_node_get(root, "architecture"), NULL) != NULL;
    return timm || df_node_text(df_node_get(root, "model_type"), NULL);
}

static void list_rows(DfTextbuf *out, bool timm)
{
    int n = 0;
    for (const DfHubRow *row = df_hub_rows; row->architecture; row++)
        if (timm == !row->model_type)
            df_textbuf_add(out, "%s%s", n++ ? ", " : "", row->architecture);
}

static int no_row(const DfHub *hub, const DfNode *met, bool timm)
{
    DfTextbuf known = { 0 };
    char *list = NULL;
    list_rows(&known, timm);
    int error = df_textbuf_take(&known, &list);
    if (error == DF_OK)
        error =
            met ? df_node_fail(met, DF_EVALUE, "'%s' is not built in: want one of %s", met->text, list)
                : df_fail(DF_EVALUE, "%s: has neither architectures nor architecture: want one of %s", hub->file, list);
    df_free(list);
    return error;
}

/* architectures[0] says the class; a config without it is that of the first class of its model_type. */
static const DfHubRow *find_row(const char *architecture, const char *type)
{
    for (const DfHubRow *row = df_hub_rows; row->architecture; row++) {
        const bool named = architecture && row->model_type && strcmp(row->architecture, architecture) == 0;
        const bool typed = !architecture && type && row->model_type && strcmp(row->model_type, type) == 0;
        if (named || typed)
            return row;
    }
    return NULL;
}

static const DfHubRow *find_timm_row(const char *architecture)
{
    for (const DfHubRow *row = df_hub_rows; row->architecture; row++)
        if (!row->model_type && df_starts_with(architecture, row->architecture))
            return row;
    return NULL;
}

static int translate(DfHub *hub)
{
    const DfNode *of_timm = df_node_get(hub->config, "architecture");
    const DfNode *class = df_node_at(hub->config, "architectures.0");
    const DfNode *type = df_node_get(hub->config, "model_type");
    const bool timm = df_node_text(of_timm, NULL) != NULL;
    const DfHubRow *row = timm ? find_timm_row(of_timm->text)
                               : find_row(df_node_text(class, NULL), df_node_text(type, NULL));
    if (row)
        return row->translate(hub);
    const DfNode *met = class ? class : type;
    return no_row(hub, timm ? of_timm : met, timm);
}

/* ---- our config -------------------------------------------------------------------------------------------------- */

/* DETR's labels are the ids of COCO's categories, with "N/A" where there is none. */
static bool labels_are_ids(const DfNode *labels, const DfNode *test)
{
    const bool of_coco = strcmp(df_node_text(df_node_get(test, "type"), ""), "CocoDataset") == 0;
    for (const DfNode *label = labels->first; of_coco && label; label = label->next)
        if (strcmp(label->text, "N/A") == 0)
            return true;
    return false;
}

static int set_by_name(DfHub *hub, DfNode *test)
{
    const bool of_objects = strcmp(df_node_text(df_node_get(test, "type"), ""), "CocoDataset") == 0;
    DfNode *truth = of_objects ? df_tree_bool(hub->tree, true, hub->file, 1) : NULL;
    if (!truth)
        return of_objects ? DF_EVALUE : DF_OK;
    return df_tree_set(hub->tree, test, "by_name", truth);
}

/* id2label becomes data.test.classes, whose places are the labels whatever the order of an annotation file. */
static int name_classes(DfHub *hub, DfNode *root)
{
    DfNode *data = df_tree_get(root, "data");
    DfNode *test = data ? df_tree_get(data, "test") : NULL;
    if (!test || !hub->labels)
        return DF_OK;
    if (labels_are_ids(hub->labels, test)) {
        DfNode *n = df_tree_int(hub->tree, hub->labels->n, hub->file, 1);
        const int error = n ? df_tree_set(hub->tree, test, "id_classes", n) : DF_EVALUE;
        if (error < 0)
            return error;
    }
    const int error = set_by_name(hub, test);
    return error < 0 ? error : df_tree_set(hub->tree, test, "classes", hub->labels);
}

static int read_ours(DfHub *hub, DfNode **root)
{
    char *text = NULL;
    int error = df_textbuf_take(&hub->out, &text);
    *root = error == DF_OK ? df_tree_new(hub->tree, DF_NODE_DICT, hub->file, 1) : NULL;
    if (error == DF_OK && !*root)
        error = DF_EVALUE;
    if (error == DF_OK)
        error = df_read_python(hub->tree, *root, text, strlen(text), hub->file);
    if (error == DF_OK)
        error = df_hub_add_training(hub, *root);
    if (error == DF_OK)
        error = name_classes(hub, *root);
    df_free(text);
    return hub->tree->error ? hub->tree->error : error;
}

int df_hub_read(DfConfig *tree, DfNode **root, const char *folder, const DfTensorShapes *shapes)
{
    DfHub hub = { .tree = tree, .folder = folder, .shapes = shapes };
    int error = read_files(&hub);
    if (error == DF_OK)
        error = translate(&hub);
    if (error == DF_OK)
        return read_ours(&hub, root);
    df_free(hub.out.at);
    return error;
}

/* ---- for translators --------------------------------------------------------------------------------------------- */

/* To transformers null means that nothing is said. */
static int leave_out_nulls(DfHub *hub, const DfNode *dict, DfNode **out)
{
    int error = DF_OK;
    *out = df_tree_new(hub->tree, DF_NODE_DICT, dict->file, dict->line);
    for (const DfNode *child = dict->first; *out && child && error == DF_OK; child = child->next) {
        DfNode *copy = child->kind == DF_NODE_NONE ? NULL : df_tree_copy(hub->tree, child);
        if (copy)
            error = df_tree_set(hub->tree, *out, child->key, copy);
        else if (child->kind != DF_NODE_NONE)
            error = DF_EVALUE;
    }
    return *out ? error : DF_EVALUE;
}

int df_hub_bind(DfHub *hub, const DfNode *dict, const DfOpt *opts, void *out, const char *what)
{
    DfNode *said = NULL;
    int error = DF_OK;
    if (dict && dict->kind == DF_NODE_DICT)
        error = leave_out_nulls(hub, dict, &said);
    return error == DF_OK ? df_bind_known(said ? said : dict, opts, out, hub->tree->arena, what) : error;
}

int df_hub_classes(const DfHub *hub)
{
    return hub->labels ? hub->labels->n : 2;
}

static int shape_of(const DfHub *hub, const char *format, va_list args, int64_t shape[DF_SHAPE_DIMS])
{
    char name[512];
    vsnprintf(name, sizeof name, format, args);
    return hub->shapes ? hub->shapes->shape(hub->shapes->user, name, shape) : -1;
}

int df_hub_size(const DfHub *hub, int dim, int fallback, const char *name, ...)
{
    int64_t shape[DF_SHAPE_DIMS];
    va_list args;
    va_start(args, name);
    const int n = shape_of(hub, name, args, shape);
    va_end(args);
    const bool fits = dim < n && shape[dim] > 0 && shape[dim] <= 1 << 20;
    return fits ? (int)shape[dim] : fallback;
}

bool df_hub_has(const DfHub *hub, const char *name, ...)
{
    int64_t shape[DF_SHAPE_DIMS];
    va_list args;
    va_start(args, name);
    const int n = shape_of(hub, name, args, shape);
    va_end(args);
    return n >= 0;
}

void df_hub_write_ints(DfHub *hub, const int *v, int n)
{
    df_textbuf_add(&hub->out, "[");
    for (int i = 0; i < n; i++)
        df_textbuf_add(&hub->out, i ? ", %d" : "%d", v[i]);
    df_textbuf_add(&hub->out, "]");
}
