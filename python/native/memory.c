/* SPDX-License-Identifier: Apache-2.0
 *
 * python/native/memory.c -- memory of the library as an object with a buffer, so
 * that arrays are handed over and not copied.
 */
#include "python/native/native.h"

typedef struct {
    PyObject_HEAD
    void *memory;
    Py_ssize_t bytes;
} Memory;

static PyTypeObject *memory_type;

PyObject *df_py_memory(void *memory, size_t bytes)
{
    Memory *const m = bytes <= PY_SSIZE_T_MAX ? PyObject_New(Memory, memory_type) : NULL;
    if (!m) {
        df_free(memory);
        return PyErr_NoMemory();
    }
    m->memory = memory;
    m->bytes = (Py_ssize_t)bytes;
    return (PyObject *)m;
}

static void dealloc(PyObject *self)
{
    PyTypeObject *const type = Py_TYPE(self);
    df_free(((Memory *)self)->memory);
    PyObject_Free(self);
    Py_DECREF(type);
}

static int get_buffer(PyObject *self, Py_buffer *view, int flags)
{
    Memory *const m = (Memory *)self;
    return PyBuffer_FillInfo(view, self, m->memory, m->bytes, false, flags);
}

static PyType_Slot slots[] = {
    { Py_tp_dealloc, dealloc },
    { Py_bf_getbuffer, get_buffer },
    { 0, NULL },
};

static PyType_Spec spec = {
    .name = "deformer._native.Memory",
    .basicsize = sizeof(Memory),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int df_py_add_memory(PyObject *module)
{
    memory_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    return memory_type ? PyModule_AddType(module, memory_type) : -1;
}
