/* SPDX-License-Identifier: Apache-2.0
 *
 * python/native/told.c -- ground truth and results that are dicts, told to the evaluator record by record. What is not
 * as most records are is an error, and the caller goes another way: Python knows what pycocotools makes of it.
 */
#include "python/native/coco.h"

#include <math.h>
#include <string.h>

enum {
    ID, IMAGE_ID, CATEGORY_ID, BBOX, AREA, ISCROWD, IGNORE, SCORE, SEGMENTATION, POINTS, NUM_POINTS, OBB, SIZE, COUNTS,
    KEYS
};
static PyObject *key[KEYS];

/* What is told: ids and sizes of images, ids of classes, dicts. */
typedef struct {
    const int64_t *image_ids, *category_ids;
    const double (*sizes)[2];   /* height width; NULL: not wanted */
    size_t n_images, n_categories, n_records;
    size_t next[DF_COCO_RESULTS + 1];
    PyObject *records;          /* a list */
    int wanted;
    double boundary_ratio;
    bool areas_of_masks;        /* of detections */
} Told;

/* ---- values ------------------------------------------------------------------------------------------------------ */

static int unusual(const char *what)
{
    PyErr_Clear();
    return df_fail(DF_EVALUE, "%s is not as usual", what);
}

/* NULL if there is none; borrowed. */
static PyObject *get(PyObject *record, int name)
{
    return PyDict_GetItemWithError(record, key[name]);
}

static bool to_number(PyObject *value, double *to)
{
    *to = PyFloat_AsDouble(value);
    return *to != -1 || !PyErr_Occurred();
}

static bool to_integer(PyObject *value, int64_t *to)
{
    if (PyLong_Check(value)) {
        *to = PyLong_AsLongLong(value);
        return *to != -1 || !PyErr_Occurred();
    }
    double number;
    if (!value || PyUnicode_Check(value) || !to_number(value, &number) || number != floor(number) ||
        fabs(number) > 1LL << 53)
        return false;
    *to = (int64_t)number;
    return true;
}

/* Exactly n numbers. */
static bool to_numbers(PyObject *list, size_t n, double *to)
{
    if (PyUnicode_Check(list) || PyDict_Check(list) || PySequence_Size(list) != (Py_ssize_t)n)
        return false;
    const bool plain = PyList_Check(list);
    for (size_t i = 0; i < n; i++) {
        PyObject *item =
            plain ? Py_XNewRef(PyList_GetItem(list, (Py_ssize_t)i)) : PySequence_GetItem(list, (Py_ssize_t)i);
        const bool good = item && to_number(item, &to[i]);
        Py_XDECREF(item);
        if (!good)
            return false;
    }
    return true;
}

static int take_id(PyObject *record, int name, DfId *id, unsigned *has, unsigned bit)
{
    PyObject *value = get(record, name);
    *id = (DfId){ 0 };
    if (!value || !to_integer(value, &id->number))
        return unusual("an id");
    *has |= bit;
    return DF_OK;
}

static int take_number(PyObject *record, int name, double *to, unsigned *has, unsigned bit)
{
    PyObject *value = get(record, name);
    if (!value)
        return DF_OK;
    if (PyUnicode_Check(value) || !to_number(value, to))
        return unusual("a number");
    *has |= bit;
    return DF_OK;
}

/* ---- segmentation ------------------------------------------------------------------------------------------------ */

/* A polygon of three points or more, behind those before. */
static int take_polygon(PyObject *list, DfCocoSegmentation *s)
{
    const Py_ssize_t n = PyList_Check(list) || PyTuple_Check(list) ? PySequence_Size(list) : -1;
    if (n < 6 || n % 2 != 0)
        return unusual("a polygon");
    while (s->capacity < s->n + (size_t)n + 1)
        if (!df_grow((void **)&s->numbers, &s->capacity, s->capacity, sizeof *s->numbers))
            return df_fail_memory("polygons");
    s->numbers[s->n] = (double)n;
    if (!to_numbers(list, (size_t)n, s->numbers + s->n + 1))
        return unusual("a polygon");
    s->n += (size_t)n + 1;
    return DF_OK;
}

