/* SPDX-License-Identifier: Apache-2.0
 *
 * python/native/detector.c -- a config and its weights as a capsule, and pictures through it: a skin over
 * inference/detector.h. model.py beside it makes arrays of what comes.
 */
#include "python/native/native.h"

#include <string.h>

#include "inference/inference.h"

static const char detector_name[] = "deformer.detector";

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* The capsule's context. One from before a fork() waits for threads that are not here: it stays as it is. */
static void *generation_now(void)
{
    return (void *)(uintptr_t)(df_py_generation() + 1u);
}

static void close_detector(PyObject *capsule)
{
    if (PyCapsule_GetContext(capsule) == generation_now())
        df_detector_close(PyCapsule_GetPointer(capsule, detector_name));
}

static DfDetector *detector_of(PyObject *capsule)
{
    return PyCapsule_GetPointer(capsule, detector_name);
}

/* The texts of a list, which live as long as its members. */
static const char **take_texts(PyObject *list, int *n)
{
    const Py_ssize_t size = PyList_Size(list);
    const char **texts = size < INT32_MAX ? df_calloc((size_t)size + 1, sizeof *texts) : NULL;
    *n = (int)size;
    if (!texts)
        PyErr_NoMemory();
    for (Py_ssize_t i = 0; texts && i < size; i++)
        if (!(texts[i] = PyUnicode_AsUTF8AndSize(PyList_GetItem(list, i), NULL))) {
            df_free((void *)texts);
            return NULL;
        }
    return texts;
}

static PyObject *open_with(const char *config, const char *weights, const DfDetectorOptions *options)
{
    DfDetector *detector = NULL;
    int error;
    df_py_ask(true);
    Py_BEGIN_ALLOW_THREADS
    error = df_detector_open(&detector, config, weights, options);
    if (error == DF_OK && (error = df_detector_check_channels(detector)) < 0) {
        df_detector_close(detector);
        detector = NULL;
    }
    Py_END_ALLOW_THREADS
    df_py_ask(false);
    if (error < 0)
        return df_py_done(error, NULL);
    PyObject *capsule = PyCapsule_New(detector, detector_name, close_detector);
    if (!capsule || PyCapsule_SetContext(capsule, generation_now()) < 0) {
        Py_XDECREF(capsule);
        df_detector_close(detector);
        return NULL;
    }
    return df_py_done(DF_OK, capsule);
}

/* detector_open(config, weights, threads, changes, wrapper, allow_missing, precision): weights and wrapper may be None,
 * threads 0; changes is a tuple of texts KEY=VALUE */
static PyObject *detector_open(PyObject *module, PyObject *args)
{
    const char *config, *weights, *precision;
    PyObject *changes;
    DfDetectorOptions options = { 0 };
    int allow_missing;
    (void)module;
    if (!PyArg_ParseTuple(args, "sziO!zps", &config, &weights, &options.threads, &PyList_Type, &changes,
                          &options.load.wrapper, &allow_missing, &precision))
        return NULL;
    const int error = df_precision_read(&options.precision, precision);
    if (error < 0)
        return df_py_done(error, NULL);
    options.load.allow_missing = allow_missing;
    const char **set = take_texts(changes, &options.n_set);
    if (!set)
        return NULL;
    options.set = set;
    PyObject *capsule = open_with(config, weights, &options);
    df_free((void *)set);
    return capsule;
}

/* ---- what it is -------------------------------------------------------------------------------------------------- */

static PyObject *class_of(const DfDetector *d, int label)
{
    return Py_BuildValue("(sL)", df_detector_class_name(d, label), (long long)df_detector_category_id(d, label));
}

