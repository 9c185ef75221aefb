/* SPDX-License-Identifier: Apache-2.0
 *
 * python/native/masks.c -- masks of COCO's files: {"size": [height, width], "counts": b".."}, from pixels, boxes,
 * polygons and runs; decoded, joined, measured and compared. mask.py and _mask.py beside it choose between the forms.
 */
#include "python/native/mask_objects.h"

#include "eval/eval.h"

/* ---- pixels ------------------------------------------------------------------------------------------------------ */

/* The layers of an array: height, width, layer. */
static int encode_layers(PyMasks *m, const Py_buffer *v)
{
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < m->n; i++)
        if ((error = df_check_patience()) == DF_OK)
            error = df_mask_encode_strided(&m->v[i], (const uint8_t *)v->buf + (Py_ssize_t)i * v->strides[2],
                                           (uint32_t)v->shape[0], (uint32_t)v->shape[1], v->strides[0],
                                           v->strides[1]);
    return error;
}

static bool is_of_bytes(const Py_buffer *v)
{
    const char format = v->format ? v->format[0] : 'B';
    return v->itemsize == 1 && (format == 'B' || format == '?');
}

/* encode(array): of 3 dimensions, uint8 or bool, any strides */
static PyObject *encode(PyObject *module, PyObject *array)
{
    Py_buffer view;
    PyMasks m = { 0 };
    int error;
    (void)module;
    if (PyObject_GetBuffer(array, &view, PyBUF_STRIDES | PyBUF_FORMAT) < 0)
        return NULL;
    if (view.ndim != 3 || !is_of_bytes(&view) || view.shape[0] > UINT32_MAX || view.shape[1] > UINT32_MAX) {
        PyErr_Format(PyExc_ValueError, "masks of %d dimensions and type '%s': want height x width x masks of uint8",
                     view.ndim, view.format ? view.format : "B");
        PyBuffer_Release(&view);
        return NULL;
    }
    if (!df_py_masks_new(&m, (size_t)view.shape[2])) {
        PyBuffer_Release(&view);
        return NULL;
    }
    df_py_ask(true);
    Py_BEGIN_ALLOW_THREADS
    error = encode_layers(&m, &view);
    Py_END_ALLOW_THREADS
    df_py_ask(false);
    PyBuffer_Release(&view);
    return df_py_masks_give(&m, error);
}

static int decode_layers(const PyMasks *m, uint8_t *pixels)
{
    const size_t size = m->n ? (size_t)m->v->height * m->v->width : 0;
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < m->n; i++) {
        if (m->v[i].height != m->v->height || m->v[i].width != m->v->width)
            return df_fail(DF_EVALUE, "masks of %u x %u and %u x %u pixels: want one size", (unsigned)m->v->height,
                           (unsigned)m->v->width, (unsigned)m->v[i].height, (unsigned)m->v[i].width);
        if ((error = df_check_patience()) == DF_OK)
            error = df_mask_decode_columns(&m->v[i], pixels + i * size);
    }
    return error;
}

/* SIZE_MAX: more than there can be */
static size_t bytes_of(const PyMasks *m)
{
    const size_t size = m->n ? (size_t)m->v->height * m->v->width : 0;
    return size && m->n > SIZE_MAX / 2 / size ? SIZE_MAX : size * m->n;
}

/* decode(masks) -> (memory, height, width): 0 and 1 of one mask after the other, column by column */
static PyObject *decode(PyObject *module, PyObject *list)
{
    PyMasks m;
    int error;
    (void)module;
    if (!df_py_masks_take(&m, list))
        return NULL;
    const size_t bytes = bytes_of(&m);
    const unsigned height = m.n ? m.v->height : 0;
    const unsigned width = m.n ? m.v->width : 0;
    uint8_t *pixels = df_malloc(bytes);
    df_py_ask(true);
    Py_BEGIN_ALLOW_THREADS
    error = pixels ? decode_layers(&m, pixels) : df_fail_memory("the pixels of masks");
    Py_END_ALLOW_THREADS
    df_py_ask(false);
    df_py_masks_done(&m);
    if (error < 0) {
        df_free(pixels);
        return df_py_raise(error);
    }
    return Py_BuildValue("(NII)", df_py_memory(pixels, bytes), height, width);
}

