/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialect.h -- private: finds the parameter of a model that a key of a checkpoint belongs to.
 */
#ifndef DF_NN_DIALECT_H
#define DF_NN_DIALECT_H

#include "nn/dialects/dialects.h"

/* A hash table of the names of a model's parameters. Free it with nn_index_free(). */
typedef struct {
    const NnModel *model;
    int n;               /* buckets                                            */
    int *bucket, *next;  /* the first parameter of each; of each, the next one */
} NnIndex;
int nn_index_new(NnIndex *, const NnModel *);  /* DF_OK or DF_ENOMEM                    */
void nn_index_free(NnIndex *);
int nn_index_find(const NnIndex *, const char *name); /* the parameter's index, or -1 */
int nn_index_find_older(const NnIndex *, const char *name); /* the same for the former name of a key */

/* How the names of a file are read: their dialect and place, and the prefix that is added to our names, such as
 * "backbone." for a classifier's checkpoint in a detector. */
typedef struct {
    NnPlace place;
    const char *add;
    NnPlace own;         /* the dialect of the model's own names; `dialect` NULL: ours                  */
    char passed[96];     /* a prefix below which other arrays of the file are as many parameters, or "" */
} NnReading;
/* Chooses the reading under which most arrays of the file are parameters. Of equals: plain names, a teacher before its
 * student, the first in the file. */
int nn_reading_choose(const NnIndex *, const NnArrays *file, NnReading *out);

/* Whether `name` matches `pattern`, in which `*` stands for any characters, dots included. */
bool nn_name_matches(const char *pattern, const char *name);

#endif
