/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/judge.h -- private to eval/check/: compares all detections with all objects, as they are given and as
 * they may have been meant.
 */
#ifndef DF_EVAL_CHECK_JUDGE_H
#define DF_EVAL_CHECK_JUDGE_H

#include "eval/check/data.h"

/* What the four numbers of a box may be, in the file's own words. */
typedef enum {
    MEANT_AS_IS,            /* x y width height                  */
    MEANT_CENTRE,           /* centre x, centre y, width, height */
    MEANT_CORNERS,          /* x1 y1 x2 y2                       */
    MEANT_Y_FIRST,          /* y x height width                  */
    MEANT_CORNERS_Y_FIRST,  /* y1 x1 y2 x2                       */
    MEANT_CENTRE_Y_FIRST,
    MEANT_FORMATS
} MeantFormat;

/* What they are counted in. */
typedef enum {
    UNIT_PIXELS,            /* of the image                                                                      */
    UNIT_RELATIVE,          /* 1 is the image's width or height                                                  */
    UNIT_STRETCHED,         /* pixels of an input of x times y, whatever the shape of the image                  */
    UNIT_LONGER,            /* of an input whose longer side is x                                                */
    UNIT_SHORTER,           /* of an input whose shorter side is x, the longer one at most 1333 / 800 of that    */
    UNIT_PADDED,            /* of x times x, in whose middle the image stands with its longer side x             */
    UNIT_FACTOR,            /* x pixels of the image                                                             */
    UNITS
} MeantUnit;

typedef struct {
    MeantFormat format;
    MeantUnit unit;
    double x, y;
    bool of_truth;          /* the boxes of the annotations are so, and those of the detections right */
} Meant;

/* The box in x y width height and pixels of an image of `width` x `height`. */
void df_check_meant(const Meant *, const double box[4], double width, double height, double out[4]);

/* Objects by image, without crowds; and the detections that are worth most: of each image the best ones, as many as it
 * has objects. */
typedef struct {
    DfCheck *check;
    uint32_t *objects;      /* truths by image                                   */
    size_t *start;          /* [images + 1]                                      */
    uint32_t *best;         /* detections                                        */
    size_t n_best;
    Meant meant;            /* that the boxes were found to be                   */
    bool images_named, classes_named; /* the mistake in their ids was            */
} Judge;

/* Of a box in an image: the object that it overlaps most, and whether one of its category is among those with an
 * IoU of 0.5. */
typedef struct {
    double iou;
    uint32_t category;
    bool on_object, on_class;
} Lies;
Lies df_check_lies(const Judge *, const Meant *, const CheckDetection *, uint32_t image);

/* How many lie on an object, of the best ones or of all, if the boxes are meant so. */
size_t df_check_on_object(const Judge *, const Meant *, bool all);

/* Is a gain from `before` to `after` of `n` so large that chance cannot be the cause? */
bool df_check_is_gain(size_t before, size_t after, size_t n);

/* Each tries what people do wrong, and names it if that explains the files: how boxes are meant, what ids of images
 * are, what ids of categories are. *named: it was. */
int df_check_try_boxes(Judge *, bool *named);
int df_check_try_images(Judge *, bool *named);
int df_check_try_classes(Judge *, bool *named);

#endif
