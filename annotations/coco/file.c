/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/coco/file.c -- the outermost level of the files: an object with three lists, or one list.
 */
#include <stdio.h>
#include <string.h>

#include "annotations/coco/reader.h"

/* The reader's own sentence stands if the text is no JSON. */
static int wrong(DfJson *json, const DfCocoFile *file, DfJsonEvent event, const char *list, const char *sentence)
{
    if (event == DF_JSON_ERROR)
        return df_json_error(json);
    return file->wrong ? file->wrong(file->arg, json, list, sentence) : df_json_fail(json, DF_EFORMAT, "%s", sentence);
}

/* `met`: a bit for each list that has come so far. */
static int read_list(DfJson *json, const DfCocoFile *file, DfCocoList list, const char *name, unsigned *met)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(json, &v);
    char sentence[64];
    int error = DF_OK;
    if (event == DF_JSON_ARRAY && file->again && (*met & 1u << list))
        error = file->again(file->arg, list, json);
    *met |= 1u << list;
    if (event == DF_JSON_ARRAY)
        return error == DF_OK ? file->list(file->arg, list, json) : error;
    snprintf(sentence, sizeof sentence, "\"%s\" is not an array", name);
    return wrong(json, file, event, name, sentence);
}

int df_coco_stream_truth(DfJson *json, const DfCocoFile *file)
{
    DfJsonValue v;
    DfJsonEvent event = df_json_next(json, &v);
    unsigned met = 0;
    int error = DF_OK;
    if (event != DF_JSON_OBJECT)
        return wrong(json, file, event, "",
                     "want a COCO annotation file: an object with images, annotations and categories");
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_KEY) {
        if (df_coco_is(&v, "images"))
            error = read_list(json, file, DF_COCO_IMAGES, "images", &met);
        else if (df_coco_is(&v, "categories"))
            error = read_list(json, file, DF_COCO_CATEGORIES, "categories", &met);
        else if (df_coco_is(&v, "annotations"))
            error = read_list(json, file, DF_COCO_ANNOTATIONS, "annotations", &met);
        else
            error = file->other ? file->other(file->arg, json, &v) : df_json_skip(json);
    }
    if (error != DF_OK)
        return error;
    return event == DF_JSON_CLOSE && df_json_next(json, &v) == DF_JSON_END ? DF_OK : df_json_error(json);
}

int df_coco_stream_results(DfJson *json, const DfCocoFile *file)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(json, &v);
    if (event != DF_JSON_ARRAY)
        return wrong(json, file, event, "", "want COCO results: an array of detections");
    const int error = file->list(file->arg, DF_COCO_RESULTS, json);
    if (error != DF_OK)
        return error;
    return df_json_next(json, &v) == DF_JSON_END ? DF_OK : df_json_error(json);
}

static bool is_between(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == ':';
}

/* Whether a key is there with another value than a number: what counts images is no list of them. */
static bool has_list(const DfFile *file, const char *key)
{
    const size_t n = strlen(key);
    for (size_t i = 0; i + n <= file->size; i++) {
        size_t at = i + n;
        if (memcmp(file->data + i, key, n) != 0)
            continue;
        while (at < file->size && is_between(file->data[at]))
            at++;
        if (at == file->size || file->data[at] < '0' || file->data[at] > '9')
            return true;
    }
    return false;
}

/* Scores of single images ({"type": "miou", "num_classes": .., "images": [..]}) say what they are at the beginning. */
static bool is_scores(const DfFile *file)
{
    static const char front[] = "{\"type\": \"";
    return file->size >= sizeof front - 1 && memcmp(file->data, front, sizeof front - 1) == 0;
}

bool df_coco_is_truth(const char *path)
{
    DfFile file;
    const int error = df_file_head(&file, path, 1 << 20);
    if (error < 0)
        return error == DF_ENOMEM; /* who reads it then sees what it is, and nothing is left out in silence */
    const bool found = !is_scores(&file) && (has_list(&file, "\"images\"") || has_list(&file, "\"annotations\"") ||
                                             has_list(&file, "\"categories\""));
    df_file_close(&file);
    return found;
}
