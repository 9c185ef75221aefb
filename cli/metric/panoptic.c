/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/panoptic.c -- deformer metric panoptic: panoptic quality as panopticapi computes it, from two
 * JSON files and the folders of their PNG maps.
 */
#include <string.h>

#include "cli/metric/metric.h"
#include "datasets/datasets.h"

/* A JSON file and the folder of its maps. */
typedef struct {
    const char *json;
    char *folder;
} Source;

typedef struct {
    DfPanopticRoom *room;
    DfImage truth, found;
} Worker;

typedef struct {
    DfPanoptic *panoptic;
    Source *sources; /* [0]: the ground truth; then the results */
    size_t n_sources;
    Worker *workers;
    size_t n_workers;
} Run;

/* ---- the command line -------------------------------------------------------------------------------------------- */

/* As panopticapi has it: X for X.json. */
static char *usual_folder(const char *json)
{
    static const char *const endings[] = { ".json", ".json.gz" };
    size_t length = strlen(json);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (df_ends_with(json, endings[i]))
            length -= strlen(endings[i]);
    char *const folder = df_malloc(length + 1);
    if (folder) {
        memcpy(folder, json, length);
        folder[length] = 0;
    }
    return folder;
}

static int find_folder(Source *s, const char *given)
{
    const bool truth = strcmp(given, "--gt-folder") == 0;
    const char *const option = truth ? cli_metric.gt_folder : cli_metric.pred_folder;
    if (!s->folder)
        s->folder = option ? df_path_join(option, "") : usual_folder(s->json);
    if (!s->folder)
        return df_fail_memory("a path");
    if (df_is_directory(s->folder))
        return DF_OK;
    return df_fail(DF_EIO, "%s is not a folder: want the PNG maps of %s; %s names another folder", s->folder, s->json,
                   given);
}

/* A folder among the files is that of the file before it. */
static int find_sources(Run *r, int n, const char *const *args)
{
    if (!(r->sources = df_calloc((size_t)n, sizeof *r->sources)))
        return df_fail_memory("files");
    for (int i = 0; i < n; i++) {
        Source *const last = r->n_sources ? &r->sources[r->n_sources - 1] : NULL;
        if (!df_is_directory(args[i]))
            r->sources[r->n_sources++].json = args[i];
        else if (!last || last->folder)
            return df_fail(CLI_EUSAGE, "%s is a folder: want a JSON file before each folder", args[i]);
        else if (!(last->folder = df_path_join(args[i], "")))
            return df_fail_memory("a path");
    }
    if (r->n_sources < 2)
        return df_fail(CLI_EUSAGE, "no results: want deformer metric panoptic GT.json DT.json");
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < r->n_sources; i++)
        error = find_folder(&r->sources[i], i ? "--pred-folder" : "--gt-folder");
    return error;
}

/* ---- one picture ------------------------------------------------------------------------------------------------- */

static int read_map(DfImage *map, const char *folder, const char *name)
{
    char *const path = df_path_join(folder, name);
    const int error = path ? df_image_read_colours_again(map, path) : df_fail_memory("a path");
    df_free(path);
    return error;
}

static int count_one(void *arg, size_t thread, size_t i)
{
    const Run *const r = arg;
    Worker *const w = &r->workers[thread];
    const DfPanopticMaps maps = df_panoptic_maps(r->panoptic, i);
    const DfImage *const truth = &w->truth;
    const DfImage *const found = &w->found;
    int error = read_map(&w->truth, r->sources[0].folder, maps.truth);
    if (error == DF_OK)
        error = read_map(&w->found, r->sources[1 + maps.file].folder, maps.found);
    if (error < 0)
        return error;
    if (truth->height != found->height || truth->width != found->width)
        return df_fail(DF_EVALUE, "%s is %d x %d in the ground truth and the prediction %s is %d x %d: want one size",
                       maps.truth, truth->width, truth->height, maps.found, found->width, found->height);
    const size_t pixels = (size_t)truth->height * (size_t)truth->width;
    return df_panoptic_count(r->panoptic, w->room, i, truth->pixels, found->pixels, pixels);
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static int read_files(Run *r)
{
    int error = df_panoptic_open(&r->panoptic, r->sources[0].json);
    for (size_t i = 1; error == DF_OK && i < r->n_sources; i++)
        error = df_panoptic_add(r->panoptic, r->sources[i].json);
    return error == DF_OK ? df_panoptic_check(r->panoptic) : error;
}

static int make_workers(Run *r, DfPool *pool)
{
    r->n_workers = (size_t)df_pool_threads(pool);
    if (!(r->workers = df_calloc(r->n_workers, sizeof *r->workers)))
        return df_fail_memory("threads");
    int error = DF_OK;
    for (size_t t = 0; error == DF_OK && t < r->n_workers; t++)
        error = df_panoptic_room_new(&r->workers[t].room);
    return error;
}

static int print(const DfPanopticResult *result)
{
    char *table = NULL, *classes = NULL, *json = NULL;
    const bool wanted = cli_metric_wants_table();
    int error = wanted ? df_panoptic_table(result, &table) : DF_OK;
    if (error == DF_OK && wanted && cli_metric.per_class)
        error = df_panoptic_class_table(result, &classes);
    if (error == DF_OK && cli_metric.json)
        error = df_panoptic_json(result, &json);
    if (error == DF_OK && table)
        printf("%s%s", table, classes ? "\n" : "");
    df_free(table);
    return cli_metric_tell(error, classes, json);
}

static int score(Run *r, DfPool *pool)
{
    DfPanopticResult *result = NULL;
    int error = read_files(r);
    if (error == DF_OK)
        error = make_workers(r, pool);
    if (error == DF_OK)
        error = cli_each(pool, df_panoptic_images(r->panoptic), &(CliEach){ r, "pictures", count_one });
    if (error == DF_OK)
        error = df_panoptic_result(&result, r->panoptic);
    if (error == DF_OK && df_panoptic_repeated(r->panoptic))
        df_log(DF_LOG_WARNING,
               "%zu pictures are in several result files: only those of the first file count",
               df_panoptic_repeated(r->panoptic));
    if (error == DF_OK && result->unknown)
        df_log(DF_LOG_WARNING,
               "%zu segments of %s have a category_id that its categories do not list: they are not scored",
               result->unknown, r->sources[0].json);
    if (error == DF_OK)
        error = print(result);
    df_panoptic_result_free(result);
    return error;
}

static int run(int n, const char *const *args)
{
    Run r = { 0 };
    DfPool *pool = NULL;
    int error = cli_check_output(cli_metric.json);
    if (error == DF_OK)
        error = find_sources(&r, n, args);
    if (error == DF_OK)
        error = df_pool_new(&pool, (int)cli.threads);
    if (error == DF_OK)
        error = score(&r, pool);
    for (size_t t = 0; r.workers && t < r.n_workers; t++) {
        df_panoptic_room_free(r.workers[t].room);
        df_image_free(&r.workers[t].truth);
        df_image_free(&r.workers[t].found);
    }
    df_free(r.workers);
    for (size_t i = 0; i < r.n_sources; i++)
        df_free(r.sources[i].folder);
    df_free(r.sources);
    df_panoptic_free(r.panoptic);
    df_pool_free(pool);
    return error;
}

const CliSubcommand cli_metric_panoptic = { "panoptic", "GT.json [GT_FOLDER] DT.json [DT_FOLDER]...", 2, -1, run };
