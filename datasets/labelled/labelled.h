/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/labelled.h -- labelled pictures as one set, whatever their format: read from COCO, LVIS, YOLO,
 * PASCAL VOC or label maps, filtered, and written as any of them.
 *
 *     DfLabelled set;
 *     DfLabelledReport report = { 0 };
 *     df_labelled_read(&set, "voc/", &(DfLabelledSource){ 0 });
 *     df_labelled_write(&set, "yolo/", &(DfLabelledTarget){ .form = DF_LABELLED_YOLO }, &report);
 *     for (int i = 0; i < DF_LOST_KINDS; i++) if (report.lost[i]) df_labelled_loss_words(&text, i, report.lost[i]);
 *     df_labelled_done(&set);
 *
 * The formats and their layouts (PART is train, val, ...; a single part has no name and no folder):
 *
 *     COCO, LVIS   DIR/annotations/instances_PART.json, or lvis_v1_PART.json; pictures in DIR/PART or DIR/images
 *     YOLO         DIR/labels/PART/NAME.txt, DIR/images/PART, DIR/data.yaml
 *     VOC          DIR/Annotations/NAME.xml, DIR/JPEGImages, DIR/ImageSets/Main/PART.txt, DIR/labels.txt; masks in
 *                  DIR/SegmentationObject and DIR/SegmentationClass
 *     label maps   DIR/annotations/PART/NAME.png, DIR/images/PART, DIR/classes.txt
 *
 * Readers accept more: a single annotation file, and the other layouts that df_folder_open() knows.
 */
#ifndef DF_DATASETS_LABELLED_LABELLED_H
#define DF_DATASETS_LABELLED_LABELLED_H

#include "annotations/annotations.h"
#include "boxes/boxes.h"
#include "core/core.h"

DF_BEGIN_DECLS

/* ---- the set ----------------------------------------------------------------------------------------------------- */

typedef enum {
    DF_LABELLED_ANY, /* as the files are */
    DF_LABELLED_COCO,
    DF_LABELLED_LVIS,
    DF_LABELLED_YOLO,
    DF_LABELLED_VOC,
    DF_LABELLED_MAPS
} DfLabelledForm;
#define DF_LABELLED_FORMS "coco, lvis, yolo, voc or maps" /* for sentences */
DF_API bool df_labelled_form(DfLabelledForm *out, const char *name); /* false: there is none of that name */
DF_API const char *df_labelled_form_name(DfLabelledForm);

/* Missing texts are "", not NULL. `rest` has the other fields of a record in a JSON file, as JSON members:
 * "\"license\": 3, \"date\": \"2013\"". */
typedef struct {
    DfId id;
    const char *name;
    const char *rest;
} DfLabelledClass;

typedef struct {
    const char *name;     /* "train"                                            */
    const char *pictures; /* the folder that names are below; "": not known     */
    const char *head;     /* of a JSON file: its members beside the three lists */
} DfLabelledPart;

typedef struct {
    DfId id;
    const char *name;     /* of its file, below the folder of its part; never "" */
    const char *path;     /* where it is, if not below that folder; else ""      */
    const char *url;      /* LVIS: coco_url                                      */
    const char *rest;
    int height, width;    /* 0: not known                                        */
    int part;
    bool federated;       /* LVIS: the two lists are given; else all objects of all classes are annotated */
    int n_absent, n_incomplete;
    int *absent;          /* LVIS: classes that were searched for and are absent */
    int *incomplete;      /* classes of which not all objects are annotated      */
    size_t first, n;      /* its objects are order[first..first + n) of the set  */
} DfLabelledPicture;

typedef struct {
    DfId id;
    int picture, label;
    bool has_box;
    bool crowd;           /* many objects in one; VOC calls single ones difficult */
    bool ignore;
    bool compressed;      /* RLE: the counts were a text                          */
    double box[4];        /* x y width height, pixels                             */
    double area;
    DfObjectMask mask;
    const char *rest;
} DfLabelledObject;

