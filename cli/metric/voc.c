/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/voc.c -- deformer metric voc and deformer metric dota: scores the results files of the devkits against
 * labels of pictures.
 */
#include <stdio.h>
#include <string.h>

#include "annotations/annotations.h"
#include "cli/metric/metric.h"

/* ---- labels ----------------------------------------------------------------------------------------------------- */

static const char *suffix_of(DfDevkitForm form)
{
    return form == DF_DEVKIT_VOC ? ".xml" : ".txt";
}

/* "a/b.xml" of a folder, under the name "a/b". */
static int read_file(DfDevkit *d, const char *folder, const char *file, const char *suffix)
{
    char name[4096];
    const size_t n = strlen(file) - strlen(suffix);
    if (n >= sizeof name)
        return df_fail(DF_EVALUE, "%s/%.100s..: the name is too long", folder, file);
    memcpy(name, file, n);
    name[n] = 0;
    char *path = df_path_join(folder, file);
    const int error = path ? df_devkit_read_labels(d, name, path) : df_fail_memory("a path");
    df_free(path);
    return error;
}

static int read_all(DfDevkit *d, const char *folder, const char *suffix)
{
    CliFiles files;
    int error = cli_files_list(&files, folder, suffix);
    if (error == DF_OK && files.n == 0)
        error = df_fail(DF_EVALUE, "%s: no file ends in %s", folder, suffix);
    for (size_t i = 0; error == DF_OK && i < files.n; i++)
        error = read_file(d, folder, files.name[i], suffix);
    cli_files_free(&files);
    return error;
}

static int read_named(DfDevkit *d, const char *folder, const char *name, const char *suffix)
{
    char *path = df_path_join(folder, name);
    char *with_suffix = df_malloc((path ? strlen(path) : 0) + strlen(suffix) + 1);
    int error = path && with_suffix ? DF_OK : df_fail_memory("a path");
    if (error == DF_OK) {
        sprintf(with_suffix, "%s%s", path, suffix);
        error = df_devkit_read_labels(d, name, with_suffix);
    }
    df_free(path);
    df_free(with_suffix);
    return error;
}

static int read_set(DfDevkit *d, const char *folder, const char *set, const char *suffix)
{
    DfFile file = { 0 };
    int error = df_file_open(&file, set, (size_t)1 << 30);
    DfWords words = { .at = (const char *)file.data, .end = (const char *)file.data + file.size, .file = set };
    char name[DF_WORD];
    size_t n = 0;
    for (; error == DF_OK && df_words_next(&words); n++) {
        error = df_words_text(&words, 0, name);
        if (error == DF_OK)
            error = read_named(d, folder, name, suffix);
    }
    if (error == DF_OK && n == 0)
        error = df_fail(DF_EVALUE, "%s: no name of a picture", set);
    df_file_close(&file);
    return error;
}

/* VOC's own folder has its labels in a folder of it. */
static int read_labels(DfDevkit *d, DfDevkitForm form, const char *folder)
{
    char *inner = df_path_join(folder, form == DF_DEVKIT_VOC ? "Annotations" : "labelTxt");
    int error = inner ? DF_OK : df_fail_memory("a path");
    const char *const from = inner && df_is_directory(inner) ? inner : folder;
    if (error == DF_OK && !df_is_directory(from))
        error = df_fail(DF_EVALUE, "%s: want a folder of labels, files that end in %s", from, suffix_of(form));
    if (error == DF_OK && cli_metric.image_set)
        error = read_set(d, from, cli_metric.image_set, suffix_of(form));
    else if (error == DF_OK)
        error = read_all(d, from, suffix_of(form));
    df_free(inner);
    return error;
}

/* ---- results ---------------------------------------------------------------------------------------------------- */

static const char *behind(const char *text, const char *mark)
{
    const char *at = strstr(text, mark);
    return at ? at + strlen(mark) : NULL;
}

