/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pickle/torch_objects.h -- private: the calls in a pickle that the unpickler understands.
 */
#ifndef DF_CHECKPOINT_PICKLE_TORCH_OBJECTS_H
#define DF_CHECKPOINT_PICKLE_TORCH_OBJECTS_H

#include "checkpoint/pickle/value.h"

/* callable(*args); the effects of torch._utils._rebuild_tensor_v2 and friends, or an opaque object. */
int df_py_call(DfPyHeap *, DfPy **out, const DfPy *callable, DfPy *args);
/* The object behind a persistent id: ('storage', type, key, location, numel[, view]). */
int df_py_persistent(DfPyHeap *, DfPy **out, DfPy *id);

#endif