static int take_counts(PyObject *list, DfRunList *runs)
{
    const Py_ssize_t n = PyList_Size(list);
    if (!df_runs_grow(runs, (size_t)n))
        return df_fail_memory("masks");
    runs->n = (size_t)n;
    for (Py_ssize_t i = 0; i < n; i++) {
        int64_t count;
        if (!PyLong_Check(PyList_GetItem(list, i)) || !to_integer(PyList_GetItem(list, i), &count) || count < 0 ||
            count > UINT32_MAX)
            return unusual("a count");
        runs->at[i] = (uint32_t)count;
    }
    return DF_OK;
}

static int take_runs(PyObject *dict, DfCocoSegmentation *s)
{
    PyObject *size = get(dict, SIZE), *counts = get(dict, COUNTS);
    double side[2];
    Py_ssize_t n = 0;
    char *text = NULL;
    if (!size || !counts || !to_numbers(size, 2, side) || !(side[0] >= 0 && side[0] <= UINT32_MAX) ||
        !(side[1] >= 0 && side[1] <= UINT32_MAX))
        return unusual("a mask");
    s->form = DF_MASK_RUNS;
    s->height = (uint32_t)side[0];
    s->width = (uint32_t)side[1];
    s->compressed = !PyList_Check(counts);
    if (!s->compressed)
        return take_counts(counts, &s->runs);
    if (PyUnicode_Check(counts))
        return (text = (char *)(uintptr_t)PyUnicode_AsUTF8AndSize(counts, &n))
                   ? df_runs_from_text(&s->runs, text, (size_t)n)
                   : unusual("a mask");
    if (!PyBytes_Check(counts) || PyBytes_AsStringAndSize(counts, &text, &n) < 0)
        return unusual("a mask");
    return df_runs_from_text(&s->runs, text, (size_t)n);
}

