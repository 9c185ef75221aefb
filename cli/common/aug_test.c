/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/aug_test.c -- the option --aug-test of eval and predict.
 */
#include "cli/common/aug_test.h"

int cli_aug_test(void)
{
    static const char *const sets[] = { "data.test.pipeline.1.img_ratios=[0.5, 0.75, 1.0, 1.25, 1.5, 1.75]",
                                        "data.test.pipeline.1.flip=True" };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (cli.n_set == CLI_SETS)
            return df_fail(CLI_EUSAGE, "more than %d overrides", CLI_SETS);
        cli.set[cli.n_set++] = sets[i];
    }
    return DF_OK;
}
