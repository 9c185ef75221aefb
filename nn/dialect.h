/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialect.h -- private: which key of a checkpoint is which parameter of a model.
 */
#ifndef DF_NN_DIALECT_H
#define DF_NN_DIALECT_H

#include "nn/dialects/dialects.h"

/* The names of a model's parameters, to be looked up. Free it with nn_index_free(). */
typedef struct {
    const NnModel *model;
    int n;               /* buckets                                            */
    int *bucket, *next;  /* the first parameter of each; of each, the next one */
} NnIndex;
int nn_index_new(NnIndex *, const NnModel *);  /* DF_OK or DF_ENOMEM                    */
void nn_index_free(NnIndex *);
int nn_index_find(const NnIndex *, const char *name); /* the parameter's number, or -1 */
int nn_index_find_older(const NnIndex *, const char *name); /* that of a key that has another name by now, or -1 */

/* How the names of a file are read: the dialect that they are in, and where; and what is put in front of ours, for a
 * classifier's checkpoint as the backbone of a detector. */
typedef struct {
    NnPlace place;
    const char *add;
    NnPlace own;         /* the dialect of the model, into which our names go back; `dialect` NULL: none */
} NnReading;
/* The one under which most arrays of the file are parameters. */
int nn_reading_choose(const NnIndex *, const NnArrays *file, NnReading *out);

/* Whether `name` fits `pattern`, in which `*` stands for any run of letters, dots included. */
bool nn_name_matches(const char *pattern, const char *name);

#endif
