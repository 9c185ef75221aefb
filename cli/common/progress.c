/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/progress.c -- the progress line of a long command: what is done, its speed, and the remaining time.
 */
#include "cli/cli.h"

#include <stdatomic.h>
#include <unistd.h>

/* ---- the line that changes --------------------------------------------------------------------------------------- */

static atomic_bool live_line; /* standard error ends with it */

static void clear_line(void)
{
    fputs("\r\033[K", stderr);
}

void cli_line_begin(void)
{
    clear_line();
    atomic_store(&live_line, true);
}

void cli_line_erase(void)
{
    if (atomic_exchange(&live_line, false))
        clear_line();
}

void cli_line_keep(void)
{
    if (atomic_exchange(&live_line, false))
        fputc('\n', stderr);
}

void cli_line_erase_for_results(void)
{
    if (isatty(STDOUT_FILENO))
        cli_line_erase();
}

/* ---- progress ---------------------------------------------------------------------------------------------------- */

CliProgress cli_progress(const char *what, long n, long before)
{
    const double now = cli_now();
    return (CliProgress){ what, n, before, before, now, now, isatty(STDERR_FILENO) != 0 };
}

static void print_time(char *out, size_t size, double seconds)
{
    const long s = (long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, size, "%ld:%02ld", s / 60, s % 60);
}

static void show(CliProgress *p, double now)
{
    enum { WIDTH = 30 };
    const double elapsed = now - p->start;
    const double rate = elapsed > 0 ? (double)(p->done - p->before) / elapsed : 0;
    char left[32] = "?", bar[WIDTH + 1];
    if (rate > 0 || p->done == p->n)
        print_time(left, sizeof left, p->done < p->n ? (double)(p->n - p->done) / rate : 0);
    const long full = p->n ? p->done * WIDTH / p->n : WIDTH;
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i < full ? '#' : '.';
    bar[WIDTH] = 0;
    if (p->live)
        cli_line_begin();
    fprintf(stderr, "%s [%s] %ld/%ld  %.2f/s  %s left%s", p->what, bar, p->done, p->n, rate, left, p->live ? "" : "\n");
    p->last_shown = now;
}

void cli_progress_step(CliProgress *p, long done)
{
    const double now = cli_now();
    p->done = done;
    if (!cli.quiet && now - p->last_shown >= (p->live ? 0.2 : 10))
        show(p, now);
}

void cli_progress_end(CliProgress *p)
{
    if (cli.quiet)
        return;
    show(p, cli_now());
    cli_line_keep();
}

bool cli_run_progress(void *user, long done, long n)
{
    CliRunProgress *p = user;
    if (!p->begun) {
        p->begun = true;
        p->shown = cli_progress(p->what, n, done);
        if (done && !cli.quiet)
            fprintf(stderr, "%ld images are already done\n", done);
    } else if (!p->silent) {
        cli_progress_step(&p->shown, done);
    }
    return !cli_interrupted();
}
