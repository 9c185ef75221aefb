/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/images_scored.h -- the images that the results of a run cover. Included by inference/inference.h.
 */
#ifndef DF_INFERENCE_IMAGES_SCORED_H
#define DF_INFERENCE_IMAGES_SCORED_H

#include "core/core.h"

DF_BEGIN_DECLS

/* The list of image ids that an evaluation writes beside its results; a journal
 * alone tells of a run that was stopped. */
#define DF_IMAGES_SCORED "results.images.json"

/* The ids of the images that the results in an evaluation's folder are of, ascending; df_free(*out). *out is NULL where
 * the folder does not tell. */
DF_API int df_images_scored(int64_t **out, size_t *n, const char *folder);

/* Writes them. */
DF_API int df_images_scored_write(const char *folder, const int64_t *ids, size_t n);

DF_END_DECLS

#endif
