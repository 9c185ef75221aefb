/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/picture_uri.h -- a picture embedded in a page, as a data: URI.
 */
#ifndef DF_CLI_COMMON_PICTURE_URI_H
#define DF_CLI_COMMON_PICTURE_URI_H

#include "datasets/datasets.h"

/* The file that cli_picture_uri() makes, and makes anew each time, in its folder. */
#define CLI_PICTURE_FILE "picture.jpg"
extern const char *const cli_picture_files[]; /* up to NULL, for df_temporary_folder_for() */

/* "data:image/jpeg;base64,...", of a picture that is at most `most_width` pixels wide; df_free() it. `folder` is one of
 * df_temporary_folder_for(). */
int cli_picture_uri(const DfImage *, const char *folder, int most_width, int quality, char **uri);

#endif