/* ---- made of other things ---------------------------------------------------------------------------------------- */

/* from_boxes(array, height, width): n x 4 of float64, contiguous */
static PyObject *from_boxes(PyObject *module, PyObject *args)
{
    PyObject *array;
    Py_buffer view;
    size_t n;
    unsigned height, width;
    PyMasks m = { 0 };
    int error = DF_OK;
    (void)module;
    if (!PyArg_ParseTuple(args, "OII", &array, &height, &width) || !df_py_view(array, 'd', &view, &n))
        return NULL;
    if (df_py_masks_new(&m, n / 4)) {
        const double *boxes = view.buf;
        for (size_t i = 0; error == DF_OK && i < m.n; i++)
            error = PyErr_CheckSignals() < 0 ? DF_EINTERRUPT : df_mask_from_box(&m.v[i], boxes + 4 * i, height, width);
    }
    PyBuffer_Release(&view);
    return m.v ? df_py_masks_give(&m, error) : NULL;
}

static bool polygon(DfMask *out, PyObject *array, unsigned height, unsigned width)
{
    Py_buffer view;
    size_t n;
    if (!array || !df_py_view(array, 'd', &view, &n))
        return false;
    const int error = df_mask_from_polygon(out, view.buf, n / 2, height, width);
    PyBuffer_Release(&view);
    if (error < 0)
        df_py_raise(error);
    return error == DF_OK;
}

/* from_polygons(arrays, height, width): of float64, x y x y ... */
static PyObject *from_polygons(PyObject *module, PyObject *args)
{
    PyObject *list;
    unsigned height, width;
    PyMasks m = { 0 };
    (void)module;
    if (!PyArg_ParseTuple(args, "O!II", &PyList_Type, &list, &height, &width))
        return NULL;
    bool good = df_py_masks_new(&m, (size_t)PyList_Size(list));
    for (size_t i = 0; good && i < m.n; i++)
        good = PyErr_CheckSignals() == 0 && polygon(&m.v[i], PyList_GetItem(list, (Py_ssize_t)i), height, width);
    if (good)
        return df_py_masks_give(&m, DF_OK);
    df_py_masks_done(&m);
    return NULL;
}

/* from_runs(bytes, height, width): uint32 in this machine's order */
static PyObject *from_runs(PyObject *module, PyObject *args)
{
    const char *runs;
    Py_ssize_t bytes;
    unsigned height, width;
    PyMasks m = { 0 };
    (void)module;
    if (!PyArg_ParseTuple(args, "y#II", &runs, &bytes, &height, &width) || !df_py_masks_new(&m, 1))
        return NULL;
    const int error =
        df_mask_from_runs(m.v, (const uint32_t *)(const void *)runs, (size_t)bytes / sizeof(uint32_t), height, width);
    return df_py_masks_give(&m, error);
}

/* merge(masks, intersect) */
static PyObject *merge(PyObject *module, PyObject *args)
{
    PyObject *list;
    int intersect, error;
    PyMasks m;
    DfMask merged;
    (void)module;
    if (!PyArg_ParseTuple(args, "Oi", &list, &intersect) || !df_py_masks_take(&m, list))
        return NULL;
    df_py_ask(true);
    Py_BEGIN_ALLOW_THREADS
    error = df_mask_merge(&merged, m.v, m.n, intersect != 0);
    Py_END_ALLOW_THREADS
    df_py_ask(false);
    df_py_masks_done(&m);
    if (error < 0)
        return df_py_raise(error);
    PyObject *object = df_py_mask(&merged);
    df_mask_done(&merged);
    return object;
}

