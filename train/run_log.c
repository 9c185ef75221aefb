/* SPDX-License-Identifier: Apache-2.0
 *
 * train/run_log.c -- writes and reads the log of a run, a file of JSON lines.
 */
#include "train/run_log.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_LOG = 1 << 30, MOST_VALUES = 512 };

struct DfRunLog {
    DfAppend *file;
    char *path;
    DfLogSeries *series;
    size_t n, capacity;
};

/* ---- in memory --------------------------------------------------------------------------------------------------- */

static DfLogSeries *series_of(DfRunLog *log, const char *name, bool val)
{
    for (size_t i = 0; i < log->n; i++)
        if (log->series[i].val == val && strcmp(log->series[i].name, name) == 0)
            return &log->series[i];
    if (!df_grow((void **)&log->series, &log->capacity, log->n, sizeof *log->series))
        return NULL;
    DfLogSeries *made = &log->series[log->n++];
    *made = (DfLogSeries){ .val = val };
    snprintf(made->name, sizeof made->name, "%s", name);
    return made;
}

static int remember(DfRunLog *log, const char *name, bool val, int64_t step, double value)
{
    DfLogSeries *s = series_of(log, name, val);
    if (!s)
        return df_fail_memory("the log");
    if (s->n == s->capacity) {
        const size_t room = s->capacity ? 2 * s->capacity : 64;
        double *steps = df_realloc(s->step, room * sizeof *steps);
        s->step = steps ? steps : s->step;
        double *values = steps ? df_realloc(s->value, room * sizeof *values) : NULL;
        if (!values)
            return df_fail_memory("the log");
        s->value = values;
        s->capacity = room;
    }
    s->step[s->n] = (double)step;
    s->value[s->n++] = value;
    return DF_OK;
}

int df_run_log_series(const DfRunLog *log, const DfLogSeries **out)
{
    *out = log->series;
    return (int)log->n;
}

/* ---- reading what is there --------------------------------------------------------------------------------------- */

typedef struct {
    bool val;
    int64_t step;      /* -1: the line has none */
    int n;
    DfLogValue values[MOST_VALUES];
    char names[MOST_VALUES][64];
} Line;

/* What the page and a reader want as values; the rest of a line says where it stands. */
static bool is_place(const char *key)
{
    return strcmp(key, "mode") == 0 || strcmp(key, "epoch") == 0 || strcmp(key, "iter") == 0 ||
           strcmp(key, "step") == 0;
}

static void take_value(Line *line, const char *key, DfJsonEvent event, const DfJsonValue *value)
{
    if (strcmp(key, "mode") == 0 && event == DF_JSON_TEXT)
        line->val = strcmp(value->text, "val") == 0;
    else if (strcmp(key, "step") == 0 && event == DF_JSON_NUMBER && value->is_integer)
        line->step = value->integer;
    else if (!is_place(key) && line->n < MOST_VALUES && (event == DF_JSON_NUMBER || event == DF_JSON_NULL)) {
        snprintf(line->names[line->n], sizeof line->names[0], "%s", key);
        line->values[line->n] =
            (DfLogValue){ line->names[line->n], event == DF_JSON_NUMBER ? value->number : (double)NAN };
        line->n++;
    }
}

/* An object of plain values; false for any other text. */
static bool read_line(Line *line, const char *text, size_t size)
{
    DfJson *json = NULL;
    DfJsonValue value;
    char key[64] = "";
    line->n = 0;
    line->val = false;
    line->step = -1;
    if (df_json_open_text(&json, text, size, "log.jsonl") < 0)
        return false;
    DfJsonEvent event = df_json_next(json, &value);
    bool fine = event == DF_JSON_OBJECT;
    while (fine && (event = df_json_next(json, &value)) != DF_JSON_END) {
        fine = event == DF_JSON_KEY || event == DF_JSON_NUMBER || event == DF_JSON_TEXT || event == DF_JSON_NULL ||
               event == DF_JSON_CLOSE;
        if (event == DF_JSON_KEY)
            snprintf(key, sizeof key, "%s", value.text);
        else
            take_value(line, key, event, &value);
    }
    df_json_close(json);
    return fine && line->step >= 0;
}

