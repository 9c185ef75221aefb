/* SPDX-License-Identifier: Apache-2.0
 *
 * config/variables.h -- private to config/: {{ fileDirname }} and the other predefined variables of a config.
 */
#ifndef DF_CONFIG_VARIABLES_H
#define DF_CONFIG_VARIABLES_H

#include <stddef.h>

typedef struct {
    const char *name, *text;
    size_t length;
} Variable;

enum { VARIABLES = 4 };

/* What they are in the file `path`, which must live as long as they do. */
void df_config_variables(Variable v[VARIABLES], const char *path);

/* Copies the text with each of them replaced by its value; gives the length. With `out` NULL it only counts. This comes
 * before parsing, as in mmcv, so a variable may stand anywhere. */
size_t df_config_substitute(char *out, const char *text, size_t size, const Variable *v);

#endif
