/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/journal.c -- the journal of an evaluation's detections.
 */
#include "inference/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "inference/detector.h"

static const size_t MOST_JOURNAL = (size_t)1 << 34;

struct DfJournal {
    const DfCocoDataset *dataset;
    char *path;
    DfAppend *file;
    char **line; /* of each image, without the newline; NULL: not yet */
};

/* A line is {"index": 3, "image_id": 139, "detections": [[x, y, w, h, score, category_id], ..]}, with a mask as a
 * seventh item
 * {"size": [h, w], "counts": ".."} if there are masks. Numbers are written so that they read back to the same bits.
 */
static int line_of(char **out, const DfCocoDataset *dataset, int index, const DfDetections *found)
{
    DfTextbuf line = { 0 };
    int error = DF_OK;
    df_textbuf_add(&line, "{\"index\": %d, \"image_id\": %lld, \"detections\": [", index,
                   (long long)dataset->images[index].id);
    for (size_t i = 0; error == DF_OK && i < found->n; i++) {
        const DfDetection *d = &found->v[i];
        char *mask = NULL;
        double b[4];
        df_box_to_xywh(d->box, b);
        df_textbuf_add(&line, "%s[%.17g, %.17g, %.17g, %.17g, %.9g, %lld", i ? ", " : "", b[0], b[1], b[2], b[3],
                       (double)d->score, (long long)dataset->category_ids[d->label]);
        if (found->masks && (error = df_mask_to_json(&found->masks[i], &mask)) == DF_OK)
            df_textbuf_add(&line, ", %s", mask);
        df_textbuf_add(&line, "]");
        df_free(mask);
    }
    df_textbuf_add(&line, "]}");
    const int taken = df_textbuf_take(&line, out);
    if (error < 0 && taken == DF_OK)
        df_free(*out);
    return error < 0 ? error : taken;
}

/* The names stand in it for the reader, as JSON texts; the hashes are compared. */
static int write_header(DfAppend *out, const DfJournalOf *of)
{
    DfTextbuf line = { 0 };
    char *text;
    df_textbuf_add(&line, "{\"config\": ");
    df_textbuf_json(&line, of->config);
    df_textbuf_add(&line, ", \"checkpoint\": ");
    df_textbuf_json(&line, of->checkpoint);
    if (of->precision)
        df_textbuf_add(&line, ", \"precision\": \"%s\"", of->precision);
    df_textbuf_add(&line,
                   ", \"settings\": \"%016" PRIx64 "\", \"weights\": \"%016" PRIx64 "\", \"dataset\": \"%016" PRIx64
                   "\"}",
                   of->settings, of->weights, of->dataset);
    int error = df_textbuf_take(&line, &text);
    if (error < 0)
        return error;
    error = df_append_line(out, text);
    df_free(text);
    return error < 0 ? error : df_append_sync(out);
}

static bool is_same(const char *line, const char *key, uint64_t hash)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\"%s\": \"%016" PRIx64 "\"", key, hash);
    return strstr(line, wanted) != NULL;
}

static int header_matches(const char *line, const DfJournalOf *of, const char *path)
{
    if (!df_starts_with(line, "{\"config\": "))
        return df_fail(DF_EFORMAT,
                       "%s: the first line does not describe a run: use another --out, or --fresh to begin again",
                       path);
    const char *other = !is_same(line, "settings", of->settings)  ? "a config with other settings"
                        : !is_same(line, "weights", of->weights) ? "other weights"
                        : !is_same(line, "dataset", of->dataset) ? "other images or classes"
                                                                 : NULL;
    if (!other)
        return DF_OK;
    return df_fail(DF_EVALUE, "%s holds results of %s: use another --out, or --fresh to begin again", path, other);
}

static char *copy_of(const char *line, size_t n)
{
    char *copy = df_malloc(n + 1);
    if (!copy)
        return NULL;
    memcpy(copy, line, n);
    copy[n] = 0;
    return copy;
}

/* A cut of power may leave zeros where bytes of the last lines were not on the disk yet. */
static bool is_whole(const char *line, const char *end)
{
    return !memchr(line, 0, (size_t)(end - line));
}

