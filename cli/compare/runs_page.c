/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/runs_page.c -- deformer compare --explain: the page of compared results, with the changes image by
 * image.
 */
#include "cli/compare/runs_page.h"

#include "cli/common/page_pictures.h"
#include "cli/compare/options.h"
#include "report/report.h"

/* What the page is made of. */
typedef struct {
    const CliRunsPage *page;
    DfCocoEval **eval;      /* [n] */
    DfExplain **why;        /* [n] */
    CliPagePictures pictures;
} Making;

static int add_pictures(DfExplain *why)
{
    DfJson *json;
    int error = df_json_open(&json, cli_compare.gt);
    if (error < 0)
        return error;
    error = df_explain_pictures(why, json);
    df_json_close(json);
    return error;
}

static int add_masks(DfExplain *why, const char *file)
{
    DfJson *json;
    int error = df_json_open(&json, file);
    if (error < 0)
        return error;
    df_explain_draw_all(why);
    error = df_explain_masks(why, json);
    df_json_close(json);
    return error;
}

static int explain(Making *m, size_t r)
{
    const CliRunsPage *p = m->page;
    DfCocoParams params = df_coco_params();
    params.type = p->masks ? DF_COCO_MASKS : DF_COCO_BOXES;
    params.image_ids = p->image_ids;
    params.n_image_ids = p->n_image_ids;
    int error = df_coco_evaluate(&m->eval[r], p->results[r], &params, p->pool);
    if (error == DF_OK)
        error = df_explain_new_of(&m->why[r], p->results[r], m->eval[r], cli_compare.score_thr, p->image_ids,
                                  p->n_image_ids);
    if (error == DF_OK)
        error = add_pictures(m->why[r]);
    if (error == DF_OK && p->masks)
        error = add_masks(m->why[r], p->files[r]);
    if (error == DF_OK)
        df_explain_thumbnails(m->why[r], cli_page_picture, &m->pictures);
    return error;
}

static int write_page(const Making *m)
{
    const CliRunsPage *p = m->page;
    char *html = NULL;
    const DfComparePage page = {
        .title = "Results side by side",
        .compare = p->compare,
        .n = p->n,
        .explained = p->results ? m->why : NULL,
        .images = (const DfImageScores *const *)p->images,
    };
    int error = df_report_compare(&page, &html);
    if (error == DF_OK)
        error = cli_write_text(cli_compare.explain, html);
    df_free(html);
    return error;
}

int cli_runs_page(const CliRunsPage *p)
{
    Making m = { .page = p };
    if (!cli_compare.explain)
        return DF_OK;
    m.eval = df_calloc(p->n, sizeof *m.eval);
    m.why = df_calloc(p->n, sizeof *m.why);
    int error = m.eval && m.why ? DF_OK : df_fail_memory("the page");
    if (error == DF_OK)
        error = cli_page_pictures_open(&m.pictures, cli_compare.images);
    for (size_t r = 0; error == DF_OK && p->results && r < p->n; r++)
        error = explain(&m, r);
    if (error == DF_OK)
        error = write_page(&m);
    for (size_t r = 0; m.eval && m.why && r < p->n; r++) {
        df_explain_free(m.why[r]);
        df_coco_eval_free(m.eval[r]);
    }
    cli_page_pictures_close(&m.pictures);
    df_free(m.eval);
    df_free(m.why);
    return error;
}
