/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/coco.c -- deformer metric coco: every parameter of pycocotools from the command line.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common/scores.h"
#include "cli/metric/metric.h"

enum { MOST = 10000 };

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static int wrong(const char *option, const char *text, const char *wanted)
{
    return df_fail(CLI_EUSAGE, "%s %s: want %s", option, text, wanted);
}

/* "0.5,0.75" or "0.5:0.95:0.05", whose numbers are start + i * step as numpy.linspace() rounds them. */
int cli_read_numbers(DfArena *arena, const char *option, const char *text, const double **out, size_t *n)
{
    static const char wanted[] = "numbers with commas, or START:STOP:STEP";
    double a[3];
    char *end = NULL;
    const char *at = text;
    double *list = df_arena_alloc(arena, MOST, sizeof *list);
    if (!list)
        return df_fail_memory("options");
    *out = list;
    *n = 0;
    if (!strchr(text, ':')) {
        do {
            list[*n] = strtod(at, &end);
            if (end == at || (*end && *end != ',') || !isfinite(list[*n]) || ++*n == MOST)
                return wrong(option, text, wanted);
            at = end + 1;
        } while (*end);
        return DF_OK;
    }
    for (int i = 0; i < 3; i++, at = end + 1) {
        a[i] = strtod(at, &end);
        if (end == at || *end != (i < 2 ? ':' : 0))
            return wrong(option, text, wanted);
    }
    const double count = round((a[1] - a[0]) / a[2]) + 1;
    if (!(count >= 1 && count < MOST))
        return wrong(option, text, wanted);
    *n = (size_t)count;
    const double step = *n > 1 ? (a[1] - a[0]) / (double)(*n - 1) : 0;
    for (size_t i = 0; i < *n; i++)
        list[i] = (double)i * step + a[0];
    if (*n > 1)
        list[*n - 1] = a[1];
    return DF_OK;
}

static int read_max_dets(DfArena *arena, const char *text, DfCocoParams *p)
{
    const double *numbers;
    int error = cli_read_numbers(arena, "--max-dets", text, &numbers, &p->n_max_dets);
    int *list = df_arena_alloc(arena, MOST, sizeof *list);
    if (error < 0 || !list)
        return error < 0 ? error : df_fail_memory("options");
    for (size_t i = 0; i < p->n_max_dets; i++) {
        if (numbers[i] < 1 || numbers[i] > INT32_MAX || numbers[i] != floor(numbers[i]))
            return wrong("--max-dets", text, "whole numbers from 1 on");
        list[i] = (int)numbers[i];
    }
    p->max_dets = list;
    return DF_OK;
}

/* "all:0:1e10,small:0:1024" */
static int read_areas(DfArena *arena, const char *text, DfCocoParams *p)
{
    static const char wanted[] = "NAME:LOW:HIGH with commas, in square pixels";
    DfAreaRange *list = df_arena_alloc(arena, MOST, sizeof *list);
    if (!list)
        return df_fail_memory("options");
    p->n_areas = 0;
    for (const char *at = text;; at++) {
        const char *colon = at + strcspn(at, ":,");
        char *end = NULL, *last = NULL;
        DfAreaRange *r = &list[p->n_areas];
        if (*colon != ':' || colon == at || ++p->n_areas == 1000)
            return wrong("--area-rng", text, wanted);
        r->name = df_arena_copy(arena, at, (size_t)(colon - at));
        r->low = strtod(colon + 1, &end);
        r->high = *end == ':' ? strtod(end + 1, &last) : 0;
        if (!r->name)
            return df_fail_memory("options");
        if (end == colon + 1 || !last || last == end + 1 || (*last && *last != ','))
            return wrong("--area-rng", text, wanted);
        at = last;
        if (!*at)
            break;
    }
    p->areas = list;
    return DF_OK;
}

