/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/openimages/openimages.h -- scores of Open Images and of its challenges (Kuznetsova et
 * al., IJCV 2020), from the published tables. The numbers are those of TensorFlow's
 * object_detection, in its floats. Included by eval/eval.h.
 *
 * - Objects count for the classes above theirs too, and so do image labels that a class is there. Labels that it is
 *   not there count for the classes below. Detections count for their class alone.
 * - In the challenges a detection counts where something is known of its class in the image: a label or an object.
 * - Detections come best first. Each looks at the object that it overlaps most; it is right if the IoU reaches the
 *   threshold and nobody better was there. The others look at the groups: those that lie in one, by the share of
 *   their own area, are left out, and the group counts as one that was found, with its weight and the best score
 *   among them.
 * - With masks, objects that have one are compared by their masks. The others are matched as boxes behind them, and
 *   what finds one is left out; they are not missed.
 * - AP is the area below the envelope of precision, the mean over the classes that have objects.
 */
#ifndef DF_EVAL_OPENIMAGES_OPENIMAGES_H
#define DF_EVAL_OPENIMAGES_OPENIMAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/core.h"

DF_BEGIN_DECLS

/* Tables that are read. What is said of classes comes first. */
typedef struct DfOpenImages DfOpenImages;
DF_API int df_openimages_new(DfOpenImages **out, bool masks);
DF_API void df_openimages_free(DfOpenImages *); /* NULL is fine */

/* The tree of classes. Without it nothing is added to the tables: those of the challenge may have it in them. */
DF_API int df_openimages_read_hierarchy(DfOpenImages *, const char *path);
/* Which classes there are, in order: in any form of df_openimages_read_class_list()
 * (annotations/openimages/openimages.h). Without it they are those of the tree, or without one those that are met. */
DF_API int df_openimages_read_classes(DfOpenImages *, const char *path);

DF_API int df_openimages_read_boxes(DfOpenImages *, const char *path);
DF_API int df_openimages_read_labels(DfOpenImages *, const char *path);
DF_API int df_openimages_read_segments(DfOpenImages *, const char *path); /* of boxes with the same coordinates */
/* Boxes, or with masks these. */
DF_API int df_openimages_read_predictions(DfOpenImages *, const char *path);

typedef struct {
    double iou;          /* the threshold, 0.5 as published                               */
    double group_weight; /* of a group of objects that is found: 1 in the challenges, 0 in V2 */
    bool challenge;      /* else all detections count, as in the older V2                 */
} DfOpenImagesParams;
DF_API DfOpenImagesParams df_openimages_params(bool challenge);

typedef struct {
    const char *name, *called; /* called: "" if nothing is known of it                     */
    double objects;            /* groups with their weight                                 */
    double found;              /* likewise                                                 */
    size_t detections;         /* that are scored                                          */
    double ap, recall;         /* NAN without objects                                      */
} DfOpenImagesClass;

typedef struct {
    DfArena *arena;
    DfOpenImagesParams params;
    bool masks;
    size_t n_images, n_classes;
    DfOpenImagesClass *classes;
    size_t boxes, labels;      /* rows with those for other classes                        */
    size_t unseen;             /* predictions of images of which nothing is known          */
    double mean;               /* mAP; NAN: no class has objects                           */
} DfOpenImagesScores;

/* The same bits for any number of threads. Equal scores keep the order of the
 * file. Free with df_openimages_scores_done(). */
DF_API int df_openimages_score(DfOpenImagesScores *out, const DfOpenImages *, const DfOpenImagesParams *, DfPool *);
DF_API void df_openimages_scores_done(DfOpenImagesScores *); /* {0} is fine */

DF_API int df_openimages_table(const DfOpenImagesScores *, bool per_class, char **out); /* df_free it */
/* {"mAP": .., "iou", "group_of_weight", "rule": "challenge" or "V2", "type": "bbox" or "segm", "per_class": [{"name",
 * "called", "AP", "recall", "objects", "found", "detections"}], "images", "rows_after_expansion": {"boxes", "labels"},
 * "classes_without_objects", "unseen_predictions"}; df_free it. */
DF_API int df_openimages_json(const DfOpenImagesScores *, char **out);

DF_END_DECLS

#endif