static int take_segmentation(PyObject *record, DfCocoRecord *r)
{
    PyObject *value = get(record, SEGMENTATION);
    DfCocoSegmentation *const s = &r->segmentation;
    s->n = 0;
    s->compressed = false;
    if (!value)
        return DF_OK;
    r->has |= DF_COCO_SEGMENTATION;
    if (PyDict_Check(value))
        return take_runs(value, s);
    const Py_ssize_t parts = PyList_Check(value) ? PyList_Size(value) : 0;
    int error = parts > 0 ? DF_OK : unusual("a segmentation");
    for (Py_ssize_t i = 0; error == DF_OK && i < parts; i++)
        error = take_polygon(PyList_GetItem(value, i), s);
    s->form = DF_MASK_POLYGONS;
    return error;
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

static int take_box(PyObject *record, DfCocoRecord *r)
{
    PyObject *value = get(record, BBOX);
    if (!value)
        return DF_OK;
    if (!to_numbers(value, 4, r->box))
        return unusual("a bbox");
    r->has |= DF_COCO_BBOX;
    return DF_OK;
}

static int take_oriented(PyObject *record, DfCocoRecord *r)
{
    PyObject *value = get(record, OBB);
    if (!value)
        return DF_OK;
    if (!to_numbers(value, 5, r->obb))
        return unusual("an obb");
    r->has |= DF_COCO_OBB;
    return DF_OK;
}

static int take_points(PyObject *record, DfCocoRecord *r)
{
    PyObject *value = get(record, POINTS);
    DfCocoNumbers *const points = &r->keypoints;
    if (!value)
        return DF_OK;
    const Py_ssize_t n = PyList_Check(value) ? PyList_Size(value) : -1;
    if (n < 3 || n % 3 != 0)
        return unusual("a list of keypoints");
    while (points->capacity < (size_t)n)
        if (!df_grow((void **)&points->at, &points->capacity, points->capacity, sizeof *points->at))
            return df_fail_memory("keypoints");
    if (!to_numbers(value, (size_t)n, points->at))
        return unusual("a list of keypoints");
    points->n = (size_t)n;
    r->has |= DF_COCO_POINTS;
    return take_number(record, NUM_POINTS, &r->num_keypoints, &r->has, DF_COCO_NUM_POINTS);
}

/* Whether it is a crowd, and to be ignored for another reason. */
static int take_crowd(PyObject *record, DfCocoRecord *r)
{
    PyObject *value = get(record, ISCROWD);
    const int crowd = value ? PyObject_IsTrue(value) : 0;
    if (crowd < 0)
        return unusual("iscrowd");
    r->iscrowd = crowd;
    if (value)
        r->has |= DF_COCO_ISCROWD;
    value = get(record, IGNORE);
    const int ignored = value ? PyObject_IsTrue(value) : 0;
    r->ignore = ignored > 0;
    return ignored < 0 ? unusual("ignore") : DF_OK;
}

/* What annotations and detections have in common. */
static int take_common(const Told *told, PyObject *record, DfCocoRecord *r)
{
    int error = PyDict_Check(record) ? take_id(record, ID, &r->id, &r->has, DF_COCO_ID) : unusual("a record");
    if (error == DF_OK)
        error = take_id(record, IMAGE_ID, &r->image_id, &r->has, DF_COCO_IMAGE_ID);
    if (error == DF_OK)
        error = take_id(record, CATEGORY_ID, &r->category_id, &r->has, DF_COCO_CATEGORY_ID);
    if (error == DF_OK)
        error = take_number(record, AREA, &r->area, &r->has, DF_COCO_AREA);
    if (error == DF_OK)
        error = take_box(record, r);
    if (error == DF_OK && ((told->wanted & DF_PY_MASKS) || told->areas_of_masks))
        error = take_segmentation(record, r);
    if (error == DF_OK && (told->wanted & DF_PY_KEYPOINTS))
        error = take_points(record, r);
    if (error == DF_OK && (told->wanted & DF_PY_ORIENTED))
        error = take_oriented(record, r);
    return error;
}

/* A mask speaks for itself: the evaluator finds its area and its box. */
static bool is_of_its_mask(DfCocoRecord *r)
{
    DfCocoSegmentation *const s = &r->segmentation;
    if (s->form != DF_MASK_RUNS)
        return false;
    const DfRunFacts facts = df_runs_facts(s->runs.at, s->runs.n, s->height, s->width);
    bool same = r->area == facts.area;
    for (int k = 0; k < 4; k++)
        same &= r->box[k] == facts.box[k];
    s->compressed = true;
    r->has &= ~(unsigned)DF_COCO_BBOX;
    return same;
}

/* The area that the evaluator will find must be the one that the record states, and its id one that marks an object
 * as taken. */
static int check_detection(const Told *told, DfCocoRecord *r)
{
    bool same = (r->has & DF_COCO_BBOX) && (r->has & DF_COCO_AREA) && r->id.number > 0;
    if (same && told->areas_of_masks)
        same = is_of_its_mask(r);
    else if (same && !(r->has & DF_COCO_OBB)) /* oriented boxes have the area of their sides, whatever is stated */
        same = r->area == r->box[2] * r->box[3];
    return same ? DF_OK : unusual("a detection");
}

static int tell_detection(const Told *told, PyObject *record, DfCocoRecord *r)
{
    int error = take_common(told, record, r);
    if (error == DF_OK)
        error = take_number(record, SCORE, &r->score, &r->has, DF_COCO_SCORE);
    return error == DF_OK ? check_detection(told, r) : error;
}

static int tell_annotation(const Told *told, PyObject *record, DfCocoRecord *r)
{
    const int error = take_common(told, record, r);
    return error == DF_OK ? take_crowd(record, r) : error;
}

static int tell_image(const Told *told, size_t i, DfCocoRecord *r)
{
    r->id = (DfId){ told->image_ids[i], NULL };
    r->has = DF_COCO_ID;
    if (told->sizes) {
        r->height = told->sizes[i][0];
        r->width = told->sizes[i][1];
        r->has |= DF_COCO_HEIGHT | DF_COCO_WIDTH;
    }
    return DF_OK;
}

static int tell(void *arg, DfCocoList list, DfCocoRecord *r)
{
    Told *const told = arg;
    const size_t i = told->next[list]++;
    if (list == DF_COCO_IMAGES)
        return i < told->n_images ? tell_image(told, i, r) : DF_COCO_ENOUGH;
    if (list == DF_COCO_CATEGORIES) {
        if (i >= told->n_categories)
            return DF_COCO_ENOUGH;
        r->id = (DfId){ told->category_ids[i], NULL };
        r->has = DF_COCO_ID;
        return DF_OK;
    }
    PyObject *record = (Py_ssize_t)i < PyList_Size(told->records) ? PyList_GetItem(told->records, (Py_ssize_t)i) : NULL;
    if (!record)
        return DF_COCO_ENOUGH;
    return list == DF_COCO_RESULTS ? tell_detection(told, record, r) : tell_annotation(told, record, r);
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

static int build_truth(Told *told, PyObject *capsule[1])
{
    DfCoco *truth = NULL;
    DfCocoReading how = df_py_reading(told->wanted, told->boundary_ratio);
    int error = df_py_begin(&how.pool);
    if (error == DF_OK)
        error = df_coco_tell(&truth, &(DfCocoTeller){ "the ground truth", told, tell }, &how);
    df_py_end();
    *capsule = error == DF_OK ? df_py_wrap_truth(truth) : NULL;
    return error;
}

/* tell_truth(image_ids, sizes, category_ids, annotations, wanted, boundary_ratio): sizes are heights and widths, or
 * None */
static PyObject *tell_truth(PyObject *module, PyObject *args)
{
    PyObject *object[3], *capsule = NULL;
    Py_buffer view[3];
    size_t n[3] = { 0 };
    bool held[3] = { false };
    Told told = { 0 };
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOid", &object[0], &object[1], &object[2], &told.records, &told.wanted,
                          &told.boundary_ratio))
        return NULL;
    bool good = PyList_Check(told.records);
    for (int i = 0; good && i < 3; i++)
        if (object[i] != Py_None)
            good = held[i] = df_py_view(object[i], i == 1 ? 'd' : 'q', &view[i], &n[i]);
    int error = good && held[0] && held[2] && (!held[1] || n[1] == 2 * n[0]) ? DF_OK : unusual("the ground truth");
    if (error == DF_OK) {
        told.image_ids = view[0].buf;
        told.n_images = n[0];
        told.sizes = held[1] ? view[1].buf : NULL;
        told.category_ids = view[2].buf;
        told.n_categories = n[2];
        error = build_truth(&told, &capsule);
    }
    for (int i = 0; i < 3; i++)
        if (held[i])
            PyBuffer_Release(&view[i]);
    return df_py_done(error, capsule);
}

