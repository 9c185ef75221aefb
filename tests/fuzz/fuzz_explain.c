/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_explain.c -- the annotation file once more, for names, sizes and any keys of the image
 * records: slices and a page come out, or a sentence.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char truth[] = "{\"images\": [{\"id\": 1}, {\"id\": 2}, {\"id\": \"x\"}], \"categories\": [{\"id\": 1, \"name\": \"a\"}],"
    "\"annotations\": [{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2, 9, 9], \"area\": 81, \"iscrowd\": 0},"
    "{\"id\": 2, \"image_id\": \"x\", \"category_id\": 1, \"bbox\": [1, 2, 9, 9], \"area\": 81, \"iscrowd\": 0}]}";
static const char results[] = "[{\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2, 9, 9], \"score\": 0.9},"
    "{\"image_id\": 2, \"category_id\": 1, \"bbox\": [1, 2, 9, 9], \"score\": 0.8}]";

typedef struct {
    DfCoco *gt;
    DfCocoResults *dt;
    DfCocoEval *eval;
    DfExplain *why;
} Case;

static DfJson *json_of(const void *text, size_t size)
{
    DfJson *json;
    return df_json_open_text(&json, text, size, "fuzz") < 0 ? NULL : json;
}

static void begin(Case *c)
{
    const DfCocoParams params = df_coco_params();
    DfJson *of_truth = json_of(truth, sizeof truth - 1);
    DfJson *of_results = json_of(results, sizeof results - 1);
    *c = (Case){ 0 };
    if (!of_truth || !of_results || df_coco_read(&c->gt, of_truth) < 0 || df_coco_results_new(&c->dt, c->gt) < 0 ||
        df_coco_results_read_json(c->dt, of_results) < 0 || df_coco_evaluate(&c->eval, c->dt, &params, NULL) < 0 ||
        df_explain_new(&c->why, c->dt, c->eval, 0.3) < 0)
        abort();
    df_json_close(of_truth);
    df_json_close(of_results);
}

static void end(Case *c)
{
    df_explain_free(c->why);
    df_coco_eval_free(c->eval);
    df_coco_results_free(c->dt);
    df_coco_free(c->gt);
}

static void slice(Case *c, const uint8_t *data, size_t size)
{
    static const char *const keys[] = { "k", "a.b" };
    const DfSlicing slicing = { .keys = keys, .n_keys = 2, .replicates = 2, .confidence = 0.9 };
    DfJson *json = json_of(data, size);
    if (!json)
        return;
    const int error = df_explain_slice(c->why, &slicing, json, NULL);
    if (error < 0 ? df_explain_slices(c->why) > 0 || !df_error()[0] : df_explain_slices(c->why) == 0)
        abort();
    df_json_close(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Case c;
    char *html = NULL;
    begin(&c);
    slice(&c, data, size);
    DfJson *json = json_of(data, size);
    if (json && df_explain_pictures(c.why, json) == DF_OK && df_report_explain(c.why, "fuzz", &html) == DF_OK && strstr(html, "<script"))
        abort();
    if (json)
        df_json_close(json);
    df_free(html);
    end(&c);
    return 0;
}
