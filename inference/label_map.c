/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/label_map.c -- the classes of a picture's pixels as a PNG file.
 */
#include "inference/label_map.h"

#include <stdio.h>
#include <string.h>

#include "datasets/datasets.h"

char *df_label_map_path(const char *folder, const char *name)
{
    char *stem = df_path_join(folder, name);
    char *path = stem ? df_malloc(strlen(stem) + sizeof ".png") : NULL;
    if (path)
        snprintf(path, strlen(stem) + sizeof ".png", "%s.png", stem);
    else
        df_fail_memory("a path");
    df_free(stem);
    return path;
}

static int make_folder_of(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        return DF_OK;
    *slash = 0;
    const int error = path[0] ? df_make_directory(path) : DF_OK;
    *slash = '/';
    return error;
}

int df_label_map_write(const char *folder, const char *name, const uint16_t *labels, int height, int width, int first)
{
    DfImage map = { 0 };
    char *path = df_label_map_path(folder, name);
    int error = path ? df_image_new(&map, height, width, 1) : DF_ENOMEM;
    for (size_t i = 0; error == DF_OK && i < (size_t)height * (size_t)width; i++)
        map.pixels[i] = (uint8_t)(labels[i] + first);
    if (error == DF_OK)
        error = make_folder_of(path);
    if (error == DF_OK)
        error = df_image_write(&map, path, 0);
    df_image_free(&map);
    df_free(path);
    return error;
}
