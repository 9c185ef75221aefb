/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/whole.h -- private to datasets/pipeline/: what the transforms of classifiers share. They work on
 * the bytes of a whole picture, which has no annotation but its class.
 */
#ifndef DF_DATASETS_PIPELINE_WHOLE_H
#define DF_DATASETS_PIPELINE_WHOLE_H

#include "datasets/image/pil_ops.h"
#include "datasets/pipeline/transform.h"

/* The bytes, to be changed in place; the view lives until the next transform. DF_EVALUE, with the transform's name,
 * behind Normalize and for pictures with boxes or maps. */
int df_whole_bytes(DfWork *, DfImage *view, const char *transform);

/* Takes the image over in place of the picture. */
void df_whole_replace(DfWork *, DfImage);

/* "224", "(224, 224)" as (height, width); both above 0. */
int df_whole_size(int size[2], const DfNode *node, const DfNode *dict);

#endif
