/* SPDX-License-Identifier: Apache-2.0
 *
 * config/yaml.h -- private to config/: a position in a YAML file. yaml_line.c reads lines and the values in them;
 * yaml_tree.c makes the tree.
 */
#ifndef DF_CONFIG_YAML_H
#define DF_CONFIG_YAML_H

#include "config/tree.h"

typedef struct {
    DfConfig *tree;
    const char *file;
    const char *at, *end;
    const char *start;    /* of the line that `at` is in                    */
    int line, depth;
    DfNode *anchors;      /* a dict: what has a name                         */
} Yaml;

/* NULL after df_fail(): what was met, and what is wanted. */
DfNode *df_yaml_refuse(const Yaml *, const char *want);

/* ---- places ------------------------------------------------------------------------------------------------------ */

bool df_yaml_at_end_of_line(const Yaml *);
bool df_yaml_at_space(const Yaml *, const char *p);  /* or a line's end, at p */
bool df_yaml_at_dash(const Yaml *);                  /* of a sequence */
int df_yaml_column(const Yaml *);                    /* -1 behind the last line */

void df_yaml_skip_spaces(Yaml *);
void df_yaml_skip_comment(Yaml *);                   /* it has a space before it, or begins the line */
void df_yaml_skip_lines(Yaml *);                     /* to the next thing that is no space, comment or line break */
bool df_yaml_finish_line(Yaml *);                    /* nothing else stands in the line; then to the next thing */

/* ---- scalars ----------------------------------------------------------------------------------------------------- */

/* The end of a text without quotes: a comment, the end of the line, or ": "; in brackets also what ends an item. */
const char *df_yaml_plain_end(const Yaml *, bool in_flow);
/* The quote that ends the text which begins at `at`; NULL if its line has none. */
const char *df_yaml_closing_quote(const Yaml *);
/* The text in quotes at `at`, and its length. NULL after df_fail(). */
const char *df_yaml_unquote(Yaml *, size_t *length);

DfNode *df_yaml_plain(Yaml *, bool in_flow);
DfNode *df_yaml_quoted(Yaml *);

bool df_yaml_is_one_of(const char *text, size_t length, const char *const *words); /* up to NULL */

#endif