static int take_result(DfJournal *r, char *line, bool *done)
{
    int index = -1;
    if (df_sscanf(line, "{\"index\": %d,", &index) != 1 || index < 0 || index >= r->dataset->n_images) {
        df_free(line);
        return df_fail(DF_EFORMAT, "%s: a line does not begin with the index of an image: use --fresh to begin again",
                       r->path);
    }
    if (r->line[index]) {
        df_free(line);
        return DF_OK;
    }
    r->line[index] = line;
    done[index] = true;
    return DF_OK;
}

static int take_header(const DfJournal *r, char *line, const DfJournalOf *of)
{
    const int error = header_matches(line, of, r->path);
    df_free(line);
    return error;
}

/* The first lines, up to one that is not whole; *kept: how many bytes they are. */
static int take_lines_of(DfJournal *r, const DfFile *file, const DfJournalOf *of, bool *done, size_t *kept)
{
    const char *at = (const char *)file->data;
    const char *end = at + file->size;
    int error = DF_OK;
    while (error == DF_OK && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline || !is_whole(at, newline))
            return DF_OK;
        char *line = copy_of(at, (size_t)(newline - at));
        if (!line)
            error = df_fail_memory("results");
        else
            error = *kept ? take_result(r, line, done) : take_header(r, line, of);
        at = newline + 1;
        *kept = (size_t)(at - (const char *)file->data);
    }
    return error;
}

/* Reads what an earlier run left, and cuts off what is behind its last whole line. */
static int replay(DfJournal *r, const DfJournalOf *of, bool *done)
{
    DfFile file;
    size_t kept = 0;
    int error = df_file_open(&file, r->path, MOST_JOURNAL);
    if (error < 0)
        return error;
    const size_t size = file.size;
    error = size ? take_lines_of(r, &file, of, done, &kept) : DF_OK;
    df_file_close(&file);
    if (error == DF_OK && kept != size)
        error = df_append_cut(r->file, kept);
    if (error == DF_OK && !kept)
        error = write_header(r->file, of);
    return error;
}

int df_journal_open(DfJournal **out, const char *folder, const DfJournalOf *of, const DfCocoDataset *dataset,
                    bool fresh, bool *done)
{
    *out = NULL;
    int error = df_make_directory(folder);
    if (error < 0)
        return error;
    DfJournal *r = df_calloc(1, sizeof *r);
    if (!r)
        return df_fail_memory("results");
    r->dataset = dataset;
    r->path = df_path_join(folder, "results.jsonl");
    r->line = df_calloc((size_t)dataset->n_images + 1, sizeof *r->line);
    if (!r->path || !r->line)
        error = df_fail_memory("results");
    if (error == DF_OK)
        error = df_append_open(&r->file, r->path);
    if (error == DF_OK && fresh)
        error = df_append_cut(r->file, 0);
    if (error == DF_OK)
        error = replay(r, of, done);
    if (error < 0) {
        df_journal_close(r);
        return error;
    }
    *out = r;
    return DF_OK;
}

int df_journal_add(DfJournal *r, int index, const DfDetections *found)
{
    char *line;
    const int error = line_of(&line, r->dataset, index, found);
    if (error < 0)
        return error;
    df_free(r->line[index]);
    r->line[index] = line;
    return df_append_line(r->file, line);
}

/* ---- several processes ------------------------------------------------------------------------------------------- */

/* The lines of this rank, as they stand in its file. */
static int own_lines(const DfJournal *r, const bool *chosen, char **text, uint64_t *size)
{
    DfTextbuf lines = { 0 };
    for (int i = 0; i < r->dataset->n_images; i++)
        if (chosen[i] && r->line[i])
            df_textbuf_add(&lines, "%s\n", r->line[i]);
    df_textbuf_add(&lines, "%s", "");
    const int error = df_textbuf_take(&lines, text);
    *size = error == DF_OK ? strlen(*text) : 0;
    return error;
}

/* Another rank's lines; each ends with a newline. */
static int take_lines(DfJournal *r, char *text)
{
    int error = DF_OK;
    for (char *line = text, *end; error == DF_OK && (end = strchr(line, '\n')); line = end + 1) {
        int index = -1;
        *end = 0;
        if (df_sscanf(line, "{\"index\": %d,", &index) != 1 || index < 0 || index >= r->dataset->n_images)
            return df_fail(DF_EFORMAT, "%s: another process sent what is no result", r->path);
        if (r->line[index])
            continue;
        r->line[index] = copy_of(line, (size_t)(end - line));
        error = r->line[index] ? df_append_line(r->file, line) : df_fail_memory("results");
    }
    return error;
}

