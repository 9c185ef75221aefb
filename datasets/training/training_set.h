/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/training_set.h -- the data that a network learns from, as one object: n samples, each a picture
 * with its annotations, however many files, wrappers and lists of a config it consists of.
 *
 *     DfTrainingSet *set;
 *     df_training_set_new(&set, df_node_at(config, "data.train"), NULL);
 *     df_training_set_load(set, i, &image, &annotations);             from any thread
 *
 * Dicts of type CocoDataset, CustomDataset, ADE20KDataset and ImageNet, also with lists of several annotation files or
 * folders; around them RepeatDataset, ClassBalancedDataset (Gupta, Dollar and Girshick, CVPR 2019), ConcatDataset or a
 * plain list, and MultiImageMixDataset; all with the keys of mmdet 2.x or 3.x. Pictures without objects and small ones
 * are left out as those say. A set is read-only once made.
 */
#ifndef DF_DATASETS_TRAINING_TRAINING_SET_H
#define DF_DATASETS_TRAINING_TRAINING_SET_H

#include "boxes/boxes.h"
#include "config/config.h"
#include "datasets/classes.h"
#include "datasets/image/image.h"

DF_BEGIN_DECLS

/* What is known of every picture. */
typedef enum {
    DF_LEARN_OBJECTS,     /* boxes and labels, perhaps masks  */
    DF_LEARN_LABEL_MAPS,  /* a class for every pixel          */
    DF_LEARN_IMAGE_CLASS  /* one class for the whole          */
} DfLearning;

typedef struct DfTrainingSet DfTrainingSet;

/* `dataset` is a dict or a list of dicts and must outlive the set. `data_dir` (or NULL) is the root of the data in
 * place of the config's: of "data/coco/train2017" the longest tail that exists under it is taken. Masks are read if
 * the pipeline's LoadAnnotations wants them (with_mask). A set of no sample is DF_EVALUE. */
DF_API int df_training_set_new(DfTrainingSet **out, const DfNode *dataset, const char *data_dir);
/* The same with masks, whatever the pipeline wants: to draw them. DF_EVALUE: no object has one. */
DF_API int df_training_set_with_masks(DfTrainingSet **out, const DfNode *dataset, const char *data_dir);
/* data.train of a config. */
DF_API int df_training_set_of_config(DfTrainingSet **out, const DfNode *config, const char *data_dir);
DF_API void df_training_set_free(DfTrainingSet *); /* NULL is fine */

DF_API int df_training_set_count(const DfTrainingSet *);                  /* samples, repeated ones too  */
DF_API DfLearning df_training_set_learning(const DfTrainingSet *);
DF_API const DfClasses *df_training_set_classes(const DfTrainingSet *);   /* n 0: the config names none  */
DF_API bool df_training_set_has_masks(const DfTrainingSet *);             /* they were asked for         */
DF_API const char *df_training_set_path(const DfTrainingSet *, int i);    /* of the picture of sample i  */

/* Which picture of the set it is: repeated samples have the same number, 0 .. df_training_set_pictures() - 1. */
DF_API int df_training_set_picture(const DfTrainingSet *, int i);
DF_API int df_training_set_pictures(const DfTrainingSet *);

/* Width and height as the annotation file has them, or else as the picture's file says, which is then opened. */
DF_API int df_training_set_size(const DfTrainingSet *, int i, int *height, int *width);

/* What is known of sample i, whose picture is height x width, in pixels of it.
 *
 * Objects as mmdet takes them (CocoDataset._parse_ann_info): without those that are flagged "ignore", lie outside of
 * the picture, have no area, a side below one pixel, or a class that is not learnt. Crowds have `crowd` and `ignore`.
 * A label map is as the pipeline takes it: renumbered, and with the dataset's reduce_zero_label done (0 becomes 255, k
 * becomes k - 1) unless the pipeline's LoadAnnotations is told to do it; a label beyond the classes is DF_EVALUE. A
 * label map of another size, and files that cannot be read, are errors that name the file. df_annotations_done() the
 * result. */
DF_API int df_training_set_annotations(const DfTrainingSet *, int i, int height, int width, DfAnnotations *out);

/* Both; on failure both are empty. */
DF_API int df_training_set_load(const DfTrainingSet *, int i, DfImage *image, DfAnnotations *annotations);

/* Pipelines: each of the datasets within has its own. MultiImageMixDataset adds one, which works on the outcome of the
 * others (Mosaic, MixUp). NULL: there is none. */
DF_API int df_training_set_sources(const DfTrainingSet *);                 /* datasets within             */
DF_API int df_training_set_source(const DfTrainingSet *, int i);           /* that sample i is of         */
DF_API const DfNode *df_training_set_pipeline(const DfTrainingSet *, int source);
DF_API const DfNode *df_training_set_mix_pipeline(const DfTrainingSet *);

DF_END_DECLS

#endif
