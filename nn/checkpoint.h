/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/checkpoint.h -- files of named arrays: PyTorch's .pth in both of its forms, and .safetensors. Bytes come from strangers:
 * the unpickler builds containers, numbers, texts and array views, and knows no other effect of any opcode.
 */
#ifndef DF_NN_CHECKPOINT_H
#define DF_NN_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/core.h"

typedef enum {
    DF_F32, DF_F16, DF_BF16, DF_F64, DF_I64, DF_I32, DF_I16, DF_I8, DF_U8, DF_BOOL, DF_U16, DF_U32, DF_U64, DF_DTYPES
} DfDtype;
enum { DF_ARRAY_DIMS = 8 };
size_t df_dtype_size(DfDtype);
const char *df_dtype_name(DfDtype);                 /* "F32", as safetensors writes it          */
bool df_dtype_find(DfDtype *out, const char *name); /* false if it is none of those above       */
bool df_dtype_is_float(DfDtype);

/* A view into the file's bytes. Element (i, j, ..) stands at data + (i * stride[0] + j * stride[1] + ..) * size of dtype; the
 * reader has checked that every element lies within the file. Several arrays may share one storage. */
typedef struct {
    const char *name;
    DfDtype dtype;
    int ndim;
    int64_t shape[DF_ARRAY_DIMS], stride[DF_ARRAY_DIMS]; /* stride in elements, may be 0, never negative */
    const void *data;                                    /* may be unaligned */
} DfArray;
int64_t df_array_count(const DfArray *); /* elements: 1 for no dimensions, 0 for an empty array; times 8 it fits an int64 */
bool df_array_is_packed(const DfArray *); /* row-major without gaps: its bytes can be used as they stand */

/* An array of this shape over row-major memory of the caller, for df_checkpoint_write(). `ndim` <= DF_ARRAY_DIMS. */
DfArray df_array(const char *name, DfDtype, int ndim, const int64_t *shape, const void *data);

/* Copies in row-major order, converting to `to`. Float to integer truncates and saturates (NaN gives 0), integer to smaller
 * integer saturates, to bool anything but 0 is 1; to F16 and BF16 rounds to nearest even. `out` is aligned for its type. */
void df_array_copy(const DfArray *, DfDtype to, void *out);
void df_array_f32(const DfArray *, float *out);
void df_array_f64(const DfArray *, double *out);
void df_array_i64(const DfArray *, int64_t *out);

/* An open file. Arrays come in file order; their names are the keys of the state dict that was chosen. */
typedef struct DfCheckpoint DfCheckpoint;

/* `wrapper` chooses the dict inside: NULL for what the official loaders take ("state_dict", else "model", else the file's own
 * dict); "model_ema", "ema", .. by name. Anything in the chosen dict that is not an array is skipped, but a number is an array
 * without dimensions (I64, F64 or BOOL). A leading "module." is stripped from all keys if the first key has it. A .safetensors
 * file has no dicts inside and takes no wrapper.
 * Nothing but the description of the arrays is read here: the numbers stay in the mapped file until somebody copies them. */
int df_checkpoint_open(DfCheckpoint **out, const char *path, const char *wrapper);
int df_checkpoint_parse(DfCheckpoint **out, const void *bytes, size_t size, const char *name, const char *wrapper); /* borrowed */
void df_checkpoint_close(DfCheckpoint *); /* NULL is fine */
int df_checkpoint_count(const DfCheckpoint *);
const DfArray *df_checkpoint_at(const DfCheckpoint *, int i);
const DfArray *df_checkpoint_find(const DfCheckpoint *, const char *name); /* NULL if there is none */
const char *df_checkpoint_form(const DfCheckpoint *);                      /* "pth (zip)", "pth (legacy)", "safetensors" */
/* Top-level keys of a .pth dict ("meta", "state_dict", "optimizer"), for reports; the safetensors __metadata__ by key. */
int df_checkpoint_keys(const DfCheckpoint *, const char *const **keys);
/* A text of the safetensors __metadata__, or of a .pth's "meta" dict; NULL if there is none of that key. */
const char *df_checkpoint_metadata(const DfCheckpoint *, const char *key);

/* Compares the checksums of a zip form with its bytes, which reads the whole file; the other forms have none: DF_OK. */
int df_checkpoint_verify(const DfCheckpoint *);

/* Writing. Metadata is n pairs key, value (may be NULL). The form follows the ending of `path`: .safetensors, or .pth / .pt
 * (zip form, {"meta": {..}, "state_dict": OrderedDict}, readable by torch.load; arrays of U16, U32, U64 only by torch 2.3 and
 * later, so they are refused). Names must differ. The file appears whole or not at all. */
int df_checkpoint_write(const char *path, const DfArray *arrays, int n, const char *const *metadata, int n_metadata);

#endif
