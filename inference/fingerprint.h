/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/fingerprint.h -- private: hashes of everything that the results of a run depend on (FNV-1a, 64 bits): they
 * detect mistakes, not manipulation.
 */
#ifndef DF_INFERENCE_FINGERPRINT_H
#define DF_INFERENCE_FINGERPRINT_H

#include "datasets/datasets.h"
#include "inference/detector.h"
#include "models/models.h"

/* The model and the test pipeline, with all overrides; the precision of products. */
uint64_t df_hash_settings(const DfDetector *);
int df_hash_weights(DfModel *, uint64_t *out);             /* every parameter, as loaded; or why it cannot be had  */
uint64_t df_hash_dataset(const DfCocoDataset *);          /* which images, and which classes                     */
uint64_t df_hash_segmentation(const DfSegmentation *);     /* the same of a segmentation set                     */

#endif
