/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/files.c -- files for readers that take paths.
 */
#define _XOPEN_SOURCE 700
#include "tests/fuzz/files.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "datasets/image/image_file.h"

static char *folder;

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info, (void)kind, (void)at;
    remove(path);
    return 0;
}

static void remove_all(void)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    df_free(folder);
}

const char *fuzz_path(const char *name)
{
    static char paths[16][512];
    static unsigned next;
    if (!folder) {
        folder = df_temporary_folder();
        if (!folder)
            abort();
        atexit(remove_all);
    }
    char *path = paths[next++ % 16];
    snprintf(path, sizeof *paths, "%s/%s", folder, name);
    return path;
}

void fuzz_write(const char *name, const void *bytes, size_t size)
{
    const char *path = fuzz_path(name);
    FILE *file = fopen(path, "wb");
    if (!file) {
        char on_the_way[512];
        snprintf(on_the_way, sizeof on_the_way, "%s", path);
        *strrchr(on_the_way, '/') = '\0';
        if (df_make_directory(on_the_way) < 0 || !(file = fopen(path, "wb")))
            abort();
    }
    if (size && fwrite(bytes, 1, size, file) != size)
        abort();
    fclose(file);
}

void fuzz_write_text(const char *name, const char *text)
{
    fuzz_write(name, text, strlen(text));
}

void fuzz_divide(const uint8_t *data, size_t size, const char *const *names, int n)
{
    for (int i = 0; i < n; i++) {
        const uint8_t *zero = size && i < n - 1 ? memchr(data, 0, size) : NULL;
        const size_t part = zero ? (size_t)(zero - data) : size;
        fuzz_write(names[i], data, part);
        data += zero ? part + 1 : part;
        size -= zero ? part + 1 : part;
    }
}

void fuzz_write_picture(const char *name, int height, int width, int channels)
{
    DfImage image;
    fuzz_write(name, "", 0); /* makes the folders */
    if (df_image_new(&image, height, width, channels) < 0)
        abort();
    for (size_t i = 0; i < df_image_bytes(&image); i++)
        image.pixels[i] = (uint8_t)(channels == 1 ? i % 4 : i * 37 % 251);
    if (df_image_write(&image, fuzz_path(name), 90) < 0)
        abort();
    df_image_free(&image);
}

int fuzz_lines(const uint8_t *data, size_t size, const char *lines[FUZZ_LINES])
{
    static char text[FUZZ_LINES][256];
    int n = 0;
    for (size_t at = 0; at < size && n < FUZZ_LINES; n++) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        const size_t length = end ? (size_t)(end - data) - at : size - at;
        snprintf(text[n], sizeof *text, "%.*s", (int)(length < 250 ? length : 250), (const char *)data + at);
        lines[n] = text[n];
        at += length + 1;
    }
    return n;
}
