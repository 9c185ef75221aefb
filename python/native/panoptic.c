/* SPDX-License-Identifier: Apache-2.0
 *
 * python/native/panoptic.c -- panoptic quality from two JSON files and the
 * folders of their PNG maps; all threads read maps.
 */
#include "python/native/coco.h"

#include <stdatomic.h>
#include <stdio.h>

#include "datasets/datasets.h"

enum { SENTENCE = 512 };

/* What a thread has; and the failure that it met, whose sentence is its own otherwise. */
typedef struct {
    DfPanopticRoom *room;
    DfImage truth, found;
    int error;
    size_t at;
    char sentence[SENTENCE];
} Worker;

typedef struct {
    DfPanoptic *panoptic;
    const char *folder[2]; /* of the ground truth, of the results */
    Worker *workers;
    size_t n_workers;
    atomic_size_t next;
    atomic_bool failed;
} Run;

/* ---- one picture ------------------------------------------------------------------------------------------------- */

static int read_map(DfImage *map, const char *folder, const char *name)
{
    char *const path = df_path_join(folder, name);
    const int error = path ? df_image_read_colours_again(map, path) : df_fail_memory("a path");
    df_free(path);
    return error;
}

static int count_one(const Run *r, Worker *w, size_t i)
{
    const DfPanopticMaps maps = df_panoptic_maps(r->panoptic, i);
    int error = read_map(&w->truth, r->folder[0], maps.truth);
    if (error == DF_OK)
        error = read_map(&w->found, r->folder[1], maps.found);
    if (error < 0)
        return error;
    if (w->truth.height != w->found.height || w->truth.width != w->found.width)
        return df_fail(DF_EVALUE, "%s and the prediction %s are not of one size", maps.truth, maps.found);
    const size_t pixels = (size_t)w->truth.height * (size_t)w->truth.width;
    return df_panoptic_count(r->panoptic, w->room, i, w->truth.pixels, w->found.pixels, pixels);
}

/* Task 0 is the caller's; it asks now and then, as the GIL may be long in coming. */
static bool is_to_stop(size_t task, size_t picture)
{
    return task == 0 && picture % 64 < 2 && df_py_interrupted();
}

/* A thread takes pictures in turn, until one fails. */
static void count_some(void *arg, size_t task, void *scratch)
{
    Run *const r = arg;
    Worker *const w = &r->workers[task];
    const size_t n = df_panoptic_images(r->panoptic);
    (void)scratch;
    while (w->error == DF_OK && !atomic_load(&r->failed) && (w->at = atomic_fetch_add(&r->next, 1)) < n)
        w->error = is_to_stop(task, w->at) ? df_fail(DF_EINTERRUPT, "stopped") : count_one(r, w, w->at);
    if (w->error < 0) {
        atomic_store(&r->failed, true);
        snprintf(w->sentence, sizeof w->sentence, "%s", df_error());
    }
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

/* Pictures are handed out in order, so of the failures that were met the earliest is always among them. */
static int first_failure(const Run *r)
{
    const Worker *first = NULL;
    for (size_t t = 0; t < r->n_workers; t++) {
        const Worker *const w = &r->workers[t];
        if (w->error < 0 && (!first || w->at < first->at))
            first = w;
    }
    return first ? df_fail(first->error, "%s", first->sentence) : DF_OK;
}

static int count_all(Run *r, DfPool *pool)
{
    int error = DF_OK;
    r->n_workers = (size_t)df_pool_threads(pool);
    if (!(r->workers = df_calloc(r->n_workers, sizeof *r->workers)))
        return df_fail_memory("threads");
    for (size_t t = 0; error == DF_OK && t < r->n_workers; t++)
        error = df_panoptic_room_new(&r->workers[t].room);
    if (error == DF_OK)
        error = df_parallel(pool, r->n_workers, 0, count_some, r);
    return error == DF_OK ? first_failure(r) : error;
}

static int score(Run *r, const char *truth, const char *results, DfPanopticResult **out)
{
    DfPool *pool;
    int error = df_py_begin(&pool);
    Py_BEGIN_ALLOW_THREADS
    if (error == DF_OK)
        error = df_panoptic_open(&r->panoptic, truth);
    if (error == DF_OK)
        error = df_panoptic_add(r->panoptic, results);
    if (error == DF_OK)
        error = df_panoptic_check(r->panoptic);
    if (error == DF_OK)
        error = count_all(r, pool);
    if (error == DF_OK)
        error = df_panoptic_result(out, r->panoptic);
    Py_END_ALLOW_THREADS
    df_py_end();
    return error;
}

static void run_done(Run *r)
{
    for (size_t t = 0; r->workers && t < r->n_workers; t++) {
        df_panoptic_room_free(r->workers[t].room);
        df_image_free(&r->workers[t].truth);
        df_image_free(&r->workers[t].found);
    }
    df_free(r->workers);
    df_panoptic_free(r->panoptic);
}

/* ---- what Python gets -------------------------------------------------------------------------------------------- */

static PyObject *mean_object(const DfPanopticMean *m)
{
    return Py_BuildValue("{s:d,s:d,s:d,s:n}", "pq", m->pq, "sq", m->sq, "rq", m->rq, "n", (Py_ssize_t)m->n);
}

static PyObject *class_objects(const DfPanopticResult *result)
{
    PyObject *all = PyDict_New();
    for (size_t k = 0; all && k < result->n_classes; k++) {
        const DfPanopticClass *const c = &result->classes[k];
        PyObject *id = df_py_id(c->id);
        PyObject *one =
            Py_BuildValue("{s:d,s:d,s:d,s:d,s:n,s:n,s:n}", "pq", c->pq, "sq", c->sq, "rq", c->rq, "iou", c->iou, "tp",
                          (Py_ssize_t)c->tp, "fp", (Py_ssize_t)c->fp, "fn", (Py_ssize_t)c->fn);
        if (!id || !one || PyDict_SetItem(all, id, one) < 0)
            Py_CLEAR(all);
        Py_XDECREF(id);
        Py_XDECREF(one);
    }
    return all;
}

/* panoptic(truth, truth_folder, results, results_folder): means of all, things and stuff, and the classes by their
 * ids */
static PyObject *panoptic(PyObject *module, PyObject *args)
{
    PyObject *path[4] = { NULL }, *all = NULL;
    Run r = { 0 };
    DfPanopticResult *result = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "O&O&O&O&", PyUnicode_FSConverter, &path[0], PyUnicode_FSConverter, &path[1],
                          PyUnicode_FSConverter, &path[2], PyUnicode_FSConverter, &path[3]))
        return NULL;
    r.folder[0] = PyBytes_AsString(path[1]);
    r.folder[1] = PyBytes_AsString(path[3]);
    const int error = score(&r, PyBytes_AsString(path[0]), PyBytes_AsString(path[2]), &result);
    if (error == DF_OK)
        all = Py_BuildValue("(NNNN)", mean_object(&result->all), mean_object(&result->things),
                            mean_object(&result->stuff), class_objects(result));
    df_panoptic_result_free(result);
    run_done(&r);
    for (int i = 0; i < 4; i++)
        Py_DECREF(path[i]);
    return df_py_done(error, all);
}

static PyMethodDef functions[] = {
    { "panoptic", panoptic, METH_VARARGS, "panoptic(truth, truth_folder, results, results_folder)" },
    { 0 },
};

int df_py_add_panoptic(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
