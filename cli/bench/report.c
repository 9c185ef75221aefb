/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/bench/report.c -- prints the times of passes as a table, and writes them as JSON.
 */
#include "cli/bench/bench.h"

#include <string.h>

static CliCost cost_of(const DfProfileRow *row, int n)
{
    const double macs = row->macs[DF_MACS_LAYER] + row->macs[DF_MACS_ATTENTION];
    return (CliCost){ .name = row->path,
                      .seconds = row->seconds / n,
                      .flop = 2 * macs / n,
                      .done = 2 * (macs - row->macs[DF_MACS_SPARED]) / n,
                      .bytes = row->bytes / n };
}

/* The whole pass took the median of its times, and its modules their means. */
static CliCost whole_of(const CliReport *r, double seconds)
{
    CliCost whole = cost_of(&r->rows[0], r->passes);
    whole.name = "network";
    whole.seconds = seconds;
    return whole;
}

CliCost cli_cost_of(const CliReport *r, int row)
{
    return row == 0 ? whole_of(r, r->counted) : cost_of(&r->rows[row], r->passes);
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static void print_plain_row(const CliCost *m, int depth, double peak)
{
    const int indent = depth > 1 ? 2 * (depth - 1) : 0;
    printf("%*s%-*s %10.2f %9.2f %12.1f %7.1f%%\n", indent, "", 34 - indent, m->name, 1e3 * m->seconds, 1e-9 * m->flop,
           1e-9 * m->flop / m->seconds, 100 * m->flop / m->seconds / peak);
}

static void print_plain(const CliReport *r)
{
    printf("%-34s %10s %9s %12s %8s\n", "module", "ms", "GFLOP", "GFLOP/s", "of peak");
    for (int i = 1; i < r->n_rows; i++) {
        const CliCost m = cli_cost_of(r, i);
        if (r->rows[i].depth <= r->depth)
            print_plain_row(&m, r->rows[i].depth, r->roof.peak);
    }
    const CliCost whole = whole_of(r, r->network);
    print_plain_row(&whole, 0, r->roof.peak);
}

static void print_roofline(const CliReport *r)
{
    int width = (int)sizeof "with decoding";
    for (int i = 1; i < r->n_rows; i++)
        if (r->rows[i].depth <= r->depth && (int)strlen(r->rows[i].path) > width)
            width = (int)strlen(r->rows[i].path);
    cli_roofline_head(&r->roof, width);
    for (int i = 1; i < r->n_rows; i++) {
        const CliCost m = cli_cost_of(r, i);
        if (r->rows[i].depth <= r->depth)
            cli_roofline_row(&m, &r->roof, width);
    }
    const CliCost whole = cli_cost_of(r, 0);
    cli_roofline_row(&whole, &r->roof, width);
}

static void print_throughput(const CliReport *r)
{
    printf("\none at a time: %.2f images/s", r->batch / r->whole);
    if (r->throughput.streams > 1)
        printf("; %d at a time: %.2f images/s", r->throughput.streams, r->throughput.images_per_second);
    printf("%s\n", r->batch > 1 ? " (in batches)" : "");
}

static void print_table(const CliReport *r)
{
    const CliSession *s = r->session;
    const int threads = df_pool_threads(s->pool);
    printf("%s, %d x %d x %d x %d, %s, %d thread%s, kernels %s, median of %d\n\n", df_model_type(s->model), r->batch,
           df_model_channels(s->model), r->H, r->W, df_precision_name(df_detector_precision(s->detector)),
           threads, threads == 1 ? "" : "s", df_kernels_name(s->c->k), r->passes);
    if (r->roof.bandwidth > 0)
        print_roofline(r);
    else
        print_plain(r);
    if (df_model_is_detector(s->model))
        printf("%-34s %10.2f\n", "with decoding", 1e3 * r->whole);
    print_throughput(r);
    printf("fastest %.2f ms; sgemm peak %.1f GFLOP/s; peak memory %.0f MB\n", 1e3 * r->fastest, 1e-9 * r->roof.peak,
           1e-6 * (double)r->memory);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void put_module(DfJsonWriter *json, const CliReport *r, const CliCost *m, int depth)
{
    df_json_put_text(json, "module", m->name);
    df_json_put_number(json, "depth", depth);
    df_json_put_number(json, "milliseconds", 1e3 * m->seconds);
    df_json_put_number(json, "flop", m->flop);
    if (r->roof.bandwidth > 0)
        cli_roofline_json(json, m, &r->roof);
}

static void put_modules(DfJsonWriter *json, const CliReport *r)
{
    df_json_begin(json, "modules", '[');
    for (int i = 1; i < r->n_rows; i++) {
        const CliCost m = cli_cost_of(r, i);
        df_json_begin(json, NULL, '{');
        put_module(json, r, &m, r->rows[i].depth);
        df_json_end(json);
    }
    df_json_end(json);
}

static void put_roof(DfJsonWriter *json, const CliReport *r)
{
    const CliCost whole = cli_cost_of(r, 0);
    df_json_put_number(json, "memory_gigabytes_per_second", 1e-9 * r->roof.bandwidth);
    df_json_put_number(json, "ridge_flop_per_byte", r->roof.peak / r->roof.bandwidth);
    df_json_begin(json, "network", '{');
    put_module(json, r, &whole, 0);
    df_json_end(json);
}

static void put_throughput(DfJsonWriter *json, const CliThroughput *t)
{
    df_json_begin(json, "throughput", '{');
    df_json_put_number(json, "streams", t->streams);
    df_json_put_number(json, "images_per_second", t->images_per_second);
    df_json_end(json);
}

int cli_bench_report(const CliReport *r, const char *json_path)
{
    const CliCost whole = whole_of(r, r->network);
    DfJsonWriter json = { 0 };
    df_json_begin(&json, NULL, '{');
    put_modules(&json, r);
    df_json_put_number(&json, "milliseconds", 1e3 * r->network);
    df_json_put_number(&json, "whole_milliseconds", 1e3 * r->whole);
    df_json_put_number(&json, "fastest_milliseconds", 1e3 * r->fastest);
    df_json_put_number(&json, "gflops", 1e-9 * whole.flop / r->network);
    df_json_put_number(&json, "sgemm_peak_gflops", 1e-9 * r->roof.peak);
    df_json_put_number(&json, "share_of_peak", whole.flop / r->network / r->roof.peak);
    df_json_put_number(&json, "peak_rss_bytes", (double)r->memory);
    df_json_put_number(&json, "threads", df_pool_threads(r->session->pool));
    df_json_put_text(&json, "precision", df_precision_name(df_detector_precision(r->session->detector)));
    df_json_put_number(&json, "batch", r->batch);
    df_json_put_number(&json, "images_per_second", r->batch / r->whole);
    if (r->throughput.streams)
        put_throughput(&json, &r->throughput);
    if (r->roof.bandwidth > 0)
        put_roof(&json, r);
    df_json_end(&json);
    if (!json_path || strcmp(json_path, "-") != 0)
        print_table(r);
    return cli_write_json(&json, json_path);
}
