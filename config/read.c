/* SPDX-License-Identifier: Apache-2.0
 *
 * config/read.c -- reads a file and its bases into one tree, by the rules of mmcv.Config.fromfile().
 */
#include "config/base_value.h"
#include "config/dialect/dialect.h"
#include "config/dialect/hub.h"
#include "config/dialect/test_time.h"
#include "config/merge.h"
#include "config/readers.h"
#include "config/ready.h"
#include "config/variables.h"

#include <string.h>
#include <sys/stat.h>

/* The files that are being read, from the innermost outwards: a base must not be one of them. */
typedef struct Chain {
    const char *path;
    dev_t device;
    ino_t inode;
    int length;
    const struct Chain *outer;
} Chain;

static int read_file(DfConfig *, DfNode **root, const char *path, const Chain *outer);

/* ---- one file -------------------------------------------------------------------------------------------------- */

/* The line of the first byte that is not UTF-8, or 0. */
static int line_of_bad_utf8(const char *text, size_t size)
{
    const size_t good = df_utf8_span(text, size);
    int line = 1;
    for (size_t i = 0; i < good; i++)
        line += text[i] == '\n';
    return good < size ? line : 0;
}

/* By the ending of a file's name. */
typedef int Reader(DfConfig *, DfNode *root, const char *text, size_t size, const char *file);
static Reader *reader_of(const char *path)
{
    if (df_ends_with(path, ".py"))
        return df_read_python;
    if (df_ends_with(path, ".json"))
        return df_read_json;
    return df_ends_with(path, ".yaml") || df_ends_with(path, ".yml") ? df_read_yaml : NULL;
}

/* Bytes into a new dict that stands for the whole file. `name` must live as long as the tree. */
static int parse(DfConfig *tree, DfNode **root, const char *text, size_t size, const char *name, Reader *read)
{
    const int bad = line_of_bad_utf8(text, size);
    if (bad)
        return df_fail_at(name, bad, DF_EFORMAT, "the line is not valid UTF-8");
    *root = df_tree_new(tree, DF_NODE_DICT, name, 1);
    if (!*root)
        return tree->error ? tree->error : DF_EVALUE;
    return read(tree, *root, text, size, name);
}

static int parse_file(DfConfig *tree, DfNode **root, const char *path)
{
    Reader *read = reader_of(path);
    char *text = NULL;
    size_t size = 0;
    int error = df_file_text(&text, &size, path, MAX_FILE);
    if (error < 0)
        return error;
    Variable variables[VARIABLES];
    df_config_variables(variables, path);
    const size_t full = df_config_substitute(NULL, text, size, variables);
    if (full > MAX_FILE) {
        error = df_fail(DF_EVALUE, "%s: the file is too large with its variables filled in", path);
    } else if (full == size) {
        error = parse(tree, root, text, size, path, read);
    } else {
        char *filled = df_malloc(full);
        error = filled ? DF_OK : df_fail_memory("a config");
        if (filled) {
            df_config_substitute(filled, text, size, variables);
            error = parse(tree, root, filled, full, path, read);
        }
        df_free(filled);
    }
    df_free(text);
    return error;
}

/* ---- bases ----------------------------------------------------------------------------------------------------- */

static char *beside(DfConfig *tree, const char *path, const char *base)
{
    const char *slash = *base == '/' ? NULL : strrchr(path, '/');
    char *joined = df_arena_text(tree->arena, "%.*s%s", slash ? (int)(slash - path) + 1 : 0, path, base);
    if (!joined)
        tree->error = df_fail_memory("a config");
    return joined;
}

/* The keys of one base beside those of the bases before it: none may be there twice. */
static int gather(DfConfig *tree, DfNode *all, DfNode *base)
{
    for (DfNode *child = base->first, *next; child; child = next) {
        next = child->next;
        const DfNode *other = df_tree_get(all, child->key);
        if (other)
            return df_fail_at(child->file, child->line, DF_EVALUE, "the key '%s' is in another base too: %s:%d",
                              child->key, other->file, other->line);
        const int error = df_tree_set(tree, all, child->key, child);
        if (error < 0)
            return error;
    }
    return DF_OK;
}

