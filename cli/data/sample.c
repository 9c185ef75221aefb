/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/data/sample.c -- deformer data sample: draws some pictures at random.
 */
#include "cli/data/split.h"

static int check_options(void)
{
    if ((cli_data.number > 0) == (cli_data.share >= 0))
        return df_fail(CLI_EUSAGE, "want --number N or --share X");
    return DF_OK;
}

static int sample(DfLabelled *set)
{
    double share[2] = { cli_data.share, 1 - cli_data.share };
    const char **group;
    if (cli_data.number > set->n_pictures)
        return df_fail(DF_EVALUE, "--number %ld: there are %d pictures", cli_data.number, set->n_pictures);
    if (cli_data.number > 0) {
        share[0] = (double)cli_data.number;
        share[1] = (double)set->n_pictures - (double)cli_data.number;
    }
    int *part_of = df_malloc(((size_t)set->n_pictures + 1) * sizeof *part_of);
    int error = part_of ? cli_data_groups(set, &group) : df_fail_memory("a sample");
    if (error == DF_OK) {
        const DfLabelledShares shares = { .n = 2, .share = share, .seed = (uint64_t)cli_data.seed,
                                          .stratify = cli_data.stratify, .group = group };
        error = df_labelled_divide(set, &shares, part_of);
    }
    if (error == DF_OK)
        error = cli_data_choose(set, part_of, 0);
    df_free(part_of);
    return error;
}

static int run(int n, const char *const *args)
{
    (void)n;
    DfLabelled set = { 0 };
    int error = cli_data_check(args[0], args[1]);
    if (error == DF_OK)
        error = check_options();
    if (error == DF_OK)
        error = cli_data_read(&set, args[0]);
    if (error == DF_OK)
        error = sample(&set);
    if (error == DF_OK)
        error = cli_data_write(&set, args[1]);
    df_labelled_done(&set);
    return error;
}

const CliSubcommand cli_data_sample = { "sample", "IN OUT --number N|--share X", 2, 2, run };
