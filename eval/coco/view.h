/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/view.h -- private to eval/: ground truth and detections image by image, for code that explains a score. It
 * contains only listed images and categories.
 */
#ifndef DF_EVAL_COCO_VIEW_H
#define DF_EVAL_COCO_VIEW_H

#include "annotations/annotations.h"
#include "eval/eval.h"

#define VIEW_NONE UINT32_MAX

typedef struct {
    double box[4], area;  /* x y w h                     */
    uint32_t class, image, line;
    uint32_t annotation;  /* its place in the file       */
    bool crowd, id_is_zero;
} ViewTruth;

typedef struct {
    double box[4], area, score;
    uint32_t class, image;
    uint32_t number;      /* of the record in the results, from 1 */
} ViewDetection;

typedef struct {
    char *id, *name;      /* name: file_name, or the id  */
    int64_t number;       /* of an id that is an integer */
    bool is_text;
    double width, height; /* 0 if not known              */
} ViewImage;

typedef struct {
    DfArena *arena;       /* holds all of it             */
    const DfCocoResults *results; /* that it shows; borrowed */
    bool masks;           /* compared are masks, else boxes */
    size_t n_images, n_classes, n_truths, n_detections;
    ViewImage *images;    /* by id, ascending            */
    char **class_names;   /* by id; the id if it has none */
    char **class_ids;
    bool *class_is_text;
    ViewTruth *truths;    /* by image, then as in the file */
    size_t *truths_start; /* [n_images + 1]              */
    ViewDetection *detections; /* by image, best first; equal scores as in the file */
    size_t *detections_start;
} CocoView;

/* `masks`: overlaps are those of masks, which must have been read. */
int df_coco_view(CocoView **out, const DfCocoResults *, bool masks);
/* The same of n listed images alone; ids that the ground truth does not list are passed over. image_ids NULL: all. */
int df_coco_view_of(CocoView **out, const DfCocoResults *, bool masks, const int64_t *image_ids, size_t n);
void df_coco_view_free(CocoView *);

size_t df_view_most_truths(const CocoView *); /* of an image */

/* Sorts order[n_detections], in which every detection of the view stands once: best first; equal scores stay as they
 * stand. */
int df_view_sort(const CocoView *, uint32_t *order);

/* IoU of two of one image, of boxes or masks; with a crowd the share of the detection that lies in it. */
double df_view_overlap(const CocoView *, size_t detection, size_t truth);

uint32_t df_view_find_image(const CocoView *, DfId); /* its place; VIEW_NONE: it is not there */

/* File names and sizes of the images, from the annotation file once more. */
int df_coco_view_pictures(CocoView *, DfJson *json);

#endif
