/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/picture_uri.c -- a picture embedded in a page.
 */
#include "cli/common/picture_uri.h"

const char *const cli_picture_files[] = { CLI_PICTURE_FILE, NULL };

static int encode(const char *path, char **uri)
{
    DfFile file;
    DfTextbuf text = { 0 };
    const int error = df_file_open(&file, path, DF_IMAGE_MAX_FILE);
    if (error < 0)
        return error;
    df_textbuf_add(&text, "data:image/jpeg;base64,");
    df_textbuf_base64(&text, file.data, file.size);
    df_file_close(&file);
    return df_textbuf_take(&text, uri);
}

int cli_picture_uri(const DfImage *image, const char *folder, int most_width, int quality, char **uri)
{
    DfImage small = { 0 };
    const int width = image->width < most_width ? image->width : most_width;
    const int height = (int)((long)image->height * width / image->width);
    char *path = df_path_join(folder, CLI_PICTURE_FILE);
    *uri = NULL;
    int error = path ? df_resize_cv2(&small, image, height > 0 ? height : 1, width) : df_fail_memory("a path");
    if (error == DF_OK)
        error = df_image_write(&small, path, quality);
    if (error == DF_OK)
        error = encode(path, uri);
    df_image_free(&small);
    df_free(path);
    return error;
}
