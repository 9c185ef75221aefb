/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/subcommands.h -- subcommands, such as the coco of `deformer metric coco`.
 */
#ifndef DF_CLI_COMMON_SUBCOMMANDS_H
#define DF_CLI_COMMON_SUBCOMMANDS_H

#include "cli/cli.h"

/* A subcommand. `arguments` is its part of the usage line; `least` and `most` (-1: any number) bound the number of
 * arguments after its name. */
typedef struct {
    const char *name, *arguments;
    int least, most;
    int (*run)(int n, const char *const *args);
} CliSubcommand;

/* Runs the subcommand that args[0] names; subcommands[] ends with NULL. CLI_EUSAGE: there is none of this name, the
 * number of arguments is wrong, or an option of other subcommands was given (CLI_OPT_HEADING_OF). */
int cli_run_subcommand(const CliCommand *, const CliSubcommand *const *subcommands, int n, const char *const *args);

#endif
