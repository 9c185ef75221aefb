/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/train/train.c -- deformer train: trains a network on a config's training set or on a folder of pictures.
 */
#include <string.h>
#include <unistd.h>

#include "cli/train/news.h"

static const char *data_dir, *init, *work_dir;
static bool resume, fresh, dry_run;
static long seed = -1;
static double save_minutes = 10;

static const CliOption options[] = {
    CLI_OPT_TEXT("--data", data_dir, "DIR",
                 "train on this folder; the network gets its classes; default: the paths in the config"),
    CLI_OPT_TEXT("--init", init, "CHECKPOINT",
                 "begin with these weights, as far as they fit; default: load_from in the config, else its "
                 "pretrained weights if they are a file, else random weights"),
    CLI_OPT_TEXT("--work-dir", work_dir, "DIR", "folder for everything that the run writes; default: work_dirs/CONFIG"),
    CLI_OPT_FLAG("--resume", resume, "continue from DIR/latest.safetensors"),
    CLI_OPT_FLAG("--fresh", fresh, "start over, even if the work dir has a run"),
    CLI_OPT_FLAG("--dry-run", dry_run, "try a few steps, print the memory and time that the run will need, and stop"),
    CLI_OPT_INT("--seed", seed, "N", 0, 9e18, "seed of all random numbers; default: seed in the config, else 0"),
    CLI_OPT_FLOAT("--save-minutes", save_minutes, "N", 0.001, 100000,
                  "write latest.safetensors at least every N minutes; default: 10"),
    CLI_OPT_TEXT("--precision", cli.precision, "P", "float32; training has no other precision"),
    CLI_OPT_END
};

static void cut_slashes(char *path)
{
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
        path[n - 1] = 0;
}

/* "work_dirs/retinanet" for configs/retinanet.py, "work_dirs/detr" for the folder models/detr/ */
static char *usual_work_dir(const char *config)
{
    char path[1024], name[256];
    snprintf(path, sizeof path, "%s", config);
    cut_slashes(path);
    const char *last = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const char *dot = strrchr(last, '.');
    snprintf(name, sizeof name, "%.*s", dot && dot > last ? (int)(dot - last) : (int)strlen(last), last);
    return df_path_join("work_dirs", name);
}

/* The work dir as it is told: visible, and without slashes at its end. */
static void show_work_dir(char *out, size_t size)
{
    df_shown(out, size, work_dir);
    cut_slashes(out);
}

static void print_facts(const DfRun *run)
{
    DfTrainingFacts f;
    char dir[1024];
    show_work_dir(dir, sizeof dir);
    df_training_facts(run, &f);
    fprintf(stderr, "%d pictures, %d classes; %.2f million parameters; %lld steps of %d pictures", f.pictures,
            f.classes, 1e-6 * (double)f.parameters, (long long)f.steps, f.batch);
    if (f.step)
        fprintf(stderr, ", %lld of them done", (long long)f.step);
    fprintf(stderr, "; %s/index.html shows the run\n", dir);
}

static int estimate(DfRun *run)
{
    DfRunEstimate e;
    char total[32];
    const int error = df_run_estimate(run, &e);
    if (error < 0)
        return error;
    printf("largest pictures       %d x %d pixels\n", e.height, e.width);
    printf("weights and optimizer  %.2f GB\n", 1e-9 * (double)e.weights);
    printf("activations of a step  %.2f GB\n", 1e-9 * (double)e.activations);
    printf("memory available       %.2f GB\n", 1e-9 * (double)e.there);
    if (!e.fits)
        return df_fail(DF_ENOMEM, "a step does not fit into memory: use smaller pictures, a smaller "
                                  "data.samples_per_gpu, or with_cp=True");
    cli_train_time(total, sizeof total, e.seconds);
    printf("time of a step         %.3f s\n", e.step_seconds);
    printf("time of all steps      %s, without evaluations\n", total);
    return DF_OK;
}