/* The boundary of one mask, in place. */
static int to_boundary(DfMask *mask, DfRunList *edge, DfBoundaryRoom *room, double ratio)
{
    const size_t distance = df_boundary_distance(mask->height, mask->width, ratio);
    const int error = df_runs_boundary(edge, room, mask->runs, mask->n, mask->height, mask->width, distance);
    if (error < 0)
        return error;
    uint32_t *runs = df_malloc((edge->n + 1) * sizeof *runs);
    if (!runs)
        return df_fail_memory("boundaries of masks");
    memcpy(runs, edge->at, edge->n * sizeof *runs);
    df_free(mask->runs);
    mask->runs = runs;
    mask->n = edge->n;
    return DF_OK;
}

/* boundaries(masks, ratio) -> list: what of each mask is near its edge, as wide as that part of the image's diagonal */
static PyObject *boundaries(PyObject *module, PyObject *args)
{
    PyObject *list;
    double ratio;
    PyMasks m;
    DfRunList edge = { 0 };
    DfBoundaryRoom room = { 0 };
    int error = DF_OK;
    (void)module;
    if (!PyArg_ParseTuple(args, "Od", &list, &ratio) || !df_py_masks_take(&m, list))
        return NULL;
    df_py_ask(true);
    Py_BEGIN_ALLOW_THREADS
    for (size_t i = 0; error == DF_OK && i < m.n; i++)
        if ((error = df_check_patience()) == DF_OK)
            error = to_boundary(&m.v[i], &edge, &room, ratio);
    df_boundary_room_done(&room);
    df_free(edge.at);
    Py_END_ALLOW_THREADS
    df_py_ask(false);
    return df_py_masks_give(&m, error);
}

/* ---- measured ---------------------------------------------------------------------------------------------------- */

/* areas(masks) -> memory of uint32 */
static PyObject *areas(PyObject *module, PyObject *list)
{
    PyMasks m;
    (void)module;
    if (!df_py_masks_take(&m, list))
        return NULL;
    const size_t n = m.n;
    uint32_t *area = df_malloc(n * sizeof *area);
    for (size_t i = 0; area && i < n; i++)
        area[i] = df_mask_area(&m.v[i]);
    df_py_masks_done(&m);
    return area ? df_py_memory(area, n * sizeof *area) : PyErr_NoMemory();
}

/* boxes(masks) -> memory of float64, n x 4: x y width height */
static PyObject *boxes(PyObject *module, PyObject *list)
{
    PyMasks m;
    (void)module;
    if (!df_py_masks_take(&m, list))
        return NULL;
    const size_t n = m.n;
    double (*box)[4] = df_malloc(n * sizeof *box);
    for (size_t i = 0; box && i < n; i++)
        df_mask_box(&m.v[i], box[i]);
    df_py_masks_done(&m);
    return box ? df_py_memory(box, n * sizeof *box) : PyErr_NoMemory();
}

/* mask_ious(dt, gt, crowd) -> memory of float64, gt x dt; crowd: a byte for each gt */
static PyObject *mask_ious(PyObject *module, PyObject *args)
{
    PyObject *dt_list, *gt_list;
    const char *crowd;
    Py_ssize_t n;
    PyMasks dt, gt;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOy#", &dt_list, &gt_list, &crowd, &n) || !df_py_masks_take(&dt, dt_list))
        return NULL;
    if (!df_py_masks_take(&gt, gt_list)) {
        df_py_masks_done(&dt);
        return NULL;
    }
    const size_t pairs = dt.n * gt.n;
    double *iou = df_malloc(pairs * sizeof *iou);
    int error = iou ? DF_OK : df_fail_memory("overlaps of masks");
    if (error == DF_OK && (size_t)n < gt.n)
        error = df_fail(DF_EVALUE, "%zu crowd flags for %zu masks", (size_t)n, gt.n);
    df_py_ask(true);
    Py_BEGIN_ALLOW_THREADS
    if (error == DF_OK)
        error = df_mask_ious(iou, dt.v, dt.n, gt.v, gt.n, (const uint8_t *)crowd);
    Py_END_ALLOW_THREADS
    df_py_ask(false);
    df_py_masks_done(&dt);
    df_py_masks_done(&gt);
    if (error == DF_OK)
        return df_py_memory(iou, pairs * sizeof *iou);
    df_free(iou);
    return df_py_raise(error);
}

