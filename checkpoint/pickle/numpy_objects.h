/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pickle/numpy_objects.h -- private: the calls that build arrays of numpy, each from a tuple of arguments.
 */
#ifndef DF_CHECKPOINT_PICKLE_NUMPY_OBJECTS_H
#define DF_CHECKPOINT_PICKLE_NUMPY_OBJECTS_H

#include "checkpoint/pickle/value.h"

int df_numpy_dtype(DfPyHeap *, DfPy **out, DfPy *args);
int df_numpy_reconstruct(DfPyHeap *, DfPy **out, DfPy *args);
int df_numpy_frombuffer(DfPyHeap *, DfPy **out, DfPy *args);
int df_numpy_scalar(DfPyHeap *, DfPy **out, DfPy *args);
int df_numpy_encode(DfPyHeap *, DfPy **out, DfPy *args);
int df_numpy_no_bytes(DfPyHeap *, DfPy **out, DfPy *args);
/* BUILD of anything: an array gets its numbers, a dtype its byte order; others stay as they are. */
int df_numpy_build(DfPyHeap *, DfPy *object, const DfPy *state);

#endif
