/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_real_labels.c -- real labels of ImageNet: a JSON list of lists.
 */
#include <stdint.h>

#include "eval/eval.h"

static volatile int64_t sum; /* so that every label is read */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DfJson *json;
    DfRealLabels real;
    if (df_json_open_text(&json, (const char *)data, size, "fuzz") < 0)
        return 0;
    if (df_real_labels_read(&real, json, 1000) == DF_OK) {
        for (size_t i = 0; i < real.start[real.n]; i++)
            sum = sum + real.labels[i];
        df_real_labels_free(&real);
    }
    df_json_close(json);
    return 0;
}