static int read_base(DfConfig *tree, DfNode *all, const DfNode *name, const Chain *chain)
{
    if (name->kind != DF_NODE_TEXT)
        return df_node_fail(name, DF_EVALUE, "%s, want the name of a file or a list of them", df_node_kind_name(name));
    if (strstr(name->text, "::"))
        return df_node_fail(name, DF_EVALUE, "'%s' is a config of an installed Python package: want a file; copy it "
                            "beside this one", name->text);
    const char *path = beside(tree, chain->path, name->text);
    if (!path)
        return DF_ENOMEM;
    DfNode *base = NULL;
    int error = read_file(tree, &base, path, chain);
    if (error < 0)
        return chain->length > 4 ? error : df_fail_in(error, "%s:%d: _base_: ", name->file, name->line);
    return gather(tree, all, base);
}

int df_read_bases(DfConfig *tree, const DfNode *names)
{
    const Chain *chain = tree->chain;
    if (tree->bases)
        return DF_OK;
    if (!chain)
        return df_node_fail(names, DF_EVALUE, "only a config file can have a _base_");
    DfNode *all = df_tree_new(tree, DF_NODE_DICT, chain->path, 1);
    if (!all)
        return tree->error ? tree->error : DF_EVALUE;
    const DfNode *name = names->kind == DF_NODE_LIST ? names->first : names;
    int error = DF_OK;
    for (; name && error == DF_OK; name = names->kind == DF_NODE_LIST ? name->next : NULL)
        error = read_base(tree, all, name, chain);
    tree->bases = all;
    return error;
}

/* Puts a file over its bases: *root becomes the merged dict. */
static int follow_bases(DfConfig *tree, DfNode **root)
{
    DfNode *names = df_tree_get(*root, reader_of((*root)->file) == df_read_yaml ? "_BASE_" : "_base_");
    if (!names)
        return df_base_values_fill(tree, *root, NULL);
    int error = df_read_bases(tree, names);
    if (error < 0)
        return error;
    df_tree_remove(names);
    error = df_base_values_fill(tree, *root, tree->bases);
    if (error == DF_OK)
        error = df_merge(tree, tree->bases, *root, false);
    *root = tree->bases;
    return error;
}

/* A file within the file that is being read: bases are those of the innermost one. */
static int read_within(DfConfig *tree, DfNode **root, const Chain *chain)
{
    const void *outer_chain = tree->chain;
    DfNode *outer_bases = tree->bases;
    tree->chain = chain;
    tree->bases = NULL;
    int error = parse_file(tree, root, chain->path);
    if (error == DF_OK)
        error = follow_bases(tree, root);
    tree->chain = outer_chain;
    tree->bases = outer_bases;
    return error;
}

static int read_file(DfConfig *tree, DfNode **root, const char *path, const Chain *outer)
{
    struct stat info;
    if (!reader_of(path))
        return df_fail(DF_EVALUE, "%s: want a config file that ends in .py, .json or .yaml", path);
    if (stat(path, &info) < 0)
        return df_fail_errno("%s", path);
    const Chain chain = { path, info.st_dev, info.st_ino, outer ? outer->length + 1 : 1, outer };
    for (const Chain *link = outer; link; link = link->outer)
        if (link->device == chain.device && link->inode == chain.inode)
            return df_fail(DF_EVALUE, "%s: the file is a base of itself", path);
    if (chain.length > MAX_CHAIN || ++tree->files > MAX_FILES)
        return df_fail(DF_EVALUE, "%s: more than %d bases of bases or %d files", path, MAX_CHAIN, MAX_FILES);
    return read_within(tree, root, &chain);
}

/* ---- modules ----------------------------------------------------------------------------------------------------- */