/* tell_results(truth, detections, wanted, areas_of_masks) */
static PyObject *tell_results(PyObject *module, PyObject *args)
{
    PyObject *capsule;
    Told told = { 0 };
    int areas_of_masks;
    DfCocoResults *results = NULL;
    DfPool *pool; /* the truth has it */
    (void)module;
    if (!PyArg_ParseTuple(args, "OOip", &capsule, &told.records, &told.wanted, &areas_of_masks))
        return NULL;
    const DfCoco *truth = df_py_truth(capsule);
    if (!truth)
        return NULL;
    told.areas_of_masks = areas_of_masks;
    int error = df_py_begin(&pool);
    if (error == DF_OK)
        error = PyList_Check(told.records) ? df_coco_results_new(&results, truth) : unusual("a list of detections");
    if (error == DF_OK)
        error = df_coco_results_tell(results, &(DfCocoTeller){ "the detections", &told, tell });
    df_py_end();
    if (error < 0) {
        df_coco_results_free(results);
        return df_py_done(error, NULL);
    }
    return df_py_done(DF_OK, df_py_wrap_results(results, capsule));
}

static PyMethodDef functions[] = {
    { "tell_truth", tell_truth, METH_VARARGS,
      "tell_truth(image_ids, sizes, category_ids, annotations, wanted, boundary_ratio)" },
    { "tell_results", tell_results, METH_VARARGS, "tell_results(truth, detections, wanted, areas_of_masks)" },
    { 0 },
};

int df_py_add_told(PyObject *module)
{
    static const char *const names[KEYS] = {
        "id",    "image_id",     "category_id", "bbox",          "area", "iscrowd", "ignore",
        "score", "segmentation", "keypoints",   "num_keypoints", "obb",  "size",    "counts",
    };
    for (int i = 0; i < KEYS; i++)
        if (!(key[i] = PyUnicode_InternFromString(names[i])))
            return -1;
    return PyModule_AddFunctions(module, functions);
}
