/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/model_args.c -- [NAME=]CONFIG[:CHECKPOINT][@RUN]: parses arguments into models, and names those without
 * a name.
 */
#include "cli/compare/models.h"

#include <string.h>

/* ---- CONFIG[:CHECKPOINT][@RUN] --------------------------------------------------------------------------------- */

static const char *const endings[] = { ".py", ".json", ".yaml", ".yml" };
enum { ENDINGS = sizeof endings / sizeof *endings };

static bool ends_here(const char *at)
{
    return *at == 0 || *at == ':' || *at == '@';
}

/* Whether the first n characters name the folder of a model. */
static bool is_folder(const char *text, size_t n)
{
    char path[4096];
    if (n == 0 || n >= sizeof path)
        return false;
    memcpy(path, text, n);
    path[n] = 0;
    return df_is_model_folder(path);
}

/* Whether the first n characters are the name of a ready config. What exists is a file or folder. */
static bool is_ready(const char *text, size_t n)
{
    char path[256];
    DfConfig *config;
    if (n == 0 || n >= sizeof path)
        return false;
    memcpy(path, text, n);
    path[n] = 0;
    if (df_file_exists(path) || df_is_directory(path) || df_config_read(&config, path, NULL, 0) < 0)
        return false;
    df_config_free(config);
    return true;
}

/* The length of the config's path: to the first ending of a config, or end of the name of a model's folder or of a
 * ready config, at which the argument ends or ":CHECKPOINT" or "@RUN" begins. 0 if there is none. */
static size_t config_length(const char *text)
{
    for (const char *at = text;; at++) {
        const size_t length = (size_t)(at - text);
        for (size_t i = 0; i < ENDINGS; i++) {
            const size_t n = strlen(endings[i]);
            if (strncmp(at, endings[i], n) == 0 && ends_here(at + n))
                return length + n;
        }
        if (ends_here(at) && (is_folder(text, length) || is_ready(text, length)))
            return length;
        if (!*at)
            return 0;
    }
}

/* What follows "NAME=", where a name has no slash; the argument itself if it has no name. */
static const char *behind_name(const char *arg)
{
    const char *equals = strchr(arg, '=');
    return equals && equals > arg && (size_t)(equals - arg) == strcspn(arg, "=/") ? equals + 1 : arg;
}

/* Does a .json file hold a config? Results have none of these keys. */
static bool is_config(const char *path)
{
    static const char *const keys[] = { "model", "backbone", "_base_", "model_type", "architecture" };
    DfJson *json;
    DfJsonValue v;
    bool found = false;
    if (df_json_open(&json, path) < 0)
        return false;
    if (df_json_next(json, &v) == DF_JSON_OBJECT)
        while (!found && df_json_next(json, &v) == DF_JSON_KEY) {
            for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
                found |= strcmp(v.text, keys[i]) == 0;
            if (!found && df_json_skip(json) < 0)
                break;
        }
    df_json_close(json);
    return found;
}

bool cli_is_model(const char *arg)
{
    const char *path = behind_name(arg);
    const size_t n = config_length(path);
    const bool json = n > 5 && memcmp(path + n - 5, ".json", 5) == 0;
    return n > 0 && (!json || path[n] || is_config(path));
}

/* "folder/" is "folder". */
static size_t without_slashes(const char *path, size_t length)
{
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length;
}

int cli_model_parse(CliModels *m, const char *arg, CliModel *model)
{
    const char *path = behind_name(arg);
    const char *rest = path + config_length(path);
    if (!cli_is_model(arg))
        return df_fail(CLI_EUSAGE, "%s: want a model, as in the other arguments: [NAME=]CONFIG[:CHECKPOINT][@RUN]",
                       arg);
    const char *run = strrchr(rest, '@');
    const size_t before_run = run ? (size_t)(run - rest) : strlen(rest);
    if ((rest[0] == ':' && before_run == 1) || (run && !run[1]))
        return df_fail(CLI_EUSAGE, "%s: want a checkpoint after ':' and a run after '@'", arg);
    model->name = path > arg ? df_arena_copy(m->arena, arg, (size_t)(path - arg) - 1) : NULL;
    model->config = df_arena_copy(m->arena, path, without_slashes(path, (size_t)(rest - path)));
    if (rest[0] == ':')
        model->checkpoint = df_arena_copy(m->arena, rest + 1, before_run - 1);
    else if (model->config && df_is_model_folder(model->config))
        model->checkpoint = model->config;
    model->run = run ? run + 1 : NULL;
    const bool copied = model->config && (rest[0] != ':' || model->checkpoint) && (path == arg || model->name);
    return copied ? DF_OK : df_fail_memory("models");
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

static const char *base_of(const char *path)
{
    return strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
}

/* The next word of a name. At the end its length is 0. */
static const char *word_of(const char *text, size_t *length)
{
    text += strspn(text, " _-.");
    *length = strcspn(text, " _-.");
    return text;
}

static bool has_word(const char *text, const char *word, size_t length)
{
    for (size_t n = 0;; text += n) {
        text = word_of(text, &n);
        if (n == 0 || (n == length && strncmp(text, word, n) == 0))
            return n > 0;
    }
}

/* Is the word a size? Letters in either case; b0 to b9 too. */
static bool is_size(const char *word, size_t n)
{
    static const char *const sizes[] = {
        "nano", "micro", "mini", "tiny", "small", "medium", "base", "large", "huge",
        "n", "t", "s", "m", "b", "l", "h", "xl",
    };
    if (n == 2 && (word[0] | 32) == 'b' && word[1] >= '0' && word[1] <= '9')
        return true;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t k = 0;
        while (k < n && sizes[i][k] == (word[k] | 32))
            k++;
        if (k == n && !sizes[i][k])
            return true;
    }
    return false;
}

