/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/check.h -- finds mistakes in annotation and results files that silently ruin a COCO score. It continues
 * after each finding.
 *
 *     DfCheck *check; char *text;
 *     df_check_new(&check);
 *     df_check_truth(check, "gt.json");  df_check_results(check, "dt.json");  df_check_conclude(check);
 *     df_check_text(check, &text);         df_check_count(check, DF_CHECK_ERROR) is how many would ruin the score
 */
#ifndef DF_EVAL_CHECK_CHECK_H
#define DF_EVAL_CHECK_CHECK_H

#include <stddef.h>

#include "core/core.h"

DF_BEGIN_DECLS

typedef enum {
    DF_CHECK_ERROR,   /* the score is wrong, or there is none  */
    DF_CHECK_WARNING, /* the score may not be what is meant    */
    DF_CHECK_NOTE,    /* worth knowing                         */
    DF_CHECK_LEVELS
} DfCheckLevel;

typedef struct DfCheck DfCheck;
DF_API int df_check_new(DfCheck **out);
DF_API void df_check_free(DfCheck *); /* NULL is fine */

/* The annotation file first, then any number of results files. What cannot be read at all (no such file, no JSON)
 * is a failure; all else is a finding. */
DF_API int df_check_truth(DfCheck *, const char *path);
DF_API int df_check_truth_json(DfCheck *, DfJson *);
DF_API int df_check_results(DfCheck *, const char *path);
DF_API int df_check_results_json(DfCheck *, DfJson *);

/* After the last results file: looks at all results together, as one. Tells how many detections lie on an object of
 * their class, and if a mistake that people make explains that they are few, names it. */
DF_API int df_check_conclude(DfCheck *);

/* Compares the sizes of images with their files. `size` returns DF_OK, or a failure whose sentence becomes the
 * finding. */
typedef int DfCheckImageSize(void *user, const char *file_name, int *width, int *height);
DF_API int df_check_images(DfCheck *, DfCheckImageSize *size, void *user);

DF_API size_t df_check_count(const DfCheck *, DfCheckLevel);
/* a line per finding; of many alike the first ones; df_free it */
DF_API int df_check_text(const DfCheck *, char **out);
/* For a score near zero: how many detections lie on an object of their class, and the first finding of each kind that
 * is an error or a warning; df_free it */
DF_API int df_check_advice(const DfCheck *, char **out);
DF_API int df_check_json(const DfCheck *, char **out); /* keys: docs/metrics.md; df_free it */

DF_END_DECLS

#endif
