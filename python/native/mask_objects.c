/* SPDX-License-Identifier: Apache-2.0
 *
 * python/native/mask_objects.c -- masks from the objects of pycocotools, and back.
 */
#include "python/native/mask_objects.h"

void df_py_masks_done(PyMasks *m)
{
    for (size_t i = 0; i < m->n; i++)
        df_mask_done(&m->v[i]);
    df_free(m->v);
    *m = (PyMasks){ 0 };
}

bool df_py_masks_new(PyMasks *m, size_t n)
{
    m->v = df_calloc(n + 1, sizeof *m->v);
    m->n = m->v ? n : 0;
    if (!m->v)
        PyErr_NoMemory();
    return m->v != NULL;
}

/* A side of `size`: any number that int() takes. */
static bool take_side(PyObject *size, Py_ssize_t at, uint32_t *side)
{
    PyObject *item = PySequence_GetItem(size, at);
    PyObject *whole = item ? PyNumber_Long(item) : NULL;
    const unsigned long long value = whole ? PyLong_AsUnsignedLongLong(whole) : 0;
    Py_XDECREF(item);
    Py_XDECREF(whole);
    if (PyErr_Occurred())
        return false;
    if (value > UINT32_MAX)
        PyErr_Format(PyExc_OverflowError, "a mask with a side of %llu pixels, want less than 2^32", value);
    *side = (uint32_t)value;
    return value <= UINT32_MAX;
}

static bool take_size(PyObject *rle, uint32_t side[2])
{
    PyObject *size = PyMapping_GetItemString(rle, "size");
    const bool taken = size && take_side(size, 0, &side[0]) && take_side(size, 1, &side[1]);
    Py_XDECREF(size);
    return taken;
}

/* The text of `counts`; it lives as long as the object. NULL: an exception is set. */
static const char *text_of(PyObject *counts, Py_ssize_t *length)
{
    char *text;
    if (PyUnicode_Check(counts))
        return PyUnicode_AsUTF8AndSize(counts, length);
    if (PyBytes_Check(counts))
        return PyBytes_AsStringAndSize(counts, &text, length) < 0 ? NULL : text;
    PyErr_Format(PyExc_TypeError,
                 "counts of a mask are of type %R, want bytes or str (frPyObjects() compresses a list)",
                 Py_TYPE(counts));
    return NULL;
}

/* One object {"size", "counts"} with compressed counts. */
static bool take_mask(DfMask *out, PyObject *rle)
{
    uint32_t side[2];
    Py_ssize_t length;
    PyObject *counts = PyMapping_GetItemString(rle, "counts");
    const char *text = counts ? text_of(counts, &length) : NULL;
    bool taken = text && take_size(rle, side);
    if (taken && df_mask_from_text(out, text, (size_t)length, side[0], side[1]) < 0) {
        df_py_raise(DF_EFORMAT);
        taken = false;
    }
    Py_XDECREF(counts);
    return taken;
}

bool df_py_masks_take(PyMasks *out, PyObject *list)
{
    const Py_ssize_t n = PySequence_Size(list);
    bool taken = n >= 0 && df_py_masks_new(out, (size_t)n);
    for (Py_ssize_t i = 0; taken && i < n; i++) {
        PyObject *rle = PySequence_GetItem(list, i);
        taken = rle && take_mask(&out->v[i], rle) && PyErr_CheckSignals() == 0;
        Py_XDECREF(rle);
    }
    if (!taken && n >= 0)
        df_py_masks_done(out);
    return taken;
}

PyObject *df_py_mask(const DfMask *mask)
{
    char *text;
    const int error = df_mask_to_text(mask, &text);
    if (error < 0)
        return df_py_raise(error);
    PyObject *object =
        Py_BuildValue("{s:[II],s:y}", "size", (unsigned)mask->height, (unsigned)mask->width, "counts", text);
    df_free(text);
    return object;
}

PyObject *df_py_masks(const DfMask *masks, size_t n)
{
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (size_t i = 0; list && i < n; i++) {
        PyObject *object = df_py_mask(&masks[i]);
        if (!object || PyList_SetItem(list, (Py_ssize_t)i, object) < 0 || PyErr_CheckSignals() < 0)
            Py_CLEAR(list);
    }
    return list;
}

PyObject *df_py_masks_give(PyMasks *m, int error)
{
    PyObject *list = error == DF_OK ? df_py_masks(m->v, m->n) : df_py_raise(error);
    df_py_masks_done(m);
    return list;
}
