/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/train/news.c -- prints the progress of a run: on a terminal one line that changes, and lines that stay.
 */
#include "cli/train/news.h"

#include <math.h>
#include <string.h>

void cli_train_time(char *out, size_t size, double seconds)
{
    if (!isfinite(seconds)) {
        snprintf(out, size, "?");
        return;
    }
    const long s = (long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, size, "%ld:%02ld", s / 60, s % 60);
}

/* "epoch 3/12  step 120/480" */
static void print_place(const DfNews *n)
{
    if (n->epochs)
        fprintf(stderr, "epoch %lld/%lld  ", (long long)n->epoch, (long long)n->epochs);
    fprintf(stderr, "step %lld/%lld", (long long)n->step, (long long)n->steps);
}

static void print_speed(const DfNews *n)
{
    char left[32];
    cli_train_time(left, sizeof left, n->left);
    fprintf(stderr, "  lr %.3g  %.2f pictures/s  %zu MB  %s left", n->rate, n->pictures_per_second, n->memory >> 20,
            left);
}

/* The line that changes. */
static void show(CliTrainNews *news, const DfNews *n)
{
    const double now = cli_now();
    if (!news->live || now - news->shown < 0.2)
        return;
    news->shown = now;
    cli_line_begin();
    if (n->kind == DF_NEWS_SCORING) {
        fprintf(stderr, "evaluation: picture %ld of %ld", n->scored, n->to_score);
        return;
    }
    print_place(n);
    print_speed(n);
}

/* The whole loss and, of a few, its parts. */
static void print_values(const DfNews *n)
{
    enum { FEW = 9 };
    for (int i = 0; i < n->n; i++)
        if (strcmp(n->values[i].name, "loss") == 0)
            fprintf(stderr, "  loss %.4g", n->values[i].value);
    for (int i = 0; i < n->n && n->n <= FEW; i++)
        if (strcmp(n->values[i].name, "loss") != 0)
            fprintf(stderr, "  %s %.4g", n->values[i].name, n->values[i].value);
}

static void print_losses(const DfNews *n)
{
    cli_line_erase();
    print_place(n);
    print_speed(n);
    print_values(n);
    fputc('\n', stderr);
}

static void print_scores(const DfNews *n)
{
    cli_line_erase();
    print_place(n);
    for (int i = 0; i < n->n; i++)
        fprintf(stderr, "  %s %.1f", n->values[i].name, 100 * n->values[i].value);
    fputs(n->best ? "  (the best so far)\n" : "\n", stderr);
}

bool cli_train_told(void *user, const DfNews *n)
{
    CliTrainNews *news = user;
    if (cli.quiet)
        return !cli_interrupted();
    if (n->kind == DF_NEWS_LOGGED)
        print_losses(n);
    else if (n->kind == DF_NEWS_SCORED)
        print_scores(n);
    else if (n->kind != DF_NEWS_KEPT)
        show(news, n);
    return !cli_interrupted();
}
