/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/overwriting.c -- checks that no command overwrites its inputs, and that no two of its outputs are the
 * same file.
 */
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

bool cli_is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* ---- what is written --------------------------------------------------------------------------------------------- */

static bool is_written(const char *option)
{
    static const char *const names[] = {
        "--json", "--explain", "--dump", "--per-image", "--markdown", "--chart", "--page", "--output", NULL,
    };
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], option) == 0)
            return true;
    return false;
}

static const char *text_of(const CliOption *option)
{
    return option->kind == CLI_TEXT && option->to ? *(const char *const *)option->to : NULL;
}

/* An option that two things of a command have is one variable. */
static void add_output(const char *name, const char *path)
{
    for (int i = 0; i < cli.n_outputs; i++)
        if (cli.outputs[i].path == path)
            return;
    if (path && cli.n_outputs < CLI_MOST_OUTPUTS)
        cli.outputs[cli.n_outputs++] = (CliOutput){ name, path };
}

static void find_outputs(const CliCommand *command, int n, const char *const *args)
{
    if (command->output && command->output < n)
        add_output("OUT", args[command->output]);
    for (const CliOption *o = command->options; o && o->kind != CLI_END; o++)
        if (is_written(o->name))
            add_output(o->name, text_of(o));
}

/* ---- what is read ------------------------------------------------------------------------------------------------ */

/* Whether an index of weights names the file, which lies beside it. */
static bool is_shard_of(const char *path, const char *index)
{
    const char *slash = strrchr(path, '/');
    const size_t folder = strlen(index) - strlen(strrchr(index, '/') ? strrchr(index, '/') + 1 : index);
    char beside[4096], quoted[300];
    char *text = NULL;
    size_t size;
    const char *name = slash ? slash + 1 : path;
    if (!df_ends_with(index, ".index.json") ||
        df_snprintf(beside, sizeof beside, "%.*s%s", (int)folder, index, name) >= (int)sizeof beside ||
        df_snprintf(quoted, sizeof quoted, "\"%s\"", name) >= (int)sizeof quoted || !cli_is_same_file(path, beside))
        return false;
    const bool named = df_file_text(&text, &size, index, (size_t)64 << 20) == DF_OK && strstr(text, quoted);
    df_free(text);
    return named;
}

/* A model's folder stands for its weights, an index for its files. */
static bool is_weights_of(const char *path, const char *text)
{
    char *weights = NULL;
    if (!df_is_directory(text))
        return is_shard_of(path, text);
    const bool found = df_folder_weights(&weights, text) == DF_OK;
    const bool same = found && (cli_is_same_file(path, weights) || is_shard_of(path, weights));
    df_free(weights);
    return same;
}

/* A file, NAME=FILE, or a model's folder; streams and devices are nobody's. */
static bool is_input(const char *path, const char *text)
{
    const char *behind = text ? strchr(text, '=') : NULL;
    if (!text || !df_is_file(path))
        return false;
    return cli_is_same_file(path, text) || is_weights_of(path, text) || (behind && cli_is_same_file(path, behind + 1));
}

/* DIR or NAME=DIR, and what is in it; also in a folder that is written, where scores would replace what they are of. */
static int check_folder(const CliOutput *out, const char *text)
{
    const char *behind = text ? strchr(text, '=') : NULL;
    if (!text || (!df_is_data_of(text, out->path) && !(behind && df_is_data_of(behind + 1, out->path))))
        return DF_OK;
    return df_fail(CLI_EUSAGE, "%s %s: this file is data of %s: want another place to write to", out->name, out->path,
                   behind && !df_is_directory(text) ? behind + 1 : text);
}

static int check_texts(const CliOutput *out, int n, const char *const *texts)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < n; i++) {
        if (texts[i] != out->path && is_input(out->path, texts[i]))
            error = df_fail(CLI_EUSAGE, "%s %s: this file is read: want another place to write to", out->name,
                            out->path);
        if (error == DF_OK)
            error = check_folder(out, texts[i]);
    }
    return error;
}

/* Whether another option reads the file, or writes it too. */
static int check_option(const CliOutput *out, const CliOption *o)
{
    const char *text = text_of(o);
    if (o->kind == CLI_TEXTS) {
        const CliTexts *texts = o->to;
        return check_texts(out, texts->n, texts->v);
    }
    if (!text || text == out->path)
        return DF_OK;
    if (is_written(o->name) && strcmp(text, out->path) == 0 && strcmp(text, "-") != 0)
        return df_fail(CLI_EUSAGE, "%s and %s both write %s: want a file for each", out->name, o->name, out->path);
    if (is_input(out->path, text))
        return df_fail(CLI_EUSAGE, "%s %s: %s reads this file: want another place to write to", out->name, out->path,
                       o->name);
    return check_folder(out, text);
}

int cli_check_overwriting(const CliCommand *command, int n, const char *const *args)
{
    int error = DF_OK;
    find_outputs(command, n, args);
    for (int i = 0; error == DF_OK && i < cli.n_outputs; i++) {
        error = check_texts(&cli.outputs[i], n, args);
        for (const CliOption *o = command->options; error == DF_OK && o && o->kind != CLI_END; o++)
            error = check_option(&cli.outputs[i], o);
    }
    return error;
}

int cli_check_overwriting_config(const DfNode *root, const char *data_dir)
{
    for (int i = 0; i < cli.n_outputs; i++) {
        const CliOutput *out = &cli.outputs[i];
        const DfNode *node = df_is_file(out->path) ? df_named_file(root, data_dir, out->path) : NULL;
        if (node && df_config_reads(root, out->path))
            return df_fail(CLI_EUSAGE, "%s %s: the config is read from this file: want another place to write to",
                           out->name, out->path);
        if (node)
            return df_node_fail(node, CLI_EUSAGE, "%s %s: the config names this file: want another place to write to",
                                out->name, out->path);
    }
    return DF_OK;
}
