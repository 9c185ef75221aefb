/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/bench/throughput.c -- measures pictures a second when several are computed at a time, each on its share of the
 * threads.
 */
#include "cli/bench/bench.h"
#include "cli/common/noise.h"

typedef struct {
    DfStreams *streams;
    float *noise; /* batch H W channels, read by all */
    int batch, H, W;
} Passes;

typedef struct {
    int error;
    char message[512];
} Pass;

static void run_pass(void *user, int64_t i, void *thing)
{
    const Passes *p = user;
    Pass *pass = thing;
    DfDetector *d = df_streams_take(p->streams);
    CliSession s = cli_session_of(d);
    (void)i;
    df_reset(s.c);
    DfTensor *image = df_borrow(s.c, DF_SHAPE(p->batch, p->H, p->W, df_model_channels(s.model)), p->noise);
    pass->error = cli_pass(&s, image, df_model_is_detector(s.model));
    if (pass->error < 0)
        snprintf(pass->message, sizeof pass->message, "%s", df_error());
    df_streams_put(p->streams, d);
}

static void drop_pass(void *pass)
{
    (void)pass;
}

/* n passes, as many at a time as there are streams. */
static int run_passes(Passes *p, int n, double *seconds)
{
    const DfAheadOf of = { .user = p,
                           .end = n,
                           .threads = df_streams_count(p->streams),
                           .ahead = n,
                           .size = sizeof(Pass),
                           .prepare = run_pass,
                           .drop = drop_pass };
    DfAhead *ahead;
    Pass pass;
    const double start = cli_now();
    int error = df_ahead_new(&ahead, &of);
    while (error == DF_OK && !cli_interrupted() && df_ahead_next(ahead, &pass))
        if (pass.error < 0)
            error = df_fail(pass.error, "%s", pass.message);
    *seconds = cli_now() - start;
    df_ahead_free(ahead);
    if (error == DF_OK && cli_interrupted())
        error = df_fail(DF_EINTERRUPT, "interrupted while measuring the throughput");
    return error;
}

static float *noise_of(CliSession *s, int batch, int H, int W)
{
    df_reset(s->c);
    DfTensor *image = cli_noise_pictures(s, batch, H, W);
    float *copy = df_ctx_error(s->c) == DF_OK ? df_malloc(df_size(image) * sizeof *copy) : NULL;
    for (size_t i = 0; copy && i < df_size(image); i++)
        copy[i] = image->data[i];
    df_reset(s->c);
    return copy;
}

int cli_throughput(CliSession *s, int batch, int H, int W, int passes, CliThroughput *out)
{
    Passes p = { .batch = batch, .H = H, .W = W };
    double seconds;
    const int rounds = (passes + out->streams - 1) / out->streams;
    const int n = (rounds > 2 ? rounds : 2) * out->streams;
    int error = df_streams_new(&p.streams, s->detector, out->streams);
    if (error == DF_OK && !(p.noise = noise_of(s, batch, H, W)))
        error = df_fail_memory("pictures of noise");
    if (error == DF_OK)
        error = run_passes(&p, out->streams, &seconds); /* warms each */
    if (error == DF_OK)
        error = run_passes(&p, n, &seconds);
    if (error == DF_OK)
        out->images_per_second = (double)n * batch / seconds;
    df_streams_free(p.streams);
    df_free(p.noise);
    return error;
}

int cli_streams_wanted(const CliSession *s, long asked, int batch, int H, int W, int *streams)
{
    const int threads = df_pool_threads(s->pool);
    *streams = asked >= 0 ? (int)asked : df_clamp_int(threads, 1, DF_MOST_STREAMS);
    if (asked >= 0)
        return *streams > 1 ? df_detector_check_memory(s->detector, *streams * batch, H, W) : DF_OK;
    while (*streams > 1 && df_detector_check_memory(s->detector, *streams * batch, H, W) < 0)
        *streams /= 2;
    return DF_OK;
}
