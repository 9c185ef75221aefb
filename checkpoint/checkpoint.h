/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/checkpoint.h -- the public header of checkpoint/: files of named arrays, PyTorch's .pth in both of its
 * forms and .safetensors. It reads and writes names, types, shapes and bytes; it does not know their meaning for a
 * network.
 *
 * Files are untrusted. The unpickler only builds containers, numbers, texts and views of arrays; no opcode has any
 * other effect.
 */
#ifndef DF_CHECKPOINT_CHECKPOINT_H
#define DF_CHECKPOINT_CHECKPOINT_H

#include "checkpoint/array.h"

DF_BEGIN_DECLS

/* An open file. Arrays come in file order; their names are the keys of the state dict that was chosen. */
typedef struct DfCheckpoint DfCheckpoint;

/* `wrapper` chooses the dict inside: NULL for what the official loaders take ("state_dict", else "model", else the
 * file's own dict); "model_ema", "ema", .. by name, "ema.module" for a dict in a dict. Anything in the chosen dict
 * that is not an array is skipped, but a number is an array without dimensions (I64, F64 or BOOL). A leading
 * "module." is stripped from all keys if the first key has it. A .safetensors file has no dicts inside and takes no
 * wrapper. Its arrays are views of the file, which is mapped unless it is small (df_file_map() in core/file.h),
 * until somebody copies them.  Limits: a file of DF_CHECKPOINT_MAX_FILE bytes. A tensor may repeat its elements
 * (expand(), which has strides of 0) and tensors may share them, but all arrays together take at most
 * DF_CHECKPOINT_MOST_REPEATED times the bytes that are stored, plus DF_CHECKPOINT_FREE bytes: a file of 600 bytes
 * cannot fill a disk. Beyond is DF_EFORMAT. */
#define DF_CHECKPOINT_MAX_FILE ((size_t)1 << 35)
#define DF_CHECKPOINT_MOST_REPEATED 16
#define DF_CHECKPOINT_FREE ((uint64_t)64 << 20)
/* `path` may also be an index of several files (model.safetensors.index.json: its dict `weight_map` says for each array
 * which file beside it has it), or a folder with a model.safetensors, a pytorch_model.bin or an index of such, as
 * transformers and timm write them. */
DF_API int df_checkpoint_open(DfCheckpoint **out, const char *path, const char *wrapper);
/* Which file of such a folder that is; df_free() it. DF_EIO: there is none. */
DF_API int df_folder_weights(char **path, const char *folder);
/* borrowed */
DF_API int df_checkpoint_parse(DfCheckpoint **out, const void *bytes, size_t size, const char *name,
                               const char *wrapper);
DF_API void df_checkpoint_close(DfCheckpoint *); /* NULL is fine */
/* The same once more, with a close of its own; not by two threads at once. */
DF_API DfCheckpoint *df_checkpoint_share(DfCheckpoint *);

/* A file that is mapped can be changed while it is in use: DF_EIO, to be asked behind every use of its arrays. */
DF_API int df_checkpoint_check(const DfCheckpoint *);
/* Whether the numbers of an array are in a mapped file; deflated ones and those of a small file are a copy. */
DF_API bool df_checkpoint_maps(const DfCheckpoint *, const DfArray *);
/* They are not needed for now: their pages need not stay with this process. */
DF_API void df_checkpoint_release(const DfCheckpoint *, const DfArray *);
DF_API int df_checkpoint_count(const DfCheckpoint *);
DF_API const DfArray *df_checkpoint_at(const DfCheckpoint *, int i);
DF_API const DfArray *df_checkpoint_find(const DfCheckpoint *, const char *name); /* NULL if there is none */
/* "pth (zip)", "pth (legacy)", "pickle (numpy)", "safetensors" */
DF_API const char *df_checkpoint_form(const DfCheckpoint *);
/* Top-level keys of a .pth dict ("meta", "state_dict", "optimizer"), for reports; the safetensors __metadata__ by
 * key. */
DF_API int df_checkpoint_keys(const DfCheckpoint *, const char *const **keys);
/* A text of the safetensors __metadata__, or of a .pth's "meta" dict; NULL if there is none of that key. */
DF_API const char *df_checkpoint_metadata(const DfCheckpoint *, const char *key);
/* The names of the classes that mmdet, mmseg and mmcls keep in "meta", or the lines of the metadata
 * DF_CHECKPOINT_CLASSES, in the order of the labels: how many; 0: none. */
DF_API int df_checkpoint_classes(const DfCheckpoint *, const char *const **names);

#define DF_CHECKPOINT_CLASSES "CLASSES"

/* Compares the checksums of a zip form with its bytes, which reads the whole file; the other forms have none: DF_OK. */
DF_API int df_checkpoint_verify(const DfCheckpoint *);

/* Writing. Metadata is n pairs key, value (may be NULL); that of DF_CHECKPOINT_CLASSES has the names of the classes,
 * one a line, and in a .pth they are a list, as mmdet has them. The form follows the ending of `path`: .safetensors, or
 * .pth / .pt (zip form, {"meta": {..}, "state_dict": OrderedDict}, readable by torch.load; arrays of U16, U32, U64 only
 * by torch 2.3 and later, so they are refused). Names must differ. The file appears whole or not at all. */
DF_API int df_checkpoint_write(const char *path, const DfArray *arrays, int n, const char *const *metadata,
                               int n_metadata);
/* The same, with numbers of `source`, which must not have changed when all of them are written: DF_EIO, and no file. */
DF_API int df_checkpoint_write_from(const DfCheckpoint *source, const char *path, const DfArray *arrays, int n,
                                    const char *const *metadata, int n_metadata);

DF_END_DECLS

#endif
