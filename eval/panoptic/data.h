/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/panoptic/data.h -- private to eval/panoptic/: what is kept of both files, and what was counted.
 */
#ifndef DF_EVAL_PANOPTIC_DATA_H
#define DF_EVAL_PANOPTIC_DATA_H

#include "annotations/annotations.h"
#include "eval/panoptic/panoptic.h"

typedef struct {
    int64_t id, category_id;
    double area; /* of the ground truth, from its file; of a prediction not used */
    bool crowd;
} Segment;

/* A map and its segments, each id once, in the order of the file. */
typedef struct {
    char *file_name;
    Segment *segments;
    size_t n_segments;
} Map;

typedef enum { FOUND, WRONG, MISSED } What; /* TP, FP, FN */
typedef struct {
    double iou; /* of what was found */
    uint32_t class;
    What what;
} Event;

typedef struct {
    uint32_t image; /* its place in `images` */
    Map map;
    Event *events;
    size_t n_events, unknown;
} Truth;

typedef struct {
    Map map;
    size_t file; /* SIZE_MAX: no prediction */
} Found;

typedef struct {
    char *name;
    bool thing;
} Class;

struct DfPanoptic {
    DfArena *arena;
    char *name;   /* of the file      */
    DfIds images; /* that are annotated */
    DfIds categories;
    Class *classes;
    Truth *truths;
    Found *found; /* of each image */
    size_t n_truths, truths_capacity, classes_capacity, n_files, repeated;
};

#endif
