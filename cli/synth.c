/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/synth.c -- deformer synth: a small dataset of its own making, to try everything without a download.
 */
#include "cli/cli.h"
#include "datasets/datasets.h"

static long images = 16, seed;

static const CliOption options[] = {
    CLI_OPT_INT("--images", images, "N", 1, 100000, "number of pictures; default 16"),
    CLI_OPT_INT("--seed", seed, "N", 0, 9e18, "seed of the random numbers; equal seeds give equal files; default 0"),
    CLI_OPT_END
};

static int run(int n, const char *const *args)
{
    (void)n;
    const int error = df_synthetic_coco(args[0], (int)images, (uint64_t)seed);
    if (error == DF_OK && !cli.quiet)
        cli_say("%s: %ld pictures in val2017/, annotations/instances_val2017.json", args[0], images);
    return error;
}

const CliCommand cli_command_synth = {
    .name = "synth",
    .synopsis = "DIR [OPTION]...",
    .summary = "create a small synthetic dataset in the layout of COCO",
    .details = "Draws simple shapes and writes the pictures to DIR/val2017/ and their boxes and\n"
               "masks to DIR/annotations/instances_val2017.json. With it you can try every other\n"
               "command without a download.",
    .examples = "  deformer synth pictures/ --images 24\n"
                "  deformer eval configs/demo/retinanet_dat_nano.py random --data pictures/",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};
