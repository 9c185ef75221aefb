/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/train/test_run_log.c -- the log of a run: written, cut at a step, and read back.
 */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/train.h"

static void choose_path(char path[64])
{
    snprintf(path, 64, "/tmp/deformer-log-XXXXXX.jsonl");
    const int descriptor = mkstemps(path, 6);
    cr_assert_geq(descriptor, 0);
    close(descriptor);
}

static void add(DfRunLog *log, const char *mode, int64_t step, double loss)
{
    const DfLogValue values[] = { { "loss", loss }, { "a \"name\"", 1.0 / 3 } };
    const DfLogEntry entry = { mode, 1, step, step, 2, values };
    cr_assert_eq(df_run_log_add(log, &entry), DF_OK, "%s", df_error());
}

static void write_some(const char *path)
{
    DfRunLog *log;
    cr_assert_eq(df_run_log_open(&log, path, -1), DF_OK, "%s", df_error());
    add(log, "train", 10, 3.5);
    add(log, "val", 10, 0.25);
    add(log, "train", 20, (double)NAN);
    add(log, "train", 30, 2.5);
    df_run_log_close(log);
}

static void holds(const char *path, const char *want)
{
    char *text;
    cr_assert_eq(df_file_text(&text, NULL, path, 1 << 20), DF_OK, "%s", df_error());
    cr_expect_str_eq(text, want);
    df_free(text);
}

#define LINE_10 "{\"mode\": \"train\", \"epoch\": 1, \"iter\": 10, \"step\": 10, \"loss\": 3.5, \"a \\\"name\\\"\": 0.333333333}\n"
#define VAL_10 "{\"mode\": \"val\", \"epoch\": 1, \"iter\": 10, \"step\": 10, \"loss\": 0.25, \"a \\\"name\\\"\": 0.333333333}\n"
#define LINE_20 "{\"mode\": \"train\", \"epoch\": 1, \"iter\": 20, \"step\": 20, \"loss\": null, \"a \\\"name\\\"\": 0.333333333}\n"
#define LINE_30 "{\"mode\": \"train\", \"epoch\": 1, \"iter\": 30, \"step\": 30, \"loss\": 2.5, \"a \\\"name\\\"\": 0.333333333}\n"

Test(run_log, lines)
{
    char path[64];
    choose_path(path);
    write_some(path);
    holds(path, LINE_10 VAL_10 LINE_20 LINE_30);
    unlink(path);
}

Test(run_log, cut_at_a_step)
{
    char path[64];
    DfRunLog *log;
    const DfLogSeries *s;
    choose_path(path);
    write_some(path);
    cr_assert_eq(df_run_log_open(&log, path, 20), DF_OK, "%s", df_error());
    const int n = df_run_log_series(log, &s);
    cr_expect_eq(n, 4);
    cr_expect(!s[0].val && strcmp(s[0].name, "loss") == 0 && s[0].n == 2 && s[0].step[1] == 20 && isnan(s[0].value[1]));
    cr_expect(s[2].val && s[2].n == 1 && s[2].value[0] == 0.25 && strcmp(s[1].name, "a \"name\"") == 0);
    add(log, "train", 30, 2.5);
    df_run_log_close(log);
    holds(path, LINE_10 VAL_10 LINE_20 LINE_30);
    unlink(path);
}

/* Killed in the middle of a line; and a file that is no log. */
Test(run_log, what_is_not_whole_goes)
{
    char path[64];
    DfRunLog *log;
    choose_path(path);
    cr_assert_eq(df_file_write_text(path, LINE_10 VAL_10 "{\"mode\": \"train\", \"epoch\": 1, \"ite"), DF_OK);
    cr_assert_eq(df_run_log_open(&log, path, 100), DF_OK, "%s", df_error());
    df_run_log_close(log);
    holds(path, LINE_10 VAL_10);
    cr_assert_eq(df_file_write_text(path, "[1, 2]\n" LINE_10), DF_OK);
    cr_assert_eq(df_run_log_open(&log, path, 100), DF_OK, "%s", df_error());
    df_run_log_close(log);
    holds(path, "");
    unlink(path);
}

Test(run_log, every_allocation_fails_once)
{
    char path[64];
    choose_path(path);
    int error = DF_ENOMEM;
    for (size_t n = 1; error == DF_ENOMEM; n++) {
        DfRunLog *log = NULL;
        const DfLogValue value = { "loss", 1 };
        const DfLogEntry entry = { "train", 1, 5, 5, 1, &value };
        write_some(path);
        df_memory_fail_at(n, false);
        error = df_run_log_open(&log, path, 20);
        if (error == DF_OK)
            error = df_run_log_add(log, &entry);
        df_run_log_close(log);
        df_memory_fail_at(0, false);
    }
    cr_expect_eq(error, DF_OK, "%s", df_error());
    unlink(path);
}
