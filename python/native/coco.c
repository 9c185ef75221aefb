/* SPDX-License-Identifier: Apache-2.0
 *
 * python/native/coco.c -- scores of COCO's family from files, by the evaluator of eval/. What is read and what was
 * found are capsules: a ground truth, results (which borrow it), an evaluation.
 */
#include "python/native/coco.h"

#include <string.h>

static const char truth_name[] = "deformer.truth";
static const char results_name[] = "deformer.results";
static const char evaluation_name[] = "deformer.evaluation";

/* ---- ground truth ------------------------------------------------------------------------------------------------ */

static void free_truth(PyObject *capsule)
{
    df_coco_free(PyCapsule_GetPointer(capsule, truth_name));
}

PyObject *df_py_wrap_truth(DfCoco *truth)
{
    PyObject *capsule = PyCapsule_New(truth, truth_name, free_truth);
    if (!capsule)
        df_coco_free(truth);
    return capsule;
}

const DfCoco *df_py_truth(PyObject *capsule)
{
    return PyCapsule_GetPointer(capsule, truth_name);
}

DfCocoReading df_py_reading(int wanted, double boundary_ratio)
{
    return (DfCocoReading){ .masks = wanted & DF_PY_MASKS,
                            .across_classes = wanted & DF_PY_ACROSS_CLASSES,
                            .keypoints = wanted & DF_PY_KEYPOINTS,
                            .oriented = wanted & DF_PY_ORIENTED,
                            .boundary_ratio = boundary_ratio,
                            .federated = wanted & DF_PY_FEDERATED };
}

/* open_truth(path, wanted, boundary_ratio) */
static PyObject *open_truth(PyObject *module, PyObject *args)
{
    PyObject *path;
    int wanted;
    double boundary_ratio;
    DfCoco *truth = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "O&id", PyUnicode_FSConverter, &path, &wanted, &boundary_ratio))
        return NULL;
    DfCocoReading how = df_py_reading(wanted, boundary_ratio);
    int error = df_py_begin(&how.pool);
    Py_BEGIN_ALLOW_THREADS
    if (error == DF_OK)
        error = df_coco_open_with(&truth, PyBytes_AsString(path), &how);
    Py_END_ALLOW_THREADS
    df_py_end();
    Py_DECREF(path);
    return df_py_done(error, error == DF_OK ? df_py_wrap_truth(truth) : NULL);
}

PyObject *df_py_id(DfId id)
{
    if (id.text && !df_id_is_text(id))
        return PyLong_FromString(id.text, NULL, 10);
    if (id.text)
        return PyUnicode_DecodeUTF8(id.text, (Py_ssize_t)strlen(id.text), "surrogateescape");
    return PyLong_FromLongLong(id.number);
}