/* "1,5,7", or "@FILE" with one id a line or between commas. */
static int read_ids(DfArena *arena, const char *option, const char *text, const int64_t **out, size_t *n)
{
    char *file = NULL;
    size_t size = 0;
    int error = text[0] == '@' ? df_file_text(&file, &size, text + 1, (size_t)1 << 28) : DF_OK;
    if (error < 0)
        return error;
    const char *at = file ? file : text;
    int64_t *list = df_arena_alloc(arena, strlen(at) / 2 + 1, sizeof *list);
    *out = list;
    *n = 0;
    for (at += strspn(at, " ,\r\n\t"); list && *at; at += strspn(at, " ,\r\n\t")) {
        char *end;
        errno = 0;
        list[(*n)++] = strtoll(at, &end, 10);
        if (end == at || errno || !strchr(" ,\r\n\t", *end)) {
            error = wrong(option, text, "whole numbers with commas, or @FILE of them");
            break;
        }
        at = end;
    }
    df_free(file);
    return list ? error : df_fail_memory("options");
}

int cli_metric_params(DfArena *arena, DfCocoParams *p)
{
    const CliMetricOptions *o = &cli_metric;
    int error = DF_OK;
    p->use_categories = !o->no_cats;
    if (o->iou_thrs)
        error = cli_read_numbers(arena, "--iou-thrs", o->iou_thrs, &p->ious, &p->n_ious);
    if (error == DF_OK && o->rec_thrs)
        error = cli_read_numbers(arena, "--rec-thrs", o->rec_thrs, &p->recalls, &p->n_recalls);
    if (error == DF_OK && o->max_dets)
        error = read_max_dets(arena, o->max_dets, p);
    if (error == DF_OK && o->area_rng)
        error = read_areas(arena, o->area_rng, p);
    if (error == DF_OK && o->sigmas)
        error = cli_read_numbers(arena, "--sigmas", o->sigmas, &p->sigmas, &p->n_sigmas);
    p->all_curves = o->max_dets != NULL;
    p->crowdpose = o->crowdpose;
    p->f1 = o->f1;
    p->f1_score = o->score_thr;
    if (error == DF_OK && o->img_ids)
        error = read_ids(arena, "--img-ids", o->img_ids, &p->image_ids, &p->n_image_ids);
    if (error == DF_OK && o->cat_ids)
        error = read_ids(arena, "--cat-ids", o->cat_ids, &p->category_ids, &p->n_category_ids);
    return error;
}

int cli_metric_score(const DfCocoParams *params, bool federated, int n, const char *const *args)
{
    const CliMetricOptions *o = &cli_metric;
    DfPool *pool = NULL;
    int error = cli_check_outputs(3, (const char *const[]){ o->json, o->dump, o->explain });
    if (error == DF_OK)
        error = df_pool_new(&pool, (int)cli.threads);
    if (error == DF_OK)
        error = cli_score_coco(pool, &(CliScoring){ .gt_path = args[0],
                                                    .dt_paths = args + 1,
                                                    .n_dt = n - 1,
                                                    .types = o->type,
                                                    .json_path = o->json,
                                                    .dump_path = o->dump,
                                                    .per_class = o->per_class,
                                                    .explain_path = o->explain,
                                                    .images_dir = o->images,
                                                    .boundary_ratio = fmax(o->boundary_ratio, 1e-12),
                                                    .explain_score = o->score_thr,
                                                    .slice = federated ? NULL : &o->slice,
                                                    .federated = federated,
                                                    .params = params });
    df_pool_free(pool);
    return error;
}

static int run(int n, const char *const *args)
{
    DfCocoParams params = df_coco_params();
    DfArena *arena = df_arena_new();
    int error = arena ? cli_metric_params(arena, &params) : df_fail_memory("options");
    if (error == DF_OK)
        error = cli_metric_score(&params, false, n, args);
    df_arena_free(arena);
    return error;
}

const CliSubcommand cli_metric_coco = { "coco", "GT.json DT.json...", 2, -1, run };
