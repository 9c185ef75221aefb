/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/folder/found.h -- private to datasets/folder/: what was found in a folder.
 */
#ifndef DF_DATASETS_FOLDER_FOUND_H
#define DF_DATASETS_FOLDER_FOUND_H

#include "datasets/coco.h"
#include "datasets/folder/folder.h"
#include "datasets/gather.h"

enum { DF_TRAINING, DF_VALIDATION, DF_PARTS };

/* The pictures of one part. */
typedef struct {
    int n;
    const char **name;      /* [n]: names that the list files and the split go by                       */
    const char *folder;     /* that the names are below                                                 */

    /* objects */
    DfCocoDataset *coco;    /* of all that a file holds; may be that of the other part                  */
    int *chosen;            /* [n]: numbers of its pictures                                             */
    bool whole;             /* all of the file's pictures: ann_file can be used as it is                */
    const char *ann_file;   /* or NULL: it has to be written; of classes: NULL if the folders say them  */

    /* label maps */
    const char *maps;       /* folder                                                                   */
    const char *suffix, *map_suffix;

    /* classes */
    int *label;             /* [n]                                                                      */
} DfFolderPart;

struct DfFolder {
    DfArena *arena;
    const char *dir;
    DfFolderForm form;
    DfLearning learning;
    DfClasses classes;
    DfFolderPart part[DF_PARTS];
    bool split;              /* the validation part was taken from the training part                    */
    bool ade;                /* label maps: ADE20K's own numbers                                        */
    bool masks;
    const char *words;       /* what it is, where the words of its kind are not exact                   */
    bool numbered;           /* classes have no names                                                   */
    bool wants_masks;        /* the network that learns or is scored predicts masks                      */
    int objects;
    char sentence[1024];
    const char **text;       /* settings */
    size_t n_text, text_capacity;
};

/* One form of folder: looks whether it is that. */
typedef struct {
    DfFolderForm form;
    DfLearning learning;
    const char *words;                                                  /* "COCO's format"                   */
    bool (*is_it)(const char *dir);
    int (*read)(DfFolder *, const char *dir);                           /* fills the parts and the classes   */
    int (*settings)(DfFolder *, int part, const char *at, const char *work_dir); /* at: "data.train"         */
} DfFolderKind;
extern const DfFolderKind df_folder_coco, df_folder_voc, df_folder_yolo, df_folder_maps, df_folder_class_folders;

/* Takes a validation part out of the training part, by names; everything in a part is divided with them. */
int df_folder_split(DfFolder *);

/* ---- paths ------------------------------------------------------------------------------------------------------ */

/* "a/b" below a folder, in the arena; NULL without memory. */
const char *df_folder_below(DfFolder *, const char *dir, const char *name);
/* The first of several names that is a folder below dir, or NULL. The list ends with NULL. */
const char *df_folder_first(const char *dir, const char *const *names);
bool df_folder_has(const char *dir, const char *name); /* a file or a folder */
extern const char *const df_training_names[], *const df_validation_names[];
/* The part that a file or folder name speaks of: DF_TRAINING, DF_VALIDATION or -1. */
int df_folder_part_of(const char *name);
/* Folders and files in dir itself, by name; suffix "" takes all. */
int df_folder_list(DfFolder *, const char *dir, const char *suffix, int *n, const char ***names);

/* ---- objects ---------------------------------------------------------------------------------------------------- */

/* All pictures of `coco` become a part. */
int df_folder_take(DfFolder *, int part, DfCocoDataset *coco, const char *pictures, const char *ann_file);
int df_folder_object_settings(DfFolder *, int part, const char *at, const char *work_dir);

/* ---- settings --------------------------------------------------------------------------------------------------- */

int df_folder_set_text(DfFolder *, const char *at, const char *key, const char *value); /* NULL: None */
int df_folder_set_literal(DfFolder *, const char *at, const char *key, const char *value);
int df_folder_set_classes(DfFolder *, const char *at);
bool df_folder_learning_of(const DfNode *config, DfLearning *out); /* false: its dataset does not tell */
int df_folder_settings_as(DfFolder *, const DfFolderKind *, const DfNode *config, const char *work_dir,
                          DfFolderSettings *out);
int df_folder_test_settings_as(DfFolder *, const DfFolderKind *, const DfNode *config, const char *work_dir,
                               DfFolderSettings *out);
/* The names of a part, one a line in work_dir, with their labels if it has any; *path is the file. */
int df_folder_write_list(DfFolder *, const DfFolderPart *, const char *work_dir, const char *file, const char **path);

#endif
