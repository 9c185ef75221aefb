/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/array.c -- element types and strided copies. A copy goes row by row: a run of the last dimension is read
 * into doubles or int64s, which hold every value of the types exactly, and written from there.
 */
#include <math.h>
#include <string.h>

#include "checkpoint/array_parts.h"

enum { RUN = 256 }; /* elements converted at a time */

static const struct {
    const char *name;
    size_t size;
    bool is_float;
} dtypes[DF_DTYPES] = {
    [DF_F32] = { "F32", 4, true },    [DF_F16] = { "F16", 2, true },  [DF_BF16] = { "BF16", 2, true },
    [DF_F64] = { "F64", 8, true },    [DF_I64] = { "I64", 8, false }, [DF_I32] = { "I32", 4, false },
    [DF_I16] = { "I16", 2, false },   [DF_I8] = { "I8", 1, false },   [DF_U8] = { "U8", 1, false },
    [DF_BOOL] = { "BOOL", 1, false }, [DF_U16] = { "U16", 2, false }, [DF_U32] = { "U32", 4, false },
    [DF_U64] = { "U64", 8, false },
};

size_t df_dtype_size(DfDtype dtype)
{
    return dtypes[dtype].size;
}

const char *df_dtype_name(DfDtype dtype)
{
    return dtypes[dtype].name;
}

bool df_dtype_is_float(DfDtype dtype)
{
    return dtypes[dtype].is_float;
}

