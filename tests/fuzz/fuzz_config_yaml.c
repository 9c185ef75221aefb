/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_config_yaml.c -- a YAML config and the base of it, parts between zero bytes; also as detectron2's.
 */
#include "config/config.h"
#include "tests/fuzz/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "config.yaml", "base.yaml" };
    DfConfig *config;
    fuzz_divide(data, size, names, 2);
    if (df_config_read(&config, fuzz_path("config.yaml"), NULL, 0) == DF_OK) {
        (void)df_config_write(df_config_root(config), fuzz_path("written.py"), true);
        df_config_free(config);
    }
    return 0;
}
