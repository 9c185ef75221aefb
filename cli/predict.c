/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/predict.c -- deformer predict: pictures in, drawn pictures and COCO-format results out.
 */
#include "cli/detector.h"
#include "cli/segmentor.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *out_dir, *json_path, *wrapper;
static double score_thr = 0.3, opacity = 0.5;
static long quality = 92;
static bool allow_missing, aug_test, from_one;

static const CliOption options[] = {
    CLI_OPT_TEXT("--out", out_dir, "DIR", "drawn pictures go there, under their own names"),
    CLI_OPT_TEXT("--json", json_path, "FILE", "all detections in COCO's results format; - is stdout"),
    CLI_OPT_FLOAT("--score-thr", score_thr, "S", 0, 1, "drawn and listed are detections of at least this score; default 0.3"),
    CLI_OPT_INT("--quality", quality, "Q", 1, 100, "of drawn JPEG files, 1 to 100; default 92"),
    CLI_OPT_FLOAT("--opacity", opacity, "A", 0, 1, "segmentors: of the colours over the picture, 0 to 1; default 0.5"),
    CLI_OPT_FLAG("--aug-test", aug_test, "segmentors: six scales, each also mirrored, as mmseg's --aug-test"),
    CLI_OPT_FLAG("--from-one", from_one, "segmentors: label maps count classes from 1, as ADE20K's own files do"),
    CLI_OPT_TEXT("--wrapper", wrapper, "KEY", "which dict of the checkpoint: state_dict, model, model_ema, ..."),
    CLI_OPT_FLAG("--allow-missing", allow_missing, "parameters that the checkpoint lacks keep fresh values"),
    CLI_OPT_END
};

typedef struct {
    CliSession session;
    DfPipeline *pipeline;
    char **path;         /* the pictures */
    size_t n_paths, capacity;
    const char **classes;
    int n_classes;
    FILE *json;          /* in memory until the end */
    char *json_text;
    size_t json_size;
    bool first;
    long failed;
    DfArena *arena;      /* of a segmentor's class names */
    CliSegmentOutput segments;
} Run;

/* ---- which pictures ------------------------------------------------------------------------------------------------ */

static int add_path(Run *r, char *path)
{
    if (!path || !df_grow((void **)&r->path, &r->capacity, r->n_paths, sizeof *r->path)) {
        df_free(path);
        return df_fail_memory("the list of pictures");
    }
    r->path[r->n_paths++] = path;
    return DF_OK;
}

static bool is_picture(const char *name)
{
    static const char *const endings[] = { ".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG" };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (df_ends_with(name, endings[i]))
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_folder(Run *r, const char *folder)
{
    DIR *entries = opendir(folder);
    if (!entries)
        return df_fail_errno("%s", folder);
    const size_t before = r->n_paths;
    int error = DF_OK;
    for (struct dirent *e; error == DF_OK && (e = readdir(entries));)
        if (is_picture(e->d_name))
            error = add_path(r, cli_join(folder, e->d_name));
    closedir(entries);
    if (error == DF_OK && r->n_paths == before)
        return df_fail(DF_EVALUE, "%s: no .jpg, .jpeg or .png file in this folder", folder);
    qsort(r->path + before, r->n_paths - before, sizeof *r->path, by_name);
    return error;
}

static int add_pictures(Run *r, int n, const char *const *args)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < n; i++)
        error = df_is_directory(args[i]) ? add_folder(r, args[i]) : add_path(r, cli_join("", args[i]));
    return error;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int by_file_name(const void *a, const void *b)
{
    return strcmp(name_of(*(char *const *)a), name_of(*(char *const *)b));
}

/* Drawings go into one folder under the pictures' own names: not over a picture, and not over one another. */
static int check_drawings(const Run *r)
{
    char **sorted = df_malloc((r->n_paths + 1) * sizeof *sorted);
    int error = sorted ? DF_OK : df_fail_memory("the list of pictures");
    if (error == DF_OK) {
        memcpy(sorted, r->path, r->n_paths * sizeof *sorted);
        qsort(sorted, r->n_paths, sizeof *sorted, by_file_name);
    }
    for (size_t i = 0; error == DF_OK && i < r->n_paths; i++) {
        struct stat from, to;
        char *drawing = cli_join(out_dir, name_of(sorted[i]));
        if (!drawing)
            error = df_fail_memory("a path");
        else if (i && by_file_name(&sorted[i - 1], &sorted[i]) == 0)
            error = df_fail(DF_EVALUE, "%s and %s would both be drawn as %s", sorted[i - 1], sorted[i], drawing);
        else if (stat(sorted[i], &from) == 0 && stat(drawing, &to) == 0 && from.st_dev == to.st_dev && from.st_ino == to.st_ino)
            error = df_fail(DF_EVALUE, "--out %s: the drawing would replace the picture %s", out_dir, sorted[i]);
        df_free(drawing);
    }
    df_free(sorted);
    return error;
}

