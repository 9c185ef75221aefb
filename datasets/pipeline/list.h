/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/list.h -- a pipeline from within: a list of transforms, and what it was read for.
 */
#ifndef DF_DATASETS_PIPELINE_LIST_H
#define DF_DATASETS_PIPELINE_LIST_H

#include "datasets/pipeline/transform.h"

/* data_preprocessor of the model: what is left to do after the list. */
typedef struct {
    bool there;
    bool normalises;
    DfNormal normal;
    int divisor;       /* both sides up to a multiple; 0: none */
    int height, width; /* both sides up to this; 0: none       */
    int map_fill;
    float fill;        /* after normalising                    */
} DfPreprocessor;

int df_preprocessor_read(DfPreprocessor *out, const DfNode *dict, DfArena *arena);
int df_preprocess(const DfPreprocessor *, DfWork *);

struct DfPipeline {
    DfArena *arena;
    DfPipelineKind kind;
    DfSteps steps;
    DfPipelineNeeds needs;
    DfPreprocessor preprocessor;
};

/* Which library and which release a list is written for. */
void df_tell_dialect(const DfNode *list, DfPipelineKind *);

DfWork df_work_begin(const DfPipeline *, const DfImage *);
void df_work_done(DfWork *);

#endif
