/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/data/merge.c -- deformer data merge: joins several datasets.
 */
#include <stdio.h>

#include "cli/data/data.h"

static void say_merge(const DfLabelledMerge *m)
{
    if (cli.quiet)
        return;
    if (m->same_pictures)
        cli_say("%zu pictures are in several datasets and were merged, with %zu equal objects on them",
                m->same_pictures, m->same_objects);
    if (m->new_category_ids)
        cli_say("%zu classes got new ids, because another class has theirs", m->new_category_ids);
    if (m->differing)
        cli_say("%zu classes have the same name and other fields: those of the first dataset are kept", m->differing);
}

/* One file has no parts, and files are not the parts of a folder. */
static bool joins_parts(int n, const char *const *args)
{
    bool file = df_ends_with(args[n - 1], ".json");
    for (int i = 0; i < n - 1; i++)
        file |= !df_is_directory(args[i]);
    return file;
}

static int append(DfLabelled *all, const char *path, int number, bool join, DfLabelledMerge *merge)
{
    DfLabelled set;
    char prefix[16];
    snprintf(prefix, sizeof prefix, "%d", number);
    int error = cli_data_read(&set, path);
    if (error == DF_OK && number == 1)
        all->form = set.form;
    for (int p = 0; error == DF_OK && join && p < set.n_parts; p++)
        set.parts[p].name = "";
    if (error == DF_OK && (error = df_labelled_append(all, &set, cli_data.prefix ? prefix : NULL, merge)) < 0)
        df_fail_in(error, "%s: ", path);
    df_labelled_done(&set);
    return error;
}

static int run(int n, const char *const *args)
{
    DfLabelled all = { 0 };
    DfLabelledMerge merge = { 0 };
    DfLabelledMerge first = { 0 };
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < n - 1; i++)
        error = cli_data_check(args[i], args[n - 1]);
    if (error == DF_OK && cli_data.images)
        error = df_fail(CLI_EUSAGE, "--images: each dataset has its own pictures here");
    if (error == DF_OK && cli_data.prefix && !cli_data.copy && !cli_data.link)
        error = df_fail(CLI_EUSAGE, "--prefix: want --copy or --link, too, since it moves the pictures");
    if (error == DF_OK)
        error = df_labelled_begin(&all);
    for (int i = 0; error == DF_OK && i < n - 1; i++)
        error = append(&all, args[i], i + 1, joins_parts(n, args), i ? &merge : &first);
    if (error == DF_OK)
        say_merge(&merge);
    if (error == DF_OK)
        error = cli_data_write(&all, args[n - 1]);
    df_labelled_done(&all);
    return error;
}

const CliSubcommand cli_data_merge = { "merge", "IN IN... OUT", 3, -1, run };
