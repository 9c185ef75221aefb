/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_config_files.c -- a config with its bases and with changes from the command line: parts between zero
 * bytes are main.py, base.py, other.json, sub/deep.py and lines of --set.
 */
#include <string.h>

#include "config/config.h"
#include "tests/fuzz/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "main.py", "base.py", "other.json", "sub/deep.py" };
    const char *lines[FUZZ_LINES];
    const uint8_t *last = data;
    int parts = 1;
    for (size_t i = 0; i < size && parts < 5; i++)
        if (data[i] == 0) {
            parts++;
            last = data + i + 1;
        }
    const size_t files = parts == 5 ? (size_t)(last - data) - 1 : size;
    fuzz_divide(data, files, names, 4);
    const int n = parts == 5 ? fuzz_lines(last, size - files - 1, lines) : 0;
    DfConfig *config;
    if (df_config_read(&config, fuzz_path("main.py"), lines, n) == DF_OK) {
        (void)df_config_write(df_config_root(config), fuzz_path("written.json"), false);
        (void)df_config_write(df_config_root(config), fuzz_path("written.py"), true);
        df_config_free(config);
    }
    return 0;
}