static int train(DfRun *run, bool leads)
{
    DfTrainingFacts f;
    char took[32], dir[1024];
    const double start = cli_now();
    if (!cli.quiet && leads)
        print_facts(run);
    const int error = df_run_train(run);
    cli_line_erase();
    if (error < 0 || !leads)
        return error;
    df_training_facts(run, &f);
    cli_train_time(took, sizeof took, cli_now() - start);
    printf("%lld steps done in %s\n", (long long)f.steps, took);
    show_work_dir(dir, sizeof dir);
    printf("last   %s/latest.safetensors\n", dir);
    if (f.best_step >= 0)
        printf("best   %s/best.safetensors   %s %.1f after step %lld\n", dir, f.metric, 100 * f.best,
               (long long)f.best_step);
    if (!f.classifier)
        printf("try    deformer eval %s/config.py %s/%s.safetensors\n", dir, dir,
               f.best_step >= 0 ? "best" : "latest");
    return DF_OK;
}

static int run_train(int n, const char *const *args)
{
    (void)n;
    DfRun *run = NULL;
    DfRanks *ranks = NULL;
    CliTrainNews news = { .live = isatty(STDERR_FILENO) != 0 };
    char *usual = work_dir ? NULL : usual_work_dir(args[0]);
    if (!work_dir && !(work_dir = usual))
        return df_fail_memory("a path");
    DfRunOptions o = { .config = args[0], .work_dir = work_dir, .threads = (int)cli.threads, .set = cli.set,
                             .n_set = cli.n_set, .data_dir = data_dir, .init = init, .resume = resume, .fresh = fresh,
                             .has_seed = seed >= 0, .seed = seed >= 0 ? (uint64_t)seed : 0,
                             .save_minutes = save_minutes, .told = cli_train_told, .told_user = &news };
    int error = cli_precision_for_training();
    if (error == DF_OK && resume && fresh)
        error = df_fail(CLI_EUSAGE, "--resume and --fresh: want one of them");
    if (error == DF_OK)
        error = df_ranks_open(&ranks);
    o.ranks = ranks;
    if (error == DF_OK)
        error = df_run_open(&run, &o);
    if (error == DF_OK)
        error = dry_run ? estimate(run) : train(run, df_ranks_own(ranks) == 0);
    df_run_close(run);
    df_ranks_close(ranks, error);
    df_free(usual);
    return error;
}

const CliCommand cli_command_train = {
    .name = "train",
    .synopsis = "CONFIG [OPTION]...",
    .summary = "train a network on a dataset or on a folder of labelled pictures",
    .details = "CONFIG is a config of mmdetection or mmsegmentation: its network, optimizer,\n"
               "schedule, training pipeline and dataset are used unchanged. The ready configs in\n"
               "configs/nano/ are small enough for two cores.\n"
               "\n"
               "With --data DIR no config has to be edited: the classes are read from the\n"
               "folder, and every head gets their number.\n"
               "\n"
               "The work dir gets\n"
               "  index.html, samples/  curves, and detections beside the ground truth; the page\n"
               "                        reloads itself during the run\n"
               "  curves.svg            losses and scores as a drawing, for other documents\n"
               "  log.jsonl             losses, learning rate, scores: a line every few steps\n"
               "  latest.safetensors    weights, and all that --resume needs\n"
               "  best.safetensors      the same, after the best evaluation\n"
               "  epoch_N.safetensors   the same, as often as checkpoint_config says; or iter_N\n"
               "  config.py             CONFIG with all changes, for eval and predict\n"
               "\n"
               "Ctrl-C finishes the step and writes latest.safetensors. --resume continues from\n"
               "there, also after a crash; the result has the same bits as an uninterrupted run.",
    .examples = "  deformer train configs/nano/retinanet_dat_nano.py --data cells/ --dry-run\n"
                "  deformer train configs/nano/retinanet_dat_nano.py --data cells/ --work-dir run/\n"
                "  deformer eval run/config.py run/best.safetensors",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run_train,
};
