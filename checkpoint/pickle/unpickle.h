/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pickle/unpickle.h -- private to checkpoint/: reads Python's pickle language (protocols 0 to 5) into a
 * tree of plain values.
 *
 * A pickle is a program for a stack machine whose calls may name any Python function. Here a call builds a container
 * or the description of a tensor if its name is one of the few in torch_objects.c; any other call gives an opaque
 * object, which is passed along but never interpreted.
 */
#ifndef DF_CHECKPOINT_PICKLE_UNPICKLE_H
#define DF_CHECKPOINT_PICKLE_UNPICKLE_H

#include "checkpoint/pickle/value.h"

typedef struct {
    DfPy *value;
    DfPyStorage *storages;
    size_t used; /* bytes up to and with STOP */
} DfPickle;

/* Reads one pickle from the front of `bytes`. The values live in `arena` and point into `bytes`. */
int df_unpickle(DfPickle *out, DfArena *arena, const uint8_t *bytes, size_t size);

#endif
