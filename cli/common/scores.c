/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/scores.c -- the numbers of COCO, of one type or several from one reading of the files.
 */
#include "cli/common/scores.h"

#include <string.h>

#include "cli/common/scores_page.h"
#include "nn/nn.h"

enum { MOST_TYPES = 3, NAME = 24 };
static const char *const type_names[] = { "bbox", "segm", "proposal" };
enum { BBOX, SEGM, PROPOSAL };

typedef struct {
    int type[MOST_TYPES], n;
    DfCocoEval *eval[MOST_TYPES];
} Scores;

static int read_types(Scores *s, const char *text)
{
    for (const char *at = text ? text : "bbox"; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        const size_t length = strcspn(at, ",");
        int type = 0;
        while (type < MOST_TYPES && (strlen(type_names[type]) != length || strncmp(at, type_names[type], length) != 0))
            type++;
        for (int i = 0; i < s->n; i++)
            type = s->type[i] == type ? MOST_TYPES : type;
        if (type == MOST_TYPES)
            return df_fail(CLI_EUSAGE, "--type %s: want bbox, segm, proposal, or some of them with commas", text);
        s->type[s->n++] = type;
    }
    return DF_OK;
}

/* ---- what is written ---------------------------------------------------------------------------------------------- */

/* `why`: what explains one of them, or NULL. */
static int write_json(const Scores *s, const char *why, const char *path)
{
    char *inner[MOST_TYPES] = { NULL }, *text = NULL;
    size_t size = 64 + (why ? strlen(why) : 0);
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < s->n; i++)
        if ((error = df_coco_eval_json(s->eval[i], &inner[i])) == DF_OK)
            size += strlen(inner[i]) + NAME;
    if (error == DF_OK && !(text = df_malloc(size)))
        error = df_fail_memory("JSON");
    size_t used = 0;
    for (int i = 0; error == DF_OK && i < s->n; i++)
        used += (size_t)snprintf(text + used, size - used, "%s\"%s\": %s", i ? ",\n " : "{", type_names[s->type[i]], inner[i]);
    if (error == DF_OK) {
        snprintf(text + used, size - used, "%s%s}\n", why ? ",\n \"explain\": " : "", why ? why : "");
        error = cli_write_text(path, text);
    }
    for (int i = 0; i < s->n; i++)
        df_free(inner[i]);
    df_free(text);
    return error;
}

/* Arrays precision and scores [ious][recalls][classes][areas][max_dets], recall without recalls; named "segm.recall" if there are
 * several types. */
static int dump(const Scores *s, const char *path)
{
    static const char *const array_names[] = { [DF_COCO_PRECISION] = "precision", [DF_COCO_RECALL] = "recall", [DF_COCO_SCORES] = "scores" };
    DfArray arrays[3 * MOST_TYPES];
    char names[3 * MOST_TYPES][NAME];
    double *data[3 * MOST_TYPES] = { NULL };
    int n = 0, error = DF_OK;
    for (int i = 0; i < s->n; i++) {
        const DfCocoEval *e = s->eval[i];
        for (int k = 0; error == DF_OK && k < 3; k++, n++) {
            const int64_t shape[] = { (int64_t)e->n_ious, (int64_t)e->n_recalls, (int64_t)e->n_classes, (int64_t)e->n_areas, (int64_t)e->n_max_dets };
            const int64_t of_recall[] = { shape[0], shape[2], shape[3], shape[4] };
            const bool recall = k == DF_COCO_RECALL;
            error = df_coco_eval_array(e, (DfCocoArray)k, &data[n]);
            snprintf(names[n], NAME, "%s%s%s", s->n > 1 ? type_names[s->type[i]] : "", s->n > 1 ? "." : "", array_names[k]);
            arrays[n] = df_array(names[n], DF_F64, recall ? 4 : 5, recall ? of_recall : shape, data[n]);
        }
    }
    if (error == DF_OK)
        error = df_checkpoint_write(path, arrays, n, NULL, 0);
    for (int i = 0; i < n; i++)
        df_free(data[i]);
    return error;
}

