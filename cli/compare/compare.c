/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/compare.c -- deformer compare: compares results, with bootstrap confidence intervals over images; or
 * models, by their cost (models.c).
 */
#include "cli/compare/models.h"
#include "cli/compare/options.h"
#include "cli/compare/runs.h"

#include <string.h>

static bool is_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

static int write_and_free(char *text, const char *path)
{
    const int error = cli_write_text(path, text);
    df_free(text);
    return error;
}

/* What is told of each kind of results, one kind after the other. */
typedef struct {
    bool several; /* kinds are asked for: each has a heading, and the JSON is a list */
    int n;
    DfTextbuf text, markdown, json;
} Telling;

static void add_and_free(DfTextbuf *to, const char *heading, char *text)
{
    df_textbuf_add(to, "%s%s", heading, text);
    df_free(text);
}

static int tell(Telling *to, const DfCompare *compare, CliRunKind kind)
{
    const char *key = cli_run_key(kind);
    const char *between = to->n++ ? "\n" : "";
    char heading[64] = "", title[64] = "";
    if (to->several) {
        snprintf(heading, sizeof heading, "%s%s\n", between, key);
        snprintf(title, sizeof title, "**%s**\n\n", key);
    }
    char *text = NULL;
    int error = df_compare_text(compare, cli_compare.per_class, &text);
    if (error < 0)
        return error;
    add_and_free(&to->text, heading, text);
    if ((error = df_compare_markdown(compare, cli_compare.per_class, &text)) < 0)
        return error;
    add_and_free(&to->markdown, title, text);
    if ((error = df_compare_json(compare, &text)) < 0)
        return error;
    add_and_free(&to->json, !to->several ? "" : to->n > 1 ? ", " : "[", text);
    return DF_OK;
}

static int write_telling(Telling *to)
{
    const bool stdout_taken = is_stdout(cli_compare.markdown) || is_stdout(cli_compare.json);
    if (to->several)
        df_textbuf_add(&to->json, "]\n");
    char *text = NULL;
    int error = DF_OK;
    if (!stdout_taken && (error = df_textbuf_take(&to->text, &text)) == DF_OK)
        error = write_and_free(text, "-");
    if (error == DF_OK && cli_compare.markdown && (error = df_textbuf_take(&to->markdown, &text)) == DF_OK)
        error = write_and_free(text, cli_compare.markdown);
    if (error == DF_OK && cli_compare.json && (error = df_textbuf_take(&to->json, &text)) == DF_OK)
        error = write_and_free(text, cli_compare.json);
    return error;
}

static void free_telling(Telling *to)
{
    df_free(to->text.at);
    df_free(to->markdown.at);
    df_free(to->json.at);
}

/* [NAME=]RUN */
typedef struct {
    const char *const *args;
    const char **paths, **names; /* [n] */
    char **files;                /* [n]: of the kind that is compared */
    size_t n;
    DfArena *arena;
} Runs;

/* A name has no slash, and a path may have an equals sign: what exists is a path. */
static int split_name(Runs *r, size_t i)
{
    const char *arg = r->args[i];
    const char *equals = strchr(arg, '=');
    r->paths[i] = r->names[i] = arg;
    if (!equals || equals == arg || (size_t)(equals - arg) != strcspn(arg, "=/") || df_is_directory(arg) ||
        df_file_exists(arg))
        return DF_OK;
    r->paths[i] = equals + 1;
    r->names[i] = df_arena_copy(r->arena, arg, (size_t)(equals - arg));
    return r->names[i] ? DF_OK : df_fail_memory("results");
}

/* "run (bf16)": the folder of an eval says in the first line of results.jsonl if it was not float32. */
static int add_precision(Runs *r, size_t i)
{
    static const char key[] = "\"precision\": \"";
    DfFile file;
    char line[4096];
    const char *path = df_arena_text(r->arena, "%s/results.jsonl", r->paths[i]);
    if (!path || !df_file_exists(path))
        return path ? DF_OK : df_fail_memory("results");
    const int error = df_file_head(&file, path, sizeof line - 1);
    if (error < 0)
        return error;
    snprintf(line, sizeof line, "%.*s", (int)file.size, (const char *)file.data);
    df_file_close(&file);
    line[strcspn(line, "\n")] = 0;
    const char *found = strstr(line, key);
    if (!found)
        return DF_OK;
    found += strlen(key);
    r->names[i] = df_arena_text(r->arena, "%s (%.*s)", r->names[i], (int)strcspn(found, "\""), found);
    return r->names[i] ? DF_OK : df_fail_memory("results");
}

