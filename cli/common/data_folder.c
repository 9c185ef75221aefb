/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/data_folder.c -- the option --data of commands that test a network.
 */
#include "cli/common/data_folder.h"

#include <stdlib.h>

static int add_settings(const DfFolderSettings *settings)
{
    if (cli.n_set + settings->n > CLI_SETS)
        return df_fail(CLI_EUSAGE, "more than %d overrides", CLI_SETS);
    for (int i = 0; i < settings->n; i++)
        cli.set[cli.n_set++] = settings->text[i];
    return DF_OK;
}

static const char *const in_made_folder[] = { "deformer_val.json", "pictures_val.txt", NULL };

static int work_folder(CliDataFolder *d, const char *out_dir)
{
    if (out_dir)
        return df_make_directory(out_dir);
    d->made = df_temporary_folder_for(in_made_folder);
    return d->made ? DF_OK : DF_EIO;
}

static int take_folder(CliDataFolder *d, const DfNode *config, const char *out_dir)
{
    DfFolderSettings settings;
    int error = work_folder(d, out_dir);
    char *absolute = error == DF_OK ? df_path_absolute(d->made ? d->made : out_dir) : NULL;
    if (error == DF_OK)
        error = absolute ? df_folder_test_settings(d->folder, config, absolute, &settings) : DF_EIO;
    df_free(absolute);
    return error == DF_OK ? add_settings(&settings) : error;
}

int cli_data_folder(CliDataFolder *d, const char *config_path, const char *data_dir, const char *out_dir)
{
    DfConfig *config = NULL;
    *d = (CliDataFolder){ .data_dir = data_dir };
    int error = data_dir ? df_model_config_read(&config, config_path, cli.set, cli.n_set) : DF_OK;
    if (error == DF_OK && data_dir && !df_folder_has_test(df_config_root(config), data_dir)) {
        error = df_folder_open_for(&d->folder, data_dir, df_config_root(config));
        if (error == DF_OK)
            error = take_folder(d, df_config_root(config), out_dir);
        d->data_dir = NULL;
    }
    if (error == DF_OK && d->data_dir)
        error = cli_check_overwriting_config(df_config_root(config), d->data_dir);
    if (error == DF_OK && d->folder)
        df_log(DF_LOG_INFO, "%s", df_folder_sentence(d->folder));
    df_config_free(config);
    return error;
}

void cli_data_folder_done(CliDataFolder *d)
{
    if (d->made)
        df_remove_folder(d->made, in_made_folder);
    df_free(d->made);
    df_folder_free(d->folder);
    *d = (CliDataFolder){ 0 };
}
