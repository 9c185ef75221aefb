/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/predict/layers.c -- deformer predict --explain: reads its options, and selects the attention layers of the
 * network.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/predict/predict.h"

/* ---- options ----------------------------------------------------------------------------------------------------- */

static int read_ranks(CliExplain *e)
{
    const char *at = e->detections;
    while (at) {
        char *end;
        const unsigned long rank = strtoul(at, &end, 10);
        if (*at < '0' || *at > '9' || (*end && *end != ',') || rank > 1000000 || e->n_ranks == CLI_EXPLAIN_RANKS)
            return df_fail(CLI_EUSAGE,
                           "--detections %s: want at most %d whole numbers with commas between, 0 is the best",
                           e->detections, CLI_EXPLAIN_RANKS);
        e->rank[e->n_ranks++] = (int)rank;
        at = *end ? end + 1 : NULL;
    }
    return DF_OK;
}

static int read_query(CliExplain *e)
{
    char rest;
    if (sscanf(e->query, "%f,%f%c", &e->at[0], &e->at[1], &rest) != 2 || !(fabsf(e->at[0]) <= 1e6f) ||
        !(fabsf(e->at[1]) <= 1e6f))
        return df_fail(CLI_EUSAGE, "--query %s: want X,Y in pixels of the picture", e->query);
    return DF_OK;
}

static int read_options(CliExplain *e)
{
    if (e->detections && e->query)
        return df_fail(CLI_EUSAGE, "--detections and --query: want one of them");
    const int error = e->detections ? read_ranks(e) : DF_OK;
    return error == DF_OK && e->query ? read_query(e) : error;
}

/* ---- which layers ------------------------------------------------------------------------------------------------ */

/* Whether `name`, of n letters, is a run of whole parts of the path: "layers.1" is in "decoder.layers.1", not in
 * "decoder.layers.10". */
static bool names(const char *name, size_t n, const char *path)
{
    for (const char *at = path; n && (at = strchr(at, name[0])); at++)
        if (strncmp(at, name, n) == 0 && (at == path || at[-1] == '.') && (at[n] == 0 || at[n] == '.'))
            return true;
    return false;
}

static int unknown_layer(const CliExplain *e, const char *name, size_t n)
{
    char known[400] = "";
    for (int i = 0; i < df_points_layers(e->points); i++) {
        const size_t used = strlen(known);
        if (used + strlen(df_points_layer(e->points, i)->path) + 8 < sizeof known)
            snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", df_points_layer(e->points, i)->path);
    }
    return df_fail(CLI_EUSAGE, "--layers: no layer is named '%.*s'; there are %s", (int)n, name, known);
}

static int choose_named(const CliExplain *e, bool *chosen)
{
    for (const char *at = e->layers; at;) {
        const size_t n = strcspn(at, ",");
        bool any = false;
        for (int i = 0; i < df_points_layers(e->points); i++)
            if ((n == 3 && strncmp(at, "all", 3) == 0) || names(at, n, df_points_layer(e->points, i)->path))
                any = chosen[i] = true;
        if (!any)
            return unknown_layer(e, at, n);
        at = at[n] ? at + n + 1 : NULL;
    }
    return DF_OK;
}

/* The layers of a decoder, an encoder or a stage differ in their last number. */
static bool is_last_of_its_kind(const DfPoints *points, int layer)
{
    const char *path = df_points_layer(points, layer)->path;
    const char *dot = strrchr(path, '.');
    const size_t n = dot ? (size_t)(dot - path) : strlen(path);
    for (int i = layer + 1; i < df_points_layers(points); i++) {
        const char *other = df_points_layer(points, i)->path;
        if (strncmp(other, path, n) == 0 && strrchr(other, '.') == other + n)
            return false;
    }
    return true;
}

/* What the papers' figures show: the last layer that gives answers, and the last deformable block of the last two
 * stages that have one; an encoder, if there is nothing else. */
static void choose_usual(const CliExplain *e, bool *chosen)
{
    int stages = 0, n = 0;
    for (int pass = 0; pass < 2 && n == 0; pass++)
        for (int i = df_points_layers(e->points) - 1; i >= 0; i--) {
            const DfPointLayer *l = df_points_layer(e->points, i);
            if (is_last_of_its_kind(e->points, i) && (pass || l->answers || (l->shared && stages < 2))) {
                chosen[i] = true;
                stages += l->shared;
                n++;
            }
        }
}

static int take_chosen(CliExplain *e, const bool *chosen)
{
    for (int i = 0; i < df_points_layers(e->points); i++) {
        const DfPointLayer *l = df_points_layer(e->points, i);
        if (!chosen[i])
            continue;
        if (e->head >= l->heads)
            return df_fail(CLI_EUSAGE, "--head %ld: %s has %d heads: want 0 to %d", e->head, l->path, l->heads,
                           l->heads - 1);
        e->layer[e->n_layers++] = i;
        df_points_want(e->points, i);
    }
    return DF_OK;
}

static int choose_layers(CliExplain *e)
{
    const size_t n = (size_t)df_points_layers(e->points);
    bool *chosen = df_calloc(n, sizeof *chosen);
    e->layer = df_calloc(n, sizeof *e->layer);
    int error = chosen && e->layer ? DF_OK : df_fail_memory("the layers to explain");
    if (error == DF_OK && e->layers)
        error = choose_named(e, chosen);
    else if (error == DF_OK)
        choose_usual(e, chosen);
    if (error == DF_OK)
        error = take_chosen(e, chosen);
    df_free(chosen);
    return error;
}

int cli_explain_open(CliExplain *e, const CliSession *s)
{
    int H, W;
    if (!e->dir)
        return e->detections || e->query || e->layers || e->head >= 0
                   ? df_fail(CLI_EUSAGE, "--detections, --query, --layers and --head want --explain DIR")
                   : DF_OK;
    e->detector = s->detector;
    int error = read_options(e);
    if (error == DF_OK)
        error = cli_input_shape(s, NULL, 1216, &H, &W);
    if (error == DF_OK)
        error = df_points_new(&e->points, s->model, H, W);
    if (error == DF_OK && df_points_layers(e->points) == 0)
        error = df_fail(
            DF_EVALUE,
            "--explain: this %s has no deformable attention: want Deformable DETR, DAT with deformable (D) blocks, or "
            "a ResNet with deformable convolutions (dcn)",
            df_model_type(s->model));
    return error == DF_OK ? choose_layers(e) : error;
}

void cli_explain_close(CliExplain *e)
{
    df_points_free(e->points);
    df_free(e->layer);
    e->points = NULL;
    e->layer = NULL;
}

void cli_explain_listen(CliExplain *e, CliSession *s)
{
    df_points_listen(e->points, s->c);
}