/* ---- class names --------------------------------------------------------------------------------------------------- */

/* DETR's labels are COCO's ids. */
static bool labels_are_ids(const Run *r)
{
    return df_node_int(df_node_at(r->session.root, "data.test.id_classes"), 0) == df_model_classes(r->session.model);
}

/* The dataset's `classes` if the config lists them, else COCO's if there are 80 or labels are their ids, else numbers. */
static int name_classes(Run *r)
{
    const int n = df_model_classes(r->session.model);
    const DfNode *list = df_node_at(r->session.root, "data.test.classes");
    r->classes = df_calloc((size_t)n + 1, sizeof *r->classes);
    if (!r->classes)
        return df_fail_memory("the class names");
    if (list && list->kind == DF_NODE_LIST && list->n == n) {
        for (const DfNode *item = list->first; item; item = item->next)
            r->classes[r->n_classes++] = df_node_text(item, "?");
    } else if (n == DF_COCO_CLASSES) {
        memcpy(r->classes, df_coco_classes, sizeof df_coco_classes);
        r->n_classes = n;
    } else if (labels_are_ids(r)) {
        for (; r->n_classes < n; r->n_classes++)
            r->classes[r->n_classes] = "N/A";
        for (int i = 0; i < DF_COCO_CLASSES; i++)
            if (df_coco_category_id(i) < n)
                r->classes[df_coco_category_id(i)] = df_coco_classes[i];
    }
    return DF_OK;
}

static int name_segments(Run *r)
{
    const int n = df_model_classes(r->session.model), most = 256 - from_one;
    if (out_dir && n > most)
        return df_fail(DF_EVALUE, "%d classes: label maps of one byte a pixel hold at most %d", n, most);
    r->segments = (CliSegmentOutput){ .out_dir = out_dir, .quality = (int)quality, .opacity = opacity, .first = from_one,
                                      .prints = !(json_path && strcmp(json_path, "-") == 0) };
    r->arena = df_arena_new();
    return r->arena ? cli_class_names(&r->session, r->arena, &r->segments.classes) : df_fail_memory("the class names");
}

/* ---- one picture --------------------------------------------------------------------------------------------------- */

static void print_detections(const Run *r, const char *path, const DfDetections *found)
{
    for (size_t i = 0; i < found->n; i++) {
        const DfDetection *d = &found->v[i];
        char number[16];
        snprintf(number, sizeof number, "%d", d->label);
        printf("%s\t%s\t%.3f\t%.1f %.1f %.1f %.1f\n", path, d->label < r->n_classes ? r->classes[d->label] : number, (double)d->score, (double)d->box[0],
               (double)d->box[1], (double)d->box[2], (double)d->box[3]);
    }
}

/* The number in the name if it is one, as in COCO, else the name. */
static void write_image_id(FILE *json, const char *name)
{
    const size_t digits = strspn(name, "0123456789");
    if (digits && digits <= 18 && name[digits] == '.') {
        fprintf(json, "%lld", strtoll(name, NULL, 10));
        return;
    }
    fputc('"', json);
    for (const char *p = name; *p; p++)
        fprintf(json, *p == '"' || *p == '\\' ? "\\%c" : (unsigned char)*p < 32 ? "\\u%04x" : "%c", (unsigned char)*p);
    fputc('"', json);
}

