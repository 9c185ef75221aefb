/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/checkpoints.h -- a checkpoint into a model and back: load.c, report.c, save.c, dialects/. Part of the door nn/nn.h.
 */
#ifndef DF_NN_CHECKPOINTS_H
#define DF_NN_CHECKPOINTS_H

#include "checkpoint/checkpoint.h"
#include "nn/parameters.h"

DF_BEGIN_DECLS

/* What became of a key of the file, or of a parameter of the model. */
typedef enum {
    NN_LOADED,
    NN_RESIZED,     /* loaded from a table of another size                         */
    NN_IGNORED,     /* in the file, known and not needed                           */
    NN_KEPT,        /* not in the file, and official loaders leave it as it starts */
    NN_MISSING,     /* not in the file                                             */
    NN_UNEXPECTED,  /* in the file, unknown to the model                           */
    NN_WRONG_SHAPE,
    NN_FATES
} NnFate;
typedef struct {
    int n;
    size_t capacity;
    char **name;    /* those of wrong shapes with both shapes behind the name */
} NnNames;
/* The first dimension of a parameter of another shape, if the others are right; else both are 0. */
typedef struct {
    int64_t met, wanted;
} NnRows;
typedef struct NnDialect NnDialect; /* names of another library: nn/dialects/ */
typedef struct {
    NnNames of[NN_FATES];
    NnRows *rows;   /* of each in of[NN_WRONG_SHAPE]                               */
    size_t rows_capacity;
    const NnDialect *dialect;  /* in which the names of the file are; NULL: in ours */
} NnReport;
typedef struct {
    const char *const *ignorable;  /* patterns of keys that are known and not needed, NULL-terminated: "*.attn_mask" */
    bool allow_missing, allow_wrong_shape;
    const char *module;            /* only its parameters are loaded, "roi_head.bbox_head"; NULL or "": all        */
    const char *prefix;            /* only the keys below it are read, "backbone", as the names of `module` without
                                    * its own; NULL: all keys                                                      */
} NnLoad;
/* Copies every parameter from the checkpoint (nn_model_init() gave it memory). A lean model shares the
 * checkpoint instead, which the caller may close. Names of other libraries are understood (nn/dialects/), and
 * prefixes ("backbone.", "module.", ..) are cut off or put in front as it fits best. Missing or wrong-shaped
 * parameters are an error (DF_EFORMAT, DF_ESHAPE) unless `load` allows them; NULL allows nothing. DF_EVALUE: there is no
 * key or no parameter in the part that `load` names. The report is
 * filled in either case: free it with nn_report_free(). */
DF_API int nn_model_load(NnModel *, DfCheckpoint *, const NnLoad *load, NnReport *report);
DF_API void nn_report_free(NnReport *);
DF_API char *nn_report_text(const NnReport *); /* a few lines for the log; df_free() it. NULL: out of memory */

/* Arrays under the names of another library: "mmdet", "official", "torchvision", .. (nn/dialects/); those that they are
 * under are found out. The arrays are borrowed; what is made of them has views of their numbers. `window` is the side
 * of Swin v2's windows, for libraries that store tables of their places; 0: not known. DF_EVALUE: no such library, or a
 * name for which no table of it has one. */
typedef struct NnConverted NnConverted;
DF_API int nn_convert(NnConverted **out, const DfArray *arrays, int n, const char *library, int window);
DF_API void nn_converted_free(NnConverted *);                               /* NULL is fine                        */
DF_API int nn_converted_arrays(const NnConverted *, const DfArray **arrays); /* how many                           */
DF_API const char *nn_converted_from(const NnConverted *);                  /* "torchvision (Swin)"; "": our names */

/* Between the official order of dimensions and ours, for weights and what has their shape, such as gradients. */
DF_API void nn_param_from_official(const NnParam *, const float *official, float *ours);
DF_API void nn_param_to_official(const NnParam *, const float *ours, float *official);

/* The same as a view, without a copy: `ours`, borrowed, as an array of the
 * official shape. For df_checkpoint_write(). */
DF_API DfArray nn_param_array(const NnParam *, const char *name, const float *ours);

/* Writes all parameters and buffers under their official keys and shapes; metadata as in df_checkpoint_write(). */
DF_API int nn_model_save(const NnModel *, const char *path, const char *const *metadata, int n_metadata);

DF_END_DECLS

#endif
