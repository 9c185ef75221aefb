/* SPDX-License-Identifier: Apache-2.0
 *
 * config/base_value.h -- private to config/: mmcv's {{ _base_.model.neck }}, which stands for a value of the bases.
 */
#ifndef DF_CONFIG_BASE_VALUE_H
#define DF_CONFIG_BASE_VALUE_H

#include "config/tree.h"

/* The length of a base value at p, and in *key what follows "_base_."; 0 if p does not begin with one. */
size_t df_base_value_length(const char *p, const char *end, const char **key, size_t *key_length);

/* A node that stands for the value of `key` until df_base_values_fill() replaces it. */
DfNode *df_base_value_new(DfConfig *, const char *key, size_t length, const char *file, int line);

/* The text of a JSON file with each base value put between quotes, so that it is valid JSON. One that already is
 * inside quotes is an error. Free *out, which is NULL if the file has no base values. */
int df_base_values_quoted(char **out, size_t *out_size, const char *text, size_t size, const char *file);

/* Replaces the base values below `node` by copies of what `bases` has. NULL: the file has no bases. */
int df_base_values_fill(DfConfig *, DfNode *node, DfNode *bases);

#endif
