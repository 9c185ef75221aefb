/* SPDX-License-Identifier: Apache-2.0
 *
 * python/native/cell.c -- the matching of one image and class, as evalImgs of
 * pycocotools has it, from dicts and their overlaps.
 */
#include "python/native/coco.h"

#include <string.h>

enum { OVERLAPS, IOUS, AREAS, MATCHES, FLAGS, OBJECTS, VIEWS };
enum { AREA, ID, IGNORE, CROWD, KEYS };
static PyObject *key[KEYS];

/* Objects and detections of the cell, at several ranges of areas. */
typedef struct {
    PyObject *gts, *dts; /* lists of dicts */
    Py_buffer view[VIEWS];
    bool held[VIEWS];
    size_t n[VIEWS];
    size_t n_objects, n_detections, n_ious, n_areas;
    double *gt_area, *gt_id, *dt_area, *dt_id;
    uint8_t *gt_ignore, *crowd, *ignored; /* ignored: at the present range */
    uint32_t *found;                      /* [n_ious][n_detections]        */
    size_t *place;                        /* of each object: those that count come first */
    void *memory;
} Cell;

static void cell_done(Cell *c)
{
    for (int i = 0; i < VIEWS; i++)
        if (c->held[i])
            PyBuffer_Release(&c->view[i]);
    df_free(c->memory);
}

/* ---- what is given ----------------------------------------------------------------------------------------------- */

static bool take_views(Cell *c, PyObject *const object[VIEWS])
{
    static const char codes[VIEWS] = { 'd', 'd', 'd', 'D', 'U', 'Q' };
    for (int i = 0; i < VIEWS; i++) {
        if (object[i] == Py_None)
            continue;
        if (!(c->held[i] = df_py_view(object[i], codes[i], &c->view[i], &c->n[i])))
            return false;
    }
    c->n_ious = c->n[IOUS];
    c->n_areas = c->n[AREAS] / 2;
    const size_t T = c->n_ious, A = c->n_areas, D = c->n_detections, G = c->n_objects;
    const bool fits = T > 0 && (!c->held[OVERLAPS] || c->n[OVERLAPS] == D * G) && c->n[MATCHES] == A * T * (D + G) &&
                      c->n[FLAGS] == A * T * D && c->n[OBJECTS] == 2 * A * G;
    if (!fits)
        df_py_raise(df_fail(DF_EVALUE, "arrays of an image and class do not fit together"));
    return fits;
}

static bool make_room(Cell *c)
{
    const size_t D = c->n_detections, G = c->n_objects;
    const size_t numbers = 2 * (G + D) * sizeof(double) + G * sizeof(size_t);
    double *at = c->memory = df_malloc(numbers + c->n_ious * D * sizeof(uint32_t) + 3 * G);
    if (!at)
        return df_py_raise(df_fail_memory("matching"));
    c->gt_area = at;
    c->gt_id = at + G;
    c->dt_area = at + 2 * G;
    c->dt_id = at + 2 * G + D;
    c->place = (size_t *)(at + 2 * (G + D));
    c->found = (uint32_t *)(c->place + G);
    c->gt_ignore = (uint8_t *)(c->found + c->n_ious * D);
    c->crowd = c->gt_ignore + G;
    c->ignored = c->crowd + G;
    return true;
}

static bool number_of(PyObject *record, int name, double *to)
{
    PyObject *value = PyDict_Check(record) ? PyDict_GetItemWithError(record, key[name]) : NULL;
    *to = value ? PyFloat_AsDouble(value) : -1;
    if (value && (*to != -1 || !PyErr_Occurred()))
        return true;
    if (!PyErr_Occurred())
        PyErr_SetObject(PyExc_KeyError, key[name]);
    return false;
}

static bool flag_of(PyObject *record, int name, uint8_t *to)
{
    PyObject *value = PyDict_GetItemWithError(record, key[name]);
    const int flag = value ? PyObject_IsTrue(value) : -1;
    if (!value && !PyErr_Occurred())
        PyErr_SetObject(PyExc_KeyError, key[name]);
    *to = flag > 0;
    return flag >= 0;
}

static bool take_records(Cell *c)
{
    for (size_t g = 0; g < c->n_objects; g++) {
        PyObject *gt = PyList_GetItem(c->gts, (Py_ssize_t)g);
        if (!number_of(gt, AREA, &c->gt_area[g]) || !number_of(gt, ID, &c->gt_id[g]) ||
            !flag_of(gt, IGNORE, &c->gt_ignore[g]) || !flag_of(gt, CROWD, &c->crowd[g]))
            return false;
    }
    for (size_t d = 0; d < c->n_detections; d++) {
        PyObject *dt = PyList_GetItem(c->dts, (Py_ssize_t)d);
        if (!number_of(dt, AREA, &c->dt_area[d]) || !number_of(dt, ID, &c->dt_id[d]))
            return false;
    }
    return true;
}

