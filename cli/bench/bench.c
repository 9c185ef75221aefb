/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/bench/bench.c -- deformer bench: time per stage, throughput, memory, and the share of this machine's sgemm peak,
 * which is measured between the passes.
 */
#include "cli/bench/bench.h"

#include <stdlib.h>
#include <string.h>

static const char *shape_text, *json_path, *weights = "random";
static long depth = 2, repeats, batch = 1;
static bool decoding, training;

static const CliOption options[] = {
    CLI_OPT_TEXT(
        "--shape", shape_text, "HxW",
        "input size in pixels; default 800x1216 for detectors, 512x512 for segmentors, the config's img_size for classifiers"),
    CLI_OPT_INT("--batch", batch, "N", 1, CLI_BATCH, "number of images in one pass; default 1"),
    CLI_OPT_INT("--repeat", repeats, "N", 1, CLI_PASSES,
                "number of passes; default: as many as fit into about ten seconds, at least 3"),
    CLI_OPT_INT("--depth", depth, "N", 0, 1000, "list modules down to this level; default 2"),
    CLI_OPT_FLAG("--decoding", decoding,
                 "detectors: list the modules of the pass with decoding, which adds proposals, NMS and pasted masks"),
    CLI_OPT_FLAG("--training", training,
                 "time training steps instead: forward with losses, backward, update with AdamW; the batch is of noise with 8 objects a picture"),
    CLI_OPT_PRECISION,
    CLI_OPT_TEXT("--weights", weights, "FILE", "checkpoint to load; default: random weights"),
    CLI_OPT_TEXT("--json", json_path, "FILE", "write the numbers as JSON; with `-` to stdout, in place of the table"),
    CLI_OPT_END
};

typedef struct {
    double seconds[CLI_PASSES], whole[CLI_PASSES], peak[CLI_PASSES];
    int n;
    double flops;
    size_t memory;
} Times;

/* The network alone; for detectors it is done once more with everything behind it. */
static int one_pass(CliSession *s, int H, int W, Times *t)
{
    const int error = cli_time_network(s, (int)batch, H, W, &t->seconds[t->n]);
    t->whole[t->n] = t->seconds[t->n];
    return error;
}

/* As --repeat says; else about ten seconds of passes of `once` seconds each, 3 to 100. */
static int passes_wanted(double once)
{
    if (repeats > 0)
        return df_clamp_int((int)repeats, 1, CLI_PASSES);
    if (once > 3)
        return 3;
    return df_clamp_int((int)(10 / (once + 0.05)), 1, 100);
}

static int measure(CliSession *s, int H, int W, Times *t)
{
    CliSquare square;
    const bool detector = df_model_is_detector(s->model);
    int error = cli_square_new(&square);
    if (error == DF_OK)
        error = one_pass(s, H, W, t); /* warms caches, packs weights */
    const double once = t->seconds[0] * (detector ? 2 : 1);
    const int n = passes_wanted(once);
    df_profile(s->c, true);
    for (t->n = 0; error == DF_OK && t->n < n && !cli_interrupted(); t->n++) {
        t->peak[t->n] = cli_square_run(s->pool, s->c->k, &square);
        df_profile_pause(s->c, detector && decoding);
        error = one_pass(s, H, W, t);
        df_profile_pause(s->c, detector && !decoding);
        if (error == DF_OK && detector)
            error = cli_time_detector(s, (int)batch, H, W, &t->whole[t->n]);
        df_profile_pause(s->c, false);
    }
    cli_square_done(&square);
    return error;
}

static double flops_of(const DfProfileRow *row, int n)
{
    return 2 * (row->macs[DF_MACS_LAYER] + row->macs[DF_MACS_ATTENTION]) / n;
}

