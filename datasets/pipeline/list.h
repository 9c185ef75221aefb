/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/list.h -- private: a list of transforms, and the context in which it was read.
 */
#ifndef DF_DATASETS_PIPELINE_LIST_H
#define DF_DATASETS_PIPELINE_LIST_H

#include "datasets/pipeline/transform.h"

struct DfPipeline {
    DfArena *arena;
    DfPipelineKind kind;
    DfSteps steps;
    DfPipelineNeeds needs;
    bool normalises;
    DfImageReading pictures;
};

/* Which library and which release a list is written for. */
void df_tell_dialect(const DfNode *list, DfPipelineKind *);

DfWork df_work_begin(const DfPipeline *, const DfImage *);
void df_work_done(DfWork *);

#endif