/* FOLDER/../../a/b.py of "a.b", two levels above the folder. */
static char *module_path(DfConfig *tree, const char *folder, int up, const char *module)
{
    char above[3 * MAX_CHAIN + 1] = "";
    for (int i = 0; i < up; i++)
        memcpy(above + 3 * i, "../", 4);
    char *path = df_arena_text(tree->arena, "%s/%s%s.py", folder, above, module);
    if (!path) {
        tree->error = df_fail_memory("a config");
        return NULL;
    }
    for (char *c = path + strlen(path) - strlen(module) - 3; c < path + strlen(path) - 3; c++)
        if (*c == '.')
            *c = '/';
    return path;
}

/* A module of a package is below the folder in which the package lies: one of those above the file. */
static char *package_path(DfConfig *tree, const char *folder, const char *module)
{
    char *path = module_path(tree, folder, 0, module);
    for (int up = 1; path && !df_file_exists(path) && up < MAX_CHAIN; up++)
        path = module_path(tree, folder, up, module);
    return path;
}

int df_read_module(DfConfig *tree, DfNode **root, const char *file, int line, int up, const char *module)
{
    const char *slash = strrchr(file, '/');
    const char *folder = df_arena_text(tree->arena, "%.*s", slash ? (int)(slash - file) : 1, slash ? file : ".");
    if (!tree->chain)
        return df_fail_at(file, line, DF_EVALUE, "only a config file can have a base");
    if (up > MAX_CHAIN)
        return df_fail_at(file, line, DF_EVALUE, "%d folders above, want at most %d", up - 1, MAX_CHAIN - 1);
    if (!folder)
        return tree->error = df_fail_memory("a config");
    const char *path = up ? module_path(tree, folder, up - 1, module) : package_path(tree, folder, module);
    const int error = path ? read_file(tree, root, path, tree->chain) : DF_ENOMEM;
    return error < 0 ? df_fail_in(error, "%s:%d: ", file, line) : DF_OK;
}

/* A `_delete_` that met no base has done its work. */
static void drop_delete_marks(DfNode *node)
{
    DfNode *mark = df_tree_get(node, "_delete_");
    if (mark)
        df_tree_remove(mark);
    for (DfNode *child = node->first; child; child = child->next)
        drop_delete_marks(child);
}

/* ---- public ---------------------------------------------------------------------------------------------------- */

static int new_tree(DfConfig **out)
{
    *out = NULL;
    DfConfig *tree = df_calloc(1, sizeof *tree);
    if (tree)
        tree->arena = df_arena_new();
    if (!tree || !tree->arena) {
        df_free(tree);
        return df_fail_memory("a config");
    }
    *out = tree;
    return DF_OK;
}

/* `name` as long as the tree lives. */
static int keep_name(DfConfig *tree, const char **kept, const char *name)
{
    *kept = df_arena_copy(tree->arena, name, strlen(name));
    return *kept ? DF_OK : df_fail_memory("a config");
}

