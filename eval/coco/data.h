/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/data.h -- private to eval/: ground truth and results in memory.
 */
#ifndef DF_EVAL_COCO_DATA_H
#define DF_EVAL_COCO_DATA_H

#include <stdatomic.h>
#include <string.h>

#include "annotations/annotations.h"
#include "eval/eval.h"
#include "boxes/boxes.h"

enum { HAS_BOX = 1, HAS_AREA = 2, HAS_CROWD = 4, HAS_NUM_KEYPOINTS = 8 };

/* What comparing wants to know of a segmentation. */
typedef struct {
    DfMaskForm form;
    uint32_t height, width;  /* of runs; polygons are of the size of the image */
    uint32_t area, box[4];   /* of runs */
    bool plain;              /* of runs: see DfRunFacts */
} CocoMask;
CocoMask df_coco_mask(const DfCocoSegmentation *);

/* A mask of the ground truth, ready to be compared. */
typedef struct CocoTruthMask {
    const uint32_t *runs;    /* where runs end if plain, else how long they are; NULL: polygons that cannot be drawn */
    size_t n;
    uint32_t height, width, area;
    uint32_t box[4];
    uint8_t form;            /* that it had */
    bool plain;
    const struct CocoTruthMask *boundary; /* where boundaries are compared; else NULL */
} CocoTruthMask;

/* What is left of the mask of a detection: its IoUs that are not 0 with masks of the ground truth in its image. */
typedef struct {
    double iou;
    uint32_t annotation;
} CocoOverlap;
typedef struct {
    const CocoOverlap *overlaps; /* by annotation; where boundaries are compared, behind them n doubles: their IoUs,
                                    or those of the masks if they are less                         */
    uint32_t n;                  /* or NOT_DRAWN: a box or polygons of an image without a size    */
    uint32_t area;               /* of runs                                                       */
} CocoCompared;
#define NOT_DRAWN UINT32_MAX

/* Keypoints and oriented box of an annotation or a detection, where such are read. */
typedef struct {
    /* x of each, y of each, and of an annotation 1 or 0 of each: is it labelled? NULL: not given */
    const double *points;
    const double *oriented;  /* cx cy w h angle; NULL: not given                                */
    uint32_t n_points, n_labelled;
} CocoShape;

/* Bytes one after the other, freed together. */
typedef struct {
    char **chunks;
    size_t n, capacity, used, size;
} CocoBytes;
void *df_coco_bytes_take(CocoBytes *, size_t n);          /* aligned to 8; NULL when memory ran out */
int df_coco_bytes_move(CocoBytes *to, CocoBytes *from);
void df_coco_bytes_done(CocoBytes *);

/* What comparing takes. */
typedef struct {
    DfRunList drawn, one, both;
    DfPolygonRoom polygons;
    DfBoundaryRoom bits;
    DfRunList edge;            /* the boundary of a detection */
    CocoOverlap *overlaps;
    double *boundaries;
    size_t capacity, boundaries_capacity;
} CocoCompareRoom;
void df_coco_compare_room_done(CocoCompareRoom *);

/* Image sizes, by place in the id table. */
typedef struct {
    uint32_t height, width;
    bool given;
} CocoSize;

typedef struct {
    double box[4], area;      /* x y w h                                                       */
    uint32_t image, category; /* places in the id tables                                       */
    uint32_t last;            /* the annotation that holds under this id: the last in the file */
    uint32_t line;
    uint8_t has;
    bool crowd, id_is_zero;
    bool ignore;              /* says so; protocols differ in whether that counts              */
    bool no_keypoints;        /* says that it has none                                         */
} CocoAnnotation;

/* LVIS: what is known of an image beside its annotations, as ids of categories. */
typedef struct {
    const int64_t *absent, *incomplete; /* looked for and not found; of which not all objects are annotated */
    size_t n_absent, n_incomplete;
} CocoFederation;

/* The places of listed ids in the order of the file. */
typedef struct {
    uint32_t *at;
    size_t n, capacity;
} CocoOrder;

struct DfCoco {
    char *name;                 /* of the file                                          */
    DfIds images, categories; /* all that are mentioned                               */
    bool *image_listed, *category_listed; /* mentioned in `images` and `categories` themselves    */
    CocoOrder image_order, category_order; /* of these                                            */
    const char **category_names; /* or NULL                                              */
    DfArena *names;
    CocoAnnotation *annotations;
    CocoTruthMask *masks;       /* of each annotation, or NULL                           */
    CocoShape *shapes;          /* likewise                                              */
    CocoSize *sizes;            /* of each image                                         */
    size_t n_annotations;
    uint32_t *of_image;         /* annotations that hold under their ids, by image; with masks only */
    size_t *of_image_start;     /* of each image, and the end                            */
    CocoBytes bytes;            /* of the masks and shapes                               */
    bool with_masks, across_classes;
    bool with_keypoints, with_oriented;
    double boundary_ratio;      /* of masks: 0: their boundaries are not compared        */
    double *crowd_index;        /* of each image, NAN: not given; with keypoints only    */
    bool federated;             /* LVIS                                                  */
    CocoFederation *federation; /* of each image, or NULL                                */
    char *frequency;            /* of each category: r, c or f; or NULL                  */
    DfPool *pool;               /* for reading; borrowed                                 */
};

