/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/models.h -- `deformer compare` of models, from arguments to output.
 */
#ifndef DF_CLI_COMPARE_MODELS_H
#define DF_CLI_COMPARE_MODELS_H

#include "cli/compare/model.h"

/* The whole of it: reads the arguments, counts, measures, takes accuracies and writes. */
int cli_compare_models(const char *const *args, size_t n);

/* model_args.c: is the argument a model, and not a run? */
bool cli_is_model(const char *arg);
int cli_model_parse(CliModels *, const char *arg, CliModel *out);
int cli_models_name(CliModels *); /* names and families, for all whose argument named none */

/* models_table.c: on stdout, or to a file as Markdown. */
int cli_models_table(const CliModels *);
int cli_models_markdown(const CliModels *, const char *path);

int cli_models_json(const CliModels *, const char *path);  /* models_json.c  */
int cli_models_chart(const CliModels *, const char *path); /* models_chart.c */
int cli_check_cost(void);                                  /* models_chart.c: the number of --cost, or a failure */

#endif
