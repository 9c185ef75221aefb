/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_model.c -- a network from a config, and a dry pass through it. The first byte chooses one of our
 * configs, which the lines that follow change as --set does; 0: the text is the config. Large numbers are passed
 * over: they make networks too large for a fuzzer.
 */
#include <ctype.h>
#include <string.h>

#include "models/models.h"
#include "tests/fuzz/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const bases[] = {
    DF_ROOT "/configs/demo/retinanet_dat_nano.py", DF_ROOT "/configs/demo/mask_rcnn_dat_nano.py",
    DF_ROOT "/configs/demo/upernet_dat_nano.py", DF_ROOT "/configs/nano/deformable_detr_dat_nano.py",
    DF_ROOT "/configs/nano/classifier_dat_nano.py",
};
enum { BASES = sizeof bases / sizeof *bases };

static bool is_large(const uint8_t *text, size_t size)
{
    int digits = 0;
    for (size_t i = 0; i < size; i++) {
        if ((digits && strchr("eE", text[i])) || text[i] == '*')
            return true;
        digits = isdigit(text[i]) ? digits + 1 : 0;
        if (digits > 3)
            return true;
    }
    return false;
}

static void pass(const DfModel *model)
{
    DfCtx *c;
    if (df_ctx_new(&c, NULL) < 0)
        return;
    c->dry = true;
    df_model_forward(model, c, df_new(c, DF_SHAPE(1, 64, 96, 3)));
    df_ctx_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *lines[FUZZ_LINES];
    DfConfig *config;
    DfModel *model;
    if (size < 1 || size > 4096 || is_large(data + 1, size - 1))
        return 0;
    const int base = data[0] % (BASES + 1);
    const int n = base ? fuzz_lines(data + 1, size - 1, lines) : 0;
    const int error = base ? df_config_read(&config, bases[base - 1], lines, n)
                           : df_config_parse(&config, (const char *)data + 1, size - 1, "fuzz.py", true);
    if (error < 0)
        return 0;
    if (df_model_new(&model, df_config_root(config)) == DF_OK) {
        pass(model);
        df_model_free(model);
    }
    df_config_free(config);
    return 0;
}
