/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/quantize.c -- deformer quantize: makes a checkpoint whose products are computed in 8 bits.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/common/data_folder.h"

static const char *data_dir, *range_text, *json_path, *wrapper;
static CliTexts keep;
static long pictures = 16;
static long probes = 4;
static double max_loss = DF_QUANTISE_BUDGET;
static bool allow_missing;

static const CliOption options[] = {
    CLI_OPT_TEXT("--data", data_dir, "DIR",
                 "a folder of pictures like those that the network will see, or a dataset folder; default: the test "
                 "set of the config"),
    CLI_OPT_INT("--pictures", pictures, "N", 1, 100000, "measure on N pictures, evenly spread over all; default 16"),
    CLI_OPT_INT("--probes", probes, "N", 1, 1000,
                "compare outputs on N of these pictures; each costs a pass for every layer; default 4"),
    CLI_OPT_TEXT("--range", range_text, "METHOD",
                 "the range of a layer's input that int8 covers: mse, the range with the least squared error; "
                 "min-max, all values; percentile, all but 0.01 % at either end; default mse"),
    CLI_OPT_FLOAT("--max-loss", max_loss, "X", 1e-6, 1e6,
                  "keep the worst layers in float32 until the change of the outputs is at most X times their "
                  "variation; default 0.05"),
    CLI_OPT_TEXTS("--keep", keep, "PREFIX",
                  "keep weights whose names begin with PREFIX in float32; may be repeated"),
    CLI_OPT_TEXT("--json", json_path, "FILE", "write the loss and the input range of every layer as JSON"),
    CLI_OPT_CHECKPOINT(wrapper, allow_missing),
    CLI_OPT_END
};

typedef struct {
    CliDataFolder data;
    CliSession session;
    DfEvaluation *evaluation;
    char **found;          /* [n_found] paths of a folder of pictures      */
    int n_found;
    size_t found_capacity;
    const char **chosen;   /* [n_chosen] paths, borrowed                   */
    int n_chosen;
    CliRunProgress progress;
    DfQuantisedReport report;
} Run;

/* ---- pictures ---------------------------------------------------------------------------------------------------- */

