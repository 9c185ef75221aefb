/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/cityscapes.c -- deformer metric cityscapes: the AP of instances by the rules of Cityscapes' own scripts,
 * from the files that these read and mmdet writes: for CITY_123456_123456_gtFine_instanceIds.png a text file whose
 * name starts with the same three parts, with a line "MASK.png LABEL SCORE" for each prediction.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/metric/metric.h"
#include "datasets/datasets.h"

#define TRUTH_ENDING "_instanceIds.png"

typedef struct {
    DfCityscapes *instances;
    DfImage truth, mask;
    uint16_t *ids;
    size_t capacity;
} Worker;

typedef struct {
    const char *truth_dir;
    const char *const *found_dirs; /* shards: the first that has a text of a picture counts */
    CliFiles truths, *texts;       /* texts: of each of these folders                       */
    size_t n_found, repeated;
    char **text; /* of each truth, with its folder */
    Worker *workers;
    size_t n_workers;
} Run;

/* ---- which text is whose ----------------------------------------------------------------------------------------- */

static const char *name_of(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* How long "city_123456_123456" is; 0 if there are no three parts. */
static size_t core_length(const char *name)
{
    const char *at = name;
    for (int i = 0; i < 3; i++, at++)
        if (!(at = strchr(at, '_')))
            return 0;
    return (size_t)(at - 1 - name);
}

/* The text in a folder; NULL: none. */
static int find_text_in(const Run *r, size_t folder, size_t i, size_t length, const char **out)
{
    const CliFiles *const texts = &r->texts[folder];
    const char *const name = name_of(r->truths.name[i]);
    *out = NULL;
    for (size_t k = 0; k < texts->n; k++) {
        if (strncmp(name_of(texts->name[k]), name, length) != 0)
            continue;
        if (*out)
            return df_fail(DF_EVALUE, "%s and %s in %s are both results of %s: want one text", *out, texts->name[k],
                           r->found_dirs[folder], r->truths.name[i]);
        *out = texts->name[k];
    }
    return DF_OK;
}

static int find_text(Run *r, size_t i)
{
    const char *const name = name_of(r->truths.name[i]);
    const size_t length = core_length(name);
    if (length == 0)
        return df_fail(DF_EVALUE, "%s: want a name as CITY_123456_123456_gtFine" TRUTH_ENDING, r->truths.name[i]);
    for (size_t f = 0; f < r->n_found; f++) {
        const char *text;
        const int error = find_text_in(r, f, i, length, &text);
        if (error < 0)
            return error;
        r->repeated += text && r->text[i];
        if (text && !r->text[i] && !(r->text[i] = df_path_join(r->found_dirs[f], text)))
            return df_fail_memory("a path");
    }
    if (r->text[i])
        return DF_OK;
    return df_fail(DF_EIO, "%s has no text %.*s*.txt: want the results of %s", r->found_dirs[0], (int)length, name,
                   r->truths.name[i]);
}

static int list_texts(Run *r)
{
    if (!(r->texts = df_calloc(r->n_found, sizeof *r->texts)))
        return df_fail_memory("files");
    int error = DF_OK;
    for (size_t f = 0; error == DF_OK && f < r->n_found; f++)
        error = cli_files_list(&r->texts[f], r->found_dirs[f], ".txt");
    return error;
}

static int find_files(Run *r)
{
    int error = cli_files_list(&r->truths, r->truth_dir, TRUTH_ENDING);
    if (error == DF_OK && r->truths.n == 0)
        error = df_fail(DF_EVALUE, "%s: no file ends in " TRUTH_ENDING, r->truth_dir);
    if (error == DF_OK)
        error = list_texts(r);
    if (error == DF_OK && !(r->text = df_calloc(r->truths.n, sizeof *r->text)))
        error = df_fail_memory("files");
    for (size_t i = 0; error == DF_OK && i < r->truths.n; i++)
        error = find_text(r, i);
    return error;
}

/* ---- one picture ------------------------------------------------------------------------------------------------- */

static int read_truth(const Run *r, Worker *w, size_t i)
{
    char *const path = df_path_join(r->truth_dir, r->truths.name[i]);
    int error = path ? df_image_read_numbers_again(&w->truth, path) : df_fail_memory("a path");
    const size_t pixels = (size_t)w->truth.height * (size_t)w->truth.width;
    if (error == DF_OK && pixels > w->capacity) {
        df_free(w->ids);
        w->ids = df_malloc(pixels * sizeof *w->ids);
        w->capacity = w->ids ? pixels : 0;
        error = w->ids ? DF_OK : df_fail_memory("a map of instances");
    }
    for (size_t k = 0; error == DF_OK && k < pixels; k++)
        w->ids[k] = (uint16_t)(w->truth.pixels[2 * k] << 8 | w->truth.pixels[2 * k + 1]);
    if (error == DF_OK && (error = df_cityscapes_truth(w->instances, w->ids, pixels)) < 0)
        error = df_fail_in(error, "%s: ", path);
    df_free(path);
    return error;
}

typedef struct {
    const char *mask;
    int label;
    double score;
} Line;

/* "MASK.png LABEL SCORE", one space between them. */
static int read_line(char *text, const char *path, size_t number, Line *line)
{
    char *const label = strchr(text, ' ');
    char *const score = label ? strchr(label + 1, ' ') : NULL;
    char *end = NULL;
    char *label_end = NULL;
    const double id = label ? df_strtod(label + 1, &label_end) : 0;
    line->score = score ? df_strtod(score + 1, &end) : 0;
    if (!score || end == score + 1 || *end || label_end != score || !(id > -2 && id < 1000) || isnan(line->score))
        return df_fail(DF_EFORMAT, "%s: line %zu: want MASK.png LABEL SCORE, with one space between them", path,
                       number);
    *label = 0;
    line->label = (int)id;
    line->mask = text;
    if (text[0] == '/')
        return df_fail(DF_EFORMAT, "%s: line %zu: want a path from the folder of the text, not %s", path, number, text);
    return DF_OK;
}

static int add_mask(Worker *w, const char *mask_path, const Line *line, const char *truth)
{
    int error = df_image_read_grey_again(&w->mask, mask_path);
    if (error == DF_OK && (w->mask.height != w->truth.height || w->mask.width != w->truth.width))
        error = df_fail(DF_EVALUE, "%s is %d x %d and %s is %d x %d: want masks of the size of the picture", mask_path,
                        w->mask.width, w->mask.height, truth, w->truth.width, w->truth.height);
    return error == DF_OK ? df_cityscapes_found(w->instances, w->mask.pixels, line->label, line->score) : error;
}

/* A mask that is named twice is what the last line says, in the place of the first. */
static bool is_named_again(const CliLines *lines, size_t i)
{
    const size_t length = strcspn(lines->line[i], " ") + 1;
    for (size_t k = i + 1; k < lines->n; k++)
        if (strncmp(lines->line[i], lines->line[k], length) == 0)
            return true;
    return false;
}

/* Masks are named from the folder of the text. */
static int take_line(const Run *r, Worker *w, size_t i, const char *text_path, const Line *line)
{
    DfTextbuf t = { 0 };
    char *mask = NULL;
    df_textbuf_add(&t, "%.*s%s", (int)(name_of(text_path) - text_path), text_path, line->mask);
    int error = df_textbuf_take(&t, &mask);
    if (error == DF_OK)
        error = add_mask(w, mask, line, r->truths.name[i]);
    df_free(mask);
    return error;
}

static int read_found(const Run *r, Worker *w, size_t i)
{
    CliLines lines = { 0 };
    const char *const path = r->text[i];
    int error = cli_lines_read(&lines, path);
    for (size_t k = 0; error == DF_OK && k < lines.n; k++) {
        Line line = { 0 };
        if (is_named_again(&lines, k))
            continue;
        error = read_line(lines.line[k], path, k + 1, &line);
        if (error == DF_OK)
            error = take_line(r, w, i, path, &line);
    }
    cli_lines_free(&lines);
    return error;
}

static int take_one(void *arg, size_t thread, size_t i)
{
    const Run *const r = arg;
    Worker *const w = &r->workers[thread];
    const int error = read_truth(r, w, i);
    return error == DF_OK ? read_found(r, w, i) : error;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static int make_workers(Run *r, DfPool *pool)
{
    r->n_workers = (size_t)df_pool_threads(pool);
    if (!(r->workers = df_calloc(r->n_workers, sizeof *r->workers)))
        return df_fail_memory("threads");
    int error = DF_OK;
    for (size_t t = 0; error == DF_OK && t < r->n_workers; t++)
        error = df_cityscapes_new(&r->workers[t].instances);
    return error;
}

static int print(const DfCityscapesResult *result)
{
    char *table = NULL, *json = NULL;
    int error = cli_metric_wants_table() ? df_cityscapes_table(result, &table) : DF_OK;
    if (error == DF_OK && cli_metric.json)
        error = df_cityscapes_json(result, &json);
    return cli_metric_tell(error, table, json);
}

static int score(Run *r, DfPool *pool)
{
    DfCityscapesResult result;
    int error = find_files(r);
    if (error == DF_OK)
        error = make_workers(r, pool);
    if (error == DF_OK)
        error = cli_each(pool, r->truths.n, &(CliEach){ r, "pictures", take_one });
    for (size_t t = 1; error == DF_OK && t < r->n_workers; t++)
        error = df_cityscapes_merge(r->workers[0].instances, r->workers[t].instances);
    if (error == DF_OK)
        error = df_cityscapes_result(&result, r->workers[0].instances);
    if (error == DF_OK && r->repeated)
        df_log(DF_LOG_WARNING, "%zu texts are in several folders: only those of the first folder count",
               r->repeated);
    return error == DF_OK ? print(&result) : error;
}

static int run(int n, const char *const *args)
{
    Run r = { .truth_dir = args[0], .found_dirs = args + 1, .n_found = (size_t)n - 1 };
    DfPool *pool = NULL;
    int error = cli_check_output(cli_metric.json);
    if (error == DF_OK)
        error = df_pool_new(&pool, (int)cli.threads);
    if (error == DF_OK)
        error = score(&r, pool);
    for (size_t t = 0; r.workers && t < r.n_workers; t++) {
        df_cityscapes_free(r.workers[t].instances);
        df_image_free(&r.workers[t].truth);
        df_image_free(&r.workers[t].mask);
        df_free(r.workers[t].ids);
    }
    df_free(r.workers);
    for (size_t i = 0; r.text && i < r.truths.n; i++)
        df_free(r.text[i]);
    df_free(r.text);
    for (size_t f = 0; r.texts && f < r.n_found; f++)
        cli_files_free(&r.texts[f]);
    df_free(r.texts);
    cli_files_free(&r.truths);
    df_pool_free(pool);
    return error;
}

const CliSubcommand cli_metric_cityscapes = { "cityscapes", "GT_DIR PRED_DIR...", 2, -1, run };