/* detector_classes(detector) -> (task, [(name, category_id), ...]) */
static PyObject *detector_classes(PyObject *module, PyObject *capsule)
{
    static const char *const tasks[] = { "detection", "segmentation", "classification", "features" };
    const DfDetector *d = detector_of(capsule);
    (void)module;
    if (!d)
        return NULL;
    const int n = df_detector_classes(d);
    PyObject *list = PyList_New(n);
    for (int i = 0; list && i < n; i++) {
        PyObject *class = class_of(d, i);
        if (!class || PyList_SetItem(list, i, class) < 0)
            Py_CLEAR(list);
    }
    return list ? Py_BuildValue("(sN)", tasks[df_detector_task(d)], list) : NULL;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

/* Columns of detections, in the order in which they are listed. */
typedef struct {
    size_t n;
    float (*boxes)[4];
    float *scores;
    int64_t *labels;
    DfMask *masks; /* borrowed runs; NULL: the network makes none */
} Columns;

static void columns_done(Columns *c)
{
    df_free(c->boxes);
    df_free(c->scores);
    df_free(c->labels);
    df_free(c->masks);
}

static bool columns_new(Columns *c, size_t n, bool masks)
{
    *c = (Columns){ .boxes = df_malloc(n * sizeof *c->boxes),
                    .scores = df_malloc(n * sizeof *c->scores),
                    .labels = df_malloc(n * sizeof *c->labels),
                    .masks = masks ? df_malloc(n * sizeof *c->masks) : NULL };
    if (c->boxes && c->scores && c->labels && (c->masks || !masks))
        return true;
    df_fail_memory("detections");
    columns_done(c);
    return false;
}

static int fill_columns(Columns *c, const DfDetections *found, double least)
{
    const DfDetection **order = df_detections_listed(found);
    if (!order || !columns_new(c, found->n, found->masks != NULL)) {
        df_free((void *)order);
        return DF_ENOMEM;
    }
    for (size_t i = 0; i < found->n; i++) {
        const DfDetection *one = order[i];
        if ((double)one->score < least)
            continue;
        memcpy(c->boxes[c->n], one->box, sizeof one->box);
        c->scores[c->n] = one->score;
        c->labels[c->n] = one->label;
        if (c->masks)
            c->masks[c->n] = found->masks[one - found->v];
        c->n++;
    }
    df_free((void *)order);
    return DF_OK;
}

/* (boxes, scores, labels, masks): float32 x1 y1 x2 y2, float32, int64, a list or None */
static PyObject *detections(const DfDetections *found, double least)
{
    Columns c;
    const int error = fill_columns(&c, found, least);
    if (error < 0)
        return df_py_raise(error);
    PyObject *masks = c.masks ? df_py_masks(c.masks, c.n) : Py_NewRef(Py_None);
    PyObject *boxes = df_py_memory(c.boxes, c.n * sizeof *c.boxes);
    PyObject *scores = df_py_memory(c.scores, c.n * sizeof *c.scores);
    PyObject *labels = df_py_memory(c.labels, c.n * sizeof *c.labels);
    df_free(c.masks);
    return Py_BuildValue("(NNNN)", boxes, scores, labels, masks);
}

/* What the result holds of memory is handed over. */
static PyObject *taken(void *memory, size_t bytes)
{
    return memory ? df_py_memory(memory, bytes) : Py_NewRef(Py_None);
}

/* (height, width, detections, label map of uint16, scores of classes as float32); the last three may be None */
static PyObject *result_object(const DfDetector *d, DfResult *r, double least)
{
    const bool detects = df_detector_task(d) == DF_TASK_DETECTION;
    const size_t pixels = (size_t)r->height * (size_t)r->width;
    PyObject *found = detects ? detections(&r->detections, least) : Py_NewRef(Py_None);
    PyObject *map = taken(r->label_map, pixels * sizeof *r->label_map);
    PyObject *scores = taken(r->class_scores, (size_t)df_detector_classes(d) * sizeof *r->class_scores);
    r->label_map = NULL;
    r->class_scores = NULL;
    PyObject *object = Py_BuildValue("(iiNNN)", r->height, r->width, found, map, scores);
    df_result_done(r);
    return object;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static int picture_of(DfImage *out, const Py_buffer *v)
{
    const bool bytes = v->itemsize == 1 && strcmp(v->format ? v->format : "B", "B") == 0;
    if (v->ndim != 3 || v->shape[2] != 3 || !bytes)
        return df_fail(DF_EVALUE, "a picture of %d dimensions and type '%s': want height x width x 3 of uint8", v->ndim,
                       v->format ? v->format : "B");
    const int error = df_image_check_size((uint64_t)v->shape[0], (uint64_t)v->shape[1], 0);
    if (error == DF_OK)
        *out = (DfImage){ (int)v->shape[0], (int)v->shape[1], 3, v->buf };
    return error;
}

/* detector_run(detector, array, bgr, least): of uint8, contiguous, borrowed for as long as it runs */
static PyObject *detector_run(PyObject *module, PyObject *args)
{
    PyObject *capsule, *array;
    int bgr;
    double least;
    Py_buffer view;
    DfImage picture;
    DfResult result = { 0 };
    (void)module;
    if (!PyArg_ParseTuple(args, "OOpd", &capsule, &array, &bgr, &least))
        return NULL;
    DfDetector *d = detector_of(capsule);
    if (!d || PyObject_GetBuffer(array, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0)
        return NULL;
    int error = picture_of(&picture, &view);
    df_py_ask(true);
    Py_BEGIN_ALLOW_THREADS
    if (error == DF_OK)
        error = df_detector_run_as(d, &picture, 1, bgr ? DF_PIXELS_BGR : DF_PIXELS_RGB, &result);
    Py_END_ALLOW_THREADS
    df_py_ask(false);
    PyBuffer_Release(&view);
    return df_py_done(error, error == DF_OK ? result_object(d, &result, least) : NULL);
}

/* detector_run_file(detector, path, least): read as the program reads it */
static PyObject *detector_run_file(PyObject *module, PyObject *args)
{
    PyObject *capsule;
    const char *path;
    double least;
    DfSample sample;
    DfResult result;
    int error;
    (void)module;
    if (!PyArg_ParseTuple(args, "Osd", &capsule, &path, &least))
        return NULL;
    DfDetector *d = detector_of(capsule);
    if (!d)
        return NULL;
    df_py_ask(true);
    Py_BEGIN_ALLOW_THREADS
    df_sample_load(&sample, df_detector_pipeline(d), path, false);
    error = df_detector_run_sample(d, &sample, &result);
    df_sample_free(&sample);
    Py_END_ALLOW_THREADS
    df_py_ask(false);
    return df_py_done(error, error == DF_OK ? result_object(d, &result, least) : NULL);
}

/* config_folder(path): where configs are that load() takes by name */
static PyObject *config_folder(PyObject *module, PyObject *args)
{
    const char *folder;
    (void)module;
    if (!PyArg_ParseTuple(args, "s", &folder))
        return NULL;
    df_config_ready_folders(&folder, 1);
    return Py_NewRef(Py_None);
}

static PyMethodDef functions[] = {
    { "config_folder", config_folder, METH_VARARGS, "config_folder(path)" },
    { "detector_open", detector_open, METH_VARARGS,
      "detector_open(config, weights, threads, changes, wrapper, allow_missing, precision)" },
    { "detector_classes", detector_classes, METH_O, "detector_classes(detector)" },
    { "detector_run", detector_run, METH_VARARGS, "detector_run(detector, array, bgr, least)" },
    { "detector_run_file", detector_run_file, METH_VARARGS, "detector_run_file(detector, path, least)" },
    { 0 },
};

int df_py_add_detector(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
