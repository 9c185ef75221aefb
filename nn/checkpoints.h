/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/checkpoints.h -- loads, saves and converts checkpoints (load.c, report.c, save.c, dialects/). Included by nn/nn.h.
 */
#ifndef DF_NN_CHECKPOINTS_H
#define DF_NN_CHECKPOINTS_H

#include "checkpoint/checkpoint.h"
#include "nn/parameters.h"

DF_BEGIN_DECLS

/* What happened to a key of the file, or to a parameter of the model. */
typedef enum {
    NN_LOADED,
    NN_RESIZED,     /* loaded from a table of another size                         */
    NN_IGNORED,     /* in the file; known and not needed                           */
    NN_KEPT,        /* not in the file; keeps its initial value, as officially     */
    NN_MISSING,     /* not in the file                                             */
    NN_UNEXPECTED,  /* in the file, unknown to the model                           */
    NN_WRONG_SHAPE,
    NN_FATES
} NnFate;
typedef struct {
    int n;
    size_t capacity;
    char **name;    /* names; of NN_WRONG_SHAPE followed by both shapes       */
} NnNames;
/* For a parameter of wrong shape whose other dimensions agree: its first dimensions; else both are 0. */
typedef struct {
    int64_t met, wanted;
} NnRows;
typedef struct NnDialect NnDialect; /* names of another library: nn/dialects/ */
typedef struct {
    NnNames of[NN_FATES];
    NnRows *rows;   /* one for each name in of[NN_WRONG_SHAPE]                     */
    size_t rows_capacity;
    const NnDialect *dialect;  /* the dialect of the file's names; NULL: ours       */
} NnReport;
typedef struct {
    const char *const *ignorable;  /* patterns of keys that are known and not needed, NULL-terminated: "*.attn_mask" */
    bool allow_missing, allow_wrong_shape;
    const char *module;            /* load only the parameters of this module, "roi_head.bbox_head"; NULL or "": all */
    const char *prefix;            /* read only the keys below this, "backbone", as names below `module` without
                                    * its own; NULL: all keys                                                      */
} NnLoad;
/* Copies every parameter from the checkpoint into the model, after nn_model_init(). A lean model maps the
 * checkpoint instead; the caller may close its own handle. Names of other libraries are understood (nn/dialects/),
 * and prefixes ("backbone.", "module.", ..) are stripped or added as fits best. Missing or wrong-shaped parameters
 * are an error (DF_EFORMAT, DF_ESHAPE) unless `load` allows them; NULL allows nothing. DF_EVALUE: the part that
 * `load` names has no key or no parameter. The report is filled even after a failure: free it with
 * nn_report_free(). */
DF_API int nn_model_load(NnModel *, DfCheckpoint *, const NnLoad *load, NnReport *report);
DF_API void nn_report_free(NnReport *);
DF_API char *nn_report_text(const NnReport *); /* a few lines for the log; df_free() it. NULL: out of memory */

/* Converts arrays to the names of another library: "mmdet", "official", "torchvision", .. (nn/dialects/). The library
 * that they come from is detected. The arrays are borrowed, and the results are mostly views of them. `window` is the
 * side of Swin v2's windows, for libraries that store tables of positions; 0: unknown. DF_EVALUE: there is no such
 * library, or none of its tables has a name for an array. */
typedef struct NnConverted NnConverted;
DF_API int nn_convert(NnConverted **out, const DfArray *arrays, int n, const char *library, int window);
DF_API void nn_converted_free(NnConverted *);                               /* NULL is fine                        */
DF_API int nn_converted_arrays(const NnConverted *, const DfArray **arrays); /* returns their number               */
DF_API const char *nn_converted_from(const NnConverted *);                  /* "torchvision (Swin)"; "": our names */

/* Reorders dimensions between the official layout and ours, for weights and gradients. */
DF_API void nn_param_from_official(const NnParam *, const float *official, float *ours);
DF_API void nn_param_to_official(const NnParam *, const float *ours, float *official);

/* The same as a view instead of a copy, for df_checkpoint_write(): `ours` (borrowed) as an array of the official
 * shape. */
DF_API DfArray nn_param_array(const NnParam *, const char *name, const float *ours);

/* Writes all parameters and buffers under their official keys and shapes; metadata as in df_checkpoint_write(). */
DF_API int nn_model_save(const NnModel *, const char *path, const char *const *metadata, int n_metadata);

DF_END_DECLS

#endif
