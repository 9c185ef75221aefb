/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/object_types.h -- the datasets of objects that mmdet knows by name: how their files are written, their
 * classes, and how they are scored. Private to datasets/.
 */
#ifndef DF_DATASETS_OBJECT_TYPES_H
#define DF_DATASETS_OBJECT_TYPES_H

#include "datasets/classes.h"
#include "datasets/coco.h"
#include "datasets/registry.h"

typedef enum {
    DF_OBJECTS_JSON,     /* COCO's annotation file                                              */
    DF_OBJECTS_XML,      /* a list of names, and PASCAL VOC's XML file for each                 */
    DF_OBJECTS_MIDDLE    /* mmdet's middle format: a list of pictures with arrays of boxes      */
} DfObjectFiles;

typedef struct {
    const DfDatasetType *record;
    DfObjectFiles files;
    const DfClasses *classes; /* of its own; NULL: the config's, of JSON files else the file's */
    DfObjectScoring scoring;
    bool by_id;               /* the file's categories count in the order of their ids         */
    bool own;                 /* all categories of the file are classes                        */
    bool from_url;            /* a picture is called by the end of its coco_url                */
    bool in_folders;          /* XML: <folder> says where a picture is                         */
} DfObjectType;

/* By the name in a config; false: there is none. */
bool df_object_type(DfObjectType *out, const char *name);

/* The options of the dict of all of them. */
typedef struct {
    const DfNode *ann_file, *img_prefix;
    const char *data_root;
    const DfNode *classes, *pipeline, *filter_cfg;
    int id_classes;
    bool by_name, filter_empty_gt, test_mode;
    const char *img_subdir, *ann_subdir;
    const DfNode *min_size;
} DfObjectOptions;

/* ---- how they are opened ---------------------------------------------------------------------------------------- */

/* What all files need. `folder`: of the pictures, put in front of their names. */
typedef struct {
    const DfObjectType *type;
    const DfObjectOptions *options;
    const char *ann_file, *folder;
    const char *const *classes;  /* n_classes; 0 of them: the file's, or COCO's */
    int n_classes;
    bool masks;
} DfObjectReading;
int df_json_dataset_open(DfCocoDataset **out, const DfObjectReading *);   /* coco.c           */
int df_xml_dataset_open(DfCocoDataset **out, const DfObjectReading *);    /* xml_dataset.c    */
int df_middle_dataset_open(DfCocoDataset **out, const DfObjectReading *); /* middle_dataset.c */
int df_middle_dataset_read(DfCocoDataset **out, DfJson *, const DfObjectReading *); /* from an open reader */

#endif
