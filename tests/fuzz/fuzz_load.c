/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_load.c -- a checkpoint with any keys and shapes, put into a network with every layout of parameters
 * and a table that may be resized. The first byte says what the loader allows.
 */
#include <stdlib.h>

#include "models/models.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static NnModel *model_new(void)
{
    static NnLinear linear, point;
    static NnConv conv;
    static NnNorm norm;
    static NnLayerNorm layer_norm;
    NnModel *model;
    if (nn_model_new(&model) < 0)
        abort();
    NnScope root = nn_root(model);
    nn_linear_init(nn_at(root, "fc"), &linear, 3, 2, true);
    nn_pointwise_init(nn_at(root, "point"), &point, 2, 3, false);
    nn_conv_init(nn_at(root, "backbone.conv"), &conv, 2, 4, (NnConvShape){ .kernel = 3, .padding = 1 });
    nn_batch_norm_init(nn_at(root, "backbone.bn"), &norm, 4);
    nn_layer_norm_init(nn_at(root, "backbone.norm"), &layer_norm, 4, 1e-5);
    nn_param(nn_at(root, "backbone"), "relative_position_bias_table", DF_SHAPE(9, 2), NN_AS_IS, nn_constant(0));
    nn_last(root)->resize = NN_RESIZE_WINDOW_TABLE;
    if (nn_model_init(model, 0) < 0)
        abort();
    return model;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const ignorable[] = { "*.attn_mask", NULL };
    static NnModel *model;
    DfCheckpoint *file;
    NnReport report;
    if (!model)
        model = model_new();
    if (size < 1 || df_checkpoint_parse(&file, data + 1, size - 1, "fuzz", NULL) < 0)
        return 0;
    const NnLoad load = {
        .ignorable = ignorable,
        .allow_missing = data[0] & 1,
        .allow_wrong_shape = data[0] & 2,
    };
    (void)nn_model_load(model, file, &load, &report);
    char *text = nn_report_text(&report);
    df_free(text);
    nn_report_free(&report);
    df_checkpoint_close(file);
    return 0;
}