/* "comp4_det_val_CLASS" and "comp4_SALT_det_val_CLASS" of VOC, "Task1_CLASS" of DOTA, or CLASS itself. */
static const char *class_of(const char *stem)
{
    const char *rest = df_starts_with(stem, "comp") ? behind(stem, "_det_") : NULL;
    if (rest)
        rest = behind(rest, "_");
    else if (df_starts_with(stem, "Task"))
        rest = behind(stem, "_");
    return rest && *rest ? rest : stem;
}

static int read_result(DfDevkit *d, const char *path)
{
    char stem[DF_WORD];
    const char *slash = strrchr(path, '/');
    const char *file = slash ? slash + 1 : path;
    const size_t n = strlen(file) - (df_ends_with(file, ".txt") ? 4 : 0);
    if (n == 0 || n >= sizeof stem)
        return df_fail(DF_EVALUE,
                       "%s: want a file named after a class: CLASS.txt, comp4_det_val_CLASS.txt or Task1_CLASS.txt",
                       path);
    memcpy(stem, file, n);
    stem[n] = 0;
    return df_devkit_read_results(d, class_of(stem), path);
}

static int read_results(DfDevkit *d, const char *path)
{
    CliFiles files = { 0 };
    if (!df_is_directory(path))
        return read_result(d, path);
    int error = cli_files_list(&files, path, ".txt");
    if (error == DF_OK && files.n == 0)
        error = df_fail(DF_EVALUE, "%s: no file ends in .txt: want results, a file for each class", path);
    for (size_t i = 0; error == DF_OK && i < files.n; i++) {
        char *whole = df_path_join(path, files.name[i]);
        error = whole ? read_result(d, whole) : df_fail_memory("a path");
        df_free(whole);
    }
    cli_files_free(&files);
    return error;
}

/* ---- scores ----------------------------------------------------------------------------------------------------- */

static int write(const DfDevkitScores *s)
{
    char *table = NULL, *json = NULL;
    int error = cli_metric_wants_table() ? df_devkit_table(s, cli_metric.per_class, &table) : DF_OK;
    if (error == DF_OK && cli_metric.json)
        error = df_devkit_json(s, &json);
    return cli_metric_tell(error, table, json);
}

static int score(const DfDevkit *d, size_t n_ious, const double *ious)
{
    DfPool *pool = NULL;
    DfDevkitScores scores = { 0 };
    int error = df_pool_new(&pool, (int)cli.threads);
    if (error == DF_OK)
        error = df_devkit_score(&scores, d, n_ious, ious, pool);
    if (error == DF_OK)
        error = write(&scores);
    df_devkit_scores_done(&scores);
    df_pool_free(pool);
    return error;
}

static int run(DfDevkitForm form, int n, const char *const *args)
{
    static const double half[] = { 0.5 };
    const double *ious = half;
    size_t n_ious = 1;
    DfDevkit *d = NULL;
    DfArena *arena = df_arena_new();
    int error = arena ? cli_check_outputs(1, &cli_metric.json) : df_fail_memory("options");
    if (error == DF_OK && cli_metric.iou_thrs)
        error = cli_read_numbers(arena, "--iou-thrs", cli_metric.iou_thrs, &ious, &n_ious);
    if (error == DF_OK)
        error = df_devkit_new(&d, form);
    if (error == DF_OK)
        error = read_labels(d, form, args[0]);
    for (int i = 1; error == DF_OK && i < n; i++)
        error = read_results(d, args[i]);
    if (error == DF_OK)
        error = score(d, n_ious, ious);
    df_devkit_free(d);
    df_arena_free(arena);
    return error;
}

static int run_voc(int n, const char *const *args)
{
    return run(DF_DEVKIT_VOC, n, args);
}

static int run_dota(int n, const char *const *args)
{
    return run(DF_DEVKIT_DOTA, n, args);
}

const CliSubcommand cli_metric_voc = { "voc", "ANNOTATIONS RESULTS...", 2, -1, run_voc };
const CliSubcommand cli_metric_dota = { "dota", "LABELS RESULTS...", 2, -1, run_dota };
