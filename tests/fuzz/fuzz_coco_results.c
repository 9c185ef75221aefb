/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_coco_results.c -- an annotation file and a results file, joined by a zero byte, evaluated if both can
 * be read: once as boxes by one thread, once as masks and all else too, by two threads.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eval/eval.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static DfCoco *read_truth(const char *text, size_t size, const DfCocoReading *reading)
{
    DfJson *json;
    DfCoco *gt = NULL;
    if (df_json_open_text(&json, text, size, "gt") < 0)
        return NULL;
    df_coco_read_with(&gt, json, reading);
    df_json_close(json);
    return gt;
}

static int read_results(DfCocoResults *dt, const char *text, size_t size)
{
    DfJson *json;
    int error = df_json_open_text(&json, text, size, "dt");
    if (error == DF_OK)
        error = df_coco_results_read_json(dt, json);
    df_json_close(json);
    return error;
}

static void evaluate(const DfCoco *gt, const char *text, size_t size, DfPool *pool, bool masks)
{
    DfCocoResults *dt;
    DfCocoEval *eval;
    static const double sigmas[] = { 0.05, 0.1 };
    DfCocoParams params = df_coco_params();
    params.sigmas = sigmas;
    params.n_sigmas = 2;
    params.f1 = true;
    if (df_coco_results_new(&dt, gt) < 0)
        return;
    params.n_recalls = 11; /* less to fill for each input */
    if (read_results(dt, text, size) == DF_OK) { /* a second shard of the same images adds nothing */
        const size_t n = df_coco_results_count(dt);
        if (read_results(dt, text, size) < 0 || df_coco_results_count(dt) != n ||
            df_coco_results_repeats(dt).detections != n)
            abort();
    }
    for (int use = 0; use < 2; use++)
        for (int type = 0; type <= (masks ? DF_COCO_BOUNDARIES : DF_COCO_BOXES); type++) {
            params.use_categories = use;
            params.type = (DfCocoType)type;
            params.crowdpose = type == DF_COCO_KEYPOINTS && df_coco_is_crowdpose(gt);
            if (df_coco_categories(gt) < 100 && df_coco_evaluate(&eval, dt, &params, pool) == DF_OK)
                df_coco_eval_free(eval);
        }
    df_coco_results_free(dt);
}

/* A picture of a million pixels in the text would only be slow. */
static bool has_long_number(const uint8_t *data, size_t size)
{
    size_t digits = 0, exponents = 0;
    for (size_t i = 0; i < size; i++) {
        digits = data[i] >= '0' && data[i] <= '9' ? digits + 1 : 0;
        exponents += data[i] == 'e' || data[i] == 'E';
        if (digits > 5 || exponents > 60)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static DfPool *pool;
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    const size_t first = zero ? (size_t)(zero - data) : size;
    if (!pool && df_pool_new(&pool, 2) < 0)
        return 0;
    for (int masks = 0; masks < 2; masks++) {
        if (masks && has_long_number(data, size))
            break;
        const DfCocoReading all = { .pool = pool, .masks = true, .keypoints = true, .oriented = true, .boundary_ratio = 0.1 };
        DfCoco *gt = read_truth((const char *)data, first, masks ? &all : &(DfCocoReading){ 0 });
        if (gt && zero)
            evaluate(gt, (const char *)zero + 1, size - first - 1, masks ? pool : NULL, masks);
        df_coco_free(gt);
    }
    return 0;
}
