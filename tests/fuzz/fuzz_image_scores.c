/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_image_scores.c -- scores of single images, read, compared with themselves.
 */
#include <stdint.h>

#include "eval/eval.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DfJson *json;
    DfImageScores *scores;
    DfCompare *compare;
    const DfCompareParams params = { .replicates = 2, .confidence = 0.95 };
    if (df_json_open_text(&json, (const char *)data, size, "fuzz") < 0)
        return 0;
    if (df_image_scores_read_json(&scores, json) == DF_OK) {
        const DfImageScores *const both[] = { scores, scores };
        static const char *const names[] = { "a", "b" };
        if (df_compare_images(&compare, both, names, 2, &params, NULL) == DF_OK)
            df_compare_free(compare);
        df_image_scores_free(scores);
    }
    df_json_close(json);
    return 0;
}