/* ---- one range of areas ------------------------------------------------------------------------------------------ */

static bool outside(double area, const double range[2])
{
    return area < range[0] || area > range[1];
}

/* Those that count come first: [areas][objects] who stands where, and whether it is ignored. */
static void order_objects(Cell *c, size_t a, const double range[2])
{
    const size_t G = c->n_objects;
    int64_t *const order = (int64_t *)c->view[OBJECTS].buf + 2 * a * G;
    size_t n = 0;
    for (size_t g = 0; g < G; g++)
        c->ignored[g] = c->gt_ignore[g] || outside(c->gt_area[g], range);
    for (int wanted = 0; wanted < 2; wanted++)
        for (size_t g = 0; g < G; g++) {
            if (c->ignored[g] != wanted)
                continue;
            order[n] = (int64_t)g;
            order[G + n] = wanted;
            c->place[g] = n++;
        }
}

/* From places to ids. A crowd that several detections take has the last of them. */
static void keep(Cell *c, size_t a, const double range[2])
{
    const size_t T = c->n_ious, D = c->n_detections, G = c->n_objects;
    double *const of_dt = (double *)c->view[MATCHES].buf + a * T * (D + G);
    double *const of_gt = of_dt + T * D;
    uint8_t *const ignored = (uint8_t *)c->view[FLAGS].buf + a * T * D;
    for (size_t i = 0; i < T * D; i++) {
        const size_t d = i % D;
        const uint32_t g = c->found[i];
        if (g != DF_NO_OBJECT) {
            of_dt[i] = c->gt_id[g];
            of_gt[i / D * G + c->place[g]] = c->dt_id[d];
            ignored[i] = c->ignored[g];
        }
        if (of_dt[i] == 0 && outside(c->dt_area[d], range))
            ignored[i] = true;
    }
}

static int match_range(Cell *c, size_t a)
{
    const double *const range = (const double *)c->view[AREAS].buf + 2 * a;
    const DfCocoCell cell = { .n_ious = c->n_ious,
                              .n_detections = c->n_detections,
                              .n_objects = c->n_objects,
                              .ious = c->view[IOUS].buf,
                              .overlaps = c->view[OVERLAPS].buf,
                              .ignored = c->ignored,
                              .crowd = c->crowd };
    int error = DF_OK;
    order_objects(c, a, range);
    for (size_t i = 0; i < c->n_ious * c->n_detections; i++)
        c->found[i] = DF_NO_OBJECT;
    if (c->held[OVERLAPS])
        error = df_coco_match_cell(&cell, c->found);
    if (error == DF_OK)
        keep(c, a, range);
    return error;
}

/* ---- function ---------------------------------------------------------------------------------------------------- */

/* match(gts, dts, overlaps, ious, areas, matches, flags, objects): dts best first; overlaps [D][G] or None. For each
 * range of areas it fills matches with those of the detections [T][D] and of the objects [T][G], which hold zeros;
 * flags with whether detections are ignored [T][D]; and objects with their order [G], and whether they are ignored
 * in that order [G]. */
static PyObject *match(PyObject *module, PyObject *args)
{
    PyObject *object[VIEWS];
    Cell c = { 0 };
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!OOOOOO", &PyList_Type, &c.gts, &PyList_Type, &c.dts, &object[OVERLAPS],
                          &object[IOUS], &object[AREAS], &object[MATCHES], &object[FLAGS], &object[OBJECTS]))
        return NULL;
    c.n_objects = (size_t)PyList_Size(c.gts);
    c.n_detections = (size_t)PyList_Size(c.dts);
    const bool good = take_views(&c, object) && make_room(&c) && take_records(&c);
    int error = DF_OK;
    for (size_t a = 0; good && error == DF_OK && a < c.n_areas; a++)
        error = match_range(&c, a);
    cell_done(&c);
    return good ? df_py_done(error, NULL) : NULL;
}

static PyMethodDef functions[] = {
    { "match", match, METH_VARARGS, "match(gts, dts, overlaps, ious, areas, matches, flags, objects)" },
    { 0 },
};

int df_py_add_cell(PyObject *module)
{
    static const char *const names[KEYS] = { "area", "id", "ignore", "iscrowd" };
    for (int i = 0; i < KEYS; i++)
        if (!(key[i] = PyUnicode_InternFromString(names[i])))
            return -1;
    return PyModule_AddFunctions(module, functions);
}
