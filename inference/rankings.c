/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/rankings.c -- the most likely classes of pictures, in a file of lines "PICTURE CLASS CLASS ...", all
 * numbers from 0, after a first line with the hashes of what they depend on.
 */
#include "inference/rankings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 64, LINE = 16 * (DF_TOP + 1) };

/* ---- an earlier run ---------------------------------------------------------------------------------------------- */

/* A number of 0..most - 1, or -1 after `*at` is moved nowhere. */
static int take_number(const char **at, int most)
{
    char *end;
    if (**at < '0' || **at > '9')
        return -1;
    errno = 0;
    const long number = strtol(*at, &end, 10);
    if (errno || number >= most)
        return -1;
    *at = end;
    while (**at == ' ')
        ++*at;
    return (int)number;
}

/* False if the line is none of a picture. */
static bool take_line(DfRankings *r, const char *line)
{
    int32_t best[DF_TOP];
    const int index = take_number(&line, r->n);
    const int known = r->classes < DF_TOP ? r->classes : DF_TOP;
    for (int i = 0; i < DF_TOP; i++)
        best[i] = i < known ? take_number(&line, r->classes) : -1;
    if (index < 0 || *line || best[0] < 0 || best[known - 1] < 0)
        return false;
    memcpy(r->best[index], best, sizeof best);
    r->done[index] = true;
    return true;
}

/* How much of the text is good: up to the first line that is not whole. */
static size_t take_lines(DfRankings *r, char *text, const char *head)
{
    char *line = text;
    for (char *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        if (line == text ? strcmp(line, head) != 0 : !take_line(r, line))
            break;
    }
    return (size_t)(line - text);
}

static int resume(DfRankings *r, const char *path, const char *head, bool fresh, size_t *good)
{
    char *text = NULL;
    size_t size = 0;
    *good = 0;
    if (fresh || !df_file_exists(path))
        return DF_OK;
    const int error = df_file_text(&text, &size, path, (size_t)1 << 30);
    if (error < 0)
        return error;
    const bool begun = strchr(text, '\n') != NULL;
    *good = take_lines(r, text, head);
    df_free(text);
    if (begun && *good == 0)
        return df_fail(DF_EVALUE, "%s: the config, the weights or the data have changed since: want another --out, or "
                                  "--fresh to start over", path);
    return DF_OK;
}

static int open_file(DfRankings *r, const char *path, uint64_t of, bool fresh)
{
    char head[HEAD];
    size_t good;
    snprintf(head, sizeof head, "rankings of %d pictures, %016" PRIx64, r->n, of);
    int error = resume(r, path, head, fresh, &good);
    if (error == DF_OK)
        error = df_append_open(&r->file, path);
    if (error == DF_OK)
        error = df_append_cut(r->file, good);
    return error == DF_OK && good == 0 ? df_append_line(r->file, head) : error;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

int df_rankings_open(DfRankings *r, const char *folder, int n, int classes, uint64_t of, bool fresh)
{
    *r = (DfRankings){ .n = n, .classes = classes };
    r->best = df_malloc(((size_t)n + 1) * sizeof *r->best);
    r->done = df_calloc((size_t)n + 1, sizeof *r->done);
    if (!r->best || !r->done)
        return df_fail_memory("the results");
    memset(r->best, 0xff, (size_t)n * sizeof *r->best); /* -1 */
    char *path = folder ? df_path_join(folder, "results.rankings.txt") : NULL;
    if (!folder)
        return DF_OK;
    const int error = path ? open_file(r, path, of, fresh) : df_fail_memory("a path");
    df_free(path);
    return error;
}

static void write_line(char *line, size_t size, const char *name, const int32_t best[DF_TOP])
{
    size_t at = (size_t)snprintf(line, size, "%s", name);
    for (int i = 0; i < DF_TOP && best[i] >= 0 && at < size; i++)
        at += (size_t)snprintf(line + at, size - at, " %d", (int)best[i]);
}

int df_rankings_add(DfRankings *r, int index, const int32_t best[DF_TOP])
{
    char line[LINE], number[16];
    memcpy(r->best[index], best, sizeof r->best[index]);
    r->done[index] = true;
    if (!r->file)
        return DF_OK;
    snprintf(number, sizeof number, "%d", index);
    write_line(line, sizeof line, number, best);
    return df_append_line(r->file, line);
}

/* A picture was done by one process; the others add 0. */
int df_rankings_gather(DfRankings *r, DfRanks *ranks)
{
    const size_t each = DF_TOP + 1;
    double *all = df_calloc((size_t)r->n * each + 1, sizeof *all);
    if (!all)
        return df_fail_memory("the results of all processes");
    for (int i = 0; i < r->n; i++)
        for (size_t k = 0; k < each && r->done[i]; k++)
            all[(size_t)i * each + k] = k < DF_TOP ? r->best[i][k] : 1;
    const int error = df_ranks_sum(ranks, all, (size_t)r->n * each);
    for (int i = 0; error == DF_OK && i < r->n; i++) {
        r->done[i] = all[(size_t)i * each + DF_TOP] > 0;
        for (size_t k = 0; k < DF_TOP && r->done[i]; k++)
            r->best[i][k] = (int32_t)(all[(size_t)i * each + k] / all[(size_t)i * each + DF_TOP]);
    }
    df_free(all);
    return error;
}

int df_rankings_export(const DfRankings *r, const char *folder, const char *const *paths)
{
    DfWriter *out;
    char *path = df_path_join(folder, "results.txt");
    int error = path ? df_writer_open(&out, path) : df_fail_memory("a path");
    for (int i = 0; error == DF_OK && i < r->n; i++) {
        char line[LINE];
        const char *slash = strrchr(paths[i], '/');
        write_line(line, sizeof line, "", r->best[i]);
        if (r->done[i])
            df_writef(out, "%s%s\n", slash ? slash + 1 : paths[i], line);
    }
    if (error == DF_OK)
        error = df_writer_commit(out);
    df_free(path);
    return error;
}

void df_rankings_close(DfRankings *r)
{
    df_append_close(r->file);
    df_free(r->best);
    df_free(r->done);
    *r = (DfRankings){ 0 };
}