/* "a/b" of "a/b/config.json" */
static char *folder_of(DfConfig *tree, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = df_arena_text(tree->arena, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    if (!folder)
        tree->error = df_fail_memory("a config");
    return folder;
}

/* detectron2 writes config.yaml, transformers and timm config.json. */
static int read_folder(DfConfig *tree, const char *folder, const DfTensorShapes *weights)
{
    const char *slash = df_ends_with(folder, "/") ? "" : "/";
    const char *yaml = df_arena_text(tree->arena, "%s%sconfig.yaml", folder, slash);
    const char *json = df_arena_text(tree->arena, "%s%sconfig.json", folder, slash);
    if (!yaml || !json)
        return df_fail_memory("a config");
    if (df_file_exists(yaml) && !df_file_exists(json))
        return read_file(tree, &tree->root, yaml, NULL);
    return df_hub_read(tree, &tree->root, folder, weights);
}

/* A config of any generation. */
static int read_any(DfConfig *tree, const char *path, const DfTensorShapes *weights)
{
    const bool in_folder = strcmp(path, "config.json") == 0 || df_ends_with(path, "/config.json");
    if (df_is_directory(path))
        return read_folder(tree, path, weights);
    tree->passes_over_labels = in_folder;
    const int error = read_file(tree, &tree->root, path, NULL);
    tree->passes_over_labels = false;
    if (error < 0 || !in_folder || !df_hub_wrote(tree->root))
        return error;
    const char *folder = folder_of(tree, path);
    return folder ? df_hub_read(tree, &tree->root, folder, weights) : DF_ENOMEM;
}

/* The settings that begin with `data.`, or all others. */
static int override_some(DfConfig *tree, const char *const *overrides, int n, bool data)
{
    int error = DF_OK;
    for (int i = 0; i < n && error == DF_OK; i++)
        if (df_starts_with(df_override_path(overrides[i]), "data.") == data)
            error = df_override(tree, tree->root, overrides[i]);
    drop_delete_marks(tree->root);
    return error;
}

/* Settings are in the words of the file. In a file of another dialect those for `data` can only be in our own words:
 * they come once it is translated. */
static int finish(DfConfig *tree, const char *const *overrides, int n)
{
    const bool late = !df_tree_get(tree->root, "data") && df_dialect_is_foreign(tree->root);
    int error = override_some(tree, overrides, n, false);
    if (error == DF_OK && !late)
        error = override_some(tree, overrides, n, true);
    if (error == DF_OK)
        error = df_dialect_translate(tree);
    if (error == DF_OK && late)
        error = override_some(tree, overrides, n, true);
    return error == DF_OK ? df_test_time_apply(tree) : error;
}

/* A path, or the name of a ready config. */
static int read_named(DfConfig *tree, const char *path, const DfTensorShapes *weights)
{
    if (!df_config_may_be_ready(path))
        return read_any(tree, path, weights);
    char *file;
    const char *kept;
    int error = df_config_find_ready(&file, path);
    if (error == DF_OK && !file)
        return strchr(path, '/') ? read_any(tree, path, weights) : df_config_fail_unready(path);
    if (error == DF_OK)
        error = keep_name(tree, &kept, file);
    if (error == DF_OK)
        error = read_any(tree, kept, weights);
    df_free(file);
    return error;
}

int df_config_read(DfConfig **out, const char *path, const char *const *overrides, int n)
{
    return df_config_read_beside(out, path, NULL, overrides, n);
}

int df_config_read_beside(DfConfig **out, const char *path, const DfTensorShapes *weights,
                          const char *const *overrides, int n)
{
    DfConfig *tree = NULL;
    const char *name;
    int error = new_tree(out);
    if (error < 0)
        return error;
    tree = *out;
    if ((error = keep_name(tree, &name, path)) == DF_OK)
        error = read_named(tree, name, weights);
    if (error == DF_OK)
        error = finish(tree, overrides, n);
    if (error == DF_OK)
        return DF_OK;
    df_config_free(tree);
    *out = NULL;
    return error;
}

int df_config_parse(DfConfig **out, const char *text, size_t size, const char *name, bool python)
{
    const char *kept;
    int error = new_tree(out);
    if (error < 0)
        return error;
    DfConfig *tree = *out;
    if (size > MAX_FILE)
        error = df_fail(DF_EVALUE, "%s: %zu bytes, want at most %d", name, size, MAX_FILE);
    else if ((error = keep_name(tree, &kept, name)) == DF_OK)
        error = parse(tree, &tree->root, text, size, kept, python ? df_read_python : df_read_json);
    if (error == DF_OK && df_tree_get(tree->root, "_base_"))
        error = df_node_fail(df_tree_get(tree->root, "_base_"), DF_EVALUE, "only a config file can have a _base_");
    if (error == DF_OK)
        error = df_base_values_fill(tree, tree->root, NULL);
    if (error == DF_OK)
        error = df_dialect_translate(tree);
    if (error == DF_OK)
        error = df_test_time_apply(tree);
    if (error == DF_OK)
        return DF_OK;
    df_config_free(tree);
    *out = NULL;
    return error;
}

void df_config_free(DfConfig *tree)
{
    if (tree)
        df_arena_free(tree->arena);
    df_free(tree);
}

const DfNode *df_config_root(const DfConfig *tree)
{
    return tree->root;
}