static int write_json(Run *r, const char *path, const DfDetections *found)
{
    for (size_t i = 0; i < found->n; i++, r->first = false) {
        double b[4];
        cli_xywh(found->v[i].box, b);
        fprintf(r->json, "%s{\"image_id\": ", r->first ? "\n" : ",\n");
        write_image_id(r->json, name_of(path));
        const int label = found->v[i].label;
        const bool of_coco = r->n_classes == DF_COCO_CLASSES && r->classes[label] == df_coco_classes[label];
        const int category = of_coco ? df_coco_category_id(label) : labels_are_ids(r) ? label : label + 1; /* COCO's own ids have gaps */
        fprintf(r->json, ", \"category_id\": %d, \"bbox\": [%.17g, %.17g, %.17g, %.17g], \"score\": %.9g", category, b[0], b[1], b[2], b[3],
                  (double)found->v[i].score);
        if (found->masks) {
            fputs(", \"segmentation\": ", r->json);
            const int error = cli_write_mask(r->json, &found->masks[i]);
            if (error < 0)
                return error;
        }
        fputc('}', r->json);
    }
    return DF_OK;
}

static int draw(Run *r, DfSample *sample, const DfDetections *found)
{
    char *path = cli_join(out_dir, name_of(sample->path));
    DfDrawnBox *boxes = df_calloc(found->n + 1, sizeof *boxes);
    int error = path && boxes ? DF_OK : df_fail_memory("a drawing");
    for (size_t i = 0; error == DF_OK && i < found->n; i++) {
        memcpy(boxes[i].box, found->v[i].box, sizeof boxes[i].box);
        boxes[i].label = found->v[i].label;
        boxes[i].score = found->v[i].score;
        if (found->masks) {
            boxes[i].runs = found->masks[i].runs;
            boxes[i].n_runs = found->masks[i].n;
        }
    }
    if (error == DF_OK)
        error = df_draw_boxes(&sample->image, boxes, (int)found->n, r->classes, r->n_classes);
    if (error == DF_OK)
        error = df_image_write(&sample->image, path, (int)quality);
    df_free(boxes);
    df_free(path);
    return error;
}

static void keep_above(DfDetections *found, double threshold)
{
    size_t n = 0;
    for (size_t i = 0; i < found->n; i++) {
        const bool keeps = (double)found->v[i].score >= threshold;
        found->v[n] = found->v[i];
        if (found->masks && keeps)
            found->masks[n] = found->masks[i];
        else if (found->masks)
            df_runs_free(&found->masks[i]);
        n += keeps;
    }
    found->n = n;
}

/* A picture that fails is told and counted, and the others go on; of a single one the sentence is enough. */
static int count_failure(Run *r, int error)
{
    r->failed++;
    if (r->n_paths == 1)
        return error;
    df_log(DF_LOG_WARNING, "%s", df_error());
    return DF_OK;
}

static int take_segments(Run *r, DfSample *sample)
{
    r->segments.json = r->json;
    const int error = cli_predict_segments(&r->session, sample, &r->segments);
    return error < 0 ? count_failure(r, error) : DF_OK;
}

static int take_sample(Run *r, DfSample *sample)
{
    DfDetections found = { 0 };
    if (sample->error < 0)
        return count_failure(r, df_fail(sample->error, "%s", sample->message));
    if (df_model_is_segmentor(r->session.model))
        return take_segments(r, sample);
    int error = cli_detect(&r->session, sample, &found);
    if (error < 0)
        return count_failure(r, error);
    keep_above(&found, score_thr);
    if (error == DF_OK && !(json_path && strcmp(json_path, "-") == 0))
        print_detections(r, sample->path, &found);
    if (error == DF_OK && r->json)
        error = write_json(r, sample->path, &found);
    if (error == DF_OK && out_dir)
        error = draw(r, sample, &found);
    df_detections_free(&found);
    return error;
}

/* ---- the run ------------------------------------------------------------------------------------------------------- */

static int open_run(Run *r, const char *config, const char *checkpoint)
{
    const DfModelLoad load = { .wrapper = wrapper, .allow_missing = allow_missing };
    int error = aug_test ? cli_aug_test() : DF_OK;
    if (error == DF_OK)
        error = cli_session_open(&r->session, config);
    const bool segments = error == DF_OK && df_model_is_segmentor(r->session.model);
    if (error == DF_OK && !segments && !df_model_is_detector(r->session.model))
        error = df_fail(DF_EVALUE, "%s describes a bare %s: predict wants a detector or a segmentor", config, df_model_type(r->session.model));
    if (error == DF_OK)
        error = cli_test_pipeline(&r->session, &r->pipeline);
    if (error == DF_OK)
        error = segments ? name_segments(r) : name_classes(r);
    if (error == DF_OK)
        error = cli_check_output(json_path);
    if (error == DF_OK && out_dir)
        error = check_drawings(r);
    if (error == DF_OK)
        error = cli_session_load(&r->session, checkpoint, &load);
    if (error == DF_OK && out_dir)
        error = df_make_directory(out_dir);
    if (error == DF_OK && json_path && !(r->json = open_memstream(&r->json_text, &r->json_size)))
        error = df_fail_memory("the results");
    return error;
}

