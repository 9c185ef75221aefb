/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/things.h -- commands whose first word says what to do, such as `deformer metric coco`.
 */
#ifndef DF_CLI_COMMON_THINGS_H
#define DF_CLI_COMMON_THINGS_H

#include "cli/cli.h"

/* One thing that a command does. `least` and `most` (-1: any) count the arguments behind the word. */
typedef struct {
    const char *name, *arguments;
    int least, most;
    int (*run)(int n, const char *const *args);
} CliThing;

/* Runs the thing that args[0] names; things[] ends with NULL. CLI_EUSAGE: there is none of that name, the number of
 * arguments is wrong, or an option was given that is for other things (CLI_OPT_HEADING_OF). */
int cli_run_thing(const CliCommand *, const CliThing *const *things, int n, const char *const *args);

#endif