static int report(CliSession *s, int H, int W, Times *t)
{
    const DfProfileRow *rows;
    const int n_rows = df_profile_rows(s->c, &rows), n = t->n;
    double *const each_pass = decoding ? t->whole : t->seconds;
    const double seconds = cli_median(each_pass, n);
    const double whole = cli_median(t->whole, n);
    const double peak = cli_median(t->peak, n);
    const double flops = flops_of(&rows[0], n);
    DfJsonWriter json = { 0 };
    df_json_begin(&json, NULL, '{');
    df_json_begin(&json, "modules", '[');
    const bool table = !json_path || strcmp(json_path, "-") != 0;
    if (table)
        printf("%s, %ld x %d x %d x %d, %s, %d threads, kernels %s, median of %d\n\n%-34s %10s %9s %12s %8s\n",
               df_model_type(s->model), batch, df_model_channels(s->model), H, W,
               df_precision_name(s->c->precision), df_pool_threads(s->pool), df_kernels_name(s->c->k), n, "module", "ms", "GFLOP", "GFLOP/s", "of peak");
    for (int i = 1; i < n_rows; i++) {
        const double each = rows[i].seconds / n;
        const double work = flops_of(&rows[i], n);
        df_json_begin(&json, NULL, '{');
        df_json_put_text(&json, "module", rows[i].path);
        df_json_put_number(&json, "milliseconds", 1e3 * each);
        df_json_put_number(&json, "flop", work);
        df_json_end(&json);
        if (table && rows[i].depth <= depth)
            printf("%*s%-*s %10.2f %9.2f %12.1f %7.1f%%\n", 2 * (rows[i].depth - 1), "", 36 - 2 * rows[i].depth,
                   rows[i].path, 1e3 * each, 1e-9 * work, 1e-9 * work / each, 100 * work / each / peak);
    }
    df_json_end(&json);
    df_json_put_number(&json, "milliseconds", 1e3 * seconds);
    df_json_put_number(&json, "whole_milliseconds", 1e3 * whole);
    df_json_put_number(&json, "fastest_milliseconds", 1e3 * each_pass[0]);
    df_json_put_number(&json, "gflops", 1e-9 * flops / seconds);
    df_json_put_number(&json, "sgemm_peak_gflops", 1e-9 * peak);
    df_json_put_number(&json, "share_of_peak", flops / seconds / peak);
    df_json_put_number(&json, "peak_rss_bytes", (double)t->memory);
    df_json_put_number(&json, "threads", df_pool_threads(s->pool));
    df_json_put_text(&json, "precision", df_precision_name(s->c->precision));
    if (table) {
        printf("%-34s %10.2f %9.2f %12.1f %7.1f%%\n", "network", 1e3 * seconds, 1e-9 * flops, 1e-9 * flops / seconds,
               100 * flops / seconds / peak);
        if (df_model_is_detector(s->model))
            printf("%-34s %10.2f\n", "with decoding", 1e3 * whole);
        printf("\nfastest %.2f ms; %.2f images/s; sgemm peak %.1f GFLOP/s; peak memory %.0f MB\n", 1e3 * each_pass[0],
               (double)batch / whole, 1e-9 * peak, 1e-6 * (double)t->memory);
    }
    df_json_end(&json);
    return cli_write_json(&json, json_path);
}

static int bench_passes(CliSession *s, int H, int W)
{
    Times *t = df_calloc(1, sizeof *t);
    int error = t ? measure(s, H, W, t) : df_fail_memory("the times");
    if (error == DF_OK && t->n == 0)
        error = df_fail(DF_EINTERRUPT, "interrupted before the first pass was done");
    if (error == DF_OK) {
        t->memory = cli_peak_rss();
        error = report(s, H, W, t);
    }
    df_free(t);
    return error;
}

static int run(int n, const char *const *args)
{
    (void)n;
    CliSession s;
    int H = 0;
    int W = 0;
    int error = training ? cli_precision_for_training() : DF_OK;
    if (error < 0)
        return error;
    error = cli_session_open(&s, args[0]);
    if (error == DF_OK)
        error = cli_input_shape(&s, shape_text, 1216, &H, &W);
    if (error == DF_OK)
        error = df_detector_check_memory(s.detector, (int)batch, H, W);
    if (error == DF_OK)
        error = cli_session_load(&s, weights, NULL);
    if (error == DF_OK && training)
        error = cli_bench_training(&s, (int)batch, H, W, (int)repeats, json_path);
    else if (error == DF_OK)
        error = bench_passes(&s, H, W);
    cli_session_done(&s);
    return error;
}

const CliCommand cli_command_bench = {
    .name = "bench",
    .synopsis = "CONFIG [OPTION]...",
    .summary = "time a network, module by module",
    .details = "Runs the network on random pixels and prints, for every module, the time of one\n"
               "pass (ms), its work (GFLOP), its speed (GFLOP/s) and that speed as a share of\n"
               "the peak. The peak is the speed of a large matrix product (sgemm) on the same\n"
               "threads; it is measured between the passes. The totals below the table are\n"
               "medians over the passes.\n"
               "\n"
               "Work is counted as direct arithmetic. A convolution that uses Winograd's method\n"
               "does less than that, so its share of the peak can be over 100%.\n"
               "\n"
               "The row `with decoding` is the time of a detector from the image to its boxes.\n"
               "The other rows are the network alone: two-stage detectors then work on a fixed\n"
               "set of 1000 regions (100 for masks). With --decoding the rows are measured on\n"
               "the network's own proposals. Add\n"
               "    --set model.test_cfg.rcnn.score_thr=0\n"
               "to get the largest allowed number of detections from any weights.\n"
               "\n"
               "With --training the rows are the parts of a training step. The work of backward\n"
               "is counted as twice that of forward.",
    .examples = "  deformer bench configs/retinanet/retinanet_swin_tiny_fpn_1x_coco.py\n"
                "  deformer bench configs/upernet/upernet_dat_tiny_512_160k_ade20k.py --depth 1\n"
                "  deformer bench configs/retinanet/retinanet_dat_tiny_fpn_1x_coco.py --training \\\n"
                "      --batch 2 --shape 512x512",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};
