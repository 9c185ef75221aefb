/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/maps.h -- finds mistakes in label maps that silently ruin a score of semantic segmentation.
 *
 *     df_check_new(&check);
 *     df_check_pair(check, &pair);                                   for every label map and its prediction
 *     df_check_maps(check, "annotations/validation", &params, NULL);   then all together
 */
#ifndef DF_EVAL_CHECK_MAPS_H
#define DF_EVAL_CHECK_MAPS_H

#include <stdint.h>

#include "core/core.h"
#include "eval/check/check.h"
#include "eval/semantic/miou.h"

DF_BEGIN_DECLS

/* Values as they are stored, one byte each. */
typedef struct {
    const char *label_name, *pred_name;                  /* for findings */
    const uint8_t *label, *pred;                         /* [height][width] */
    int label_height, label_width, pred_height, pred_width;
} DfCheckPair;
DF_API int df_check_pair(DfCheck *, const DfCheckPair *);

/* A file that cannot be read: df_error() becomes the finding. */
DF_API int df_check_map_fails(DfCheck *, const char *name);

/* After the last pair: all of them, as the parameters read them. `names` of the classes, or NULL; `labels` is the
 * folder of the labels, for findings. */
DF_API int df_check_maps(DfCheck *, const char *labels, const DfMiouParams *, const char *const *names);

DF_END_DECLS

#endif