bool df_dtype_find(DfDtype *out, const char *name)
{
    for (int i = 0; i < DF_DTYPES; i++)
        if (strcmp(dtypes[i].name, name) == 0) {
            *out = (DfDtype)i;
            return true;
        }
    return false;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

DfArray df_array(const char *name, DfDtype dtype, int ndim, const int64_t *shape, const void *data)
{
    DfArray array = { .name = name, .dtype = dtype, .ndim = ndim, .data = data };
    int64_t stride = 1;
    for (int i = ndim; i-- > 0;) {
        array.shape[i] = shape[i];
        array.stride[i] = stride;
        stride *= shape[i];
    }
    return array;
}

int64_t df_array_count(const DfArray *array)
{
    int64_t count = 1;
    for (int i = 0; i < array->ndim; i++)
        if (array->shape[i] == 0)
            return 0;
    for (int i = 0; i < array->ndim; i++)
        count *= array->shape[i];
    return count;
}

bool df_array_is_packed(const DfArray *array)
{
    int64_t stride = 1;
    if (df_array_count(array) == 0)
        return true;
    for (int i = array->ndim; i-- > 0;) {
        if (array->shape[i] != 1 && array->stride[i] != stride)
            return false;
        stride *= array->shape[i];
    }
    return true;
}

int df_array_check(const DfArray *array, int64_t offset, int64_t room)
{
    const int64_t most = INT64_MAX / 8;
    int64_t count = 1, last = 0; /* `last`: the farthest element, counted from `offset` */
    bool empty = false;
    for (int i = 0; i < array->ndim; i++) {
        if (array->shape[i] < 0 || array->stride[i] < 0)
            return df_fail(DF_EFORMAT, "dimension %d has size %lld and stride %lld, want none below 0", i,
                           (long long)array->shape[i], (long long)array->stride[i]);
        empty |= array->shape[i] == 0;
    }
    if (empty)
        return DF_OK;
    for (int i = 0; i < array->ndim; i++) {
        const int64_t n = array->shape[i], step = array->stride[i];
        if (n > most / count || (n > 1 && step > (most - last) / (n - 1)))
            return df_fail(DF_EFORMAT, "its shape is impossibly large");
        count *= n;
        last += (n - 1) * step;
    }
    if (offset < 0 || offset >= room || last > room - 1 - offset)
        return df_fail(DF_EFORMAT, "reaches from element %lld to %lld of a storage of %lld", (long long)offset,
                       (long long)(offset > most ? offset : offset + last), (long long)room);
    return DF_OK;
}

/* ---- half precision ---------------------------------------------------------------------------------------------- */

static double half_to_double(uint16_t bits)
{
    /* The same bits in a float stand for 2^-112 times the value, also of a subnormal. */
    const uint32_t wide = (uint32_t)(bits & 0x7fff) << 13;
    float value;
    memcpy(&value, &wide, sizeof value);
    double size = value * 0x1p112;
    if ((bits & 0x7c00) == 0x7c00)
        size = bits & 0x3ff ? (double)NAN : (double)INFINITY;
    return bits & 0x8000 ? -size : size;
}

static uint16_t half_from_double(double value)
{
    const uint16_t sign = signbit(value) ? 0x8000 : 0;
    const double size = fabs(value);
    if (isnan(value))
        return 0x7e00;
    if (size == 0)
        return sign;
    if (size >= 65520) /* half way from the largest half to the next power of two */
        return sign | 0x7c00;
    int exponent;
    frexp(size, &exponent);
    if (exponent < -13) /* subnormal: multiples of 2^-24 */
        exponent = -13;
    /* 1024..2048, or less if subnormal; rint() rounds to even */
    const int steps = (int)rint(ldexp(size, 11 - exponent));
    return (uint16_t)(sign | (steps + ((exponent + 13) << 10))); /* the hidden bit and a carry count the exponent up */
}

static double bfloat_to_double(uint16_t bits)
{
    const uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static uint16_t bfloat_from_double(double value)
{
    if (isnan(value))
        return 0x7fc0;
    const float near = (float)value;
    uint32_t bits;
    memcpy(&bits, &near, sizeof bits);
    /* Rounding twice must not differ from rounding once: if float is half way, the part that float dropped decides. */
    if ((bits & 0xffff) == 0x8000 && (double)near != value)
        return (uint16_t)((bits >> 16) + (fabs(value) > fabs((double)near)));
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* ---- runs of elements -------------------------------------------------------------------------------------------- */

/* The elements of type T, `step` bytes apart, go through `x` into to[]. */
#define READ(T, expression)                            \
    for (size_t i = 0; i < n; i++, from += step) {     \
        T x;                                           \
        memcpy(&x, from, sizeof x);                    \
        to[i] = (expression);                          \
    }                                                  \
    break

static void read_floats(double *to, const char *from, size_t step, size_t n, DfDtype dtype)
{
    switch (dtype) {
    case DF_F32: READ(float, x);
    case DF_F64: READ(double, x);
    case DF_F16: READ(uint16_t, half_to_double(x));
    case DF_BF16: READ(uint16_t, bfloat_to_double(x));
    default: break;
    }
}

static void read_integers(int64_t *to, const char *from, size_t step, size_t n, DfDtype dtype)
{
    switch (dtype) {
    case DF_I64: READ(int64_t, x);
    case DF_I32: READ(int32_t, x);
    case DF_I16: READ(int16_t, x);
    case DF_I8: READ(int8_t, x);
    case DF_U8: READ(uint8_t, x);
    case DF_BOOL: READ(uint8_t, x != 0);
    case DF_U16: READ(uint16_t, x);
    case DF_U32: READ(uint32_t, x);
    case DF_U64: READ(uint64_t, x > INT64_MAX ? INT64_MAX : (int64_t)x);
    default: break;
    }
}
#undef READ

static int64_t truncated(double x)
{
    if (isnan(x))
        return 0;
    if (x >= 0x1p63)
        return INT64_MAX;
    return x <= -0x1p63 ? INT64_MIN : (int64_t)x;
}

static int64_t clamped(int64_t x, int64_t least, int64_t most)
{
    if (x < least)
        return least;
    return x > most ? most : x;
}

#define WRITE(T, expression)                 \
    do {                                     \
        T *out = to;                         \
        for (size_t i = 0; i < n; i++)       \
            out[i] = (T)(expression);        \
    } while (0);                             \
    break

static void write_integers(void *to, DfDtype dtype, const int64_t *x, size_t n)
{
    switch (dtype) {
    case DF_F32: WRITE(float, x[i]);
    case DF_F64: WRITE(double, x[i]);
    case DF_F16: WRITE(uint16_t, half_from_double((double)x[i]));
    case DF_BF16: WRITE(uint16_t, bfloat_from_double((double)x[i]));
    case DF_I64: WRITE(int64_t, x[i]);
    case DF_I32: WRITE(int32_t, clamped(x[i], INT32_MIN, INT32_MAX));
    case DF_I16: WRITE(int16_t, clamped(x[i], INT16_MIN, INT16_MAX));
    case DF_I8: WRITE(int8_t, clamped(x[i], INT8_MIN, INT8_MAX));
    case DF_U8: WRITE(uint8_t, clamped(x[i], 0, UINT8_MAX));
    case DF_BOOL: WRITE(uint8_t, x[i] != 0);
    case DF_U16: WRITE(uint16_t, clamped(x[i], 0, UINT16_MAX));
    case DF_U32: WRITE(uint32_t, clamped(x[i], 0, UINT32_MAX));
    case DF_U64: WRITE(uint64_t, clamped(x[i], 0, INT64_MAX));
    default: break;
    }
}

static void write_floats(void *to, DfDtype dtype, const double *x, size_t n)
{
    int64_t integers[RUN];
    switch (dtype) {
    case DF_F32: WRITE(float, x[i]);
    case DF_F64: WRITE(double, x[i]);
    case DF_F16: WRITE(uint16_t, half_from_double(x[i]));
    case DF_BF16: WRITE(uint16_t, bfloat_from_double(x[i]));
    case DF_BOOL: WRITE(uint8_t, x[i] != 0);
    default:
        for (size_t i = 0; i < n; i++)
            integers[i] = truncated(x[i]);
        write_integers(to, dtype, integers, n);
    }
}
#undef WRITE

/* `n` elements that stand `stride` elements apart. */
static void convert_run(char *to, DfDtype to_type, const char *from, DfDtype type, size_t stride, size_t n)
{
    const size_t step = stride * dtypes[type].size;
    if (type == to_type && stride == 1 && type != DF_BOOL) {
        memcpy(to, from, n * step);
        return;
    }
    union {
        double floats[RUN];
        int64_t integers[RUN];
    } x;
    for (size_t done = 0; done < n; done += RUN) {
        const size_t now = n - done < RUN ? n - done : RUN;
        if (dtypes[type].is_float) {
            read_floats(x.floats, from + done * step, step, now, type);
            write_floats(to + done * dtypes[to_type].size, to_type, x.floats, now);
        } else {
            read_integers(x.integers, from + done * step, step, now, type);
            write_integers(to + done * dtypes[to_type].size, to_type, x.integers, now);
        }
    }
}

/* ---- whole arrays ------------------------------------------------------------------------------------------------ */

/* Walks over the rows of an array in order; a row is a run of elements that stand evenly apart. */
typedef struct {
    int64_t at[DF_ARRAY_DIMS];
    int outer; /* dimensions in front of the row's */
    int64_t length, stride;
    int64_t offset; /* of the present row's first element */
    bool more;
} Rows;

static Rows rows_of(const DfArray *array)
{
    Rows rows = { .more = df_array_count(array) > 0, .length = 1, .stride = 1 };
    if (df_array_is_packed(array)) {
        rows.length = df_array_count(array);
    } else { /* not packed: has a dimension */
        rows.outer = array->ndim - 1;
        rows.length = array->shape[rows.outer];
        rows.stride = array->stride[rows.outer];
    }
    return rows;
}

static void next_row(Rows *rows, const DfArray *array)
{
    int i = rows->outer;
    while (i-- > 0) {
        rows->offset += array->stride[i];
        if (++rows->at[i] < array->shape[i])
            return;
        rows->offset -= array->stride[i] * array->shape[i];
        rows->at[i] = 0;
    }
    rows->more = false;
}

void df_array_copy(const DfArray *array, DfDtype to, void *out)
{
    char *at = out;
    for (Rows rows = rows_of(array); rows.more; next_row(&rows, array)) {
        const char *from = (const char *)array->data + (size_t)rows.offset * dtypes[array->dtype].size;
        convert_run(at, to, from, array->dtype, (size_t)rows.stride, (size_t)rows.length);
        at += (size_t)rows.length * dtypes[to].size;
    }
}

void df_array_f32(const DfArray *array, float *out)
{
    df_array_copy(array, DF_F32, out);
}

void df_array_f64(const DfArray *array, double *out)
{
    df_array_copy(array, DF_F64, out);
}

void df_array_i64(const DfArray *array, int64_t *out)
{
    df_array_copy(array, DF_I64, out);
}

void df_array_stream(const DfArray *array, DfTakeBytes *take, void *context)
{
    const size_t size = dtypes[array->dtype].size;
    for (Rows rows = rows_of(array); rows.more; next_row(&rows, array)) {
        const char *from = (const char *)array->data + (size_t)rows.offset * size;
        if (rows.stride == 1) {
            take(context, from, (size_t)rows.length * size);
            continue;
        }
        char piece[RUN * 8];
        for (int64_t done = 0; done < rows.length; done += RUN) {
            const int64_t now = rows.length - done < RUN ? rows.length - done : RUN;
            for (int64_t i = 0; i < now; i++)
                memcpy(piece + (size_t)i * size, from + (size_t)((done + i) * rows.stride) * size, size);
            take(context, piece, (size_t)now * size);
        }
    }
}
