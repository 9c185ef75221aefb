/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/init.c -- deformer init: writes randomly initialised weights, drawn as in the official code.
 */
#include "cli/cli.h"

static long seed;

static const CliOption options[] = {
    CLI_OPT_INT("--seed", seed, "N", 0, 9e18, "seed of the random numbers; equal seeds give equal weights; default 0"),
    CLI_OPT_END
};

static int run(int n, const char *const *args)
{
    (void)n;
    CliSession s;
    int error = cli_session_open(&s, args[0]);
    if (error == DF_OK)
        error = df_model_init(s.model, (uint64_t)seed);
    if (error == DF_OK)
        error = nn_model_save(df_model_weights(s.model), args[1], NULL, 0);
    if (error == DF_OK && !cli.quiet)
        cli_say("%s: %s, %.2f M parameters, seed %ld", args[1], df_model_type(s.model),
                1e-6 * (double)nn_model_elements(df_model_weights(s.model), ""), seed);
    cli_session_done(&s);
    return error;
}

const CliCommand cli_command_init = {
    .name = "init",
    .synopsis = "CONFIG OUT [--seed N]",
    .summary = "create a checkpoint with random weights",
    .details = "Draws the weights from the distributions of the official code and writes them\n"
               "to OUT, a .pth or .safetensors file.",
    .examples = "  deformer init configs/demo/retinanet_dat_nano.py weights.pth --seed 1",
    .options = options,
    .least = 2,
    .most = 2,
    .output = 1,
    .run = run,
};
