/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/label_map.c -- writes the classes of a picture's pixels as a PNG file.
 */
#include "inference/label_map.h"

#include <stdio.h>
#include <string.h>

#include "datasets/datasets.h"

int df_label_map_path(char **out, const char *folder, const char *name)
{
    const size_t size = strlen(name) + sizeof ".png";
    char *file = df_malloc(size);
    *out = NULL;
    if (!file)
        return df_fail_memory("a path");
    snprintf(file, size, "%s.png", name);
    const int error = df_path_below(out, folder, file);
    df_free(file);
    return error;
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
    char *path;
    int error = df_label_map_path(&path, folder, name);
    if (error == DF_OK)
        error = df_image_new(&map, height, width, 1);
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
