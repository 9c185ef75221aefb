/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_state.c -- the state of a training run, read into a network of one layer.
 */
#include <stdlib.h>

#include "train/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static float moment[2][8], average[2][8];
    static float *const moments[] = { moment[0], moment[1] }, *const averages[] = { average[0], NULL };
    static double clock[2];
    static const DfStateArray arrays[] = { { "exp_avg", moments, NULL, 0 }, { "clock", NULL, clock, 2 } };
    DfCheckpoint *file = NULL;
    NnModel *model = NULL;
    NnLinear layer;
    if (nn_model_new(&model) < 0)
        abort();
    nn_linear_init(nn_root(model), &layer, 3, 2, true);
    if (nn_model_init(model, 0) < 0)
        abort();
    if (df_checkpoint_parse(&file, data, size, "fuzz.safetensors", NULL) == DF_OK) {
        DfState state = { .model = model, .n = 2, .arrays = arrays, .average = averages };
        df_state_read_file(&state, file);
    }
    df_checkpoint_close(file);
    nn_model_free(model);
    return 0;
}
