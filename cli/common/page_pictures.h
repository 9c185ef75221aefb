/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/page_pictures.h -- thumbnails for pages, made from a folder of pictures.
 */
#ifndef DF_CLI_COMMON_PAGE_PICTURES_H
#define DF_CLI_COMMON_PAGE_PICTURES_H

#include "eval/eval.h"

typedef struct {
    const char *images_dir;
    char *folder;           /* for one small file at a time */
} CliPagePictures;

/* images_dir NULL: there are no pictures. Close it even if it fails. */
int cli_page_pictures_open(CliPagePictures *, const char *images_dir);
void cli_page_pictures_close(CliPagePictures *);

/* A DfExplainThumbnail, whose `user` is a CliPagePictures. A picture that cannot be read is warned of, and is NULL. */
int cli_page_picture(void *user, const char *file_name, const double part[4], char **uri);

#endif