/* The files that a set was read from (sources.c). */
typedef struct DfLabelledSources DfLabelledSources;

/* {0} to begin with. Texts, polygons and runs live in the arena. */
typedef struct {
    DfArena *arena;
    DfLabelledSources *sources;
    DfLabelledForm form;
    int n_classes, n_parts, n_pictures;
    size_t n_objects;
    DfLabelledClass *classes;     /* labels are places in it      */
    DfLabelledPart *parts;
    DfLabelledPicture *pictures;
    DfLabelledObject *objects;    /* in the order of the file     */
    size_t *order;                /* [n_objects], grouped by picture, else in that order: df_labelled_group() */
    size_t class_capacity, part_capacity, picture_capacity, object_capacity;
} DfLabelled;
DF_API void df_labelled_done(DfLabelled *);

/* ---- building ---------------------------------------------------------------------------------------------------- */

DF_API int df_labelled_begin(DfLabelled *); /* an empty set */
/* Each copies the texts, and returns an index (>= 0) or an error. A part with an existing name is not added again. */
DF_API int df_labelled_add_part(DfLabelled *, const char *name);
DF_API int df_labelled_add_class(DfLabelled *, const DfLabelledClass *);
DF_API int df_labelled_find_class(const DfLabelled *, const char *name); /* -1: there is none */
DF_API int df_labelled_add_picture(DfLabelled *, const DfLabelledPicture *);
DF_API int df_labelled_add_object(DfLabelled *, const DfLabelledObject *); /* DF_OK or an error; the mask is copied */
/* After the last object: makes `order`. If other parts have names, the part without a name is called "others". */
DF_API int df_labelled_group(DfLabelled *);
/* Sorts classes `first` and following; labels follow. */
DF_API int df_labelled_sort_classes(DfLabelled *, int first,
                                    int (*compare)(const DfLabelledClass *, const DfLabelledClass *));

/* The path of picture i, in the arena. NULL after an error: it is unknown, or the name leads out of the folder. */
DF_API const char *df_labelled_path(const DfLabelled *, int i);

/* DF_EVALUE if the set was read from the file `path`; the writers ask this of each file. Pictures count after
 * df_labelled_note_pictures(), which needs their paths. */
DF_API int df_labelled_check_target(const DfLabelled *, const char *path);
DF_API int df_labelled_note_pictures(const DfLabelled *);

/* Stores the path of its file in each picture, where it is known, so that parts can change. */
DF_API int df_labelled_keep_paths(DfLabelled *);
/* The value of another field of its record as text: a string unchanged, any other value as JSON. False: none. */
DF_API bool df_labelled_picture_member(const DfLabelledPicture *, const char *name, char *out, size_t room);

/* What to keep: pictures, objects and classes whose flag is set (NULL: all); labels are renumbered. Objects of dropped
 * pictures are dropped, too. */
typedef struct {
    const bool *pictures, *objects, *classes;
} DfLabelledChoice;
DF_API int df_labelled_keep(DfLabelled *, const DfLabelledChoice *);

/* ---- parts ------------------------------------------------------------------------------------------------------- */

/* Divides the pictures into n parts, of which part k gets share[k] of the sum of shares, rounded so that each picture
 * is in one part: part_of[i] is the part of picture i. The result depends only on the seed and the names of the
 * pictures, not on their order. */
typedef struct {
    int n;
    const double *share;          /* [n], >= 0, not all 0                                                          */
    uint64_t seed;
    bool stratify;                /* each class has about these shares, too (Sechidis et al., ECML 2011)           */
    const char *const *group; /* [n_pictures], or NULL: pictures of a group stay together; "": in no group */
} DfLabelledShares;
DF_API int df_labelled_divide(const DfLabelled *, const DfLabelledShares *, int *part_of);

