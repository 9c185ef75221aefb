/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/session.c -- config, model, pool and context of a command, and small services.
 */
#include "cli/cli.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int cli_session_open(CliSession *s, const char *config_path)
{
    *s = (CliSession){ 0 };
    int error = df_pool_new(&s->pool, (int)cli.threads);
    if (error == DF_OK)
        error = df_config_read(&s->config, config_path, cli.set, cli.n_set);
    if (error < 0)
        return error;
    s->root = df_config_root(s->config);
    error = df_model_new(&s->model, s->root);
    if (error == DF_OK)
        error = df_ctx_new(&s->c, s->pool);
    return error;
}

int cli_session_load(CliSession *s, const char *checkpoint, const DfModelLoad *load)
{
    if (strcmp(checkpoint, "random") == 0)
        return df_model_init(s->model, 0);
    if (df_starts_with(checkpoint, "random:")) {
        const char *seed = checkpoint + strlen("random:");
        char *end;
        errno = 0;
        const unsigned long long value = strtoull(seed, &end, 10);
        if (seed[0] < '0' || seed[0] > '9' || *end || errno)
            return df_fail(CLI_EUSAGE, "checkpoint '%s': want random:SEED with a whole number", checkpoint);
        return df_model_init(s->model, value);
    }
    return df_model_load(s->model, checkpoint, load);
}

void cli_session_done(CliSession *s)
{
    df_ctx_free(s->c);
    df_model_free(s->model);
    df_config_free(s->config);
    df_pool_free(s->pool);
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
    *H = df_model_is_detector(s->model) ? 800 : df_model_is_segmentor(s->model) ? 512 : (int)df_node_int(df_node_at(s->root, "backbone.img_size"), 224);
    *W = df_model_is_detector(s->model) ? width : *H;
    return DF_OK;
}

/* What this process may have: the machine's memory, or less in a container. */
static double memory_there(void)
{
    double there = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE), most;
    FILE *limit = fopen("/sys/fs/cgroup/memory.max", "r");
    if (limit && fscanf(limit, "%lf", &most) == 1 && most < there)
        there = most;
    if (limit)
        fclose(limit);
    return there;
}

int cli_check_memory(const CliSession *s, int n, int H, int W)
{
    DfCtx *c;
    int error = df_ctx_new(&c, NULL);
    if (error < 0)
        return error;
    c->dry = true;
    df_model_forward(s->model, c, df_new(c, DF_SHAPE(n, H, W, 3)));
    error = df_ctx_error(c);
    const double wanted = (double)c->peak, there = memory_there();
    df_ctx_free(c);
    if (error == DF_OK && wanted > there)
        return df_fail(DF_ENOMEM, "a network input of %d x 3 x %d x %d needs %.1f GB of memory: %.1f GB are available", n, H, W, 1e-9 * wanted, 1e-9 * there);
    return error;
}

double cli_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

size_t cli_peak_rss(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss * 1024 : 0;
}

int cli_write_text(const char *path, const char *text)
{
    if (strcmp(path, "-") == 0)
        return fputs(text, stdout) < 0 ? df_fail_errno("stdout") : DF_OK;
    DfWriter *writer;
    const int error = df_writer_open(&writer, path);
    if (error < 0)
        return error;
    df_write(writer, text, strlen(text));
    return df_writer_commit(writer);
}

int cli_write_json(cJSON *json, const char *path)
{
    char *text = path ? cJSON_Print(json) : NULL;
    const int error = !path ? DF_OK : text ? cli_write_text(path, text) : df_fail_memory("JSON");
    cJSON_free(text);
    cJSON_Delete(json);
    return error;
}

char *cli_join(const char *folder, const char *name)
{
    const size_t n = strlen(folder) + strlen(name) + 2;
    char *path = df_malloc(n);
    if (path)
        snprintf(path, n, "%s%s%s", folder, folder[0] && !df_ends_with(folder, "/") ? "/" : "", name);
    return path;
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

char *cli_temporary_folder(void)
{
    const char *parent = getenv("TMPDIR");
    char *folder = cli_join(parent && parent[0] ? parent : "/tmp", "deformer-XXXXXX");
    if (!folder) {
        df_fail_memory("a path");
    } else if (!mkdtemp(folder)) {
        df_fail_errno("%s: cannot make a folder for results", folder);
        df_free(folder);
        return NULL;
    }
    return folder;
}

void cli_remove_folder(const char *folder, const char *const *files)
{
    for (; *files; files++) {
        char *path = cli_join(folder, *files);
        if (path)
            unlink(path);
        df_free(path);
    }
    rmdir(folder);
}