static int print_tables(const Scores *s, int i, bool per_class)
{
    const DfCocoEval *eval = s->eval[i];
    char *table = NULL, *classes = NULL, *notes = NULL;
    int error = s->type[i] == PROPOSAL ? df_coco_eval_recall_table(eval, &table) : df_coco_eval_table(eval, &table);
    if (error == DF_OK && per_class)
        error = df_coco_eval_class_table(eval, &classes);
    if (error == DF_OK)
        error = df_coco_eval_notes(eval, per_class, &notes);
    if (error == DF_OK && s->n > 1)
        printf("%s%s\n", i ? "\n" : "", type_names[s->type[i]]);
    if (error == DF_OK)
        printf("%s%s%s%s%s", table, classes ? "\n" : "", classes ? classes : "", notes[0] ? "\n" : "", notes);
    df_free(table);
    df_free(classes);
    df_free(notes);
    return error;
}

/* ---- the run ------------------------------------------------------------------------------------------------------ */

static DfCocoParams params_of(const CliScoring *scoring, int type)
{
    const DfCocoParams standard = df_coco_params(), proposal = df_coco_proposal_params();
    DfCocoParams p = scoring->params ? *scoring->params : standard;
    p.type = type == SEGM ? DF_COCO_MASKS : DF_COCO_BOXES;
    p.arrays = scoring->dump_path != NULL;
    if (type == PROPOSAL) {
        p.use_categories = false;
        if (p.max_dets == standard.max_dets) {
            p.max_dets = proposal.max_dets;
            p.n_max_dets = proposal.n_max_dets;
        }
    }
    if (scoring->image_ids) {
        p.image_ids = scoring->image_ids;
        p.n_image_ids = scoring->n_image_ids;
    }
    return p;
}

static int score(DfPool *pool, const CliScoring *scoring, Scores *s, DfCoco **gt, DfCocoResults **dt)
{
    const bool across_classes = scoring->explain_path || (scoring->params && !scoring->params->use_categories);
    DfCocoReading reading = { .pool = pool, .across_classes = across_classes };
    for (int i = 0; i < s->n; i++)
        reading.masks |= s->type[i] == SEGM;
    int error = df_coco_open_with(gt, scoring->gt_path, &reading);
    if (error == DF_OK)
        error = df_coco_results_new(dt, *gt);
    for (int i = 0; error == DF_OK && i < scoring->n_dt; i++)
        error = df_coco_results_read(*dt, scoring->dt_paths[i]);
    for (int i = 0; error == DF_OK && i < s->n; i++) {
        const DfCocoParams params = params_of(scoring, s->type[i]);
        error = df_coco_evaluate(&s->eval[i], *dt, &params, pool);
    }
    return error;
}

/* Which of the evaluations the page explains, the first that is not of proposals; -1: none. */
static int explained(const Scores *s)
{
    for (int i = 0; i < s->n; i++)
        if (s->type[i] != PROPOSAL)
            return i;
    return -1;
}

static int check_explain(const CliScoring *scoring, const Scores *s)
{
    const DfCocoParams *p = scoring->params;
    if (!scoring->explain_path || (explained(s) >= 0 && !scoring->image_ids && !(p && (p->image_ids || p->category_ids || !p->use_categories))))
        return DF_OK;
    return df_fail(CLI_EUSAGE, "--explain explains all images and classes: want bbox or segm in --type, and neither --img-ids, --cat-ids nor --no-cats");
}

int cli_score_coco(DfPool *pool, const CliScoring *scoring)
{
    DfCoco *gt = NULL;
    DfCocoResults *dt = NULL;
    Scores s = { .n = 0 };
    char *why = NULL;
    const bool silent = scoring->json_path && strcmp(scoring->json_path, "-") == 0;
    int error = read_types(&s, scoring->types);
    if (error == DF_OK)
        error = check_explain(scoring, &s);
    if (error == DF_OK)
        error = score(pool, scoring, &s, &gt, &dt);
    for (int i = 0; error == DF_OK && !silent && i < s.n; i++)
        error = print_tables(&s, i, scoring->per_class);
    if (error == DF_OK && scoring->explain_path)
        error = cli_explain(&(CliExplaining){ scoring->gt_path, scoring->dt_paths[0], scoring->dt_paths, scoring->n_dt, scoring->explain_path, scoring->images_dir, scoring->explain_score },
                            dt, s.eval[explained(&s)], &why);
    if (error == DF_OK && scoring->json_path)
        error = write_json(&s, why, scoring->json_path);
    if (error == DF_OK && scoring->dump_path)
        error = dump(&s, scoring->dump_path);
    for (int i = 0; i < s.n; i++)
        df_coco_eval_free(s.eval[i]);
    df_coco_results_free(dt);
    df_coco_free(gt);
    df_free(why);
    return error;
}
