/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/data/split.c -- deformer data split: divides pictures into parts.
 */
#define _POSIX_C_SOURCE 200809L
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data/split.h"

enum { MOST_PARTS = 16 };

/* ---- groups ------------------------------------------------------------------------------------------------------ */

/* What /REGEX/ matches in the name, or its first (group). */
static int match(DfArena *arena, const regex_t *regex, const char *name, const char **out)
{
    regmatch_t at[2];
    *out = "";
    if (regexec(regex, name, 2, at, 0) != 0)
        return DF_OK;
    const int k = regex->re_nsub > 0 && at[1].rm_so >= 0;
    *out = df_arena_copy(arena, name + at[k].rm_so, (size_t)(at[k].rm_eo - at[k].rm_so));
    return *out ? DF_OK : df_fail_memory("groups");
}

static int group_by_regex(const DfLabelled *set, const char *key, const char **group)
{
    regex_t regex;
    char *pattern = df_malloc(strlen(key));
    if (!pattern)
        return df_fail_memory("groups");
    memcpy(pattern, key + 1, strlen(key) - 2);
    pattern[strlen(key) - 2] = 0;
    const int wrong = regcomp(&regex, pattern, REG_EXTENDED);
    df_free(pattern);
    if (wrong)
        return df_fail(CLI_EUSAGE, "--group %s: want a regular expression, as in /^([a-z]+)_/", key);
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < set->n_pictures; i++)
        error = match(set->arena, &regex, set->pictures[i].name, &group[i]);
    regfree(&regex);
    return error;
}

static int group_by_folder(const DfLabelled *set, const char **group)
{
    for (int i = 0; i < set->n_pictures; i++) {
        const char *name = set->pictures[i].name;
        const char *slash = strrchr(name, '/');
        group[i] = slash ? df_arena_copy(set->arena, name, (size_t)(slash - name)) : ".";
        if (!group[i])
            return df_fail_memory("groups");
    }
    return DF_OK;
}

static int group_by_member(const DfLabelled *set, const char *key, const char **group)
{
    char value[512];
    bool any = false;
    for (int i = 0; i < set->n_pictures; i++) {
        group[i] = "";
        if (!df_labelled_picture_member(&set->pictures[i], key, value, sizeof value))
            continue;
        any = true;
        group[i] = df_arena_copy(set->arena, value, strlen(value));
        if (!group[i])
            return df_fail_memory("groups");
    }
    return any ? DF_OK : df_fail(DF_EVALUE, "--group %s: no picture has a member of that name", key);
}

int cli_data_groups(const DfLabelled *set, const char ***out)
{
    const char *key = cli_data.group;
    *out = NULL;
    if (!key)
        return DF_OK;
    *out = df_arena_alloc(set->arena, (size_t)set->n_pictures + 1, sizeof **out);
    if (!*out)
        return df_fail_memory("groups");
    if (strlen(key) > 2 && key[0] == '/' && df_ends_with(key, "/"))
        return group_by_regex(set, key, *out);
    return strcmp(key, "folder") == 0 ? group_by_folder(set, *out) : group_by_member(set, key, *out);
}

/* ---- shares ------------------------------------------------------------------------------------------------------ */

typedef struct {
    int n;
    char name[MOST_PARTS][64];
    double share[MOST_PARTS];
} Parts;

static int wrong_ratio(void)
{
    return df_fail(CLI_EUSAGE, "--ratio %s: want shares as 8:1:1, or names as train=8,val=1,test=1", cli_data.ratio);
}

/* "8:1:1" */
static int read_numbers(Parts *parts, const char *text)
{
    static const char *const names[] = { "train", "val", "test" };
    for (;;) {
        char *end;
        if (parts->n == 3)
            return wrong_ratio();
        parts->share[parts->n] = df_strtod(text, &end);
        if (end == text || (*end && *end != ':'))
            return wrong_ratio();
        memcpy(parts->name[parts->n], names[parts->n], strlen(names[parts->n]) + 1);
        parts->n++;
        if (!*end)
            return DF_OK;
        text = end + 1;
    }
}

