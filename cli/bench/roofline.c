/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/bench/roofline.c -- modules under the roofline (Williams, Waterman, Patterson, CACM 2009): a module that does F
 * operations on B bytes takes at least
 *     max(F / peak, B / bandwidth)
 * seconds. The larger of the two is its bound: modules with many operations a byte, F / B > peak / bandwidth, are
 * bound by arithmetic, the others by memory.
 */
#include "cli/bench/bench.h"
#include "report/report.h"

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static double least_seconds(const CliCost *m, const CliRoof *roof)
{
    const double arithmetic = ratio(m->done, roof->peak);
    const double memory = ratio(m->bytes, roof->bandwidth);
    return arithmetic > memory ? arithmetic : memory;
}

static const char *side_of(const CliCost *m, const CliRoof *roof)
{
    return ratio(m->done, roof->peak) > ratio(m->bytes, roof->bandwidth) ? "arithmetic" : "memory";
}

void cli_roofline_head(const CliRoof *roof, int width)
{
    printf("sgemm peak %.1f GFLOP/s; memory %.1f GB/s; the ridge is at %.1f flop/byte\n\n", 1e-9 * roof->peak,
           1e-9 * roof->bandwidth, ratio(roof->peak, roof->bandwidth));
    printf("%-*s %9s %8s %8s %9s %8s %9s %8s %9s %9s %8s  %s\n", width, "module", "ms", "GFLOP", "done", "GFLOP/s",
           "of peak", "MB", "GB/s", "of memory", "flop/byte", "of roof", "bound by");
}

void cli_roofline_row(const CliCost *m, const CliRoof *roof, int width)
{
    printf("%-*s %9.2f %8.2f %8.2f %9.1f %7.1f%% %9.1f %8.1f %8.1f%% %9.1f %7.1f%%  %s\n", width, m->name,
           1e3 * m->seconds, 1e-9 * m->flop, 1e-9 * m->done, 1e-9 * ratio(m->done, m->seconds),
           100 * ratio(m->done, m->seconds * roof->peak), 1e-6 * m->bytes, 1e-9 * ratio(m->bytes, m->seconds),
           100 * ratio(m->bytes, m->seconds * roof->bandwidth), ratio(m->done, m->bytes),
           100 * ratio(least_seconds(m, roof), m->seconds), side_of(m, roof));
}

void cli_roofline_json(DfJsonWriter *json, const CliCost *m, const CliRoof *roof)
{
    df_json_put_number(json, "flop_done", m->done);
    df_json_put_number(json, "bytes", m->bytes);
    df_json_put_number(json, "gflops", 1e-9 * ratio(m->done, m->seconds));
    df_json_put_number(json, "share_of_peak", ratio(m->done, m->seconds * roof->peak));
    df_json_put_number(json, "gigabytes_per_second", 1e-9 * ratio(m->bytes, m->seconds));
    df_json_put_number(json, "share_of_bandwidth", ratio(m->bytes, m->seconds * roof->bandwidth));
    df_json_put_number(json, "flop_per_byte", ratio(m->done, m->bytes));
    df_json_put_number(json, "share_of_roof", ratio(least_seconds(m, roof), m->seconds));
    df_json_put_text(json, "bound_by", side_of(m, roof));
}

static DfRoofModule module_of(const CliReport *r, int row)
{
    const CliCost cost = cli_cost_of(r, row);
    return (DfRoofModule){ cost.name, cost.seconds, cost.done, cost.bytes };
}

int cli_roofline_page(const CliReport *r, const char *path)
{
    const CliSession *s = r->session;
    char about[256];
    char *html = NULL;
    const int threads = df_pool_threads(s->pool);
    DfRoofModule *modules = df_calloc((size_t)r->n_rows, sizeof *modules);
    DfRoofline page = { .title = df_detector_config_path(s->detector), .about = about, .peak = r->roof.peak,
                        .bandwidth = r->roof.bandwidth, .module = modules };
    if (!modules)
        return df_fail_memory("the page");
    snprintf(about, sizeof about,
             "%d x %d x %d x %d, %s, %d thread%s, kernels %s; sgemm peak %.1f GFLOP/s, memory %.1f GB/s, ridge at %.1f "
             "flop/byte",
             r->batch, df_model_channels(s->model), r->H, r->W, df_precision_name(s->c->precision),
             threads, threads == 1 ? "" : "s", df_kernels_name(s->c->k), 1e-9 * r->roof.peak,
             1e-9 * r->roof.bandwidth, ratio(r->roof.peak, r->roof.bandwidth));
    for (int i = 1; i < r->n_rows; i++)
        if (r->rows[i].depth <= r->depth)
            modules[page.n++] = module_of(r, i);
    modules[page.n++] = module_of(r, 0);
    int error = df_report_roofline(&page, &html);
    if (error == DF_OK)
        error = cli_write_text(path, html);
    df_free(html);
    df_free(modules);
    return error;
}