static bool all_have(const CliModels *m, const char *word, size_t length)
{
    for (size_t i = 0; i < m->n; i++)
        if (!has_word(m->model[i].stem, word, length))
            return false;
    return m->n > 1;
}

/* The words of `text` that are wanted, with spaces between; NULL when memory ran out. */
typedef bool Keep(const CliModels *, const char *word, size_t length);
static const char *words(const CliModels *m, const char *text, Keep *keep)
{
    char *out = df_arena_alloc(m->arena, strlen(text) + 2, 1);
    char *to = out;
    size_t n;
    for (const char *word = word_of(text, &n); out && n; word = word_of(word + n, &n))
        if (keep(m, word, n)) {
            if (to > out)
                *to++ = ' ';
            memcpy(to, word, n);
            to += n;
        }
    return out;
}

static bool is_own(const CliModels *m, const char *word, size_t length)
{
    return !all_have(m, word, length);
}

static bool is_no_size(const CliModels *m, const char *word, size_t length)
{
    (void)m;
    return !is_size(word, length);
}

/* The name of a file without its ending, or of a folder. */
static const char *stem_of(const CliModels *m, const char *config)
{
    size_t length = strlen(base_of(config));
    for (size_t i = 0; i < ENDINGS && !df_is_directory(config); i++)
        if (df_ends_with(config, endings[i]))
            length -= strlen(endings[i]);
    return df_arena_copy(m->arena, base_of(config), length);
}

/* The name of the folder that a path is in; NULL if it says none, or when memory ran out. */
static const char *folder_of(const CliModels *m, const char *path)
{
    const char *end = base_of(path);
    if (end - path < 2)
        return NULL;
    const char *start = --end;
    while (start > path && start[-1] != '/')
        start--;
    return df_arena_copy(m->arena, start, (size_t)(end - start));
}

/* dat/config.py and swin/config.py are told apart by their folders. */
static bool differ_by_folder(const CliModels *m)
{
    bool differ = false;
    const char *file = base_of(m->model[0].config);
    const char *first = folder_of(m, m->model[0].config);
    for (size_t i = 0; i < m->n; i++) {
        const char *folder = folder_of(m, m->model[i].config);
        if (!first || !folder || strcmp(base_of(m->model[i].config), file) != 0)
            return false;
        differ = differ || strcmp(folder, first) != 0;
    }
    return differ;
}

static int find_stems(CliModels *m)
{
    const bool by_folder = differ_by_folder(m);
    for (size_t i = 0; i < m->n; i++) {
        CliModel *model = &m->model[i];
        model->stem = by_folder ? folder_of(m, model->config) : stem_of(m, model->config);
        if (!model->stem)
            return df_fail_memory("names");
    }
    return DF_OK;
}

/* The words of a stem that the other models do not all share; the whole stem if there are none. NULL when memory ran
 * out. */
static const char *own_name(const CliModels *m, const char *stem)
{
    const char *own = words(m, stem, is_own);
    return own && !own[0] ? stem : own;
}

int cli_models_name(CliModels *m)
{
    const int error = find_stems(m);
    if (error < 0)
        return error;
    for (size_t i = 0; i < m->n; i++) {
        CliModel *model = &m->model[i];
        if (!model->name && !(model->name = own_name(m, model->stem)))
            return df_fail_memory("names");
        if (!(model->family = words(m, model->name, is_no_size)))
            return df_fail_memory("names");
        if (!model->family[0])
            model->family = NULL;
    }
    return DF_OK;
}
