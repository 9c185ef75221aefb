/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/classification.h -- pictures that have one class each, as mmpretrain's ImageNet and torchvision's
 * ImageFolder see them: a folder for every class, or a list of files with their labels.
 */
#ifndef DF_DATASETS_CLASSIFICATION_H
#define DF_DATASETS_CLASSIFICATION_H

#include "config/config.h"
#include "datasets/classes.h"

DF_BEGIN_DECLS

enum { DF_IMAGENET_CLASSES = 1000 };
DF_API extern const char *const df_imagenet_classes[DF_IMAGENET_CLASSES]; /* WordNet's words, in order of the labels */
DF_API extern const uint16_t df_imagenet_of_devkit[DF_IMAGENET_CLASSES];  /* the label of ILSVRC2012_ID i + 1       */

/* Everything lives until df_classification_free(). */
typedef struct {
    DfArena *arena;
    const char *folder;     /* of the pictures                                              */
    int n;
    const char **picture;   /* [n]: whole paths; class by class, then by name               */
    int *label;             /* [n]: 0 .. classes.n - 1                                      */
    DfClasses classes;      /* names: of the config, or else of the folders in their order  */
    const char *list;       /* that says the labels; NULL: the folders do                   */
    bool numbered;          /* nothing named the classes: they are 0, 1, .. to the last label that is met */
} DfClassification;

/* Pictures in the folders of `folder`, and in folders of these: each folder is a class. Pictures in no folder have
 * their classes in a list beside them (val.txt beside val/, the devkit of ImageNet). `ann_file` is such a list, or
 * NULL: "path label" a line, or "path" where the path begins with the class's folder, or "label" for the pictures in
 * the order of their names; those of ILSVRC2012_validation_ground_truth.txt are the devkit's ids. With n `classes` these
 * are the classes in the order of the labels; n = 0: the folders, sorted by their bytes. */
DF_API int df_classification_open(DfClassification **out, const char *folder, const char *ann_file,
                                  const char *const *classes, int n);
DF_API void df_classification_free(DfClassification *); /* NULL is fine */

/* What a config's dataset dict names, of type ImageNet: data_prefix, ann_file, data_root, classes. `data_dir` as in
 * df_segmentation_from_config(). With `names` (or NULL) these are the classes, whatever the dict says. */
DF_API int df_classification_from_config(DfClassification **out, const DfNode *dataset, const char *data_dir,
                                         const DfClasses *names);

/* The class names that such a dict gives, without looking for its pictures; n = 0: none. */
DF_API int df_classification_classes(DfClasses *out, const DfNode *dataset, DfArena *arena);

/* The test pipeline of a config that has none, in Python's words, as the official code of DAT,
 * Swin and PVT has it (and torchvision for ResNet): the shorter side to 256 / 224 of the
 * network's img_size by Pillow, and the middle of that. */
DF_API void df_classification_usual_pipeline(DfTextbuf *out, const DfNode *config);

DF_END_DECLS

#endif