/* Counts of a merge. */
typedef struct {
    size_t same_pictures;         /* pictures that an earlier set also has                   */
    size_t same_objects;          /* objects with the class and box of an existing one       */
    size_t same_classes;          /* classes that an earlier set also has, by name           */
    size_t new_category_ids;      /* classes whose id was in use                             */
    size_t differing;             /* classes with the same name and other fields: the first stays */
} DfLabelledMerge;
/* Appends `from` to `set`: classes are joined by name; pictures with the same part, name and size are merged, and
 * equal objects on them. DF_EVALUE: pictures with the same name differ in size, or in their bytes where their files
 * are known; `prefix` (or NULL) is put before the names of `from` to avoid this. At the end pictures and objects get
 * the ids 1, 2, ... */
DF_API int df_labelled_append(DfLabelled *set, const DfLabelled *from, const char *prefix, DfLabelledMerge *);

/* ---- files ------------------------------------------------------------------------------------------------------- */

typedef struct {
    DfLabelledForm form;
    const char *pictures; /* folder of the pictures; NULL: search for it                  */
    bool whole;           /* label maps: a class in a picture is one object; else each connected region */
} DfLabelledSource;
/* A file (COCO, LVIS) or a folder. Errors name the file and the line. */
DF_API int df_labelled_read(DfLabelled *out, const char *path, const DfLabelledSource *);

/* What a format cannot hold. */
typedef enum {
    DF_LOST_CROWDS,       /* objects that are crowds: left out                    */
    DF_LOST_CROWD_MARKS,  /* objects that are crowds: only the flag               */
    DF_LOST_NO_BOX,       /* objects without box and mask, or empty: left out     */
    DF_LOST_OUTSIDE,      /* objects outside of their picture: left out           */
    DF_LOST_CUT,          /* objects that are cut at the border of their picture  */
    DF_LOST_NO_MASK,      /* objects without a mask: left out                     */
    DF_LOST_MASKS,        /* masks                                                */
    DF_LOST_HIDDEN,       /* masks that are partly covered by others              */
    DF_LOST_INSTANCES,    /* objects merged with others of their class            */
    DF_LOST_KEYPOINTS,    /* objects: their keypoints                             */
    DF_LOST_IDS,          /* records: their ids; they get new ones                */
    DF_LOST_MEMBERS,      /* records: fields that the format does not have        */
    DF_LOST_FEDERATION,   /* pictures: the class lists of LVIS                    */
    DF_LOST_IGNORED,      /* objects: the ignore flag                             */
    DF_LOST_DECIMALS,     /* boxes: fractions of a pixel                          */
    DF_LOST_KINDS
} DfLabelledLoss;
/* Appends "3 crowds", or "1 crowd". */
DF_API void df_labelled_loss_words(DfTextbuf *, DfLabelledLoss, size_t n);

typedef enum { DF_PICTURES_STAY, DF_PICTURES_COPIED, DF_PICTURES_LINKED } DfLabelledPictures;
/* YOLO: what follows the class in a line. By default polygons if there are masks, else keypoints if there are any. */
typedef enum { DF_YOLO_BEST, DF_YOLO_DETECT, DF_YOLO_SEGMENT, DF_YOLO_POSE, DF_YOLO_OBB } DfYoloTask;
typedef struct {
    DfLabelledForm form;        /* DF_LABELLED_ANY: that of the set   */
    DfLabelledPictures pictures;
    DfYoloTask task;
    bool boxes_only;            /* VOC: no masks                      */
    bool whole_pixels;          /* VOC: sides are rounded             */
    bool compact;               /* label maps: classes are 1, 2, ...; else their ids, if these are 0 to 254 */
} DfLabelledTarget;
typedef struct {
    size_t lost[DF_LOST_KINDS];
    size_t files;               /* of annotations                   */
    size_t pictures;            /* copied or linked                 */
} DfLabelledReport;
/* Writes a folder, or for COCO and LVIS a file if the name ends in .json, which then has all parts. Files are complete
 * or absent. A picture name that leads out of the folder is DF_EVALUE before anything is written, and so is a file that
 * the set was read from. */
DF_API int df_labelled_write(const DfLabelled *, const char *path, const DfLabelledTarget *, DfLabelledReport *);

DF_END_DECLS

#endif
