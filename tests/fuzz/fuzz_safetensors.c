/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_safetensors.c -- a .safetensors file, all of whose arrays are read.
 */
#include "checkpoint/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static double values[1 << 16];
    const int64_t most = sizeof values / sizeof *values;
    DfCheckpoint *ck;
    if (df_checkpoint_parse(&ck, data, size, "fuzz.safetensors", NULL) < 0)
        return 0;
    for (int i = 0; i < df_checkpoint_count(ck); i++)
        if (df_array_count(df_checkpoint_at(ck, i)) <= most)
            df_array_f64(df_checkpoint_at(ck, i), values);
    df_checkpoint_metadata(ck, "format");
    df_checkpoint_close(ck);
    return 0;
}
