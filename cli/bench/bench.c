/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/bench/bench.c -- deformer bench: time per stage, throughput, memory, and the share of this machine's sgemm peak,
 * which is measured between the passes.
 */
#include "cli/bench/bench.h"

#include <stdlib.h>
#include <string.h>

static const char *shape_text, *json_path, *page_path, *weights = "random";
static long depth = 2, repeats, batch = 1, streams = -1;
static bool decoding, training, roofline;

static const CliOption options[] = {
    CLI_OPT_TEXT(
        "--shape", shape_text, "HxW",
        "input size in pixels; default 800x1216 for detectors, 512x512 for segmentors, the config's img_size for "
        "classifiers"),
    CLI_OPT_INT("--batch", batch, "N", 1, CLI_BATCH, "number of images in one pass; default 1"),
    CLI_OPT_INT("--streams", streams, "N", 0, DF_MOST_STREAMS,
                "measure the throughput with N passes at a time, which share the threads and the weights; 0: not at "
                "all; default: one for each thread, or as many as fit into memory"),
    CLI_OPT_INT("--repeat", repeats, "N", 1, CLI_PASSES,
                "number of passes; default: as many as fit into about ten seconds, at least 3"),
    CLI_OPT_INT("--depth", depth, "N", 0, 1000, "list modules down to this level; default 2"),
    CLI_OPT_FLAG("--decoding", decoding,
                 "detectors: list the modules of the pass with decoding, which adds proposals, NMS and pasted masks"),
    CLI_OPT_FLAG("--roofline", roofline,
                 "also list the bytes that each module moves, their share of the memory bandwidth, and what bounds "
                 "the module"),
    CLI_OPT_TEXT("--page", page_path, "FILE", "write the numbers of --roofline as an HTML page with a roofline plot"),
    CLI_OPT_FLAG("--training", training,
                 "time training steps instead: forward with losses, backward, update with AdamW; the pictures are "
                 "noise with 8 objects each"),
    CLI_OPT_PRECISION,
    CLI_OPT_TEXT("--weights", weights, "FILE", "checkpoint to load; default: random weights"),
    CLI_OPT_TEXT("--json", json_path, "FILE", "write the numbers as JSON; with `-` to stdout, in place of the table"),
    CLI_OPT_END
};

typedef struct {
    double seconds[CLI_PASSES], whole[CLI_PASSES], peak[CLI_PASSES];
    int n;
} Times;

/* The network alone; for detectors it is done once more with everything behind it. */
static int one_pass(CliSession *s, int H, int W, Times *t)
{
    const int error = cli_time_network(s, (int)batch, H, W, &t->seconds[t->n]);
    t->whole[t->n] = t->seconds[t->n];
    return error;
}

/* As --repeat says; else about ten seconds of passes, each of which takes `once` seconds and the peak beside it; 3 to
 * 100. */
static int passes_wanted(const CliSession *s, const CliSquare *square, double once)
{
    if (repeats > 0)
        return df_clamp_int((int)repeats, 1, CLI_PASSES);
    const double start = cli_now();
    cli_square_run(s->pool, s->c->k, square);
    return df_clamp_int((int)(10 / (once + cli_now() - start + 0.01)), 3, 100);
}

/* The first pass packs weights and finds out how much memory a step needs; the second one is the first to write to the
 * memory that the others use. */
static int warm_up(CliSession *s, int H, int W, Times *t)
{
    int error = one_pass(s, H, W, t);
    if (error == DF_OK && df_model_is_detector(s->model))
        error = cli_time_detector(s, (int)batch, H, W, &t->whole[0]);
    else if (error == DF_OK)
        error = one_pass(s, H, W, t);
    return error;
}