static int open_runs(Runs *r, const char *const *args, size_t n)
{
    *r = (Runs){ .args = args, .n = n, .arena = df_arena_new() };
    if (!r->arena)
        return df_fail_memory("results");
    r->paths = df_arena_alloc(r->arena, n, sizeof *r->paths);
    r->names = df_arena_alloc(r->arena, n, sizeof *r->names);
    r->files = df_arena_alloc(r->arena, n, sizeof *r->files);
    int error = r->paths && r->names && r->files ? DF_OK : df_fail_memory("results");
    for (size_t i = 0; error == DF_OK && i < n; i++)
        error = split_name(r, i);
    for (size_t i = 0; error == DF_OK && i < n; i++)
        error = add_precision(r, i);
    return error;
}

static void close_runs(Runs *r)
{
    for (size_t i = 0; r->files && i < r->n; i++)
        df_free(r->files[i]);
    df_arena_free(r->arena);
}

/* The files of one kind, if all runs have it. */
static int find_files(Runs *r, CliRunKind kind, bool *all)
{
    size_t found = 0;
    for (size_t i = 0; i < r->n; i++) {
        df_free(r->files[i]);
        const int error = cli_run_file(r->paths[i], kind, &r->files[i]);
        if (error < 0)
            return error;
        found += r->files[i] != NULL;
    }
    *all = found == r->n;
    return DF_OK;
}

static int compare_kind(Telling *to, const Runs *r, CliRunKind kind, DfPool *pool)
{
    DfCompare *compare = NULL;
    int error = cli_run_compare(&compare, kind, (const char *const *)r->files, r->names, r->n, pool);
    if (error == DF_OK)
        error = tell(to, compare, kind);
    df_compare_free(compare);
    return error;
}

static int no_results(const Runs *r, const char *type)
{
    return df_fail(DF_EVALUE, "%s%s: no results that can be compared%s%s", r->paths[0], r->n > 1 ? " and the others" : "",
                   type ? " of type " : "", type ? type : "");
}

/* Every kind that --type names, or the first that all runs have. */
static int compare_kinds(Telling *to, Runs *r, DfPool *pool)
{
    for (int k = 0; k < CLI_RUN_KINDS && (to->several || to->n == 0); k++) {
        bool all;
        int error = find_files(r, (CliRunKind)k, &all);
        if (error == DF_OK && all)
            error = compare_kind(to, r, (CliRunKind)k, pool);
        else if (error == DF_OK && to->several && cli_run_wanted((CliRunKind)k, false))
            error = no_results(r, cli_run_key((CliRunKind)k));
        if (error < 0)
            return error;
    }
    return to->n ? DF_OK : no_results(r, cli_compare.type);
}

static int compare_results(const char *const *args, size_t n)
{
    Telling telling = { .several = cli_compare.type && strchr(cli_compare.type, ',') };
    DfPool *pool = NULL;
    Runs runs;
    int error = open_runs(&runs, args, n);
    if (error == DF_OK)
        error = df_pool_new(&pool, (int)cli.threads);
    if (error == DF_OK)
        error = compare_kinds(&telling, &runs, pool);
    if (error == DF_OK)
        error = write_telling(&telling);
    free_telling(&telling);
    df_pool_free(pool);
    close_runs(&runs);
    return error;
}

static bool is_kind(const char *word, size_t length)
{
    for (int k = 0; k < CLI_RUN_KINDS; k++) {
        const char *key = cli_run_key((CliRunKind)k);
        if (strlen(key) == length && strncmp(word, key, length) == 0)
            return true;
    }
    return false;
}

