/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/support/models/training.h -- a training step of a whole network against the official one: a folder with
 * config.json, weights.safetensors (or weights.pth), input.safetensors (pictures and their objects) and
 * expected.safetensors (losses, gradients, statistics and the decisions on the way).
 */
#ifndef DF_TESTS_TRAINING_H
#define DF_TESTS_TRAINING_H

#include "models/models.h"
#include "tests/support/golden.h"

enum { TRAINING_HEARD = 256, TRAINING_SAMPLES = 32 };

typedef struct {
    char name[64];
    size_t n;
    float *data;
} Heard;

typedef struct {
    char path[256];
    DfConfig *config;
    DfModel *model;
    DfCheckpoint *input, *expected;
    DfArena *arena;           /* of what is given */
    DfPool *pool;
    DfCtx *c;
    DfTensor *image;
    DfLossBatch batch;
    DfLosses losses;
    Heard heard[TRAINING_HEARD]; /* what the network told a listener */
    int n_heard;
} Training;

/* Opens the case NAME; its step has not run. False, without a failure, if this machine does not have it: the folder
 * that DEFORMER_TRAINING_CASES names holds more cases than tests/data/training. */
bool training_open(Training *, const char *name, int threads);
void training_close(Training *);

/* Sampling call k takes what the case has for it (sampleK_pos_inds, sampleK_neg_inds), where it has that. */
void training_give_samples(Training *, int from, int to);

/* Losses, and the way back. */
void training_step(Training *);

/* Every "loss:NAME" within `limit` of its value, relatively, and no loss that is not expected. */
void training_expect_losses(const Training *, double limit);
/* Every "grad:PARAMETER", and the "gradstat:PARAMETER" of all its elements, within the larger of 20 times the error of
 * PyTorch's own float32 and `limit` of the largest. */
void training_expect_gradients(const Training *, double limit);
/* Every "buffer_after:NAME". */
void training_expect_statistics(Training *, double limit);

/* A step of Adam (Kingma and Ba, ICLR 2015), the `at`-th, counted from 1. m, v: its moments, zeros at first. */
void training_adam(NnModel *, float *m, float *v, int at, float rate);

/* What was heard under a name, or NULL. */
const Heard *training_heard(const Training *, const char *format, ...) DF_PRINTF(2, 3);
/* The same numbers were heard as "NAME" is expected. */
void training_expect_heard(const Training *, const char *name, const char *expected, double limit);

#endif
