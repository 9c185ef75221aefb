/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/synth.c -- deformer synth: a small dataset of its own making, to try everything without a download.
 */
#include "cli/cli.h"
#include "datasets/datasets.h"

static long images = 16, seed;

static const CliOption options[] = {
    CLI_OPT_INT("--images", images, "N", 1, 100000, "how many pictures; default 16"),
    CLI_OPT_INT("--seed", seed, "N", 0, 9e18, "equal seeds give equal files; default 0"),
    CLI_OPT_END
};

static int run(int n, const char *const *args)
{
    (void)n;
    const int error = df_synthetic_coco(args[0], (int)images, (uint64_t)seed);
    if (error == DF_OK && !cli.quiet)
        fprintf(stderr, "%s: %ld pictures in val2017/, annotations/instances_val2017.json\n", args[0], images);
    return error;
}

const CliCommand cli_command_synth = {
    .name = "synth",
    .synopsis = "DIR [--images N] [--seed N]",
    .summary = "draws a small dataset in COCO's layout, to try everything without a download",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};
