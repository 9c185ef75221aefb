/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/session.c -- config, model, pool and context of a command, and small services.
 */
#include "cli/cli.h"

#include <stdarg.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int cli_precision(DfPrecision *out)
{
    *out = DF_PRECISION_F32;
    if (!cli.precision || df_precision_read(out, cli.precision) == DF_OK)
        return DF_OK;
    return df_fail_in(CLI_EUSAGE, "--");
}

int cli_precision_for_training(void)
{
    DfPrecision precision;
    const int error = cli_precision(&precision);
    if (error < 0 || precision == DF_PRECISION_F32)
        return error;
    return df_fail(CLI_EUSAGE, "--precision %s: want float32 for training", cli.precision);
}

int cli_session_open(CliSession *s, const char *config_path)
{
    DfDetectorOptions options = { .threads = (int)cli.threads, .set = cli.set, .n_set = cli.n_set };
    *s = (CliSession){ 0 };
    int error = cli_precision(&options.precision);
    if (error == DF_OK)
        error = df_detector_build(&s->detector, config_path, &options);
    if (error < 0)
        return error;
    *s = cli_session_of(s->detector);
    return cli_check_overwriting_config(s->root, NULL);
}

CliSession cli_session_of(DfDetector *d)
{
    return (CliSession){ .detector = d,
                         .pool = df_detector_pool(d),
                         .root = df_detector_config(d),
                         .model = df_detector_model(d),
                         .c = df_detector_context(d) };
}

int cli_session_load(CliSession *s, const char *checkpoint, const DfModelLoad *load)
{
    const int error = df_detector_load(s->detector, checkpoint, load);
    const bool misspelt = error == DF_EVALUE && df_starts_with(checkpoint, "random:");
    return misspelt ? df_fail_in(CLI_EUSAGE, "%s", "") : error;
}

void cli_session_done(CliSession *s)
{
    df_detector_close(s->detector);
    *s = (CliSession){ 0 };
}

int cli_input_shape(const CliSession *s, const char *text, int width, int *H, int *W)
{
    char rest;
    if (text) {
        if (sscanf(text, "%dx%d%c", H, W, &rest) == 2 && *H > 0 && *W > 0 && *H <= 32768 && *W <= 32768)
            return DF_OK;
        return df_fail(CLI_EUSAGE, "--shape %s: want HxW, each 1 to 32768", text);
    }
    df_detector_usual_shape(s->detector, width, H, W);
    return DF_OK;
}

double cli_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void cli_put_name(FILE *out, const char *name)
{
    char piece[DF_SHOWN_PIECE];
    while (df_shown_next(piece, &name) > 0)
        fputs(piece, out);
}

void cli_say(const char *format, ...)
{
    char line[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    cli_line_erase();
    cli_put_name(stderr, line);
    fputc('\n', stderr);
}

int cli_write_text(const char *path, const char *text)
{
    if (strcmp(path, "-") == 0)
        return fputs(text, stdout) < 0 ? df_fail_errno("stdout") : DF_OK;
    return df_file_write_text(path, text);
}

int cli_write_json(DfJsonWriter *json, const char *path)
{
    char *text;
    int error = df_json_take(json, &text);
    if (error == DF_OK && path)
        error = cli_write_text(path, text);
    df_free(text);
    return error;
}

int cli_check_output(const char *path)
{
    if (!path || strcmp(path, "-") == 0 || (df_file_exists(path) && !df_is_file(path) && !df_is_directory(path)))
        return DF_OK;
    DfWriter *writer;
    const int error = df_writer_open(&writer, path);
    if (error == DF_OK)
        df_writer_drop(writer);
    return error;
}

int cli_check_outputs(size_t n, const char *const *paths)
{
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < n; i++)
        error = cli_check_output(paths[i]);
    return error;
}

