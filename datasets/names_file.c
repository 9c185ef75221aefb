/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/names_file.c -- reads names of classes from a file: one a line, with or without a leading synset as in
 * Caffe's synset_words.txt; or JSON, as Keras, torchvision and transformers write them.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/dataset_config.h"

enum { MOST_NAMES = 1 << 20, SYNSET = 9 }; /* "n01440764" */

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static bool begins_with_synset(const char *line)
{
    int digits = 0;
    while (line[0] == 'n' && isdigit((unsigned char)line[1 + digits]))
        digits++;
    return digits == SYNSET - 1 && line[SYNSET] == ' ' && line[SYNSET + 1];
}

static int read_lines(DfNames *out, const char *path, DfArena *arena)
{
    const int error = df_dataset_lines(out, path, arena);
    bool synsets = error == DF_OK;
    for (int i = 0; synsets && i < out->n; i++)
        synsets = begins_with_synset(out->name[i]);
    for (int i = 0; synsets && i < out->n; i++)
        out->name[i] += SYNSET + 1;
    return error;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

typedef struct {
    DfJson *json;
    DfArena *arena;
    char **name; /* by label; NULL: not met yet */
    size_t capacity;
    int n;
} Names;

static int wrong(const Names *t, DfJsonEvent event)
{
    if (event == DF_JSON_ERROR)
        return df_json_error(t->json);
    return df_json_fail(t->json, DF_EFORMAT, "want a list of names, or {\"0\": NAME, ...}");
}

static int put(Names *t, long label, const char *text)
{
    if (label < 0 || label >= MOST_NAMES)
        return df_json_fail(t->json, DF_EVALUE, "label %ld: want 0 to %d", label, MOST_NAMES - 1);
    for (; t->n <= label; t->n++) {
        if (!df_grow((void **)&t->name, &t->capacity, (size_t)t->n, sizeof *t->name))
            return df_fail_memory("class names");
        t->name[t->n] = NULL;
    }
    t->name[label] = df_arena_copy(t->arena, text, strlen(text));
    return t->name[label] ? DF_OK : df_fail_memory("class names");
}

/* A text, or Keras' ["n01440764", "tench"], of which the last text counts. */
static int take_value(Names *t, long label)
{
    DfJsonValue v;
    DfJsonEvent event = df_json_next(t->json, &v);
    if (event == DF_JSON_TEXT)
        return put(t, label, v.text);
    if (event != DF_JSON_ARRAY)
        return wrong(t, event);
    int error = DF_OK;
    while (error == DF_OK && (event = df_json_next(t->json, &v)) == DF_JSON_TEXT)
        error = put(t, label, v.text);
    return error < 0 || event == DF_JSON_CLOSE ? error : wrong(t, event);
}

static int read_dict(Names *t);

/* Of a config.json of transformers the names alone. */
static int take_key(Names *t, const char *key)
{
    char *end;
    const long label = strtol(key, &end, 10);
    if (end != key && !*end)
        return take_value(t, label);
    if (strcmp(key, "id2label") != 0)
        return df_json_skip(t->json);
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(t->json, &v);
    return event == DF_JSON_OBJECT ? read_dict(t) : wrong(t, event);
}

static int read_dict(Names *t)
{
    DfJsonValue v;
    DfJsonEvent event;
    int error = DF_OK;
    while (error == DF_OK && (event = df_json_next(t->json, &v)) == DF_JSON_KEY)
        error = take_key(t, v.text);
    return error < 0 || event == DF_JSON_CLOSE ? error : wrong(t, event);
}

static int read_list(Names *t)
{
    DfJsonValue v;
    DfJsonEvent event;
    int error = DF_OK;
    while (error == DF_OK && (event = df_json_next(t->json, &v)) == DF_JSON_TEXT)
        error = put(t, t->n, v.text);
    return error < 0 || event == DF_JSON_CLOSE ? error : wrong(t, event);
}

static int read_whole(Names *t)
{
    DfJsonValue v;
    DfJsonEvent event = df_json_next(t->json, &v);
    if (event != DF_JSON_ARRAY && event != DF_JSON_OBJECT)
        return wrong(t, event);
    int error = event == DF_JSON_ARRAY ? read_list(t) : read_dict(t);
    if (error == DF_OK && (event = df_json_next(t->json, &v)) != DF_JSON_END)
        error = wrong(t, event);
    if (error == DF_OK && t->n == 0)
        error = df_json_fail(t->json, DF_EVALUE, "no class: want a list of names, or {\"0\": NAME, ...}");
    for (int i = 0; error == DF_OK && i < t->n; i++)
        if (!t->name[i])
            error = df_json_fail(t->json, DF_EVALUE, "no name for label %d, and one for label %d", i, t->n - 1);
    return error;
}

static int read_json(DfNames *out, const char *path, DfArena *arena)
{
    Names t = { .arena = arena };
    int error = df_json_open(&t.json, path);
    if (error < 0)
        return error;
    error = read_whole(&t);
    df_json_close(t.json);
    out->name = error == DF_OK ? df_arena_alloc(arena, (size_t)t.n, sizeof *out->name) : NULL;
    if (error == DF_OK && !out->name)
        error = df_fail_memory("class names");
    for (; error == DF_OK && out->n < t.n; out->n++)
        out->name[out->n] = t.name[out->n];
    df_free(t.name);
    return error;
}

int df_dataset_names_of_file(DfNames *out, const char *path, DfArena *arena)
{
    *out = (DfNames){ 0 };
    return df_ends_with(path, ".json") ? read_json(out, path, arena) : read_lines(out, path, arena);
}

int df_class_names_read(DfClasses *out, const char *path, DfArena *arena)
{
    DfNames names;
    const int error = df_dataset_names_of_file(&names, path, arena);
    *out = (DfClasses){ .n = error == DF_OK ? names.n : 0, .name = (const char *const *)names.name };
    return error;
}
