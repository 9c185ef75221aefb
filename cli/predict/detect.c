/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/predict/detect.c -- deformer predict with a detector: the detections of one picture as lines, as JSON, and as a
 * drawing.
 */
#include "cli/predict/predict.h"

#include <stdlib.h>
#include <string.h>

/* ---- results ----------------------------------------------------------------------------------------------------- */

int cli_print_detections(const DfDetector *d, const char *path, const DfDetections *found)
{
    const DfDetection **order = df_detections_listed(found);
    if (!order)
        return DF_ENOMEM;
    for (size_t i = 0; i < found->n; i++) {
        const DfDetection *one = order[i];
        cli_put_name(stdout, path);
        fputc('\t', stdout);
        cli_put_name(stdout, df_detector_class_name(d, one->label));
        printf("\t%.3f\t%.1f %.1f %.1f %.1f\n", (double)one->score, (double)one->box[0], (double)one->box[1],
               (double)one->box[2], (double)one->box[3]);
    }
    df_free((void *)order);
    return DF_OK;
}

/* The number in the name if it is one, as in COCO, else the name. */
static void write_image_id(DfTextbuf *json, const char *name)
{
    const size_t digits = strspn(name, "0123456789");
    if (digits && digits <= 18 && name[digits] == '.')
        df_textbuf_add(json, "%lld", strtoll(name, NULL, 10));
    else
        df_textbuf_json(json, name);
}

static int write_mask(DfTextbuf *json, const DfMask *mask)
{
    char *text;
    const int error = df_mask_to_json(mask, &text);
    if (error < 0)
        return error;
    df_textbuf_add(json, ", \"segmentation\": %s", text);
    df_free(text);
    return DF_OK;
}

void cli_write_precision(DfTextbuf *json, const DfDetector *d)
{
    const DfPrecision precision = df_detector_precision(d);
    if (precision != DF_PRECISION_F32)
        df_textbuf_add(json, ", \"precision\": \"%s\"", df_precision_name(precision));
}

int cli_write_detections(DfTextbuf *json, const DfDetector *d, const char *path, const DfDetections *found, bool first)
{
    const DfDetection **order = df_detections_listed(found);
    int error = order ? DF_OK : DF_ENOMEM;
    for (size_t i = 0; error == DF_OK && i < found->n; i++, first = false) {
        const DfDetection *one = order[i];
        double b[4];
        df_box_to_xywh(one->box, b);
        df_textbuf_add(json, "%s{\"image_id\": ", first ? "\n" : ",\n");
        write_image_id(json, cli_name_of(path));
        df_textbuf_add(json, ", \"category_id\": %lld, \"bbox\": [%.17g, %.17g, %.17g, %.17g], \"score\": %.9g",
                       (long long)df_detector_category_id(d, one->label), b[0], b[1], b[2], b[3], (double)one->score);
        if (found->masks)
            error = write_mask(json, &found->masks[one - found->v]);
        cli_write_precision(json, d);
        df_textbuf_add(json, "}");
    }
    df_free((void *)order);
    return error;
}

DfDrawnBox cli_drawn_box(const DfDetections *found, size_t i)
{
    const DfDetection *d = &found->v[i];
    DfDrawnBox box = { .label = d->label, .score = d->score };
    memcpy(box.box, d->box, sizeof box.box);
    if (found->masks) {
        box.runs = found->masks[i].runs;
        box.n_runs = found->masks[i].n;
    }
    return box;
}

int cli_draw_detections(DfSample *sample, const DfDetector *d, const DfDetections *found, const char *out_dir,
                        int quality)
{
    const DfClasses *classes = df_detector_class_names(d);
    char *path;
    DfDrawnBox *boxes = df_calloc(found->n + 1, sizeof *boxes);
    int error = df_path_below(&path, out_dir, cli_name_of(sample->path));
    if (error == DF_OK && !boxes)
        error = df_fail_memory("a drawing");
    for (size_t i = 0; error == DF_OK && i < found->n; i++)
        boxes[i] = cli_drawn_box(found, i);
    if (error == DF_OK)
        error = df_draw_boxes(&sample->image, boxes, (int)found->n, classes->name, classes->n);
    if (error == DF_OK)
        error = df_image_write(&sample->image, path, quality);
    df_free(boxes);
    df_free(path);
    return error;
}
