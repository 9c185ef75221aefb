/* SPDX-License-Identifier: Apache-2.0
 *
 * train/found_objects.c -- annotation files in COCO's form somewhere below a folder, and the pictures they speak of.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "train/found.h"

enum { MOST_FILES = 256, MOST_CLASSES = 4096, DEPTH = 3 };

typedef struct {
    DfArena *arena;
    const char *folder;
    int n;
    const char *file[MOST_FILES];
} Search;

/* What an annotation file says at first sight. */
typedef struct {
    const char *picture;   /* the first file_name */
    int n_classes;
    const char **classes;
} Sight;

/* ---- files ------------------------------------------------------------------------------------------------------- */

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* JSON files of a folder, in their order by name, and of the folders in it. */
static int list_files(Search *s, const char *folder, int depth)
{
    struct dirent **entries = NULL;
    const int n = scandir(folder, &entries, NULL, by_name);
    int error = DF_OK;
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        char *path = error == DF_OK && name[0] != '.' ? df_arena_text(s->arena, "%s/%s", folder, name) : NULL;
        if (path && df_ends_with(name, ".json") && s->n < MOST_FILES)
            s->file[s->n++] = path;
        else if (path && depth > 1 && entries[i]->d_type != DT_REG && df_is_directory(path))
            error = list_files(s, path, depth - 1);
        free(entries[i]);
    }
    free(entries);
    return error;
}

/* ---- at first sight ---------------------------------------------------------------------------------------------- */

static int read_category(Sight *out, DfJson *json, DfArena *arena)
{
    DfJsonValue value;
    const char *name = NULL;
    DfJsonEvent event;
    while ((event = df_json_next(json, &value)) == DF_JSON_KEY) {
        const bool is_name = strcmp(value.text, "name") == 0;
        if (!is_name && df_json_skip(json) < 0)
            return DF_EFORMAT;
        if (is_name && df_json_next(json, &value) == DF_JSON_TEXT)
            name = df_arena_copy(arena, value.text, value.length);
    }
    if (event != DF_JSON_CLOSE || !name || out->n_classes == MOST_CLASSES)
        return df_fail(DF_EFORMAT, "%s: a category has no name", df_json_name(json));
    out->classes[out->n_classes++] = name;
    return DF_OK;
}

static int read_categories(Sight *out, DfJson *json, DfArena *arena)
{
    DfJsonValue value;
    int error = DF_OK;
    out->classes = df_arena_alloc(arena, MOST_CLASSES, sizeof *out->classes);
    if (!out->classes)
        return df_fail_memory("the classes");
    if (df_json_next(json, &value) != DF_JSON_ARRAY)
        return df_fail(DF_EFORMAT, "%s: \"categories\" is no list", df_json_name(json));
    while (error == DF_OK && df_json_next(json, &value) == DF_JSON_OBJECT)
        error = read_category(out, json, arena);
    return error;
}

/* The file_name of the first picture; the rest of the list is passed over. */
static int read_picture(Sight *out, DfJson *json, DfArena *arena)
{
    DfJson *ahead = NULL;
    DfJsonValue value;
    int error = df_json_fork(&ahead, json);
    bool more = error == DF_OK && df_json_next(ahead, &value) == DF_JSON_ARRAY &&
                df_json_next(ahead, &value) == DF_JSON_OBJECT;
    while (more && !out->picture && df_json_next(ahead, &value) == DF_JSON_KEY) {
        if (strcmp(value.text, "file_name") == 0 && df_json_next(ahead, &value) == DF_JSON_TEXT)
            out->picture = df_arena_copy(arena, value.text, value.length);
        else
            more = df_json_skip(ahead) == DF_OK;
    }
    df_json_close(ahead);
    return error == DF_OK ? df_json_skip(json) : error;
}

/* False for JSON of other kinds: captions, a config, results. */
static int look(Sight *out, bool *is_coco, const char *path, DfArena *arena)
{
    DfJson *json = NULL;
    DfJsonValue value;
    bool images = false;
    int error = df_json_open(&json, path);
    *out = (Sight){ 0 };
    bool more = error == DF_OK && df_json_next(json, &value) == DF_JSON_OBJECT;
    while (more && error == DF_OK && df_json_next(json, &value) == DF_JSON_KEY) {
        const bool categories = strcmp(value.text, "categories") == 0;
        const bool pictures = strcmp(value.text, "images") == 0;
        images |= pictures;
        if (categories)
            error = read_categories(out, json, arena);
        else
            error = pictures ? read_picture(out, json, arena) : df_json_skip(json);
    }
    *is_coco = images && out->classes;
    if (error == DF_OK && more)
        error = df_json_error(json);
    df_json_close(json);
    return error;
}

/* ---- which file is for what -------------------------------------------------------------------------------------- */

/* COCO has files of other tasks beside its boxes. */
static bool is_other_task(const char *path)
{
    return strstr(path, "keypoints") || strstr(path, "captions") || strstr(path, "panoptic") || strstr(path, "stuff") ||
           strstr(path, "image_info");
}

