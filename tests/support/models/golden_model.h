/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/support/models/golden_model.h -- a small network of the official code with its weights, what it was given and
 * what it gave. A folder has config.json, weights.pth, input.safetensors and expected.safetensors; or the files of a
 * model as transformers and timm save it, beside the last two.
 */
#ifndef DF_TESTS_GOLDEN_MODEL_H
#define DF_TESTS_GOLDEN_MODEL_H

#include "models/models.h"
#include "tests/support/golden.h"

typedef struct {
    char path[1024];    /* of the folder             */
    const char *name;   /* the last part of the path */
    DfConfig *config;
    DfModel *model;     /* with its weights          */
    DfCheckpoint *input, *expected;
} GoldenModel;

/* The folder is named as by printf. The test fails if something is missing. */
void golden_model_open(GoldenModel *, const char *format, ...) DF_PRINTF(2, 3);
void golden_model_close(GoldenModel *);

/* Pictures of the input, "image" or another, as a tensor: N C H W -> N H W C. */
DfTensor *golden_model_image(DfCtx *, const GoldenModel *, const char *name);

#endif