typedef struct {
    double box[4], score;
    uint32_t image, category;
} CocoDetection;

/* As the first detection has it, so have all. It also says whose area counts. */
typedef enum { KIND_UNKNOWN, KIND_BOX, KIND_MASK, KIND_KEYPOINTS, KIND_ORIENTED } CocoKind;

/* In blocks, so that nothing is copied while they grow. */
enum { DETECTIONS_BLOCK = 1 << 14 };
typedef struct {
    CocoDetection *detections;
    CocoCompared *masks;        /* if they are of KIND_MASK or the ground truth has masks; else NULL */
    CocoShape *shapes;          /* if the ground truth has them; else NULL                           */
} CocoBlock;

/* Categories that the ground truth never mentions are kept too: they count when all classes are one and the caller
 * names them. They are numbered behind those of the ground truth. */
struct DfCocoResults {
    const DfCoco *gt;
    DfIds unknown;
    CocoBlock *blocks;
    size_t n, n_blocks, capacity;
    CocoBytes bytes;            /* of the overlaps and shapes                            */
    CocoKind kind;
    bool some_drawn;            /* of the masks: polygons or boxes, which tell no area      */
    atomic_uint *shard_of; /* of each image the file, from 1, that has it first; 0: none. NULL before the second file */
    uint32_t n_files;           /* that were read                                        */
    DfCocoRepeats repeats;
    DfCocoSegmentation given;   /* room for masks that come from memory                  */
    CocoCompareRoom compare_room;
};

static inline CocoDetection *df_coco_detection(const DfCocoResults *r, size_t i)
{
    return &r->blocks[i / DETECTIONS_BLOCK].detections[i % DETECTIONS_BLOCK];
}

static inline CocoCompared *df_coco_compared(const DfCocoResults *r, size_t i)
{
    return &r->blocks[i / DETECTIONS_BLOCK].masks[i % DETECTIONS_BLOCK];
}

static inline CocoShape *df_coco_shape(const DfCocoResults *r, size_t i)
{
    return &r->blocks[i / DETECTIONS_BLOCK].shapes[i % DETECTIONS_BLOCK];
}

static inline bool df_coco_has_shapes(const DfCoco *gt)
{
    return gt->with_keypoints || gt->with_oriented;
}

/* What a record says of them, kept in `bytes`. */
int df_coco_keep_shape(const DfCoco *, const DfCocoRecord *, CocoBytes *bytes, CocoShape *out);

/* Takes what is told of a list, record by record, in the room `r`. */
int df_coco_take_told(const DfCocoTeller *, DfCocoList, DfCocoRecord *r, int (*take)(void *arg, DfCocoRecord *),
                      void *arg);

uint32_t df_coco_find_category(const DfCocoResults *, DfId);

/* "gt.json: line 1, byte 4711: annotation 3 (id 7, image 1) WHAT", if the file can be read once more. */
int df_coco_fail_annotation(const DfCoco *, uint32_t annotation, int code, const char *what);

/* Puts the record in front of the sentence of a function that knows masks and nothing of files. */
int df_coco_fail_in(const DfCocoRecord *, int error);

/* Masks: whether polygons and boxes can be drawn in a picture; those of the ground truth, kept in `bytes`: one
 * that was just read into the room (and can be drawn, or is none), and polygons; the annotations of each image,
 * once all are read; and the IoUs of a detection whose mask was just read into the room, kept in `bytes`. */
bool df_coco_drawable(const CocoSize *);
int df_coco_keep_truth(double boundary_ratio, CocoCompareRoom *, const DfCocoSegmentation *, const CocoMask *,
                       const CocoSize *, CocoBytes *bytes, CocoTruthMask *out);
int df_coco_file_by_image(DfCoco *);
int df_coco_mask_of(const CocoTruthMask *, DfMask *out); /* a copy; one without runs is not for this */
int df_coco_compare(const DfCoco *, CocoCompareRoom *, DfCocoSegmentation *, const CocoMask *, const CocoDetection *,
                    CocoBytes *bytes, CocoCompared *);

#endif
