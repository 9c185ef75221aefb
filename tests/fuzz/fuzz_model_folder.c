/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_model_folder.c -- the folder of a model of transformers or timm: parts between zero bytes are
 * config.json, preprocessor_config.json and model.safetensors.index.json. The config is read with the index at hand.
 */
#include "models/models.h"
#include "tests/fuzz/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "model/config.json", "model/preprocessor_config.json",
                                         "model/model.safetensors.index.json" };
    DfConfig *config;
    DfCheckpoint *file;
    fuzz_divide(data, size, names, 3);
    if (df_checkpoint_open(&file, fuzz_path("model"), NULL) == DF_OK)
        df_checkpoint_close(file);
    if (df_model_config_read(&config, fuzz_path("model"), NULL, 0) == DF_OK) {
        (void)df_config_write(df_config_root(config), fuzz_path("written.py"), true);
        df_config_free(config);
    }
    return 0;
}
