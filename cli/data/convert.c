/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/data/convert.c -- deformer data convert: converts a dataset to another format.
 */
#include "cli/data/data.h"

static int run(int n, const char *const *args)
{
    (void)n;
    DfLabelled set = { 0 };
    int error = cli_data_check(args[0], args[1]);
    if (error == DF_OK && !cli_data.to)
        error = df_fail(CLI_EUSAGE, "--to: want the form of OUT, " DF_LABELLED_FORMS);
    if (error == DF_OK)
        error = cli_data_read(&set, args[0]);
    if (error == DF_OK)
        error = cli_data_write(&set, args[1]);
    df_labelled_done(&set);
    return error;
}

const CliSubcommand cli_data_convert = { "convert", "IN OUT --to FORM", 2, 2, run };
