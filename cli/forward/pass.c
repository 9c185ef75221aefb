/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/forward/pass.c -- a pass without targets: detections, classes of pixels, maps.
 */
#include "cli/forward/forward.h"

#include <string.h>

/* Once in original pixels, heard by the listener, and once in network pixels. */
static int detect(CliSession *s, CliOutputs *o, DfTensor *image, const DfImageMeta *metas, bool rescale)
{
    const int N = df_dim(image, 0);
    DfDetections *found = df_calloc((size_t)N, sizeof *found);
    int error = found ? df_model_detect(s->model, s->c, image, metas, N, rescale, found) : df_fail_memory("detections");
    for (int n = 0; error == DF_OK && n < N; n++) {
        char boxes[40], labels[40], tail[16] = "";
        if (N > 1)
            snprintf(tail, sizeof tail, "_%d", n);
        snprintf(boxes, sizeof boxes, "boxes%s%s", rescale ? "" : "_noscale", tail);
        snprintf(labels, sizeof labels, "labels%s%s", rescale ? "" : "_noscale", tail);
        cli_add_detections(o, &found[n], boxes, labels);
        if (rescale && found[n].masks) {
            snprintf(boxes, sizeof boxes, "masks%s", tail);
            cli_add_masks(o, &found[n], &metas[n], boxes);
        }
    }
    for (int n = 0; found && n < N; n++)
        df_detections_free(&found[n]);
    df_free(found);
    return error;
}

static int detect_both(CliSession *s, CliOutputs *o, DfTensor *image, const CliInput *input)
{
    const char *json = df_checkpoint_metadata(input->file, "img_metas");
    const int N = df_dim(image, 0);
    cJSON *list = json ? cJSON_Parse(json) : NULL;
    DfImageMeta *metas = df_calloc((size_t)N, sizeof *metas);
    int error = json && !list ? df_fail(DF_EFORMAT, "%s: its metadata `img_metas` is not JSON", input->path) : DF_OK;
    if (!metas)
        error = df_fail_memory("img_metas");
    for (int n = 0; error == DF_OK && n < N; n++)
        metas[n] = cli_read_meta(list, n, df_dim(image, 1), df_dim(image, 2));
    if (error == DF_OK)
        error = detect(s, o, image, metas, true);
    df_listen(s->c, NULL, false, NULL);
    if (error == DF_OK)
        error = detect(s, o, image, metas, false);
    df_free(metas);
    cJSON_Delete(list);
    return error;
}

/* Of the queries of DETR, in their order; of others the best first: as the official code lists them. */
static size_t official_place(const DfDetections *found, size_t i)
{
    return found->each_query ? found->v[i].index : i;
}

static void add_detr(CliOutputs *o, const DfDetections *found, int image)
{
    float *scores = df_arena_alloc(o->arena, found->n + 1, sizeof *scores);
    float *boxes = df_arena_alloc(o->arena, found->n + 1, 4 * sizeof *boxes);
    int64_t *labels = df_arena_alloc(o->arena, found->n + 1, sizeof *labels);
    for (size_t i = 0; scores && boxes && labels && i < found->n; i++) {
        const size_t at = official_place(found, i);
        memcpy(boxes + 4 * at, found->v[i].box, 4 * sizeof *boxes);
        scores[at] = found->v[i].score;
        labels[at] = found->v[i].label;
    }
    const int n = (int)found->n;
    char name[3][32];
    snprintf(name[0], sizeof name[0], "scores_%d", image);
    snprintf(name[1], sizeof name[1], "labels_%d", image);
    snprintf(name[2], sizeof name[2], "boxes_%d", image);
    cli_add_output(o, name[0], DF_F32, 1, (int[]){ n }, scores);
    cli_add_output(o, name[1], DF_I64, 1, (int[]){ n }, labels);
    cli_add_output(o, name[2], DF_F32, 2, (int[]){ n, 4 }, boxes);
}

