/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/scores.c -- COCO's scores, of one type or several from one reading of the files.
 */
#include "cli/common/scores.h"

#include <string.h>

#include "cli/common/advice.h"
#include "cli/common/scores_page.h"

enum { NAME = 24 };

static int read_types(DfCocoScoring *scoring, const char *text)
{
    for (const char *at = text ? text : "bbox"; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        const size_t length = strcspn(at, ",");
        int type = 0;
        while (type < DF_SCORE_KINDS && (strlen(df_score_kind_name((DfScoreKind)type)) != length ||
                                         strncmp(at, df_score_kind_name((DfScoreKind)type), length) != 0))
            type++;
        for (int i = 0; i < scoring->n_kinds; i++)
            type = scoring->kind[i] == (DfScoreKind)type ? DF_SCORE_KINDS : type;
        if (type == DF_SCORE_KINDS)
            return df_fail(CLI_EUSAGE,
                           "--type %s: want bbox, segm, boundary, keypoints, obb, proposal, or some of them with "
                           "commas",
                           text);
        scoring->kind[scoring->n_kinds++] = (DfScoreKind)type;
    }
    return DF_OK;
}

/* ---- what is written --------------------------------------------------------------------------------------------- */

/* Arrays precision and scores [ious][recalls][classes][areas][max_dets], recall without recalls; of LVIS without
 * max_dets. They are named "segm.recall" if there are several types. */
static int dump(const DfCocoScores *s, const char *path)
{
    static const char *const array_names[] = {
        [DF_COCO_PRECISION] = "precision", [DF_COCO_RECALL] = "recall", [DF_COCO_SCORES] = "scores"
    };
    DfArray arrays[3 * DF_SCORE_KINDS];
    char names[3 * DF_SCORE_KINDS][NAME];
    double *data[3 * DF_SCORE_KINDS] = { NULL };
    int n = 0, error = DF_OK;
    for (int i = 0; i < s->n; i++) {
        const DfCocoEval *e = s->eval[i];
        for (int k = 0; error == DF_OK && k < 3; k++, n++) {
            const int64_t shape[] = { (int64_t)e->n_ious, (int64_t)e->n_recalls, (int64_t)e->n_classes,
                                      (int64_t)e->n_areas, (int64_t)e->n_max_dets };
            const int64_t of_recall[] = { shape[0], shape[2], shape[3], shape[4] };
            const bool recall = k == DF_COCO_RECALL;
            const int dims = (recall ? 4 : 5) - e->federated;
            error = df_coco_eval_array(e, (DfCocoArray)k, &data[n]);
            snprintf(names[n], NAME, "%s%s%s", s->n > 1 ? df_score_kind_name(s->kind[i]) : "", s->n > 1 ? "." : "",
                     array_names[k]);
            arrays[n] = df_array(names[n], DF_F64, dims, recall ? of_recall : shape, data[n]);
        }
    }
    if (error == DF_OK)
        error = df_checkpoint_write(path, arrays, n, NULL, 0);
    for (int i = 0; i < n; i++)
        df_free(data[i]);
    return error;
}

static int print_tables(const DfCocoScores *s, int i, bool per_class)
{
    const DfCocoEval *eval = s->eval[i];
    char *table = NULL, *classes = NULL, *f1 = NULL, *notes = NULL;
    int error =
        s->kind[i] == DF_SCORE_PROPOSALS ? df_coco_eval_recall_table(eval, &table) : df_coco_eval_table(eval, &table);
    if (error == DF_OK && per_class)
        error = df_coco_eval_class_table(eval, &classes);
    if (error == DF_OK && eval->counts)
        error = df_coco_f1_table(eval, per_class, &f1);
    if (error == DF_OK)
        error = df_coco_eval_notes(eval, per_class, &notes);
    if (error == DF_OK && s->n > 1)
        printf("%s%s\n", i ? "\n" : "", df_score_kind_name(s->kind[i]));
    if (error == DF_OK)
        printf("%s%s%s%s%s%s%s", table, classes ? "\n" : "", classes ? classes : "", f1 ? "\n" : "", f1 ? f1 : "",
               notes[0] ? "\n" : "", notes);
    df_free(table);
    df_free(classes);
    df_free(f1);
    df_free(notes);
    return error;
}

int cli_print_coco(const DfCocoScores *s, const char *json_path, bool per_class)
{
    const bool silent = json_path && strcmp(json_path, "-") == 0;
    int error = DF_OK;
    for (int i = 0; error == DF_OK && !silent && i < s->n; i++)
        error = print_tables(s, i, per_class);
    return error;
}

int cli_write_coco(const DfCocoScores *s, const char *why, const char *json_path)
{
    char *json = NULL;
    char *members = NULL;
    DfTextbuf more = { 0 };
    if (!json_path)
        return DF_OK;
    df_textbuf_add(&more, "\"explain\": %s", why ? why : "null");
    int error = df_textbuf_take(&more, &members);
    if (error == DF_OK)
        error = df_coco_scores_json(s, why ? members : NULL, &json);
    if (error == DF_OK)
        error = cli_write_text(json_path, json);
    df_free(json);
    df_free(members);
    return error;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

/* Which of the evaluations the page explains, the first of boxes or masks; -1: none. */
static int explained(const DfCocoScoring *scoring)
{
    for (int i = 0; i < scoring->n_kinds; i++)
        if (scoring->kind[i] == DF_SCORE_BOXES || scoring->kind[i] == DF_SCORE_MASKS)
            return i;
    return -1;
}

static int check_explain(const CliScoring *o, const DfCocoScoring *scoring)
{
    const DfCocoParams *p = o->params;
    const bool partly = p && (p->image_ids || p->category_ids || !p->use_categories);
    if (!o->explain_path || (explained(scoring) >= 0 && !partly))
        return DF_OK;
    return df_fail(
        CLI_EUSAGE,
        "--explain explains all images and classes: want bbox or segm in --type, and neither --img-ids, --cat-ids nor "
        "--no-cats");
}

int cli_score_coco(DfPool *pool, const CliScoring *o)
{
    DfCocoScoring scoring = { .truth = o->gt_path, .results = o->dt_paths, .n_results = o->n_dt, .params = o->params,
                              .arrays = o->dump_path != NULL, .federated = o->federated,
                              .boundary_ratio = o->boundary_ratio, .across_classes = o->explain_path != NULL };
    DfCocoScores s = { 0 };
    char *why = NULL;
    int error = read_types(&scoring, o->types);
    if (error == DF_OK)
        error = check_explain(o, &scoring);
    if (error == DF_OK)
        error = df_coco_score(&s, &scoring, pool);
    if (error == DF_OK)
        error = cli_print_coco(&s, o->json_path, o->per_class);
    if (error == DF_OK && o->explain_path)
        error = cli_explain(&(CliExplaining){ o->gt_path, o->dt_paths[0], o->dt_paths, o->n_dt, o->explain_path,
                                              o->images_dir, o->explain_score, o->slice, pool },
                            s.results, s.eval[explained(&scoring)], &why);
    if (error == DF_OK)
        error = cli_write_coco(&s, why, o->json_path);
    if (error == DF_OK && o->dump_path)
        error = dump(&s, o->dump_path);
    if (error == DF_OK)
        error = cli_advise(&s, o);
    df_coco_scores_done(&s);
    df_free(why);
    return error;
}
