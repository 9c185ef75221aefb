/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/scores.c -- the twelve numbers of COCO.
 */
#include "cli/scores.h"

#include <string.h>

#include "cli/explain.h"
#include "eval/eval.h"

static int write_json(const DfCocoEval *eval, const char *why, const char *path)
{
    char *inner = NULL;
    int error = df_coco_eval_json(eval, &inner);
    if (error < 0)
        return error;
    const size_t size = strlen(inner) + (why ? strlen(why) : 0) + 64;
    char *text = df_malloc(size);
    if (text) {
        snprintf(text, size, "{\"bbox\": %s%s%s}\n", inner, why ? ",\n \"explain\": " : "", why ? why : "");
        error = cli_write_text(path, text);
    } else {
        error = df_fail_memory("JSON");
    }
    df_free(text);
    df_free(inner);
    return error;
}

static int print_tables(const DfCocoEval *eval, bool per_class)
{
    char *table = NULL, *classes = NULL;
    int error = df_coco_eval_table(eval, &table);
    if (error == DF_OK && per_class)
        error = df_coco_eval_class_table(eval, &classes);
    if (error == DF_OK)
        printf("%s%s%s", table, classes ? "\n" : "", classes ? classes : "");
    df_free(table);
    df_free(classes);
    return error;
}

int cli_score_boxes(DfPool *pool, const CliScoring *scoring)
{
    DfCoco *gt = NULL;
    DfCocoResults *dt = NULL;
    DfCocoEval *eval = NULL;
    char *why = NULL;
    DfCocoParams params = df_coco_params();
    params.image_ids = scoring->image_ids;
    params.n_image_ids = scoring->n_image_ids;
    int error = df_coco_open(&gt, scoring->gt_path);
    if (error == DF_OK)
        error = df_coco_results_new(&dt, gt);
    for (int i = 0; error == DF_OK && i < scoring->n_dt; i++)
        error = df_coco_results_read(dt, scoring->dt_paths[i]);
    if (error == DF_OK)
        error = df_coco_evaluate(&eval, dt, &params, pool);
    if (error == DF_OK && !(scoring->json_path && strcmp(scoring->json_path, "-") == 0))
        error = print_tables(eval, scoring->per_class);
    if (error == DF_OK && scoring->explain_path)
        error = cli_explain(&(CliExplaining){ scoring->gt_path, scoring->dt_paths[0], scoring->explain_path, scoring->images_dir, scoring->explain_score }, dt, eval, &why);
    if (error == DF_OK && scoring->json_path)
        error = write_json(eval, why, scoring->json_path);
    df_free(why);
    df_coco_eval_free(eval);
    df_coco_results_free(dt);
    df_coco_free(gt);
    return error;
}
