/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/overwriting.c -- no command writes over what it reads, and no two of its outputs are one file.
 */
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

bool cli_is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

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

/* A file, or NAME=FILE; streams and devices are nobody's. */
static bool is_input(const char *path, const char *text)
{
    struct stat s;
    const char *behind = text ? strchr(text, '=') : NULL;
    if (!text || stat(path, &s) < 0 || !S_ISREG(s.st_mode))
        return false;
    return cli_is_same_file(path, text) || (behind && cli_is_same_file(path, behind + 1));
}

static const char *text_of(const CliOption *option)
{
    return option->kind == CLI_TEXT && option->to ? *(const char *const *)option->to : NULL;
}

static int check_texts(const CliOption *out, const char *path, const CliTexts *texts)
{
    for (int i = 0; i < texts->n; i++)
        if (is_input(path, texts->v[i]))
            return df_fail(CLI_EUSAGE, "%s %s: this file is read: want another place to write to", out->name, path);
    return DF_OK;
}

/* Whether another option reads `path`, or writes it too. */
static int check_options(const CliOption *options, const CliOption *out, const char *path)
{
    int error = DF_OK;
    for (const CliOption *o = options; error == DF_OK && o->kind != CLI_END; o++) {
        const char *text = o == out || o->to == out->to ? NULL : text_of(o);
        if (o->kind == CLI_TEXTS)
            error = check_texts(out, path, o->to);
        else if (text && is_written(o->name) && strcmp(text, path) == 0 && strcmp(path, "-") != 0)
            error = df_fail(CLI_EUSAGE, "%s and %s both write %s: want a file for each", out->name, o->name, path);
        else if (is_input(path, text))
            error = df_fail(CLI_EUSAGE, "%s %s: %s reads this file: want another place to write to", out->name, path,
                            o->name);
    }
    return error;
}

int cli_check_overwriting(const CliCommand *command, int n, const char *const *args)
{
    int error = DF_OK;
    if (!command->options)
        return DF_OK;
    for (const CliOption *o = command->options; error == DF_OK && o->kind != CLI_END; o++) {
        const char *path = is_written(o->name) ? text_of(o) : NULL;
        for (int i = 0; path && error == DF_OK && i < n; i++)
            if (is_input(path, args[i]))
                error = df_fail(CLI_EUSAGE, "%s %s: this file is read: want another place to write to", o->name, path);
        if (path && error == DF_OK)
            error = check_options(command->options, o, path);
    }
    return error;
}
