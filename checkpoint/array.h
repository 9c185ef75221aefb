/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/array.h -- a view of an array in bytes that belong to someone else: element type, shape, strides; and its
 * conversion to the types that we compute with.
 */
#ifndef DF_CHECKPOINT_ARRAY_H
#define DF_CHECKPOINT_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

typedef enum {
    DF_F32, DF_F16, DF_BF16, DF_F64, DF_I64, DF_I32, DF_I16, DF_I8, DF_U8, DF_BOOL, DF_U16, DF_U32, DF_U64, DF_DTYPES
} DfDtype;
enum { DF_ARRAY_DIMS = 8 };
DF_API size_t df_dtype_size(DfDtype);
DF_API const char *df_dtype_name(DfDtype);                 /* "F32", as safetensors writes it          */
DF_API bool df_dtype_find(DfDtype *out, const char *name); /* false if it is none of those above       */
DF_API bool df_dtype_is_float(DfDtype);

/* A view into the file's bytes. Element (i, j, ..) stands at data + (i * stride[0] + j * stride[1] + ..) * size of
 * dtype; the reader has checked that every element lies within the file. Several arrays may share one storage. */
typedef struct {
    const char *name;
    DfDtype dtype;
    int ndim;
    int64_t shape[DF_ARRAY_DIMS], stride[DF_ARRAY_DIMS]; /* stride in elements, may be 0, never negative */
    const void *data;                                    /* may be unaligned */
} DfArray;
/* elements: 1 for no dimensions, 0 for an empty array; times 8 it fits an int64 */
DF_API int64_t df_array_count(const DfArray *);
DF_API bool df_array_is_packed(const DfArray *); /* row-major without gaps: its bytes can be used as they stand */

/* An array of this shape over row-major memory of the caller, for df_checkpoint_write(). `ndim` <= DF_ARRAY_DIMS. */
DF_API DfArray df_array(const char *name, DfDtype, int ndim, const int64_t *shape, const void *data);

/* Copies in row-major order, converting to `to`. Float to integer truncates and saturates (NaN gives 0), integer to
 * smaller integer saturates, to bool anything but 0 is 1; to F16 and BF16 rounds to nearest even. `out` is aligned
 * for its type. */
DF_API void df_array_copy(const DfArray *, DfDtype to, void *out);
DF_API void df_array_f32(const DfArray *, float *out);
DF_API void df_array_f64(const DfArray *, double *out);
DF_API void df_array_i64(const DfArray *, int64_t *out);

DF_END_DECLS

#endif
