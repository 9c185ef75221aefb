/* SPDX-License-Identifier: Apache-2.0
 *
 * python/native/cell.c -- the matching of one image and class, as evalImgs of pycocotools has it.
 */
#include "python/native/native.h"

#include "eval/eval.h"

enum { OVERLAPS, IOUS, IGNORED, CROWD, GT_IDS, DT_IDS, OF_DT, OF_GT, DT_IGNORED, ARRAYS };

typedef struct {
    Py_buffer view[ARRAYS];
    bool held[ARRAYS];
    size_t n[ARRAYS];
} Views;

static void views_done(Views *v)
{
    for (int i = 0; i < ARRAYS; i++)
        if (v->held[i])
            PyBuffer_Release(&v->view[i]);
}

static bool take_views(Views *v, PyObject *const object[ARRAYS])
{
    static const char codes[ARRAYS] = { 'd', 'd', 'B', 'B', 'd', 'd', 'D', 'D', 'D' };
    for (int i = 0; i < ARRAYS; i++)
        if (!(v->held[i] = df_py_view(object[i], codes[i], &v->view[i], &v->n[i])))
            return false;
    const size_t ious = v->n[IOUS], objects = v->n[GT_IDS], detections = v->n[DT_IDS];
    const bool fits = v->n[OVERLAPS] == objects * detections && v->n[IGNORED] == objects && v->n[CROWD] == objects &&
                      v->n[OF_DT] == ious * detections && v->n[DT_IGNORED] == ious * detections &&
                      v->n[OF_GT] == ious * objects && ious > 0;
    if (!fits)
        df_py_raise(df_fail(DF_EVALUE, "arrays of an image and class do not fit together"));
    return fits;
}

/* From places to ids. A crowd that several detections take has the last of them. */
static void keep(const Views *v, const uint32_t *found)
{
    const double *const gt_ids = v->view[GT_IDS].buf, *const dt_ids = v->view[DT_IDS].buf;
    const uint8_t *const ignored = v->view[IGNORED].buf;
    double *const of_dt = v->view[OF_DT].buf, *const of_gt = v->view[OF_GT].buf, *const dt_ignored = v->view[DT_IGNORED].buf;
    const size_t objects = v->n[GT_IDS], detections = v->n[DT_IDS];
    for (size_t i = 0; i < v->n[OF_DT]; i++) {
        if (found[i] == DF_NO_OBJECT)
            continue;
        of_dt[i] = gt_ids[found[i]];
        dt_ignored[i] = ignored[found[i]];
        of_gt[i / detections * objects + found[i]] = dt_ids[i % detections];
    }
}

/* match(overlaps, ious, ignored, crowd, gt_ids, dt_ids, of_dt, of_gt, dt_ignored): fills the last three, which hold zeros */
static PyObject *match(PyObject *module, PyObject *args)
{
    PyObject *o[ARRAYS];
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOOOOOO", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &o[6], &o[7], &o[8]))
        return NULL;
    Views v = { 0 };
    uint32_t *found = NULL;
    int error = DF_OK;
    const bool taken = take_views(&v, o);
    if (taken && !(found = df_malloc(v.n[OF_DT] * sizeof *found)))
        error = df_fail_memory("matching");
    if (taken && error == DF_OK)
        error = df_coco_match_cell(&(DfCocoCell){ .n_ious = v.n[IOUS],
                                                  .n_detections = v.n[DT_IDS],
                                                  .n_objects = v.n[GT_IDS],
                                                  .ious = v.view[IOUS].buf,
                                                  .overlaps = v.view[OVERLAPS].buf,
                                                  .ignored = v.view[IGNORED].buf,
                                                  .crowd = v.view[CROWD].buf },
                                   found);
    if (taken && error == DF_OK)
        keep(&v, found);
    df_free(found);
    views_done(&v);
    return taken ? df_py_done(error, NULL) : NULL;
}

static PyMethodDef functions[] = {
    { "match", match, METH_VARARGS, "match(overlaps, ious, ignored, crowd, gt_ids, dt_ids, of_dt, of_gt, dt_ignored)" },
    { 0 },
};

int df_py_add_cell(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
