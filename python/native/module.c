/* SPDX-License-Identifier: Apache-2.0
 *
 * python/native/module.c -- the module itself, and what its topics share: errors, the thread pool, views of arrays.
 */
#include "python/native/native.h"

#include <pthread.h>
#include <string.h>

/* ---- errors ------------------------------------------------------------------------------------------------------ */

static PyObject *error_class; /* deformer.Error */

PyObject *df_py_raise(int error)
{
    PyObject *class = error_class;
    if (error == DF_ENOMEM)
        class = PyExc_MemoryError;
    else if (error == DF_EIO)
        class = PyExc_OSError;
    else if (error == DF_EINTERRUPT)
        class = PyExc_KeyboardInterrupt;
    if (!PyErr_Occurred())
        PyErr_SetString(class, df_error());
    return NULL;
}

PyObject *df_py_done(int error, PyObject *result)
{
    if (error < 0 || PyErr_Occurred() || PyErr_CheckSignals() < 0) {
        Py_XDECREF(result);
        return df_py_raise(error);
    }
    return result ? result : Py_NewRef(Py_None);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static DfPool *pool;
static unsigned generation;
/* whose the pool is; nobody waits for it with the GIL, which the thread that has it may want */
static pthread_mutex_t turn;

static void make_turn(void)
{
    pthread_mutexattr_t how;
    pthread_mutexattr_init(&how);
    pthread_mutexattr_settype(&how, PTHREAD_MUTEX_RECURSIVE); /* a handler of signals may call the library, too */
    pthread_mutex_init(&turn, &how);
    pthread_mutexattr_destroy(&how);
}

/* Threads do not follow into the child of a fork(), so its pool is a lost one. */
static void in_child(void)
{
    pool = NULL;
    generation++;
    make_turn();
}

bool df_py_interrupted(void)
{
    const PyGILState_STATE before = PyGILState_Ensure();
    const bool raised = PyErr_CheckSignals() < 0;
    PyGILState_Release(before);
    return raised;
}

/* A handler may have called the library, which then asked nobody any more. */
static bool stop(void *user)
{
    (void)user;
    const bool raised = df_py_interrupted();
    df_py_ask(true);
    return raised;
}

void df_py_ask(bool on)
{
    df_pool_ask(NULL, on ? stop : NULL, NULL);
}

int df_py_begin(DfPool **out)
{
    Py_BEGIN_ALLOW_THREADS
    pthread_mutex_lock(&turn);
    Py_END_ALLOW_THREADS
    const int error = pool ? DF_OK : df_pool_new(&pool, 0);
    df_py_ask(true);
    *out = pool;
    return error;
}

void df_py_end(void)
{
    df_py_ask(false);
    pthread_mutex_unlock(&turn);
}

unsigned df_py_generation(void)
{
    return generation;
}

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

/* Letters of the struct module: l is q where it has 8 bytes, ? is B. */
static bool is_of_type(char met, Py_ssize_t size, char code)
{
    switch (code) {
    case 'd': case 'D': return met == 'd';
    case 'q': case 'Q': return (met == 'q' || met == 'l') && size == 8;
    default: return met == 'B' || met == '?';
    }
}

bool df_py_view(PyObject *array, char code, Py_buffer *view, size_t *n)
{
    const int writable = code == 'D' || code == 'Q' || code == 'U' ? PyBUF_WRITABLE : 0;
    if (PyObject_GetBuffer(array, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | writable) < 0)
        return false;
    const char *format = view->format ? view->format : "B";
    const bool native = *format == '@' || *format == '=' || *format == '<';
    if (!is_of_type(format[native], view->itemsize, code)) {
        PyErr_Format(error_class, "an array of '%s', want one of '%c'", format, code);
        PyBuffer_Release(view);
        return false;
    }
    *n = (size_t)(view->len / view->itemsize);
    return true;
}

/* ---- the module -------------------------------------------------------------------------------------------------- */

static int fill(PyObject *module)
{
    static int (*const topics[])(PyObject *) = { df_py_add_memory,  df_py_add_coco,  df_py_add_told,
                                                 df_py_add_cell,    df_py_add_masks, df_py_add_panoptic,
                                                 df_py_add_detector };
    error_class =
        PyErr_NewExceptionWithDoc("deformer.Error", "What is wrong with a file, an option or a value, in a sentence.",
                                  PyExc_ValueError, NULL);
    make_turn();
    if (pthread_atfork(NULL, NULL, in_child) != 0)
        return PyErr_NoMemory(), -1;
    if (!error_class || PyModule_AddObjectRef(module, "Error", error_class) < 0)
        return -1;
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        if (topics[i](module) < 0)
            return -1;
    return PyModule_AddStringConstant(module, "version", DEFORMER_VERSION);
}

static PyObject *get_generation(PyObject *module, PyObject *nothing)
{
    (void)module;
    (void)nothing;
    return PyLong_FromUnsignedLong(generation);
}

static PyMethodDef functions[] = {
    { "generation", get_generation, METH_NOARGS, "generation(): changes with every fork()" },
    { 0 },
};

static PyModuleDef_Slot slots[] = {
    { Py_mod_exec, fill },
    { 0, NULL },
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "deformer._native",
    .m_doc = "The library, as the Python files of this package use it.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__native(void);
PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&module_def);
}
