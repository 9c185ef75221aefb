/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/predict/classify.c -- deformer predict with a classifier: the most likely classes of one picture as lines, as
 * JSON, and drawn below the picture.
 */
#include "cli/predict/predict.h"

/* The class of the next best score below `before`; of equal scores the lower class stands first. -1: no more. */
static int next_best(const float *scores, int n, int before)
{
    int best = -1;
    for (int i = 0; i < n; i++) {
        const bool behind = before < 0 || scores[i] < scores[before] || (!(scores[i] > scores[before]) && i > before);
        if (behind && (best < 0 || scores[i] > scores[best]))
            best = i;
    }
    return best;
}

static void print_class(const CliClassOutput *o, const char *path, int label, float score)
{
    cli_put_name(stdout, path);
    fputc('\t', stdout);
    cli_put_name(stdout, df_detector_class_name(o->detector, label));
    printf("\t%.4f\n", (double)score);
}

static void write_class(const CliClassOutput *o, int place, int label, float score)
{
    df_textbuf_add(o->json, "%s{\"id\": %d, \"name\": ", place ? ", " : "", label);
    df_textbuf_json(o->json, df_detector_class_name(o->detector, label));
    df_textbuf_add(o->json, ", \"score\": %.9g}", (double)score);
}

static void begin_json(const CliClassOutput *o, const DfSample *sample)
{
    const DfView *view = &sample->views.view[0];
    df_textbuf_add(o->json, "%s{\"image\": ", o->json->n > 1 ? ",\n" : "\n");
    df_textbuf_json(o->json, sample->path);
    df_textbuf_add(o->json, ", \"height\": %d, \"width\": %d", view->meta.ori_h, view->meta.ori_w);
    cli_write_precision(o->json, o->detector);
    df_textbuf_add(o->json, ", \"classes\": [");
}

static int draw(DfSample *sample, const CliClassOutput *o, const DfNamed *named, int n)
{
    char *path;
    int error = df_path_below(&path, o->out_dir, cli_name_of(sample->path));
    if (error == DF_OK)
        error = df_draw_names(&sample->image, named, n);
    if (error == DF_OK)
        error = df_image_write(&sample->image, path, o->quality);
    df_free(path);
    return error;
}

int cli_give_classes(DfSample *sample, const float *scores, const CliClassOutput *o)
{
    const int classes = df_detector_classes(o->detector);
    const int n = o->topk < classes ? o->topk : classes;
    DfNamed *named = df_calloc((size_t)n, sizeof *named);
    if (!named)
        return df_fail_memory("the classes of a picture");
    if (o->json)
        begin_json(o, sample);
    for (int i = 0, label = -1; i < n; i++) {
        label = next_best(scores, classes, label);
        named[i] = (DfNamed){ df_detector_class_name(o->detector, label), scores[label] };
        if (o->prints)
            print_class(o, sample->path, label, scores[label]);
        if (o->json)
            write_class(o, i, label, scores[label]);
    }
    if (o->json)
        df_textbuf_add(o->json, "]}");
    const int error = o->out_dir ? draw(sample, o, named, n) : DF_OK;
    df_free(named);
    return error;
}
