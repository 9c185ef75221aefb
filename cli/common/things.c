/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/things.c -- the first word of a command says what to do, and which options mean something.
 */
#include "cli/common/things.h"

#include <string.h>

enum { MOST = 16 };

/* ---- which thing ------------------------------------------------------------------------------------------------- */

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
        return df_fail(CLI_EUSAGE, "nothing called '%s'; did you mean '%s'?", name, nearest);
    list_names(&t, names, n, " or");
    int error = df_textbuf_take(&t, &list);
    if (error == DF_OK)
        error = df_fail(CLI_EUSAGE, "nothing called '%s': want %s", name, list);
    df_free(list);
    return error;
}

static int find(const CliThing **out, const CliThing *const *things, const char *name)
{
    const char *names[MOST] = { NULL };
    size_t n = 0;
    for (; n < MOST && things[n]; n++) {
        if (strcmp(things[n]->name, name) == 0) {
            *out = things[n];
            return DF_OK;
        }
        names[n] = things[n]->name;
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

/* Whether a row of that name is for the thing; a heading says for whom the rows below it are. */
static bool is_for(const CliOption *options, const char *option, const char *thing)
{
    const char *things = NULL;
    for (const CliOption *o = options; o->kind != CLI_END; o++) {
        if (o->kind == CLI_HEADING)
            things = o->value;
        else if (strcmp(o->name, option) == 0 && (!things || cli_has_word(things, thing)))
            return true;
    }
    return false;
}

static int not_for(const CliCommand *command, const CliThing *const *things, const char *option, const char *thing)
{
    const char *names[MOST] = { NULL };
    size_t n = 0;
    DfTextbuf t = { 0 };
    char *list = NULL;
    for (size_t i = 0; things[i]; i++)
        if (is_for(command->options, option, things[i]->name))
            names[n++] = things[i]->name;
    list_names(&t, names, n, " and");
    int error = df_textbuf_take(&t, &list);
    if (error == DF_OK)
        error = df_fail(CLI_EUSAGE, "%s has no %s, which is for %s", thing, option, list);
    df_free(list);
    return error;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

int cli_run_thing(const CliCommand *command, const CliThing *const *things, int n, const char *const *args)
{
    const CliThing *thing = NULL;
    const int error = find(&thing, things, args[0]);
    if (error < 0)
        return error;
    n--;
    if (n < thing->least || (thing->most >= 0 && n > thing->most))
        return df_fail(CLI_EUSAGE, "want: deformer %s %s %s", command->name, thing->name, thing->arguments);
    for (int i = 0; i < cli.n_given; i++)
        if (!is_for(command->options, cli.given[i], thing->name))
            return not_for(command, things, cli.given[i], thing->name);
    return thing->run(n, args + 1);
}
