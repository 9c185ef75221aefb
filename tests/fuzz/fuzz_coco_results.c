/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_coco_results.c -- an annotation file and a results file, joined by a zero byte, evaluated if both can be read.
 */
#include <stdint.h>
#include <string.h>

#include "eval/eval.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static DfCoco *read_truth(const char *text, size_t size)
{
    DfJson *json;
    DfCoco *gt = NULL;
    if (df_json_open_text(&json, text, size, "gt") < 0)
        return NULL;
    df_coco_read(&gt, json);
    df_json_close(json);
    return gt;
}

static void evaluate(const DfCoco *gt, const char *text, size_t size)
{
    DfJson *json;
    DfCocoResults *dt;
    DfCocoEval *eval;
    DfCocoParams params = df_coco_params();
    if (df_coco_results_new(&dt, gt) < 0)
        return;
    params.n_recalls = 11; /* less to fill for each input */
    if (df_json_open_text(&json, text, size, "dt") == DF_OK) {
        df_coco_results_read_json(dt, json);
        df_json_close(json);
    }
    for (int use = 0; use < 2; use++) {
        params.use_categories = use;
        if (df_coco_categories(gt) < 100 && df_coco_evaluate(&eval, dt, &params, NULL) == DF_OK)
            df_coco_eval_free(eval);
    }
    df_coco_results_free(dt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    const size_t first = zero ? (size_t)(zero - data) : size;
    DfCoco *gt = read_truth((const char *)data, first);
    if (gt && zero)
        evaluate(gt, (const char *)zero + 1, size - first - 1);
    df_coco_free(gt);
    return 0;
}
