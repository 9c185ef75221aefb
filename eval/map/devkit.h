/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/map/devkit.h -- mean average precision of PASCAL VOC (Everingham et al., IJCV 2010) and of DOTA's task 1,
 * oriented boxes (Xia et al., CVPR 2018), from the files of their devkits: labels by picture, results by class. The
 * numbers are those of py-faster-rcnn's voc_eval() and of DOTA_devkit, in float64. Included by eval/eval.h.
 *
 * Detections of a class come best first, equal scores as they were given. Each looks at the object of its picture and
 * class that it overlaps most. If the IoU is more than the threshold, it is right where nobody better was there; a
 * difficult object makes it neither right nor wrong. VOC counts pixels: a side is x2 - x1 + 1.
 */
#ifndef DF_EVAL_MAP_DEVKIT_H
#define DF_EVAL_MAP_DEVKIT_H

#include <stddef.h>
#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

typedef enum { DF_DEVKIT_VOC, DF_DEVKIT_DOTA } DfDevkitForm;

/* Labels and results. Pictures, classes and detections: fewer than 2^32. */
typedef struct DfDevkit DfDevkit;
DF_API int df_devkit_new(DfDevkit **out, DfDevkitForm);
DF_API void df_devkit_free(DfDevkit *); /* NULL is fine */

/* The labels of a picture: an XML file, or a text of DOTA. Each name once. */
DF_API int df_devkit_read_labels(DfDevkit *, const char *picture, const char *path);
/* What was found of a class, in pictures whose labels are read. Several files of a class are added up. */
DF_API int df_devkit_read_results(DfDevkit *, const char *class_name, const char *path);

/* Rules of interpolation: eleven points, VOC's until 2009 and DOTA's; the area below the curve, VOC's from 2010 on. */
typedef enum { DF_DEVKIT_07, DF_DEVKIT_12, DF_DEVKIT_RULES } DfDevkitRule;

typedef struct {
    const char *name;
    size_t objects, difficult;      /* that count; that do not                                        */
    size_t detections;
    double *recall;                 /* [n_ious]; NAN without objects                                  */
    double *ap[DF_DEVKIT_RULES];    /* [n_ious]; without objects 0 by the rule of 07, NAN by that of 12 */
} DfDevkitClass;

typedef struct {
    DfArena *arena;
    DfDevkitForm form;
    size_t n_ious;
    double *ious;
    size_t n_pictures, n_classes;   /* classes by name: those that have objects, and those of results */
    DfDevkitClass *classes;
    double *mean[DF_DEVKIT_RULES];  /* [n_ious]: over the classes that have objects; NAN: none has    */
    double average[DF_DEVKIT_RULES]; /* of these                                                      */
} DfDevkitScores;

/* At n_ious thresholds, one or more. The same bits for any number of threads. Free with df_devkit_scores_done(). */
DF_API int df_devkit_score(DfDevkitScores *out, const DfDevkit *, size_t n_ious, const double *ious, DfPool *);
DF_API void df_devkit_scores_done(DfDevkitScores *); /* {0} is fine */

DF_API int df_devkit_table(const DfDevkitScores *, bool per_class, char **out); /* df_free it */
/* {"voc07": {"AP": mean over the thresholds, "mAP": {"0.5": ..}}, "voc12": .., "per_class":
 * [{"name", "objects", "difficult", "detections", "recall": {"0.5": ..}, "voc07": {"0.5": ..},
 * "voc12": ..}], "notes": [lines]}; df_free it. */
DF_API int df_devkit_json(const DfDevkitScores *, char **out);

DF_END_DECLS

#endif
