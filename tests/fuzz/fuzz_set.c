/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_set.c -- values of --set, one a line, on a small config.
 */
#include <string.h>

#include "config/merge.h"
#include "tests/fuzz/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "model = dict(type='A', backbone=dict(type='B', depths=[1, 2], rate=0.5, on=True, none=None))\n"
                               "data = dict(test=dict(pipeline=[dict(type='C', scales=[(1, 2), (3, 4)]), dict(type='D')]))\n";
    const char *lines[FUZZ_LINES];
    DfConfig *config;
    if (df_config_parse(&config, text, sizeof text - 1, "fuzz.py", true) < 0)
        return 0;
    const int n = fuzz_lines(data, size, lines);
    for (int i = 0; i < n; i++)
        (void)df_override(config, config->root, lines[i]);
    df_config_free(config);
    return 0;
}
