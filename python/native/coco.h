/* SPDX-License-Identifier: Apache-2.0
 *
 * python/native/coco.h -- what coco.c shares: ground truth and results as capsules.
 */
#ifndef DF_PYTHON_NATIVE_COCO_H
#define DF_PYTHON_NATIVE_COCO_H

#include "python/native/native.h"

#include "eval/eval.h"

/* What is wanted of a ground truth beside boxes, added up. */
enum { DF_PY_MASKS = 1, DF_PY_ACROSS_CLASSES = 2, DF_PY_KEYPOINTS = 4, DF_PY_FEDERATED = 8, DF_PY_ORIENTED = 16 };
/* Without a pool. `boundary_ratio`: of the image's diagonal, how wide boundaries
 * of masks are; 0: they are not compared. */
DfCocoReading df_py_reading(int wanted, double boundary_ratio);

/* Capsules take over what they hold, also when they fail; results keep the capsule of their truth. */
PyObject *df_py_wrap_truth(DfCoco *);
PyObject *df_py_wrap_results(DfCocoResults *, PyObject *truth);
PyObject *df_py_id(DfId); /* an int or a str */
const DfCoco *df_py_truth(PyObject *capsule); /* NULL with an exception set, if it is none */

#endif
