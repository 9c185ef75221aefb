/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/info.c -- deformer info: parameters, multiply-adds and activation memory of every module, by a dry pass.
 */
#include "cli/common/passes.h"

#include <string.h>

static const char *shape_text, *json_path;
static long depth = 2, batch = 1;

static const CliOption options[] = {
    CLI_OPT_TEXT("--shape", shape_text, "HxW",
                 "input size in pixels; default 800x1280 for detectors, 512x512 for segmentors, the config's img_size "
                 "for classifiers"),
    CLI_OPT_INT("--batch", batch, "N", 1, 1024, "number of images in one pass; default 1"),
    CLI_OPT_INT("--depth", depth, "N", 0, 1000, "list modules down to this level; default 2"),
    CLI_OPT_TEXT("--json", json_path, "FILE", "write the numbers as JSON; with `-` to stdout, in place of the table"),
    CLI_OPT_END
};

static void put_row(DfJsonWriter *json, const char *key, const DfProfileRow *row, size_t parameters)
{
    df_json_begin(json, key, '{');
    df_json_put_text(json, "module", row->path);
    df_json_put_number(json, "parameters", (double)parameters);
    df_json_put_number(json, "multiply_adds", cli_multiply_adds(row));
    df_json_put_number(json, "layer_multiply_adds", row->macs[DF_MACS_LAYER]);
    df_json_put_number(json, "attention_multiply_adds", row->macs[DF_MACS_ATTENTION]);
    df_json_put_number(json, "padding_multiply_adds", row->macs[DF_MACS_PADDING]);
    df_json_put_number(json, "activations", (double)row->activations);
    df_json_end(json);
}

static void print_row(const char *name, int indent, size_t parameters, const DfProfileRow *row)
{
    printf("%*s%-*s %9.3f M %9.3f G %9.3f G %9.3f G %9.3f G %8.1f MB\n", 2 * indent, "", 34 - 2 * indent, name,
           1e-6 * (double)parameters, 1e-9 * cli_multiply_adds(row), 1e-9 * row->macs[DF_MACS_LAYER],
           1e-9 * row->macs[DF_MACS_ATTENTION], 1e-9 * row->macs[DF_MACS_PADDING], 4e-6 * (double)row->activations);
}

static int report(CliSession *s, int H, int W)
{
    const DfProfileRow *rows;
    const int n = df_profile_rows(s->c, &rows);
    NnModel *weights = df_model_weights(s->model);
    const size_t all = nn_model_elements(weights, "");
    DfJsonWriter json = { 0 };
    df_json_begin(&json, NULL, '{');
    df_json_put_text(&json, "model", df_model_type(s->model));
    df_json_put_number(&json, "height", H);
    df_json_put_number(&json, "width", W);
    df_json_begin(&json, "modules", '[');
    const bool table = !json_path || strcmp(json_path, "-") != 0;
    if (table)
        printf("%s, %ld x %d x %d x %d\n\n%-34s %11s %11s %11s %11s %11s %11s\n", df_model_type(s->model), batch,
               df_model_channels(s->model), H, W, "module", "parameters", "mult-adds", "= layers", "+ attention",
               "+ padding", "activations");
    for (int i = 1; i < n; i++) {
        const size_t parameters = nn_model_elements(weights, rows[i].path);
        put_row(&json, NULL, &rows[i], parameters);
        if (table && rows[i].depth <= depth)
            print_row(rows[i].path, rows[i].depth - 1, parameters, &rows[i]);
    }
    df_json_end(&json);
    if (table) {
        print_row("total", 0, all, &rows[0]);
        printf("\npeak activation memory: %.1f MB\n", 1e-6 * (double)s->c->peak);
    }
    put_row(&json, "total", &rows[0], all);
    df_json_put_number(&json, "peak_activation_bytes", (double)s->c->peak);
    df_json_end(&json);
    return cli_write_json(&json, json_path);
}

static int run(int n, const char *const *args)
{
    (void)n;
    CliSession s;
    int H = 0, W = 0, error = cli_session_open(&s, args[0]);
    if (error == DF_OK)
        error = cli_input_shape(&s, shape_text, 1280, &H, &W);
    if (error == DF_OK)
        error = cli_dry_pass(&s, (int)batch, H, W);
    if (error == DF_OK)
        error = report(&s, H, W);
    cli_session_done(&s);
    return error;
}

const CliCommand cli_command_info = {
    .name = "info",
    .synopsis = "CONFIG [OPTION]...",
    .summary = "count parameters, multiply-adds and activation memory",
    .details = "Prints a row for every module. No weights are needed, and the network is not run:\n"
               "the counts follow from the config and the input size.\n"
               "\n"
               "One multiplication and one addition count as one multiply-add, as in the papers.\n"
               "The column `mult-adds` is the sum of three parts:\n"
               "  layers     layers with weights (convolutions, linear layers)\n"
               "  attention  queries times keys, and attention times values\n"
               "  padding    the work of the official code on padded windows, which deformer\n"
               "             skips\n"
               "`activations` is the memory of all outputs of a module. The last line is the\n"
               "largest amount that is needed at the same time.",
    .examples = "  deformer info configs/retinanet/retinanet_dat_tiny_fpn_1x_coco.py --depth 1\n"
                "  deformer info configs/classification/dat_tiny_224.py --json dat.json",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};
