/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialect.h -- private: which key of a checkpoint is which parameter of a model.
 */
#ifndef DF_NN_DIALECT_H
#define DF_NN_DIALECT_H

#include "nn/nn.h"

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

/* A backbone may come with the prefix that it has in a detector, and a detector's backbone without: the prefix to cut
 * off the keys of a file, and the one to put in front. */
typedef struct {
    const char *cut, *add;
} NnDialect;
/* The one under which most keys of the file are parameters. */
NnDialect nn_dialect_choose(const NnIndex *, const DfCheckpoint *);
/* The parameter's name that a key stands for. */
void nn_dialect_spell(NnDialect, const char *key, char *name, size_t size);

/* Whether `name` fits `pattern`, in which `*` stands for any run of letters, dots included. */
bool nn_name_matches(const char *pattern, const char *name);

#endif