/* listed_ids(truth, categories): of the images or the categories, in the order of the file */
static PyObject *listed_ids(PyObject *module, PyObject *args)
{
    PyObject *capsule;
    int categories;
    (void)module;
    if (!PyArg_ParseTuple(args, "Op", &capsule, &categories))
        return NULL;
    const DfCoco *truth = df_py_truth(capsule);
    if (!truth)
        return NULL;
    const size_t n = categories ? df_coco_categories(truth) : df_coco_images(truth);
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (size_t i = 0; list && i < n; i++) {
        PyObject *object = df_py_id(categories ? df_coco_listed_category(truth, i) : df_coco_listed_image(truth, i));
        if (!object || PyList_SetItem(list, (Py_ssize_t)i, object) < 0)
            Py_CLEAR(list);
    }
    return list;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

/* The capsule's context is that of the ground truth, which has to outlive it. */
static void free_results(PyObject *capsule)
{
    df_coco_results_free(PyCapsule_GetPointer(capsule, results_name));
    Py_XDECREF((PyObject *)PyCapsule_GetContext(capsule));
}

PyObject *df_py_wrap_results(DfCocoResults *results, PyObject *truth)
{
    PyObject *capsule = PyCapsule_New(results, results_name, free_results);
    if (!capsule) {
        df_coco_results_free(results);
        return NULL;
    }
    PyCapsule_SetContext(capsule, Py_NewRef(truth));
    return capsule;
}

/* open_results(truth, path) */
static PyObject *open_results(PyObject *module, PyObject *args)
{
    PyObject *capsule, *path;
    DfCocoResults *results = NULL;
    DfPool *pool; /* the truth has it */
    (void)module;
    if (!PyArg_ParseTuple(args, "OO&", &capsule, PyUnicode_FSConverter, &path))
        return NULL;
    const DfCoco *truth = df_py_truth(capsule);
    const char *name = PyBytes_AsString(path);
    int error = df_py_begin(&pool);
    Py_BEGIN_ALLOW_THREADS
    if (truth && error == DF_OK)
        error = df_coco_results_new(&results, truth);
    if (truth && error == DF_OK)
        error = df_coco_results_read(results, name);
    Py_END_ALLOW_THREADS
    df_py_end();
    Py_DECREF(path);
    if (!truth)
        return NULL;
    if (error < 0) {
        df_coco_results_free(results);
        return df_py_done(error, NULL);
    }
    return df_py_done(DF_OK, df_py_wrap_results(results, capsule));
}

static PyObject *count_results(PyObject *module, PyObject *capsule)
{
    (void)module;
    const DfCocoResults *results = PyCapsule_GetPointer(capsule, results_name);
    return results ? PyLong_FromSize_t(df_coco_results_count(results)) : NULL;
}

/* ---- evaluation -------------------------------------------------------------------------------------------------- */

static void free_evaluation(PyObject *capsule)
{
    df_coco_eval_free(PyCapsule_GetPointer(capsule, evaluation_name));
}

/* Params as arrays, whose views are held while C runs. */
enum { IOUS, RECALLS, MAX_DETS, AREAS, IMAGES, CATEGORIES, SIGMAS, ARRAYS };
typedef struct {
    Py_buffer view[ARRAYS];
    bool held[ARRAYS];
    size_t n[ARRAYS];
    DfAreaRange *areas;
    int *max_dets;
    DfCocoParams params;
} Given;

static void given_done(Given *g)
{
    for (int i = 0; i < ARRAYS; i++)
        if (g->held[i])
            PyBuffer_Release(&g->view[i]);
    df_free(g->areas);
    df_free(g->max_dets);
}

static bool take_areas(Given *g)
{
    static const char *const of_people[] = { "all", "medium", "large" }; /* as CrowdPose's table calls them */
    const double (*ranges)[2] = g->view[AREAS].buf;
    const int64_t *numbers = g->view[MAX_DETS].buf;
    const size_t n_areas = g->n[AREAS] / 2;
    g->areas = df_malloc(n_areas * sizeof *g->areas);
    g->max_dets = df_malloc(g->n[MAX_DETS] * sizeof *g->max_dets);
    if (!g->areas || !g->max_dets)
        return df_py_raise(df_fail_memory("the parameters"));
    for (size_t i = 0; i < n_areas; i++)
        g->areas[i] = (DfAreaRange){ g->params.crowdpose && i < 3 ? of_people[i] : "", ranges[i][0], ranges[i][1] };
    for (size_t i = 0; i < g->n[MAX_DETS]; i++)
        g->max_dets[i] = (int)df_clamp_i64(numbers[i], -1, INT32_MAX);
    g->params.n_areas = n_areas;
    g->params.areas = g->areas;
    g->params.n_max_dets = g->n[MAX_DETS];
    g->params.max_dets = g->max_dets;
    return true;
}

static bool take_params(Given *g, PyObject *const object[ARRAYS])
{
    static const char codes[ARRAYS] = { 'd', 'd', 'q', 'd', 'q', 'q', 'd' };
    for (int i = 0; i < ARRAYS; i++) {
        if (object[i] == Py_None)
            continue;
        if (!df_py_view(object[i], codes[i], &g->view[i], &g->n[i]))
            return false;
        g->held[i] = true;
    }
    g->params.ious = g->view[IOUS].buf;
    g->params.n_ious = g->n[IOUS];
    g->params.recalls = g->view[RECALLS].buf;
    g->params.n_recalls = g->n[RECALLS];
    g->params.image_ids = g->view[IMAGES].buf;
    g->params.n_image_ids = g->n[IMAGES];
    g->params.category_ids = g->view[CATEGORIES].buf;
    g->params.n_category_ids = g->n[CATEGORIES];
    g->params.sigmas = g->view[SIGMAS].buf;
    g->params.n_sigmas = g->n[SIGMAS];
    g->params.arrays = true;
    return take_areas(g);
}

static PyObject *run(const DfCocoResults *results, const Given *g)
{
    DfPool *pool;
    DfCocoEval *evaluation = NULL;
    int error = df_py_begin(&pool);
    Py_BEGIN_ALLOW_THREADS
    if (error == DF_OK)
        error = df_coco_evaluate(&evaluation, results, &g->params, pool);
    Py_END_ALLOW_THREADS
    df_py_end();
    if (error < 0)
        return df_py_done(error, NULL);
    PyObject *capsule = PyCapsule_New(evaluation, evaluation_name, free_evaluation);
    if (!capsule)
        df_coco_eval_free(evaluation);
    return df_py_done(DF_OK, capsule);
}

static DfCocoType type_of(const char *name)
{
    static const struct { const char *name; DfCocoType type; } types[] = {
        { "segm", DF_COCO_MASKS },
        { "keypoints", DF_COCO_KEYPOINTS },
        { "keypoints_crowd", DF_COCO_KEYPOINTS },
        { "obb", DF_COCO_ORIENTED },
        { "boundary", DF_COCO_BOUNDARIES },
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].type;
    return DF_COCO_BOXES;
}

/* evaluate(results, type, use_categories, ious, recalls, max_dets, areas, image_ids, category_ids, sigmas,
 * best_of_class): arrays of float64 and int64; ids may be None, which is all of them. */
static PyObject *evaluate(PyObject *module, PyObject *args)
{
    PyObject *capsule, *object[ARRAYS];
    const char *type;
    int use_categories;
    Py_ssize_t best_of_class = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "OspOOOOOOO|n", &capsule, &type, &use_categories, &object[IOUS], &object[RECALLS],
                          &object[MAX_DETS], &object[AREAS], &object[IMAGES], &object[CATEGORIES], &object[SIGMAS],
                          &best_of_class))
        return NULL;
    const DfCocoResults *results = PyCapsule_GetPointer(capsule, results_name);
    if (!results)
        return NULL;
    Given g = { 0 };
    g.params.type = type_of(type);
    g.params.use_categories = use_categories;
    g.params.best_of_class = best_of_class > 0 ? (size_t)best_of_class : 0;
    g.params.crowdpose = strcmp(type, "keypoints_crowd") == 0;
    PyObject *evaluation = take_params(&g, object) ? run(results, &g) : NULL;
    given_done(&g);
    return evaluation;
}

