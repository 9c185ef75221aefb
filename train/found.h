/* SPDX-License-Identifier: Apache-2.0
 *
 * train/found.h -- private: what a folder of labelled pictures holds.
 */
#ifndef DF_TRAIN_FOUND_H
#define DF_TRAIN_FOUND_H

#include "core/core.h"

typedef enum { DF_FOUND_OBJECTS, DF_FOUND_LABEL_MAPS, DF_FOUND_FOLDERS } DfFoundKind;

enum { DF_FOUND_KEYS = 4 };
typedef struct {
    const char *values[DF_FOUND_KEYS];  /* of the data set's dict, in the order of DfFound.keys  */
    const char *truth, *images;         /* of objects: annotation file and folder of pictures    */
} DfFoundSplit;

typedef struct {
    const char *type;                   /* of the dict: "CocoDataset"                            */
    const char *keys[DF_FOUND_KEYS];    /* "ann_file", "img_prefix"; NULL behind the last        */
    DfFoundSplit split[2];              /* training, validation                                  */
    int n_classes;
    const char **classes;               /* their names                                           */
    bool label_maps;
    const char *warning;                /* a sentence, or NULL                                   */
} DfFound;

/* Everything in *out is the arena's; paths are absolute. */
int df_find_data(DfFound *out, const char *folder, DfFoundKind, DfArena *arena);

/* found_objects.c, found_maps.c */
int df_find_objects(DfFound *out, const char *folder, DfArena *arena);
int df_find_label_maps(DfFound *out, const char *folder, DfArena *arena);
int df_find_folders(DfFound *out, const char *folder, DfArena *arena);

#endif
