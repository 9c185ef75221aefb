/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/detector.c -- a prepared picture becomes a tensor, and its detections plain boxes.
 */
#include "cli/common/detector.h"

#include "eval/eval.h"

static int check_size(const CliSession *s, const DfView *view, bool whole)
{
    const int64_t pixels = (int64_t)view->meta.pad_h * view->meta.pad_w;
    if (pixels > CLI_MAX_INPUT)
        return df_fail(DF_EVALUE, "the test pipeline makes it %d x %d: want at most %d pixels for the network", view->meta.pad_h, view->meta.pad_w, CLI_MAX_INPUT);
    return pixels > CLI_LARGE_INPUT && whole ? cli_check_memory(s, 1, view->meta.pad_h, view->meta.pad_w) : DF_OK;
}

int cli_take_views(CliSession *s, const DfViews *views, bool whole, DfTensor *images[CLI_VIEWS], DfImageMeta metas[CLI_VIEWS])
{
    df_reset(s->c);
    for (int i = 0; i < views->n; i++) {
        const DfView *view = &views->view[i];
        const int error = check_size(s, view, whole);
        if (error < 0)
            return error;
        metas[i] = view->meta;
        images[i] = df_borrow(s->c, DF_SHAPE(1, view->meta.pad_h, view->meta.pad_w, 3), view->pixels);
    }
    return DF_OK;
}

static int detect(CliSession *s, const DfViews *views, DfDetections *out)
{
    DfTensor *images[CLI_VIEWS];
    DfImageMeta metas[CLI_VIEWS];
    if (views->n < 1 || views->n > CLI_VIEWS || (views->n == 1 && (views->view[0].meta.flip_x || views->view[0].meta.flip_y)))
        return df_fail(DF_EVALUE, "the test pipeline gives %d views of an image%s: want 1 to %d, a single one not mirrored", views->n,
                       views->n == 1 ? ", mirrored" : "", CLI_VIEWS);
    const int error = cli_take_views(s, views, true, images, metas);
    return error < 0 ? error : df_model_detect_views(s->model, s->c, images, metas, views->n, out);
}

int cli_detect(CliSession *s, const DfSample *sample, DfDetections *out)
{
    *out = (DfDetections){ 0 };
    const int error = detect(s, &sample->views, out);
    return error < 0 ? df_fail_in(error, "%s: ", sample->path) : DF_OK;
}

int cli_test_pipeline(const CliSession *s, DfPipeline **out)
{
    const DfNode *list = df_node_at(s->root, "data.test.pipeline");
    if (!list)
        list = df_node_get(s->root, "test_pipeline");
    if (!list)
        return df_node_fail(s->root, DF_EVALUE, "has no data.test.pipeline: want a config with a test set");
    return df_pipeline_new(out, list);
}

void cli_xywh(const float box[4], double out[4])
{
    out[0] = (double)box[0];
    out[1] = (double)box[1];
    out[2] = (double)box[2] - (double)box[0];
    out[3] = (double)box[3] - (double)box[1];
}

int cli_write_mask(FILE *out, const DfMask *runs)
{
    const DfMask mask = { runs->height, runs->width, runs->n, runs->runs };
    char *text;
    const int error = df_mask_to_text(&mask, &text);
    if (error < 0)
        return error;
    fprintf(out, "{\"size\": [%u, %u], \"counts\": \"", (unsigned)runs->height, (unsigned)runs->width);
    for (const char *p = text; *p; p++)
        fprintf(out, *p == '\\' ? "\\%c" : "%c", *p);
    fputs("\"}", out);
    df_free(text);
    return DF_OK;
}