/* take_arrays(evaluation): precision, recall and scores as memory, by class, area, maxDets, IoU and recall; the
 * evaluation has them no longer. */
static PyObject *take_arrays(PyObject *module, PyObject *capsule)
{
    DfCocoEval *const e = PyCapsule_GetPointer(capsule, evaluation_name);
    (void)module;
    if (!e)
        return NULL;
    const size_t n = e->n_classes * e->n_areas * e->n_max_dets * e->n_ious;
    PyObject *precision = df_py_memory(e->precision, n * e->n_recalls * sizeof(double));
    PyObject *recall = df_py_memory(e->recall, n * sizeof(double));
    PyObject *scores = df_py_memory(e->scores, n * e->n_recalls * sizeof(double));
    e->precision = e->recall = e->scores = NULL;
    PyObject *all = precision && recall && scores ? PyTuple_Pack(3, precision, recall, scores) : NULL;
    Py_XDECREF(precision);
    Py_XDECREF(recall);
    Py_XDECREF(scores);
    return all;
}

/* frequencies(evaluation): of LVIS's classes, a letter each */
static PyObject *frequencies(PyObject *module, PyObject *capsule)
{
    const DfCocoEval *const e = PyCapsule_GetPointer(capsule, evaluation_name);
    (void)module;
    return e ? PyBytes_FromStringAndSize(e->frequency, (Py_ssize_t)e->n_classes) : NULL;
}

/* stats(evaluation): the numbers of its table */
static PyObject *stats(PyObject *module, PyObject *capsule)
{
    const DfCocoEval *const e = PyCapsule_GetPointer(capsule, evaluation_name);
    (void)module;
    PyObject *list = e ? PyList_New((Py_ssize_t)e->n_stats) : NULL;
    for (size_t i = 0; list && i < e->n_stats; i++) {
        PyObject *number = PyFloat_FromDouble(e->stats[i]);
        if (!number || PyList_SetItem(list, (Py_ssize_t)i, number) < 0)
            Py_CLEAR(list);
    }
    return list;
}

/* table(evaluation): as `deformer metric coco` prints it */
static PyObject *table(PyObject *module, PyObject *capsule)
{
    const DfCocoEval *const e = PyCapsule_GetPointer(capsule, evaluation_name);
    char *text = NULL;
    (void)module;
    if (!e)
        return NULL;
    const int error = df_coco_eval_table(e, &text);
    PyObject *result = error == DF_OK ? PyUnicode_FromString(text) : NULL;
    df_free(text);
    return df_py_done(error, result);
}

static PyMethodDef functions[] = {
    { "open_truth", open_truth, METH_VARARGS, "open_truth(path, wanted, boundary_ratio)" },
    { "listed_ids", listed_ids, METH_VARARGS, "listed_ids(truth, categories)" },
    { "open_results", open_results, METH_VARARGS, "open_results(truth, path)" },
    { "count_results", count_results, METH_O, "count_results(results)" },
    { "evaluate", evaluate, METH_VARARGS,
      "evaluate(results, type, use_categories, ious, recalls, max_dets, areas, image_ids, category_ids, sigmas, "
      "best_of_class)" },
    { "stats", stats, METH_O, "stats(evaluation)" },
    { "table", table, METH_O, "table(evaluation)" },
    { "frequencies", frequencies, METH_O, "frequencies(evaluation)" },
    { "take_arrays", take_arrays, METH_O, "take_arrays(evaluation)" },
    { 0 },
};

int df_py_add_coco(PyObject *module)
{
    static const struct { const char *name; int value; } wanted[] = {
        { "MASKS", DF_PY_MASKS },
        { "ACROSS_CLASSES", DF_PY_ACROSS_CLASSES },
        { "KEYPOINTS", DF_PY_KEYPOINTS },
        { "FEDERATED", DF_PY_FEDERATED },
        { "ORIENTED", DF_PY_ORIENTED },
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (PyModule_AddIntConstant(module, wanted[i].name, wanted[i].value) < 0)
            return -1;
    return PyModule_AddFunctions(module, functions);
}