static int measure(CliSession *s, int H, int W, Times *t)
{
    CliSquare square;
    const bool detector = df_model_is_detector(s->model);
    int error = cli_square_new(&square);
    if (error == DF_OK)
        error = warm_up(s, H, W, t);
    const double once = detector ? t->seconds[0] + t->whole[0] : t->seconds[0];
    const int n = error == DF_OK ? passes_wanted(s, &square, once) : 0;
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

static CliReport report_of(const CliSession *s, int H, int W, Times *t)
{
    const double network = cli_median(t->seconds, t->n); /* sorts */
    const double whole = cli_median(t->whole, t->n);
    CliReport r = { .session = s,
                    .batch = (int)batch,
                    .H = H,
                    .W = W,
                    .passes = t->n,
                    .depth = depth,
                    .network = network,
                    .whole = whole,
                    .counted = decoding ? whole : network,
                    .fastest = decoding ? t->whole[0] : t->seconds[0],
                    .roof = { .peak = cli_median(t->peak, t->n) },
                    .memory = df_memory_most() };
    r.n_rows = df_profile_rows(s->c, &r.rows);
    return r;
}

/* Streams need more memory, the arrays of the bandwidth too: both come after the look at the peak. */
static int measure_more(CliSession *s, CliReport *r)
{
    int error = cli_streams_wanted(s, streams, r->batch, r->H, r->W, &r->throughput.streams);
    if (error == DF_OK && roofline)
        error = cli_bandwidth(s->pool, &r->roof.bandwidth);
    df_profile_pause(s->c, true);
    if (error == DF_OK && r->throughput.streams > 1)
        return cli_throughput(s, r->batch, r->H, r->W, r->passes, &r->throughput);
    r->throughput.images_per_second = r->batch / r->whole;
    return error;
}

static int bench_passes(CliSession *s, int H, int W)
{
    Times *t = df_calloc(1, sizeof *t);
    int error = t ? measure(s, H, W, t) : df_fail_memory("the times");
    if (error == DF_OK && t->n == 0)
        error = df_fail(DF_EINTERRUPT, "interrupted before the first pass was done");
    if (error == DF_OK) {
        CliReport r = report_of(s, H, W, t);
        error = r.n_rows ? measure_more(s, &r) : df_fail_memory("the profile");
        if (error == DF_OK)
            error = cli_bench_report(&r, json_path);
        if (error == DF_OK && page_path)
            error = cli_roofline_page(&r, page_path);
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
    if (page_path && !roofline)
        return df_fail(CLI_EUSAGE, "--page draws the roofline: want --roofline, too");
    if (roofline && training)
        return df_fail(CLI_EUSAGE, "--roofline measures forward passes: want it without --training");
    int error = training ? cli_precision_for_training() : DF_OK;
    if (error < 0)
        return error;
    error = cli_session_open(&s, args[0]);
    if (error == DF_OK)
        error = cli_input_shape(&s, shape_text, 1216, &H, &W);
    if (error == DF_OK)
        error = df_detector_check_memory(s.detector, (int)batch, H, W);
    if (error == DF_OK)
        error = cli_check_output(page_path);
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
               "The other rows are the network alone; in two-stage detectors it works on a fixed\n"
               "set of 1000 regions (100 for masks). With --decoding the rows are measured on\n"
               "the network's own proposals. Add\n"
               "    --set model.test_cfg.rcnn.score_thr=0\n"
               "to get the largest allowed number of detections from any weights.\n"
               "\n"
               "Two speeds are printed: the latency of one pass at a time on all threads, and the\n"
               "throughput of several passes at a time (--streams), which share the threads.\n"
               "\n"
               "With --roofline a row also has the operations that were really done (Winograd's\n"
               "method does fewer), the bytes of all arguments, weights and results, and\n"
               "both as a share of the machine's limits: the sgemm peak, and the memory\n"
               "bandwidth, measured by a triad over 288 MiB. Modules with more operations per\n"
               "byte than the ridge point (peak / bandwidth) are bound by arithmetic, the others\n"
               "by memory. `of roof` is the shortest time that this bound allows, divided by the\n"
               "time taken. Caches are faster than memory, so a share can be over 100%.\n"
               "\n"
               "With --training the rows are the parts of a training step. The work of backward\n"
               "is counted as twice that of forward.",
    .examples = "  deformer bench configs/retinanet/retinanet_swin_tiny_fpn_1x_coco.py\n"
                "  deformer bench configs/upernet/upernet_dat_tiny_512_160k_ade20k.py --depth 1\n"
                "  deformer bench configs/deformable_detr/deformable_detr_r50.py --roofline --depth 3\n"
                "  deformer bench configs/retinanet/retinanet_dat_tiny_fpn_1x_coco.py --training \\\n"
                "      --batch 2 --shape 512x512",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};
