/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/coco_text.h -- the evaluation of COCO's files that are texts in a test.
 */
#ifndef DF_TESTS_EVAL_COCO_TEXT_H
#define DF_TESTS_EVAL_COCO_TEXT_H

#include <criterion/criterion.h>
#include <string.h>

#include "eval/eval.h"

/* `params` NULL: the standard ones. What the library says of files named gt.json and dt.json; *eval is NULL after a
 * failure, else the caller's to free. */
static int coco_text_evaluate(const char *gt_text, const char *dt_text, const DfCocoParams *params, DfCocoEval **eval)
{
    DfJson *json;
    DfCoco *gt = NULL;
    DfCocoResults *dt = NULL;
    const DfCocoParams standard = df_coco_params();
    const DfCocoReading reading = { .masks = params && params->type == DF_COCO_MASKS };
    *eval = NULL;
    cr_assert_eq(df_json_open_text(&json, gt_text, strlen(gt_text), "gt.json"), DF_OK);
    int error = df_coco_read_with(&gt, json, &reading);
    df_json_close(json);
    if (error == DF_OK && (error = df_coco_results_new(&dt, gt)) == DF_OK) {
        cr_assert_eq(df_json_open_text(&json, dt_text, strlen(dt_text), "dt.json"), DF_OK);
        error = df_coco_results_read_json(dt, json);
        df_json_close(json);
    }
    if (error == DF_OK)
        error = df_coco_evaluate(eval, dt, params ? params : &standard, NULL);
    df_coco_results_free(dt);
    df_coco_free(gt);
    return error;
}

#endif