static int detect_detr(CliSession *s, CliOutputs *o, DfTensor *image, const CliInput *input)
{
    const int N = df_dim(image, 0);
    DfImageMeta *metas = df_calloc((size_t)N, sizeof *metas);
    DfDetections *found = df_calloc((size_t)N, sizeof *found);
    int error = metas && found ? cli_detr_metas(input, metas, N, df_dim(image, 1), df_dim(image, 2))
                               : df_fail_memory("detections");
    if (error == DF_OK)
        error = df_model_detect(s->model, s->c, image, metas, N, true, found);
    for (int n = 0; error == DF_OK && n < N; n++)
        add_detr(o, &found[n], n);
    for (int n = 0; found && n < N; n++)
        df_detections_free(&found[n]);
    df_free(metas);
    df_free(found);
    return error;
}

/* One image in one view, `image`, or in several, `image_0`, `image_1`, ... */
enum { VIEWS = 64 };
typedef struct {
    DfTensor *image[VIEWS];
    DfImageMeta meta[VIEWS];
    int n;
} Views;

static int read_views(CliSession *s, const CliInput *input, Views *v)
{
    const char *json = df_checkpoint_metadata(input->file, "img_metas");
    cJSON *list = json ? cJSON_Parse(json) : NULL;
    int error = DF_OK;
    const bool one = df_checkpoint_find(input->file, "image") != NULL;
    v->n = 0;
    for (bool more = true; error == DF_OK && more && v->n < VIEWS; v->n++) {
        char name[24], next[24];
        snprintf(name, sizeof name, one ? "image" : "image_%d", v->n);
        snprintf(next, sizeof next, "image_%d", v->n + 1);
        error = cli_read_image(s, input, name, &v->image[v->n]);
        if (error == DF_OK)
            v->meta[v->n] = cli_read_meta(list, v->n, df_dim(v->image[v->n], 1), df_dim(v->image[v->n], 2));
        more = !one && df_checkpoint_find(input->file, next);
    }
    cJSON_Delete(list);
    return error;
}

static int detect_views(CliSession *s, CliOutputs *o, const CliInput *input)
{
    Views v;
    DfDetections found = { 0 };
    int error = read_views(s, input, &v);
    if (error == DF_OK)
        error = df_model_detect_views(s->model, s->c, v.image, v.meta, v.n, &found);
    if (error == DF_OK)
        cli_add_detections(o, &found, "boxes", "labels");
    if (error == DF_OK && found.masks)
        cli_add_masks(o, &found, &v.meta[0], "masks");
    df_detections_free(&found);
    return error;
}

static int segment(CliSession *s, CliOutputs *o, const CliInput *input)
{
    Views v;
    int error = read_views(s, input, &v);
    if (error < 0)
        return error;
    const int H = v.meta[0].ori_h, W = v.meta[0].ori_w;
    uint16_t *labels = df_arena_alloc(o->arena, (size_t)H * (size_t)W, sizeof *labels);
    int64_t *wide = labels ? df_arena_alloc(o->arena, (size_t)H * (size_t)W, sizeof *wide) : NULL;
    if (!wide)
        error = df_fail_memory("the labels");
    if (error == DF_OK)
        error = df_model_segment(s->model, s->c, v.image, v.meta, v.n, labels);
    for (size_t i = 0; error == DF_OK && i < (size_t)H * (size_t)W; i++)
        wide[i] = labels[i];
    if (error == DF_OK)
        cli_add_output(o, "seg_map", DF_I64, 2, (int[]){ H, W }, wide);
    return error;
}

int cli_forward_pass(CliSession *s, const CliInput *input, bool all, CliOutputs *o)
{
    DfTensor *image = NULL;
    df_listen(s->c, cli_hear, all, o);
    if (df_model_is_segmentor(s->model)) {
        const int failed = segment(s, o, input);
        return failed < 0 ? failed : o->error;
    }
    const bool views = !df_checkpoint_find(input->file, "image") && df_checkpoint_find(input->file, "image_0");
    if (df_model_is_detector(s->model) && views) {
        const int failed = detect_views(s, o, input);
        return failed < 0 ? failed : o->error;
    }
    int error = cli_read_image(s, input, "image", &image);
    if (error < 0)
        return error;
    if (df_model_is_detector(s->model) && cli_in_detr_form(input, image)) {
        error = detect_detr(s, o, image, input);
    } else if (df_model_is_detector(s->model)) {
        error = detect_both(s, o, image, input);
    } else {
        df_model_forward(s->model, s->c, image);
        error = df_ctx_error(s->c);
    }
    return error < 0 ? error : o->error;
}

