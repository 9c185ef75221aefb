/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_check.c -- an annotation file and a results file, joined by a zero byte, looked through.
 */
#include <stdint.h>
#include <string.h>

#include "eval/eval.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int look(DfCheck *check, const uint8_t *data, size_t size, int (*read)(DfCheck *, DfJson *))
{
    DfJson *json;
    if (df_json_open_text(&json, (const char *)data, size, "fuzz") < 0)
        return DF_ENOMEM;
    const int error = read(check, json);
    df_json_close(json);
    return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    const size_t first = zero ? (size_t)(zero - data) : size;
    DfCheck *check;
    char *text;
    if (df_check_new(&check) < 0)
        return 0;
    if (look(check, data, first, df_check_truth_json) == DF_OK && zero)
        look(check, zero + 1, size - first - 1, df_check_results_json);
    df_check_conclude(check);
    if (df_check_json(check, &text) == DF_OK)
        df_free(text);
    if (df_check_text(check, &text) == DF_OK)
        df_free(text);
    df_check_free(check);
    return 0;
}