/* "fold1=1,fold2=1" */
static int read_names(Parts *parts, const char *text)
{
    for (;;) {
        char *end;
        const size_t n = strcspn(text, "=,/");
        if (parts->n == MOST_PARTS || n == 0 || n >= sizeof parts->name[0] || text[n] != '=' || text[0] == '.')
            return wrong_ratio();
        memcpy(parts->name[parts->n], text, n);
        parts->name[parts->n][n] = 0;
        parts->share[parts->n] = df_strtod(text + n + 1, &end);
        if (end == text + n + 1 || (*end && *end != ','))
            return wrong_ratio();
        parts->n++;
        if (!*end)
            return DF_OK;
        text = end + 1;
    }
}

static int read_ratio(Parts *parts)
{
    double sum = 0;
    if (!cli_data.ratio)
        cli_data.ratio = "8:2";
    const int error = strchr(cli_data.ratio, '=') ? read_names(parts, cli_data.ratio)
                                                  : read_numbers(parts, cli_data.ratio);
    for (int k = 0; error == DF_OK && k < parts->n; k++) {
        if (!(parts->share[k] >= 0 && parts->share[k] < 1e9))
            return wrong_ratio();
        sum += parts->share[k];
        for (int i = 0; i < k; i++)
            if (strcmp(parts->name[i], parts->name[k]) == 0)
                return wrong_ratio();
    }
    return error == DF_OK && !(sum > 0) ? wrong_ratio() : error;
}

/* ---- the parts --------------------------------------------------------------------------------------------------- */

/* The parts that were there go; each picture remembers where its file is. */
static int set_parts(DfLabelled *set, const Parts *parts, const int *part_of)
{
    int error = df_labelled_keep_paths(set);
    int place[MOST_PARTS] = { 0 };
    const char *head = set->n_parts ? set->parts[0].head : "";
    if (error == DF_OK)
        set->n_parts = 0;
    for (int k = 0; error == DF_OK && k < parts->n; k++) {
        place[k] = df_labelled_add_part(set, parts->name[k]);
        error = place[k] < 0 ? place[k] : DF_OK;
        if (error == DF_OK)
            set->parts[place[k]].head = head;
    }
    for (int i = 0; error == DF_OK && i < set->n_pictures; i++)
        set->pictures[i].part = place[part_of[i]];
    return error;
}

static void say_parts(const DfLabelled *set)
{
    for (int p = 0; p < set->n_parts && !cli.quiet; p++) {
        int pictures = 0;
        size_t objects = 0;
        for (int i = 0; i < set->n_pictures; i++)
            if (set->pictures[i].part == p) {
                pictures++;
                objects += set->pictures[i].n;
            }
        cli_say("%s: %d pictures, %zu objects", set->parts[p].name, pictures, objects);
    }
}

static int split(DfLabelled *set, const Parts *parts)
{
    DfLabelledShares shares = { .n = parts->n, .share = parts->share, .stratify = cli_data.stratify };
    const char **group;
    int *part_of = df_malloc(((size_t)set->n_pictures + 1) * sizeof *part_of);
    int error = part_of ? cli_data_groups(set, &group) : df_fail_memory("a division");
    if (error == DF_OK) {
        shares.seed = (uint64_t)cli_data.seed;
        shares.group = group;
        error = df_labelled_divide(set, &shares, part_of);
    }
    if (error == DF_OK)
        error = set_parts(set, parts, part_of);
    df_free(part_of);
    if (error == DF_OK)
        say_parts(set);
    return error;
}

static int run(int n, const char *const *args)
{
    (void)n;
    DfLabelled set = { 0 };
    Parts parts = { 0 };
    int error = cli_data_check(args[0], args[1]);
    if (error == DF_OK)
        error = read_ratio(&parts);
    if (error == DF_OK && df_ends_with(args[1], ".json"))
        error = df_fail(CLI_EUSAGE, "%s: want the name of a folder, since each part is a file", args[1]);
    if (error == DF_OK)
        error = cli_data_read(&set, args[0]);
    if (error == DF_OK)
        error = split(&set, &parts);
    if (error == DF_OK)
        error = cli_data_write(&set, args[1]);
    df_labelled_done(&set);
    return error;
}

const CliSubcommand cli_data_split = { "split", "IN OUT [--ratio A:B:C]", 2, 2, run };
