/* SPDX-License-Identifier: Apache-2.0
 *
 * python/native/native.h -- what the C files of the Python module share. The module is `deformer._native`:
 * a thin skin over the library, for the Python files beside it and for nobody else. It uses the limited API
 * of Python 3.11 alone, so that one build serves every later Python, and knows arrays by the buffer
 * protocol, so that it is compiled without numpy.
 *
 * A topic is one file: coco.c, ... Its functions and types are added to the module by one function, declared below.
 */
#ifndef DF_PYTHON_NATIVE_NATIVE_H
#define DF_PYTHON_NATIVE_NATIVE_H

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030B0000
#endif
#include <Python.h>

#include <stdbool.h>

#include "boxes/boxes.h"
#include "core/core.h"

/* ---- topics: 0, or -1 with an exception set ---------------------------------------------------------------------- */

int df_py_add_memory(PyObject *module);
int df_py_add_coco(PyObject *module);
int df_py_add_cell(PyObject *module);
int df_py_add_told(PyObject *module);
int df_py_add_panoptic(PyObject *module);
int df_py_add_masks(PyObject *module);
int df_py_add_detector(PyObject *module);

/* ---- errors ------------------------------------------------------------------------------------------------------ */

/* Raises what `error` stands for with the sentence of df_error(): MemoryError, OSError, KeyboardInterrupt, or
 * deformer.Error, which is a ValueError. Returns NULL. With the GIL. */
PyObject *df_py_raise(int error);

/* What a function ends with that was away in C: raises for an error, and for a Ctrl-C that came meanwhile. `result` is
 * consumed; NULL stands for None. */
PyObject *df_py_done(int error, PyObject *result);

/* ---- threads ----------------------------------------------------------------------------------------------------- */

/* The one pool of the process, made at its first use; a child process after fork() gets one of its own. It is this thread's until
 * df_py_end(), also after a failure. Ctrl-C stops what is done with it: DF_EINTERRUPT, with the exception set. With the GIL. */
int df_py_begin(DfPool **out);
void df_py_end(void);
/* Between df_py_ask(true) and df_py_ask(false) Ctrl-C stops what this thread does in the library; df_py_begin() and df_py_end() say so, too. */
void df_py_ask(bool on);
/* Runs the handlers of signals that came, in the main thread: has one raised? Then its exception is set. Without the GIL. */
bool df_py_interrupted(void);
/* Changes with every fork(): what holds a pool of another generation is stale. */
unsigned df_py_generation(void);

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

/* An object that owns `bytes` bytes of df_malloc() and shows them as a buffer: numpy.frombuffer() makes it an array
 * that can be written to. Takes the memory over, also when it fails. */
PyObject *df_py_memory(void *memory, size_t bytes);

/* The numbers of a contiguous buffer of one dimension or more. PyBuffer_Release() the view. `code`
 * says of what kind they are: 'd' float64, 'q' int64, 'u' uint8 or bool; a capital letter wants
 * them to be writable. False: an exception is set. */
bool df_py_view(PyObject *array, char code, Py_buffer *view, size_t *n);

/* ---- masks ------------------------------------------------------------------------------------------------------- */

/* {"size": [height, width], "counts": b".."} of n masks, or NULL with an exception set. */
PyObject *df_py_masks(const DfMask *, size_t n);

#endif