static int check_type(void)
{
    for (const char *at = cli_compare.type; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (!is_kind(at, strcspn(at, ",")))
            return df_fail(CLI_EUSAGE, "--type %s: want bbox, segm, miou, topk, or some of them with commas",
                           cli_compare.type);
    return DF_OK;
}

static bool is_among(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

/* An option that would have no effect is a mistake. */
static int check_given(bool models)
{
    static const char *const of_runs[] = { "--per-class", "--explain", "--images", "--score-thr", NULL };
    static const char *const of_models[] = { "--shape", "--precision", "--rounds", "--chart", "--cost", "--title", NULL };
    for (int i = 0; i < cli.n_given; i++) {
        if (models && is_among(cli.given[i], of_runs))
            return df_fail(CLI_EUSAGE, "%s is for results: want runs, not models", cli.given[i]);
        if (!models && is_among(cli.given[i], of_models))
            return df_fail(CLI_EUSAGE, "%s is for models: want models, not runs", cli.given[i]);
    }
    return DF_OK;
}

static int run(int n, const char *const *args)
{
    int error = check_given(cli_is_model(args[0]));
    if (error == DF_OK)
        error = check_type();
    if (error == DF_OK)
        error = cli_check_outputs(4, (const char *const[]){ cli_compare.json, cli_compare.markdown, cli_compare.chart,
                                                            cli_compare.explain });
    if (error == DF_OK && cli_compare.explain && cli_compare.type && strchr(cli_compare.type, ','))
        error = df_fail(CLI_EUSAGE, "--explain shows one kind of results: want one in --type, not %s", cli_compare.type);
    if (error == DF_OK && cli.n_set && !cli_is_model(args[0]))
        error = df_fail(CLI_EUSAGE, "--set %s: results are compared as they are, and no config is read", cli.set[0]);
    if (error < 0)
        return error;
    return cli_is_model(args[0]) ? cli_compare_models(args, (size_t)n) : compare_results(args, (size_t)n);
}

const CliCommand cli_command_compare = {
    .name = "compare",
    .synopsis = "[NAME=]RUN... | MODEL... [OPTION]...",
    .summary = "compare results, or models, side by side",
    .details = "deformer compare [--gt GT.json] [NAME=]RUN [NAME=]RUN...\n"
               "    Compares the scores of every RUN with those of the first. Every score and\n"
               "    every difference has a confidence interval, from a bootstrap over the\n"
               "    images. A difference whose interval contains 0 may be chance. A RUN is the\n"
               "    --out folder of `deformer eval`, a COCO results file, or a file with scores\n"
               "    of single images (results.miou.json, results.topk.json) that `eval --out` or\n"
               "    `metric --per-image` wrote. After --limit or --shard, only the images that\n"
               "    are in every RUN are compared. With --explain a page shows the images that\n"
               "    changed most, before and after.\n"
               "\n"
               "deformer compare MODEL MODEL...\n"
               "    MODEL is [NAME=]CONFIG[:CHECKPOINT][@RUN]. Prints a row for each model:\n"
               "    parameters, multiply-adds, activation memory, time for one image and peak\n"
               "    memory on this machine, and the score of its RUN if one is given. Here a RUN\n"
               "    may also be a file that --json of `eval` or `metric` wrote; such a score has\n"
               "    no interval. Without CHECKPOINT the weights are random; a model folder in\n"
               "    place of CONFIG has its own weights.\n"
               "    Each measurement runs in its own process. Models are measured in turns, and\n"
               "    the medians are printed. The default NAME is the part of the file name that\n"
               "    differs between the models, or of the folder if the files have the same\n"
               "    name. In the chart, a line joins models whose names differ only in the size\n"
               "    (tiny, small, base; T, S, B; b0, b1).",
    .examples = "  deformer compare --gt GT.json a.json b.json\n"
                "  deformer compare --gt GT.json before=a.json after=b.json --explain page.html \\\n"
                "      --images val2017/\n"
                "  deformer compare Swin=swin.py@run_swin/ DAT=dat.py@run_dat/ --gt GT.json \\\n"
                "      --chart chart.svg",
    .options = cli_compare_options,
    .least = 1,
    .most = -1,
    .run = run,
};