static int run_pictures(Run *r)
{
    DfLoader *loader = NULL;
    const DfLoading loading = { .pipeline = r->pipeline, .paths = (const char *const *)r->path, .n = (int)r->n_paths, .threads = r->n_paths > 1, .ahead = 2,
                                .keep_images = out_dir != NULL };
    CliProgress progress = cli_progress("predict", (long)r->n_paths, 0);
    const bool shows = r->n_paths > 1 && (out_dir || json_path);
    long done = 0;
    int error = df_loader_new(&loader, &loading);
    for (DfSample sample; error == DF_OK && !cli_interrupted() && df_loader_next(loader, &sample); df_sample_free(&sample)) {
        error = take_sample(r, &sample);
        done++;
        if (shows)
            cli_progress_step(&progress, done);
    }
    df_loader_free(loader);
    if (error == DF_OK && shows)
        cli_progress_end(&progress);
    if (error == DF_OK && cli_interrupted() && done < (long)r->n_paths)
        error = df_fail(DF_EINTERRUPT, "stopped after %ld of %zu pictures", done, r->n_paths);
    if (error == DF_OK && r->failed)
        error = df_fail(DF_EFORMAT, "%ld of %zu pictures failed", r->failed, r->n_paths);
    return error;
}

static void close_run(Run *r)
{
    for (size_t i = 0; i < r->n_paths; i++)
        df_free(r->path[i]);
    df_free(r->path);
    df_free(r->classes);
    df_arena_free(r->arena);
    if (r->json)
        fclose(r->json);
    free(r->json_text);
    df_pipeline_free(r->pipeline);
    cli_session_done(&r->session);
}

static int run(int n, const char *const *args)
{
    Run r = { .first = true };
    int error = add_pictures(&r, n - 2, args + 2);
    if (error == DF_OK)
        error = open_run(&r, args[0], args[1]);
    if (r.json)
        fputc('[', r.json);
    if (error == DF_OK)
        error = run_pictures(&r);
    if (r.json && (error == DF_OK || error == DF_EINTERRUPT || r.failed)) {
        fputs("\n]\n", r.json);
        const int written = fflush(r.json) == 0 ? cli_write_text(json_path, r.json_text) : df_fail_memory("the results");
        error = error < 0 ? error : written;
    }
    close_run(&r);
    return error;
}

const CliCommand cli_command_predict = {
    .name = "predict",
    .synopsis = "CONFIG CHECKPOINT PATH... [--out DIR] [--json FILE] [--score-thr S]",
    .summary = "pictures in, drawn pictures and COCO-format results out",
    .details = "PATH is a .jpg or .png file or a folder of them. Every detection is a line on stdout, with tabs: picture, class, score, x1 y1 x2 y2\n"
               "in pixels. Classes have the names in the config's data.test.classes, else COCO's if there are 80, else numbers. A picture that\n"
               "fails does not stop the others; the exit status is then 1. Detections below the config's own model.test_cfg.score_thr never get\n"
               "here: lower that too with --set. CHECKPOINT is a .pth or .safetensors file, or `random[:SEED]`.\n"
               "\n"
               "--json: [{\"image_id\", \"category_id\", \"bbox\": [x, y, width, height], \"score\"}, ..], and \"segmentation\": {\"size\": [height,\n"
               "width], \"counts\"} of a network with masks. image_id is the number that is the file's name (000000000139.jpg: 139), else the\n"
               "name. category_id is COCO's for COCO's classes, else the number of the class from 1 on.\n"
               "\n"
               "A segmentor prints a line for every class of a picture: picture, class, pixels, share. Its drawings are the picture in the colours of\n"
               "its classes, with a legend, and DIR/labels/NAME.png is the label map. --json: [{\"image\", \"height\", \"width\", \"classes\": [{\"id\",\n"
               "\"name\", \"pixels\"}, ..]}, ..].",
    .options = options,
    .least = 3,
    .most = -1,
    .run = run,
};