/* Takes lines up to `step`; *kept: how many bytes they are. */
static int read_lines(DfRunLog *log, Line *line, const char *text, int64_t step, size_t *kept)
{
    int error = DF_OK;
    const char *at = text;
    for (const char *end; error == DF_OK && (end = strchr(at, '\n')); at = end + 1) {
        if (!read_line(line, at, (size_t)(end - at)) || line->step > step)
            break;
        for (int i = 0; error == DF_OK && i < line->n; i++)
            error = remember(log, line->values[i].name, line->val, line->step, line->values[i].value);
    }
    *kept = (size_t)(at - text);
    return error;
}

static int rewrite(const char *path, const char *text, size_t size)
{
    DfWriter *writer;
    const int error = df_writer_open(&writer, path);
    if (error < 0)
        return error;
    df_write(writer, text, size);
    return df_writer_commit(writer);
}

static int keep(DfRunLog *log, int64_t step)
{
    char *text = NULL;
    size_t size = 0;
    size_t kept = 0;
    if (!df_is_file(log->path))
        return DF_OK;
    int error = df_file_text(&text, &size, log->path, MOST_LOG);
    Line *line = df_malloc(sizeof *line);
    if (error == DF_OK && !line)
        error = df_fail_memory("the log");
    if (error == DF_OK)
        error = read_lines(log, line, text, step, &kept);
    if (error == DF_OK && kept != size)
        error = rewrite(log->path, text, kept);
    df_free(line);
    df_free(text);
    return error;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

int df_run_log_open(DfRunLog **out, const char *path, int64_t step)
{
    *out = NULL;
    DfRunLog *log = df_calloc(1, sizeof *log);
    if (!log)
        return df_fail_memory("the log");
    log->path = df_path_join("", path);
    int error = log->path ? keep(log, step) : df_fail_memory("the log");
    if (error == DF_OK)
        error = df_append_open(&log->file, path);
    if (error < 0)
        df_run_log_close(log);
    else
        *out = log;
    return error;
}

void df_run_log_close(DfRunLog *log)
{
    if (!log)
        return;
    df_append_close(log->file);
    for (size_t i = 0; i < log->n; i++) {
        df_free(log->series[i].step);
        df_free(log->series[i].value);
    }
    df_free(log->series);
    df_free(log->path);
    df_free(log);
}

/* Nine digits read back to the same float. */
static void put_value(DfTextbuf *t, const DfLogValue *v)
{
    df_textbuf_add(t, ", ");
    df_textbuf_json(t, v->name);
    if (isfinite(v->value))
        df_textbuf_add(t, ": %.9g", v->value);
    else
        df_textbuf_add(t, ": null");
}

int df_run_log_sync(DfRunLog *log)
{
    return df_append_sync(log->file);
}

int df_run_log_add(DfRunLog *log, const DfLogEntry *e)
{
    DfTextbuf t = { 0 };
    char *line = NULL;
    int error = DF_OK;
    df_textbuf_add(&t, "{\"mode\": \"%s\", \"epoch\": %" PRId64 ", \"iter\": %" PRId64 ", \"step\": %" PRId64, e->mode,
                   e->epoch, e->iter, e->step);
    for (int i = 0; i < e->n; i++)
        put_value(&t, &e->values[i]);
    df_textbuf_add(&t, "}");
    error = df_textbuf_take(&t, &line);
    if (error == DF_OK)
        error = df_append_line(log->file, line);
    for (int i = 0; error == DF_OK && i < e->n; i++)
        error = remember(log, e->values[i].name, strcmp(e->mode, "val") == 0, e->step, e->values[i].value);
    df_free(line);
    return error;
}
