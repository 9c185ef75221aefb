/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/aug_test.c -- the option --aug-test of eval and predict.
 */
#include "cli/common/aug_test.h"

int cli_aug_test(void)
{
    if (cli.n_set == CLI_SETS)
        return df_fail(CLI_EUSAGE, "more than %d overrides", CLI_SETS);
    cli.set[cli.n_set++] = "--aug-test aug_test=True";
    return DF_OK;
}
