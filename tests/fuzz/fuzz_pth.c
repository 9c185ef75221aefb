/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_pth.c -- a .pth of either form, all of whose arrays are read and checked.
 */
#include "checkpoint/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads every element of the arrays that are not too large for a fuzzer's patience. */
static void read_all(const DfCheckpoint *ck)
{
    static double values[1 << 16];
    const int64_t most = sizeof values / sizeof *values;
    for (int i = 0; i < df_checkpoint_count(ck); i++) {
        const DfArray *array = df_checkpoint_at(ck, i);
        if (df_array_count(array) <= most)
            df_array_f64(array, values);
        df_checkpoint_find(ck, array->name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const wrappers[] = { NULL, "model_ema" };
    for (int i = 0; i < 2; i++) {
        DfCheckpoint *ck;
        if (df_checkpoint_parse(&ck, data, size, "fuzz.pth", wrappers[i]) < 0)
            continue;
        read_all(ck);
        df_checkpoint_verify(ck);
        df_checkpoint_close(ck);
    }
    return 0;
}
