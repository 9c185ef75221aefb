/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/measure.c -- times a network in a separate process, so that it has its own peak memory, and no caches are
 * warm from another network.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/common/passes.h"

enum { MOST = 50 };
static const double BUDGET = 2; /* seconds of passes */

/* What the process says at its end. */
typedef struct {
    int error;
    CliMeasured measured;
    char sentence[1024];
} Answer;

static int time_passes(CliSession *s, int H, int W, CliMeasured *out)
{
    const bool detector = df_model_is_detector(s->model);
    double network[MOST], whole[MOST], warm;
    int n = 0, error = cli_time_network(s, 1, H, W, &warm); /* warms caches, packs weights */
    const double start = cli_now();
    while (error == DF_OK && n < MOST && (n == 0 || cli_now() - start < BUDGET)) {
        if (cli_interrupted())
            return df_fail(DF_EINTERRUPT, "interrupted while measuring");
        error = cli_time_network(s, 1, H, W, &network[n]);
        whole[n] = network[n];
        if (error == DF_OK && detector)
            error = cli_time_detector(s, 1, H, W, &whole[n]);
        n++;
    }
    out->network = cli_median(network, n);
    out->whole = cli_median(whole, n);
    out->peak_rss = (double)df_memory_most();
    return error;
}

static void measure_here(Answer *a, const char *config, const char *checkpoint, int H, int W)
{
    CliSession s;
    a->error = cli_session_open(&s, config);
    if (a->error == DF_OK)
        a->error = df_detector_check_memory(s.detector, 1, H, W);
    if (a->error == DF_OK)
        a->error = cli_session_load(&s, checkpoint, NULL);
    if (a->error == DF_OK)
        a->error = time_passes(&s, H, W, &a->measured);
    if (a->error < 0)
        snprintf(a->sentence, sizeof a->sentence, "%s", df_error());
    cli_session_done(&s);
}

static bool read_answer(int from, Answer *a)
{
    char *to = (char *)a;
    size_t left = sizeof *a;
    while (left > 0) {
        const ssize_t n = read(from, to, left);
        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        to += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

int cli_measure(CliMeasured *out, const char *config, const char *checkpoint, int H, int W)
{
    Answer answer = { 0 };
    int ends[2], status = 0;
    fflush(NULL);
    if (pipe(ends) != 0)
        return df_fail_errno("a pipe");
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        measure_here(&answer, config, checkpoint, H, W);
        const bool told = write(ends[1], &answer, sizeof answer) == (ssize_t)sizeof answer;
        _exit(told ? 0 : 1);
    }
    close(ends[1]);
    const bool told = child > 0 && read_answer(ends[0], &answer);
    close(ends[0]);
    if (child < 0)
        return df_fail_errno("a process to measure in");
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!told)
        return df_fail(DF_ENOMEM, "%s: the measuring process was killed (signal %d): is there too little memory?",
                       config, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    *out = answer.measured;
    return answer.error < 0 ? df_fail(answer.error, "%s", answer.sentence) : DF_OK;
}
