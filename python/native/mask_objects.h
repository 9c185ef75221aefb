/* SPDX-License-Identifier: Apache-2.0
 *
 * python/native/mask_objects.h -- masks as pycocotools has them: {"size": [height, width], "counts": b".."}.
 */
#ifndef DF_PYTHON_NATIVE_MASK_OBJECTS_H
#define DF_PYTHON_NATIVE_MASK_OBJECTS_H

#include "python/native/native.h"

#include "boxes/boxes.h"

typedef struct {
    DfMask *v;
    size_t n;
} PyMasks;

/* n empty ones. False: an exception is set, and there is nothing to free. */
bool df_py_masks_new(PyMasks *, size_t n);
void df_py_masks_done(PyMasks *);

/* A sequence of objects. False: an exception is set, and there is nothing to free. */
bool df_py_masks_take(PyMasks *out, PyObject *list);

/* One object; df_py_masks() (native.h) makes a list of them. */
PyObject *df_py_mask(const DfMask *);

/* A list of objects, or, of an error, NULL with an exception set. Frees the masks. */
PyObject *df_py_masks_give(PyMasks *, int error);

#endif
