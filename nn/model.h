/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/model.h -- private: the parts of a model. model.c owns it, scope.c adds parameters, init.c allocates and draws
 * them.
 */
#ifndef DF_NN_MODEL_H
#define DF_NN_MODEL_H

#include "nn/nn.h"

/* A call that nn_model_free() makes, of nn_at_end(). */
typedef struct NnEnding {
    struct NnEnding *next;
    void (*done)(void *object);
    void *object;
} NnEnding;

struct NnModel {
    DfArena *arena;           /* names, parameters, and the arrays of nn_alloc()        */
    NnParam **params;         /* in the order in which they were registered             */
    size_t n, capacity;
    float *weights;           /* one block for all of them, from nn_model_init() on     */
    float *gradients;         /* of its first n_trained floats, from nn_model_train() on */
    size_t n_trained;
    NnShared *shared;         /* second names, of nn_share()                            */
    size_t n_shared, shared_capacity;
    NnEnding *endings;
    bool lean;                /* nn_model_lean()                                        */
    DfCheckpoint **files;     /* mapped files that its weights are read from            */
    size_t n_files, files_capacity;
    int err;                  /* DF_OK, or the first failure while modules were built   */
    char sentence[800];
    NnParam nowhere;          /* the result of nn_last() after a failure                */
};

/* train.c: lays out all parameters except lean ones in one block, the trained ones first. Their values are kept. */
int nn_model_lay_out(NnModel *);

/* init.c: draws a parameter as nn_model_init() does, in our layout; the same numbers each time. */
void nn_param_draw(const NnParam *, uint64_t seed, float *out);

#endif
