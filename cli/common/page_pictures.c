/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/page_pictures.c -- thumbnails for pages, of whole pictures or parts of them.
 */
#include "cli/common/page_pictures.h"

#include <math.h>
#include <string.h>

#include "cli/common/picture_uri.h"
#include "datasets/datasets.h"

enum { WIDTH = 420, QUALITY = 72 };

int cli_page_pictures_open(CliPagePictures *p, const char *images_dir)
{
    *p = (CliPagePictures){ images_dir, NULL };
    if (images_dir)
        p->folder = df_temporary_folder_for(cli_picture_files);
    return !images_dir || p->folder ? DF_OK : DF_EIO;
}

void cli_page_pictures_close(CliPagePictures *p)
{
    if (p->folder)
        df_remove_folder(p->folder, cli_picture_files);
    df_free(p->folder);
    *p = (CliPagePictures){ 0 };
}

static int clamp(double x, int most)
{
    return x > 0 ? (int)fmin(x, most) : 0;
}

/* The rows and columns of `part`, at least one of each. */
static int cut(DfImage *out, const DfImage *image, const double part[4])
{
    const int x = clamp(floor(part[0]), image->width - 1);
    const int y = clamp(floor(part[1]), image->height - 1);
    const int width = clamp(round(part[2]), image->width - x);
    const int height = clamp(round(part[3]), image->height - y);
    const int error = df_image_new(out, height > 0 ? height : 1, width > 0 ? width : 1, image->channels);
    const size_t pixel = (size_t)image->channels;
    for (int row = 0; error == DF_OK && row < out->height; row++)
        memcpy(out->pixels + (size_t)row * (size_t)out->width * pixel,
               image->pixels + ((size_t)(y + row) * (size_t)image->width + (size_t)x) * pixel,
               (size_t)out->width * pixel);
    return error;
}

int cli_page_picture(void *user, const char *file_name, const double part[4], char **uri)
{
    const CliPagePictures *p = user;
    DfImage image = { 0 };
    DfImage piece = { 0 };
    *uri = NULL;
    if (!p->images_dir)
        return DF_OK;
    char *path = df_path_join(p->images_dir, file_name);
    int error = path ? df_image_read(&image, path) : df_fail_memory("a path");
    const bool unreadable = error == DF_EIO || error == DF_EFORMAT;
    if (unreadable) {
        df_log(DF_LOG_WARNING, "%s", df_error());
        error = DF_OK;
    }
    if (error == DF_OK && !unreadable && part)
        error = cut(&piece, &image, part);
    if (error == DF_OK && !unreadable)
        error = cli_picture_uri(part ? &piece : &image, p->folder, WIDTH, QUALITY, uri);
    df_image_free(&image);
    df_image_free(&piece);
    df_free(path);
    return error;
}