/* The first file whose path below the folder has one of the words. */
static const char *find_file(const Search *s, const char *const *words)
{
    for (; *words; words++)
        for (int i = 0; i < s->n; i++)
            if (strcasestr(s->file[i] + strlen(s->folder), *words))
                return s->file[i];
    return NULL;
}

/* Only annotations of objects stay in the list. Files that are no JSON are told when they are the only ones. */
static int keep_truths(Search *s)
{
    int n = 0;
    int last = DF_OK;
    for (int i = 0; i < s->n; i++) {
        Sight sight;
        bool is_coco = false;
        if (is_other_task(s->file[i] + strlen(s->folder)))
            continue;
        const int error = look(&sight, &is_coco, s->file[i], s->arena);
        last = error < 0 ? error : last;
        if (error == DF_OK && is_coco)
            s->file[n++] = s->file[i];
    }
    s->n = n;
    return n == 0 ? last : DF_OK;
}

/* ---- pictures ---------------------------------------------------------------------------------------------------- */

static const char *with_picture(Search *s, const char *folder, const char *picture)
{
    const char *path = df_arena_text(s->arena, "%s/%s", folder, picture);
    return path && df_is_file(path) ? folder : NULL;
}

/* A folder somewhere below that has the picture. */
static const char *search_picture(Search *s, const char *folder, const char *picture, int depth)
{
    struct dirent **entries = NULL;
    const char *found = with_picture(s, folder, picture);
    const int n = found || depth == 0 ? 0 : scandir(folder, &entries, NULL, by_name);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        const char *below = !found && name[0] != '.' && entries[i]->d_type != DT_REG
                                ? df_arena_text(s->arena, "%s/%s", folder, name) : NULL;
        if (below && df_is_directory(below))
            found = search_picture(s, below, picture, depth - 1);
        free(entries[i]);
    }
    free(entries);
    return found;
}

/* Beside the file; in a folder named as its split, as COCO has it (instances_val2017.json, val2017/); anywhere. */
static const char *find_pictures(Search *s, const char *file, const char *picture)
{
    const char *slash = strrchr(file, '/');
    const char *beside = df_arena_copy(s->arena, file, (size_t)(slash - file));
    const char *found = beside ? with_picture(s, beside, picture) : NULL;
    const char *split = strrchr(slash, '_');
    if (!found && split) {
        const char *named = df_arena_text(s->arena, "%s/%.*s", s->folder, (int)(strlen(split) - 6), split + 1);
        found = named ? with_picture(s, named, picture) : NULL;
    }
    return found ? found : search_picture(s, s->folder, picture, DEPTH);
}

static int open_split(DfFoundSplit *out, Search *s, const char *file, Sight *sight)
{
    bool is_coco;
    const int error = look(sight, &is_coco, file, s->arena);
    if (error < 0)
        return error;
    if (!sight->picture)
        return df_fail(DF_EVALUE, "%s: has no picture with a file_name", file);
    if (sight->n_classes == 0)
        return df_fail(DF_EVALUE, "%s: has no category", file);
    out->truth = file;
    out->images = find_pictures(s, file, sight->picture);
    if (!out->images)
        return df_fail(DF_EIO, "%s: its picture '%s' is nowhere below %s", file, sight->picture, s->folder);
    out->values[0] = out->truth;
    out->values[1] = out->images;
    return DF_OK;
}

int df_find_objects(DfFound *out, const char *folder, DfArena *arena)
{
    static const char *const training[] = { "instances_train", "train", NULL };
    static const char *const validation[] = { "instances_val", "val", "test", NULL };
    char *absolute = realpath(folder, NULL);
    Search s = { .arena = arena, .folder = absolute ? df_arena_copy(arena, absolute, strlen(absolute)) : NULL };
    Sight train, val;
    free(absolute);
    int error = s.folder ? list_files(&s, s.folder, DEPTH) : df_fail_errno("%s", folder);
    if (error == DF_OK)
        error = keep_truths(&s);
    if (error < 0)
        return error;
    if (s.n == 0)
        return df_fail(DF_EVALUE, "%s: has no annotation file in COCO's form (.json with images, annotations, categories)",
                       folder);
    const char *of_train = find_file(&s, training);
    const char *of_val = find_file(&s, validation);
    of_train = of_train ? of_train : s.file[0];
    if (!of_val || of_val == of_train)
        out->warning = "There is no validation set: scores are of the training pictures, which says little.";
    of_val = of_val ? of_val : of_train;
    error = open_split(&out->split[0], &s, of_train, &train);
    if (error == DF_OK)
        error = open_split(&out->split[1], &s, of_val, &val);
    out->type = "CocoDataset";
    out->keys[0] = "ann_file";
    out->keys[1] = "img_prefix";
    out->classes = train.classes;
    out->n_classes = train.n_classes;
    return error;
}