/* The lines of rank `from`, to all others. */
static int pass_on(DfJournal *r, DfRanks *ranks, const bool *chosen, int from)
{
    char *text = NULL;
    uint64_t size = 0;
    const bool own = df_ranks_own(ranks) == from;
    int error = own ? own_lines(r, chosen, &text, &size) : DF_OK;
    if (error == DF_OK)
        error = df_ranks_broadcast(ranks, &size, sizeof size, from);
    if (error == DF_OK && !own && !(text = df_calloc(1, (size_t)size + 1)))
        error = df_fail_memory("results of another process");
    if (error == DF_OK)
        error = df_ranks_broadcast(ranks, text, (size_t)size, from);
    if (error == DF_OK && !own)
        error = take_lines(r, text);
    df_free(text);
    return error;
}

int df_journal_gather(DfJournal *r, DfRanks *ranks, const bool *chosen)
{
    int error = DF_OK;
    for (int from = 0; error == DF_OK && from < df_ranks_count(ranks); from++)
        error = pass_on(r, ranks, chosen, from);
    return error;
}

/* ---- as a results file ------------------------------------------------------------------------------------------- */

/* The end of a mask's record, which begins at `at`; NULL if it has none. */
static const char *end_of_mask(const char *at)
{
    const char *counts = strstr(at, "\"counts\": \"");
    if (!counts)
        return NULL;
    for (at = counts + strlen("\"counts\": \""); *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return at[0] == '"' && at[1] == '}' ? at + 2 : NULL;
}

/* One detection of a line as a COCO record. */
static const char *export_one(DfWriter *out, const char *at, long long image_id, bool first, bool masks)
{
    double b[4], score;
    long long category;
    int used = 0;
    if (df_sscanf(at, "[%lf, %lf, %lf, %lf, %lf, %lld%n", &b[0], &b[1], &b[2], &b[3], &score, &category, &used) != 6 ||
        !used)
        return NULL;
    df_writef(out,
              "%s{\"image_id\": %lld, \"category_id\": %lld, \"bbox\": [%.17g, %.17g, %.17g, %.17g], \"score\": %.9g",
              first ? "\n" : ",\n", image_id, category, b[0], b[1], b[2], b[3], score);
    at += used;
    const char *mask = df_starts_with(at, ", {") ? at + 2 : NULL;
    const char *end = mask ? end_of_mask(mask) : at;
    if (!end || *end != ']')
        return NULL;
    if (mask && masks) {
        df_writef(out, ", \"segmentation\": ");
        df_write(out, mask, (size_t)(end - mask));
    }
    df_write(out, "}", 1);
    return end + 1;
}

int df_journal_export(DfJournal *r, const bool *chosen, bool masks, const char *path)
{
    DfWriter *out;
    int error = df_append_sync(r->file);
    if (error == DF_OK)
        error = df_writer_open(&out, path);
    if (error < 0)
        return error;
    bool first = true;
    df_write(out, "[", 1);
    for (int i = 0; i < r->dataset->n_images; i++) {
        const char *at = r->line[i] && chosen[i] ? strstr(r->line[i], "\"detections\": [") : NULL;
        at = at ? strchr(at, '[') + 1 : NULL;
        while (at && *at == '[') {
            at = export_one(out, at, (long long)r->dataset->images[i].id, first, masks);
            first = false;
            if (at && at[0] == ',' && at[1] == ' ')
                at += 2;
        }
        if (r->line[i] && chosen[i] && (!at || strcmp(at, "]}") != 0)) {
            df_writer_drop(out);
            return df_fail(DF_EFORMAT, "%s: the line of image %d is damaged: use --fresh to begin again", r->path, i);
        }
    }
    df_write(out, "\n]\n", 3);
    return df_writer_commit(out);
}

void df_journal_close(DfJournal *r)
{
    if (!r)
        return;
    for (int i = 0; r->line && i < r->dataset->n_images; i++)
        df_free(r->line[i]);
    df_append_close(r->file);
    df_free(r->line);
    df_free(r->path);
    df_free(r);
}
