/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/folder/folder.h -- any folder of labelled pictures: its format, classes and parts, and the config settings
 * for it.
 *
 *     DfFolder *folder;
 *     df_folder_open(&folder, "my_pictures");             reads all annotations
 *     puts(df_folder_sentence(folder));                   "my_pictures: COCO's format, 205 pictures to train on, ..."
 *     df_folder_settings(folder, config, "work_dir", &settings);          "--data data.train.ann_file=...", ..
 *     df_folder_free(folder);
 *
 * The formats, in the order in which they are tried; DIR is the folder, or the only folder in it:
 *
 *     COCO         *.json in DIR/annotations or DIR, or DIR/{train,valid}/_annotations.coco.json (Roboflow)
 *     PASCAL VOC   *.xml in DIR/Annotations and DIR/JPEGImages, ImageSets/Main; or XML files beside the pictures;
 *                  masks in DIR/SegmentationObject
 *     YOLO         *.txt in DIR/labels and DIR/images, or both in DIR/{train,valid}; data.yaml or classes.txt
 *     label maps   pictures in DIR/images, PNG maps of the same names in DIR/annotations, masks, labels, ...;
 *                  by part in images/train and annotations/train, train/images and train/annotations, or
 *                  train and annotations/train
 *     classes      a folder of pictures for each class in DIR, or in DIR/train and DIR/val; or pictures in DIR/val or
 *                  DIR with a list of their classes beside them (val.txt, ILSVRC2012_validation_ground_truth.txt)
 *
 * Parts for training and validation are recognised by their names (train, train2017, val, valid, validation, ...). If
 * there is no part for validation, a fifth of the pictures is used: those whose names have the smallest hash, which are
 * the same every time.
 */
#ifndef DF_DATASETS_FOLDER_FOLDER_H
#define DF_DATASETS_FOLDER_FOLDER_H

#include "datasets/training/training_set.h"

DF_BEGIN_DECLS

typedef enum {
    DF_FOLDER_COCO,
    DF_FOLDER_VOC,
    DF_FOLDER_YOLO,
    DF_FOLDER_LABEL_MAPS,
    DF_FOLDER_CLASSES
} DfFolderForm;

typedef struct DfFolder DfFolder;

/* DF_EVALUE: the format is unknown. Errors in annotations name the file and line. */
DF_API int df_folder_open(DfFolder **out, const char *dir);
/* The same for a config: if a folder has both objects and label maps, a config of a segmentor gets the label maps.
 * (Configs of classifiers have no such preference, because subfolders could be mistaken for classes.) A config with a
 * mask head gets the pictures of VOC's ImageSets/Segmentation, whose objects have masks. */
DF_API int df_folder_open_for(DfFolder **out, const char *dir, const DfNode *config);
DF_API void df_folder_free(DfFolder *); /* NULL is fine */

DF_API DfFolderForm df_folder_form(const DfFolder *);
DF_API DfLearning df_folder_learning(const DfFolder *);
DF_API const DfClasses *df_folder_classes(const DfFolder *);  /* without colours                     */
DF_API int df_folder_training(const DfFolder *);              /* pictures to train on                */
DF_API int df_folder_validation(const DfFolder *);            /* and to validate on                  */
DF_API bool df_folder_has_masks(const DfFolder *);            /* some objects have one               */
DF_API const char *df_folder_sentence(const DfFolder *);      /* a description, in one sentence      */

/* The folder as settings of a config, "--data data.train.ann_file='...'": n texts for df_config_read(), which live as
 * long as the folder. They change data.train, data.val and data.test (inside wrappers, the dataset itself); pipelines
 * stay, except reduce_zero_label in them. A config without a dataset gets one; a classifier without a pipeline gets
 * timm's, for pictures of the backbone's img_size. DF_EVALUE: a list of datasets, or a config of another task.
 * Annotations in COCO's format and lists of pictures that the folder lacks are written into `work_dir`. */
typedef struct {
    int n;
    const char **text;
} DfFolderSettings;
DF_API int df_folder_settings(DfFolder *, const DfNode *config, const char *work_dir, DfFolderSettings *out);

/* The same for a trained network: the validation part becomes data.test, and the classes of the config stay, because
 * their order is that of the network. DF_EVALUE also if the folder has objects, but none of these classes. */
DF_API int df_folder_test_settings(DfFolder *, const DfNode *config, const char *work_dir, DfFolderSettings *out);
/* Whether all files and folders of the config's test set are below `data_dir`, so that no settings are needed. */
DF_API bool df_folder_has_test(const DfNode *config, const char *data_dir);

DF_END_DECLS

#endif
