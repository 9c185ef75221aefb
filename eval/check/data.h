/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/data.h -- private to eval/: the data that a check has read so far, and its findings.
 */
#ifndef DF_EVAL_CHECK_DATA_H
#define DF_EVAL_CHECK_DATA_H

#include "eval/check/check.h"
#include "annotations/annotations.h"
#include "boxes/boxes.h"

enum { CHECK_SHOWN = 5, CHECK_KINDS = 128 };

/* How large a mask says its image is (0: it does not), and how far it reaches; high_x < low_x: not known. */
typedef struct {
    uint32_t height, width;
    float low_x, low_y, high_x, high_y;
} CheckMask;

/* Where a record begins. line 0: the finding is of the whole file. */
typedef struct {
    size_t line;
    uint64_t byte;
} CheckPlace;

typedef struct {
    double box[4];            /* x y w h                                                            */
    double area;
    CheckMask mask;
    CheckPlace place;
    uint32_t image, category; /* places in the id tables                                            */
    uint32_t id;              /* the same, or DF_NO_ID                                              */
    uint32_t number;          /* in its list, from 1                                                */
    double points[4];         /* the extent of its visible keypoints                                */
    bool crowd, has_box, has_area, has_mask, has_points;
    bool with_points, oriented; /* has keypoints, visible or not; the box is around an oriented one         */
} CheckTruth;

/* A detection of any of the results files, in the order in which they were read. */
typedef struct {
    double box[4], score;
    CheckPlace place;
    uint32_t image, category;
    uint32_t file;            /* its number among the results files                                 */
    bool has_box, boxed_mask; /* boxed_mask: the box is that of its mask                            */
    bool of_points;           /* it is the extent of its keypoints                                  */
} CheckDetection;

typedef struct {
    const char *code;
    DfCheckLevel level;
    size_t count, shown;
} CheckKind;

typedef struct {
    size_t kind;
    CheckPlace place;
    const char *file, *text;
} CheckFinding;

typedef struct {
    double width, height;
    CheckPlace place;
    size_t truths, detections; /* crowds are no truths */
    const char *name;
    size_t order;              /* among those that are listed                 */
    uint32_t file;             /* the results file that has it first          */
    bool listed, has_file, several_files;
    bool has_absent, has_incomplete; /* LVIS's lists of categories, of those that were looked for and are not there: */
    const int64_t *absent;
    size_t n_absent;
} CheckImage;

typedef struct {
    CheckPlace place;
    size_t truths, detections;
    const char *name;
    size_t order;
    bool listed;
    char frequency;           /* of LVIS */
} CheckCategory;

/* How many detections lie on what (IoU of at least 0.5). */
typedef struct {
    size_t n;                  /* that were laid over the objects of their image */
    size_t on_object, on_class;
} CheckHits;

typedef struct CheckMaps CheckMaps; /* of label maps: maps.c */

struct DfCheck {
    DfArena *arena;
    const char *file;          /* the one being read */
    const char *truth_file;
    CheckKind kinds[CHECK_KINDS];
    size_t n_kinds;
    CheckFinding *findings;
    size_t n_findings, findings_capacity;
    DfIds image_ids, category_ids, annotation_ids, category_names;
    uint32_t *named;           /* [category_names]: place of the first category of that name */
    size_t named_capacity;
    CheckImage *images;        /* all that are mentioned anywhere; `listed` are in the file's own list */
    CheckCategory *categories;
    CheckPlace *annotation_places;
    CheckTruth *truths;
    size_t n_truths, images_capacity, categories_capacity, places_capacity, truths_capacity;
    size_t n_images, n_categories; /* listed */
    size_t n_keypoints;        /* of the first annotation that has any */
    size_t visible;            /* keypoints of all annotations         */
    bool federated;            /* the annotations are LVIS's           */
    bool crowd_indices;        /* and these CrowdPose's                */
    bool judges_points;        /* detections are judged by their keypoints */
    const char **results_files;
    size_t n_results_files, results_files_capacity;
    CheckDetection *detections;
    size_t n_detections, detections_capacity;
    size_t n_repeated;         /* detections of images that an earlier file has: they do not count */
    CheckHits hits;            /* of the conclusion; of label maps: pixels                    */
    CheckMaps *maps;           /* or NULL                                                     */
    bool concluded;
    unsigned odd;              /* of the record that is read: DF_COCO_* that are there and of a wrong type */
    char undecoded[256];       /* why its compressed counts hold no runs                                   */
};

/* The records of a list, each given to look(), whatever they lack: `has` of a record says what is there, `odd` of
 * the check what is of a wrong type. */
typedef int CheckLook(void *arg, DfCocoRecord *);
int df_check_stream(DfCheck *, DfJson *, DfCocoList, CheckLook *look, void *arg);

/* The table entry of an id, made if it is new. */
int df_check_image_at(DfCheck *, DfId, uint32_t *place);
int df_check_category_at(DfCheck *, DfId, uint32_t *place);

/* What is wrong with the segmentation of a record. Fills `mask` as far as it is right. */
int df_check_mask(DfCheck *, const DfCocoRecord *, CheckMask *mask);
/* Whether it fits its image; `name` is that of the record. */
int df_check_mask_in_image(DfCheck *, const CheckMask *, const CheckImage *, CheckPlace, const char *name);
/* Whether it fits its box: of an annotation alone, as detectors predict both by themselves. */
int df_check_mask_in_box(DfCheck *, const CheckMask *, const DfCocoRecord *);

/* What is wrong with the keypoints or the oriented box of a record, and the upright box around it. */
int df_check_points(DfCheck *, const DfCocoRecord *, bool *has, double box[4]);
int df_check_oriented(DfCheck *, const DfCocoRecord *, bool *has, double box[4]);

static inline bool df_check_mask_known(const CheckMask *m)
{
    return m->low_x <= m->high_x;
}

static inline bool df_check_mask_is_there(const CheckMask *m)
{
    return m->height > 0 || df_check_mask_known(m);
}

/* A field that a record must have. */
typedef struct {
    unsigned field;
    const char *key, *code;
} CheckWanted;
int df_check_wanted(DfCheck *, const DfCocoRecord *, const CheckWanted *, size_t n);

/* Findings from here on are of this file. */
int df_check_begin_file(DfCheck *, const char *name);

/* Adds a finding; `code` is a constant, the same for all findings alike. And forgets all of a code. */
int df_check_find(DfCheck *, DfCheckLevel, const char *code, CheckPlace, const char *format, ...) DF_PRINTF(5, 6);
void df_check_forget(DfCheck *, const char *code);

/* The same of a record, whose name stands in front: "annotation 3 (id 1768, image 139) ". */
int df_check_record(DfCheck *, DfCheckLevel, const char *code, const DfCocoRecord *, const char *format, ...)
    DF_PRINTF(5, 6);
/* And of an annotation that was kept. */
int df_check_truth_of(DfCheck *, DfCheckLevel, const char *code, const CheckTruth *, const char *format, ...)
    DF_PRINTF(5, 6);

void df_check_truth_name(const DfCheck *, const CheckTruth *, char name[DF_COCO_NAME_ROOM]);
/* "18 dog", valid until the fourth next call of this thread. */
const char *df_check_category_text(const DfCheck *, uint32_t category);

#define CHECK_WHOLE_FILE ((CheckPlace){ 0, 0 })

/* What needs the whole annotation file. */
int df_check_whole_truth(DfCheck *);

#endif
