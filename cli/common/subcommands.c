/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/subcommands.c -- finds the subcommand that the first word names, and rejects options of
 * other subcommands.
 */
#include "cli/common/subcommands.h"

#include <string.h>

enum { MOST = 16 };

/* ---- which subcommand -------------------------------------------------------------------------------------------- */

/* "coco, lvis or check" */
static void list_names(DfTextbuf *t, const char *const *names, size_t n, const char *before_last)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            df_textbuf_add(t, "%s ", i + 1 < n ? "," : before_last);
        df_textbuf_add(t, "%s", names[i]);
    }
}

static int unknown(const char *name, const char *const *names, size_t n)
{
    const char *const nearest = df_nearest_name(name, names, n);
    DfTextbuf t = { 0 };
    char *list = NULL;
    if (nearest)
        return df_fail(CLI_EUSAGE, "no subcommand '%s'; did you mean '%s'?", name, nearest);
    list_names(&t, names, n, " or");
    int error = df_textbuf_take(&t, &list);
    if (error == DF_OK)
        error = df_fail(CLI_EUSAGE, "no subcommand '%s': want %s", name, list);
    df_free(list);
    return error;
}

static int find(const CliSubcommand **out, const CliSubcommand *const *subcommands, const char *name)
{
    const char *names[MOST] = { NULL };
    size_t n = 0;
    for (; n < MOST && subcommands[n]; n++) {
        if (strcmp(subcommands[n]->name, name) == 0) {
            *out = subcommands[n];
            return DF_OK;
        }
        names[n] = subcommands[n]->name;
    }
    return unknown(name, names, n);
}

/* ---- which options ----------------------------------------------------------------------------------------------- */

bool cli_has_word(const char *words, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = words; *at; at += strspn(at, " ")) {
        const size_t n = strcspn(at, " ");
        if (n == length && strncmp(at, word, n) == 0)
            return true;
        at += n;
    }
    return false;
}

/* Whether `option` belongs to `subcommand`: a heading names the subcommands of the options below it. */
static bool is_for(const CliOption *options, const char *option, const char *subcommand)
{
    const char *subcommands = NULL;
    for (const CliOption *o = options; o->kind != CLI_END; o++) {
        if (o->kind == CLI_HEADING)
            subcommands = o->value;
        else if (strcmp(o->name, option) == 0 && (!subcommands || cli_has_word(subcommands, subcommand)))
            return true;
    }
    return false;
}

static int wrong_option(const CliCommand *command, const CliSubcommand *const *subcommands, const char *option,
                        const char *subcommand)
{
    const char *names[MOST] = { NULL };
    size_t n = 0;
    DfTextbuf t = { 0 };
    char *list = NULL;
    for (size_t i = 0; subcommands[i]; i++)
        if (is_for(command->options, option, subcommands[i]->name))
            names[n++] = subcommands[i]->name;
    list_names(&t, names, n, " and");
    int error = df_textbuf_take(&t, &list);
    if (error == DF_OK)
        error = df_fail(CLI_EUSAGE, "%s has no %s, which is for %s", subcommand, option, list);
    df_free(list);
    return error;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

int cli_run_subcommand(const CliCommand *command, const CliSubcommand *const *subcommands, int n,
                       const char *const *args)
{
    const CliSubcommand *subcommand = NULL;
    const int error = find(&subcommand, subcommands, args[0]);
    if (error < 0)
        return error;
    n--;
    if (n < subcommand->least || (subcommand->most >= 0 && n > subcommand->most))
        return df_fail(CLI_EUSAGE, "want: deformer %s %s %s", command->name, subcommand->name, subcommand->arguments);
    for (int i = 0; i < cli.n_given; i++)
        if (!is_for(command->options, cli.given[i], subcommand->name))
            return wrong_option(command, subcommands, cli.given[i], subcommand->name);
    return subcommand->run(n, args + 1);
}
