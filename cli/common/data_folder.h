/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/data_folder.h -- the option --data of commands that test a network: any folder of labelled pictures.
 */
#ifndef DF_CLI_DATA_FOLDER_H
#define DF_CLI_DATA_FOLDER_H

#include "cli/cli.h"

typedef struct {
    DfFolder *folder;
    char *made;            /* a temporary folder for what the folder lacks                                    */
    const char *data_dir;  /* the files of the config are below it; NULL: the config names them by now        */
} CliDataFolder;

/* Where DIR does not hold the files that the config names, but is a folder of labelled pictures as `deformer train
 * --data` takes it, its part for validation becomes the test set of the config, through cli.set. Annotations in COCO's
 * format that have to be made are written into `out_dir`, or else into a temporary folder. data_dir NULL: does nothing.
 * cli_data_folder_done() in every case, after the last use of the config. */
int cli_data_folder(CliDataFolder *, const char *config, const char *data_dir, const char *out_dir);
void cli_data_folder_done(CliDataFolder *); /* {0} is fine */

#endif
