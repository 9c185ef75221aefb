/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/coco.h -- a COCO annotation file (instances_*.json) and its folder of pictures, as mmdet's CocoDataset
 * sees them.
 */
#ifndef DF_DATASETS_COCO_H
#define DF_DATASETS_COCO_H

#include "boxes/boxes.h"
#include "config/config.h"
#include "datasets/classes.h"
#include "datasets/parts.h"

DF_BEGIN_DECLS

enum { DF_COCO_CLASSES = 80 };
DF_API extern const char *const df_coco_classes[DF_COCO_CLASSES]; /* CocoDataset.CLASSES, in order of the labels */
DF_API int df_coco_category_id(int label); /* of label 0..79 in COCO's own files: 1..90 with gaps */

typedef struct {
    int64_t id;
    int height, width; /* 0 where the file does not tell */
    const char *file_name;
    int first, n;      /* its boxes, in the order of the file */
} DfCocoImage;

typedef struct {
    int64_t id, image_id, category_id;
    double bbox[4];    /* x y width height, pixels */
    double area;       /* of the box, where the file has none */
    int label;         /* of the category, -1 if the config leaves it out */
    bool crowd, ignore;
    DfObjectMask mask; /* if masks were asked for    */
} DfCocoBox;

typedef struct {
    int64_t id;
    const char *name;
    int label;         /* -1: not among the classes */
} DfCocoCategory;

/* By what rule detections are scored. */
typedef enum {
    DF_SCORED_COCO,  /* COCO's twelve numbers */
    DF_SCORED_LVIS,  /* the same over federated annotations: LVIS */
    DF_SCORED_VOC, /* PASCAL VOC's, boxes one pixel wider: eleven points for 2007, the area under the curve for 2012 */
    DF_SCORED_MAP    /* mmdet's mAP of its CustomDataset: the area under the curve */
} DfObjectScoring;

/* Everything lives until df_coco_dataset_free(). */
typedef struct {
    DfArena *arena;
    const char *path;             /* of the annotation file                                                   */
    int n_images, n_boxes, n_categories, n_classes;
    DfCocoImage *images;          /* in the order of the file, which is mmdet's order                          */
    DfCocoBox *boxes;             /* grouped by image                                                          */
    DfCocoCategory *categories;
    const char **classes;         /* n_classes: the name of each label                                         */
    int64_t *category_ids;        /* n_classes: the category of each label, for results                        */
    const char **picture;         /* n_images: path of each picture                                            */
    bool has_masks;               /* they were asked for                                                       */

    /* what a config's dict says */
    DfObjectScoring scoring;
    bool eleven_points;           /* of VOC: the rule of 2007                                                  */
    bool is_file;                 /* `path` is an annotation file of COCO's kind that holds just this          */
    int n_parts;                  /* at least 1: the datasets of which this one is made                        */
    const DfDatasetPart *part;    /* [n_parts]                                                                 */
} DfCocoDataset;

enum { DF_COCO_OWN_CLASSES = -1 };

/* `classes` are the n names a detector knows; n = 0 takes the 80 of COCO, and then a category beyond them is
 * an error; n = DF_COCO_OWN_CLASSES takes all categories of the file. Every class must be among the file's
 * categories. Labels follow the order of the file's categories, as mmdet 2.x numbers them. `image_dir` is
 * put in front of the file names ("" for none). */
DF_API int df_coco_dataset_open(DfCocoDataset **out, const char *ann_file, const char *image_dir,
                                const char *const *classes, int n);
DF_API int df_coco_dataset_open_json(DfCocoDataset **out, DfJson *json, const char *image_dir,
                                     const char *const *classes, int n); /* from an open reader */
/* The same, and with the mask of every object, as polygons or runs as the file has it: for training. An object whose
 * "segmentation" is missing, null or empty has none. */
DF_API int df_coco_dataset_open_masks(DfCocoDataset **out, const char *ann_file, const char *image_dir,
                                      const char *const *classes, int n);
DF_API int df_coco_dataset_open_masks_json(DfCocoDataset **out, DfJson *json, const char *image_dir,
                                           const char *const *classes, int n);
DF_API void df_coco_dataset_free(DfCocoDataset *); /* NULL is fine */

/* What is known of image i, in pixels of the picture: its boxes in the order of the file, x1 y1 x2 y2 in float32,
 * labels (-1: a class that the config leaves out), ids, areas, crowd and ignore, and masks if they were asked for.
 * df_annotations_done() the result. */
DF_API int df_coco_dataset_annotations(const DfCocoDataset *, int i, DfAnnotations *out);

/* Writes the n pictures images[i], all that is known of them, and all categories as an annotation file. */
DF_API int df_coco_dataset_write(const DfCocoDataset *, const int *images, int n, const char *path);

/* Labels become the categories' ids, 0..n-1, as DETR has them; ids without a category are called "N/A". */
DF_API int df_coco_dataset_label_by_id(DfCocoDataset *, int n);

/* The options of a dataset dict (data.test): ann_file, img_prefix, data_root, classes, ... */
DF_API extern const DfOpt df_coco_opts[];

/* Opens what a config's dataset dict names: a file of COCO's kind, PASCAL VOC's XML files (XMLDataset), or mmdet's
 * middle format (CustomDataset). Lists of annotation files, lists of datasets and ConcatDataset follow one another as
 * one set with ids of its own, if they have the same classes and rules; wrappers that repeat pictures in training do
 * nothing. `data_dir` (or NULL) is the root of the data, in place of the config's: of
 * "data/coco/annotations/instances_val2017.json" the longest tail that exists under it is taken. */
DF_API int df_coco_dataset_from_config(DfCocoDataset **out, const DfNode *dataset, const char *data_dir);
/* The same with the masks of the objects. */
DF_API int df_coco_dataset_from_config_masks(DfCocoDataset **out, const DfNode *dataset, const char *data_dir);

/* The classes that a dataset dict gives, without looking for its files: those it lists, else those of its type; n = 0
 * if only the data would tell. They live in `arena`, or for ever. An unknown type is no error. */
DF_API int df_object_classes(DfClasses *out, const DfNode *dataset, DfArena *arena);

DF_END_DECLS

#endif