static int choose(Run *r, const char *const *paths, const int *order, int n)
{
    const int wanted = n < pictures ? n : (int)pictures;
    r->chosen = df_calloc((size_t)wanted + 1, sizeof *r->chosen);
    if (!r->chosen)
        return df_fail_memory("the list of pictures");
    for (int i = 0; i < wanted; i++) {
        const int at = (int)((int64_t)i * n / wanted);
        r->chosen[r->n_chosen++] = paths[order ? order[at] : at];
    }
    return DF_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_picture(Run *r, const char *folder, const char *name)
{
    char *path = df_path_join(folder, name);
    if (!path || !df_grow((void **)&r->found, &r->found_capacity, (size_t)r->n_found, sizeof *r->found)) {
        df_free(path);
        return df_fail_memory("the list of pictures");
    }
    r->found[r->n_found++] = path;
    return DF_OK;
}

/* Those in the folder itself; there may be none. */
static int find_pictures(Run *r, const char *folder)
{
    DIR *entries = opendir(folder);
    int error = entries ? DF_OK : df_fail_errno("%s", folder);
    for (const struct dirent *e; error == DF_OK && (e = readdir(entries));)
        if (e->d_name[0] != '.' && df_image_is_named(e->d_name))
            error = add_picture(r, folder, e->d_name);
    if (entries)
        closedir(entries);
    if (r->n_found)
        qsort(r->found, (size_t)r->n_found, sizeof *r->found, by_name);
    return error;
}

/* The test set of the config, or what `deformer eval --data` makes of a folder. */
static int open_set(Run *r)
{
    const DfEvaluationOptions o = { .data_dir = r->data.data_dir };
    return df_evaluation_open(&r->evaluation, r->session.detector, &o);
}

/* With weights in the network. */
static int choose_pictures(Run *r)
{
    const char *const *paths;
    const int *order;
    if (r->n_found)
        return choose(r, (const char *const *)r->found, NULL, r->n_found);
    const int error = df_evaluation_check(r->evaluation);
    if (error < 0)
        return error;
    const int n = df_evaluation_pictures(r->evaluation, &paths, &order);
    return choose(r, paths, order, n);
}

/* A folder with pictures in it needs no labels. */
static int open_run(Run *r, const char *config)
{
    int error = data_dir ? find_pictures(r, data_dir) : DF_OK;
    if (error == DF_OK && !r->n_found)
        error = cli_data_folder(&r->data, config, data_dir, NULL);
    if (error == DF_OK)
        error = cli_session_open(&r->session, config);
    if (error == DF_OK)
        error = df_detector_prepare(r->session.detector);
    return error == DF_OK && !r->n_found ? open_set(r) : error;
}

/* ---- what became of it ------------------------------------------------------------------------------------------- */

static void say(const DfQuantisedReport *report, const char *out)
{
    printf("%s: %d of %d layers in int8, loss %.4f", out, report->n - report->kept, report->n, report->loss);
    if (report->kept)
        printf(" (all of them: %.4f)\nkept in float32, with the loss of each alone:", report->loss_all);
    printf("\n");
    for (int i = 0; i < report->n; i++)
        if (report->layer[i].kept)
            printf("  %.4f  %s\n", report->layer[i].loss, report->layer[i].name);
}

static int write_json(const DfQuantisedReport *report)
{
    DfJsonWriter json = { 0 };
    df_json_begin(&json, NULL, '{');
    df_json_put_text(&json, "precision", "int8");
    df_json_put_number(&json, "loss", report->loss);
    df_json_put_number(&json, "loss_all", report->loss_all);
    df_json_put_integer(&json, "layers_int8", report->n - report->kept);
    df_json_put_integer(&json, "layers_float32", report->kept);
    df_json_begin(&json, "layers", '[');
    for (int i = 0; i < report->n; i++) {
        const DfQuantisedLayer *layer = &report->layer[i];
        df_json_begin(&json, NULL, '{');
        df_json_put_text(&json, "name", layer->name);
        df_json_put_text(&json, "precision", layer->kept ? "float32" : "int8");
        df_json_put_number(&json, "loss", layer->loss);
        df_json_put_number(&json, "low", (double)layer->low);
        df_json_put_number(&json, "high", (double)layer->high);
        df_json_end(&json);
    }
    df_json_end(&json);
    df_json_end(&json);
    return cli_write_json(&json, json_path);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int read_range(DfRangeMethod *out)
{
    static const char *const words[] = { "mse", "min-max", "percentile" };
    for (int i = 0; i < 3; i++)
        if (!range_text || strcmp(range_text, words[i]) == 0) {
            *out = (DfRangeMethod)i;
            return DF_OK;
        }
    return df_fail(CLI_EUSAGE, "--range %s: want mse, min-max or percentile", range_text);
}

static int quantise(Run *r, const char *checkpoint, const char *out, DfRangeMethod method)
{
    const DfModelLoad load = { .wrapper = wrapper, .allow_missing = allow_missing };
    const DfQuantiseOptions o = { .method = method, .budget = max_loss, .probes = (int)probes, .keep = keep.v,
                                  .n_keep = keep.n, .progress = cli_run_progress, .progress_user = &r->progress };
    int error = cli_session_load(&r->session, checkpoint, &load);
    if (error == DF_OK)
        error = choose_pictures(r);
    if (error == DF_OK)
        error = df_detector_quantise(r->session.detector, r->chosen, r->n_chosen, &o, &r->report);
    if (error == DF_OK) {
        r->progress.shown.done = r->progress.shown.n; /* the layers may fit before all passes are made */
        cli_progress_end(&r->progress.shown);
    }
    return error == DF_OK ? df_detector_save(r->session.detector, out) : error;
}

static int run(int n, const char *const *args)
{
    (void)n;
    Run r = { .progress = { .what = "quantize" } };
    DfRangeMethod method = DF_RANGE_MSE;
    const char *outputs[] = { args[2], json_path };
    int error = read_range(&method);
    if (error == DF_OK && !df_ends_with(args[2], ".safetensors"))
        error = df_fail(CLI_EUSAGE, "%s: want a name that ends in .safetensors", args[2]);
    if (error == DF_OK)
        error = cli_check_outputs(2, outputs);
    if (error == DF_OK)
        error = open_run(&r, args[0]);
    if (error == DF_OK)
        error = quantise(&r, args[1], args[2], method);
    if (error == DF_OK && json_path)
        error = write_json(&r.report);
    if (error == DF_OK && !(json_path && strcmp(json_path, "-") == 0))
        say(&r.report, args[2]);
    df_quantised_report_done(&r.report);
    df_evaluation_close(r.evaluation);
    cli_session_done(&r.session);
    cli_data_folder_done(&r.data);
    for (int i = 0; i < r.n_found; i++)
        df_free(r.found[i]);
    df_free(r.found);
    df_free(r.chosen);
    return error;
}

const CliCommand cli_command_quantize = {
    .name = "quantize",
    .synopsis = "CONFIG CHECKPOINT OUT [OPTION]...",
    .summary = "make a checkpoint that computes in 8 bits (int8)",
    .details = "Writes OUT, a .safetensors file, in which the weights of linear layers and\n"
               "convolutions are int8, with a scale for every output channel and the range of\n"
               "the layer's input, measured on some pictures. Every command reads OUT like any\n"
               "other checkpoint, and computes these layers in int8; the rest stays in float32.\n"
               "The file is a quarter as large.\n"
               "\n"
               "The command then measures how much each layer in int8 changes the outputs of the\n"
               "network, and all layers together. It keeps the worst layers in float32 until\n"
               "the outputs change by at most --max-loss.",
    .examples = "  deformer quantize config.py weights.pth int8.safetensors --data pictures/\n"
                "  deformer eval config.py int8.safetensors --data coco/",
    .options = options,
    .least = 3,
    .most = 3,
    .output = 2,
    .run = run,
};
