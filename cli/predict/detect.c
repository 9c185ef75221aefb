/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/predict/detect.c -- deformer predict of a detector: one picture's detections as lines, as JSON, as a drawing.
 */
#include "cli/predict/predict.h"

#include <stdlib.h>
#include <string.h>

#include "cli/common/detector.h"

/* ---- class names --------------------------------------------------------------------------------------------------- */

/* The dataset's `classes` if the config lists them, else COCO's if there are 80 or labels are their ids, else numbers. */
int cli_labels_new(CliLabels *l, const CliSession *s)
{
    const int n = df_model_classes(s->model);
    const DfNode *list = df_node_at(s->root, "data.test.classes");
    *l = (CliLabels){ .name = df_calloc((size_t)n + 1, sizeof *l->name), .ids = df_node_int(df_node_at(s->root, "data.test.id_classes"), 0) == n };
    if (!l->name)
        return df_fail_memory("the class names");
    if (list && list->kind == DF_NODE_LIST && list->n == n) {
        for (const DfNode *item = list->first; item; item = item->next)
            l->name[l->n++] = df_node_text(item, "?");
    } else if (n == DF_COCO_CLASSES) {
        memcpy(l->name, df_coco_classes, sizeof df_coco_classes);
        l->n = n;
    } else if (l->ids) {
        for (; l->n < n; l->n++)
            l->name[l->n] = "N/A";
        for (int i = 0; i < DF_COCO_CLASSES; i++)
            if (df_coco_category_id(i) < n)
                l->name[df_coco_category_id(i)] = df_coco_classes[i];
    }
    return DF_OK;
}

void cli_labels_free(CliLabels *l)
{
    df_free(l->name);
    *l = (CliLabels){ 0 };
}

const char *cli_label_name(const CliLabels *l, int label, char number[16])
{
    snprintf(number, 16, "%d", label);
    return label < l->n ? l->name[label] : number;
}

/* COCO's own ids have gaps. */
static int category_of(const CliLabels *l, int label)
{
    const bool of_coco = l->n == DF_COCO_CLASSES && l->name[label] == df_coco_classes[label];
    return of_coco ? df_coco_category_id(label) : l->ids ? label : label + 1;
}

/* ---- results ------------------------------------------------------------------------------------------------------- */

void cli_print_detections(const CliLabels *l, const char *path, const DfDetections *found)
{
    for (size_t i = 0; i < found->n; i++) {
        const DfDetection *d = &found->v[i];
        char number[16];
        printf("%s\t%s\t%.3f\t%.1f %.1f %.1f %.1f\n", path, cli_label_name(l, d->label, number), (double)d->score, (double)d->box[0], (double)d->box[1],
               (double)d->box[2], (double)d->box[3]);
    }
}

/* The number in the name if it is one, as in COCO, else the name. */
static void write_image_id(FILE *json, const char *name)
{
    const size_t digits = strspn(name, "0123456789");
    if (digits && digits <= 18 && name[digits] == '.')
        fprintf(json, "%lld", strtoll(name, NULL, 10));
    else
        cli_print_json_text(json, name);
}

int cli_write_detections(FILE *json, const CliLabels *l, const char *path, const DfDetections *found, bool first)
{
    for (size_t i = 0; i < found->n; i++, first = false) {
        const DfDetection *d = &found->v[i];
        double b[4];
        cli_xywh(d->box, b);
        fprintf(json, "%s{\"image_id\": ", first ? "\n" : ",\n");
        write_image_id(json, cli_name_of(path));
        fprintf(json, ", \"category_id\": %d, \"bbox\": [%.17g, %.17g, %.17g, %.17g], \"score\": %.9g", category_of(l, d->label), b[0], b[1], b[2], b[3],
                (double)d->score);
        if (found->masks) {
            fputs(", \"segmentation\": ", json);
            const int error = cli_write_mask(json, &found->masks[i]);
            if (error < 0)
                return error;
        }
        fputc('}', json);
    }
    return DF_OK;
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

int cli_draw_detections(DfSample *sample, const CliLabels *l, const DfDetections *found, const char *out_dir, int quality)
{
    char *path = cli_join(out_dir, cli_name_of(sample->path));
    DfDrawnBox *boxes = df_calloc(found->n + 1, sizeof *boxes);
    int error = path && boxes ? DF_OK : df_fail_memory("a drawing");
    for (size_t i = 0; error == DF_OK && i < found->n; i++)
        boxes[i] = cli_drawn_box(found, i);
    if (error == DF_OK)
        error = df_draw_boxes(&sample->image, boxes, (int)found->n, l->name, l->n);
    if (error == DF_OK)
        error = df_image_write(&sample->image, path, quality);
    df_free(boxes);
    df_free(path);
    return error;
}