typedef double Iou(const double *a, const double *b, bool crowd);

/* Of n and m boxes of `width` numbers, into m x n. */
static int fill_ious(double *iou, Iou *iou_of, size_t width, const double *a, size_t n, const double *b, size_t m,
                     const char *crowd)
{
    enum { AT_ONCE = 1024 }; /* pairs, before it is asked whether to stop */
    int error = DF_OK;
    for (size_t k = 0; error == DF_OK && k < m; k++)
        for (size_t i = 0; error == DF_OK && i < n; i++) {
            iou[k * n + i] = iou_of(a + width * i, b + width * k, crowd[k] != 0);
            error = i % AT_ONCE == 0 ? df_check_patience() : DF_OK;
        }
    return error;
}

/* The same of boxes of `width` numbers each: n x width of float64, contiguous. */
static PyObject *ious_of(PyObject *args, size_t width, Iou *iou_of)
{
    PyObject *arrays[2];
    const char *crowd;
    Py_ssize_t n_crowd;
    Py_buffer dt, gt;
    size_t n, m;
    if (!PyArg_ParseTuple(args, "OOy#", &arrays[0], &arrays[1], &crowd, &n_crowd) ||
        !df_py_view(arrays[0], 'd', &dt, &n))
        return NULL;
    if (!df_py_view(arrays[1], 'd', &gt, &m)) {
        PyBuffer_Release(&dt);
        return NULL;
    }
    n /= width;
    m = (size_t)n_crowd < m / width ? (size_t)n_crowd : m / width;
    const double *a = dt.buf;
    const double *b = gt.buf;
    double *iou = df_malloc(n * m * sizeof *iou);
    int error;
    df_py_ask(true);
    Py_BEGIN_ALLOW_THREADS
    error = iou ? fill_ious(iou, iou_of, width, a, n, b, m, crowd) : df_fail_memory("overlaps of boxes");
    Py_END_ALLOW_THREADS
    df_py_ask(false);
    PyBuffer_Release(&dt);
    PyBuffer_Release(&gt);
    if (error == DF_OK)
        return df_py_memory(iou, n * m * sizeof *iou);
    df_free(iou);
    return df_py_raise(error);
}

/* box_ious(dt, gt, crowd): x y width height */
static PyObject *box_ious(PyObject *module, PyObject *args)
{
    (void)module;
    return ious_of(args, 4, df_box_iou);
}

/* oriented_ious(dt, gt, crowd): cx cy width height angle */
static PyObject *oriented_ious(PyObject *module, PyObject *args)
{
    (void)module;
    return ious_of(args, 5, df_rotated_iou);
}

/* ---- the functions of the module --------------------------------------------------------------------------------- */

static PyMethodDef functions[] = {
    { "mask_encode", encode, METH_O, "mask_encode(array)" },
    { "mask_decode", decode, METH_O, "mask_decode(masks)" },
    { "mask_from_boxes", from_boxes, METH_VARARGS, "mask_from_boxes(array, height, width)" },
    { "mask_from_polygons", from_polygons, METH_VARARGS, "mask_from_polygons(arrays, height, width)" },
    { "mask_from_runs", from_runs, METH_VARARGS, "mask_from_runs(bytes, height, width)" },
    { "mask_merge", merge, METH_VARARGS, "mask_merge(masks, intersect)" },
    { "mask_areas", areas, METH_O, "mask_areas(masks)" },
    { "mask_boxes", boxes, METH_O, "mask_boxes(masks)" },
    { "mask_ious", mask_ious, METH_VARARGS, "mask_ious(dt, gt, crowd)" },
    { "mask_boundaries", boundaries, METH_VARARGS, "mask_boundaries(masks, ratio)" },
    { "box_ious", box_ious, METH_VARARGS, "box_ious(dt, gt, crowd)" },
    { "oriented_ious", oriented_ious, METH_VARARGS, "oriented_ious(dt, gt, crowd)" },
    { 0 },
};

int df_py_add_masks(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
