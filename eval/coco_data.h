/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco_data.h -- private to eval/: what the two files hold once read.
 */
#ifndef DF_EVAL_COCO_DATA_H
#define DF_EVAL_COCO_DATA_H

#include "eval/coco_ids.h"
#include "eval/eval.h"

enum { HAS_BOX = 1, HAS_AREA = 2, HAS_CROWD = 4 };

typedef struct {
    double box[4], area;      /* x y w h                                                       */
    uint32_t image, category; /* places in the id tables                                       */
    uint32_t last;            /* the annotation that holds under this id: the last in the file */
    uint32_t line;
    uint8_t has;
    bool crowd, id_is_zero;
} CocoAnnotation;

struct DfCoco {
    char *name;                 /* of the file                                          */
    CocoIds images, categories; /* all that are mentioned                               */
    bool *image_listed, *category_listed; /* mentioned in `images` and `categories` themselves    */
    const char **category_names; /* or NULL                                              */
    DfArena *names;
    CocoAnnotation *annotations;
    size_t n_annotations;
};

typedef struct {
    double box[4], score;
    uint32_t image, category;
} CocoDetection;

/* Categories that the ground truth never mentions are kept too: they count when all classes are one and the caller names them.
 * They are numbered behind those of the ground truth. */
struct DfCocoResults {
    const DfCoco *gt;
    CocoIds unknown;
    CocoDetection *detections;
    size_t n, capacity;
};

uint32_t df_coco_find_category(const DfCocoResults *, CocoId);

/* Readers of fields, shared by both files. `what` names the record: "annotation 3". They read the value that is due. */
typedef struct {
    DfJson *json;
    const char *kind; /* "annotation"    */
    size_t number;    /* counted from 1  */
} CocoRecord;
int df_coco_fail(const CocoRecord *, const char *format, ...) DF_PRINTF(2, 3);
int df_coco_read_id(const CocoRecord *, const char *key, CocoId *id, char text[256]);
int df_coco_read_number(const CocoRecord *, const char *key, double *number);
int df_coco_read_flag(const CocoRecord *, const char *key, bool *flag);
int df_coco_read_box(const CocoRecord *, double box[4], bool *given); /* null and [] count as not given */

#endif
