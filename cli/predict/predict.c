/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/predict/predict.c -- deformer predict: runs a network on pictures, draws the results, and writes them in COCO's
 * format.
 */
#include "cli/common/aug_test.h"
#include "cli/predict/predict.h"

#include <stdlib.h>
#include <string.h>

static const char *out_dir, *json_path, *wrapper, *categories, *names;
static CliExplain explain = { .head = -1 };
static double score_thr = 0.3, opacity = 0.5;
static long quality = 92, topk = 5, streams, batch;
static bool allow_missing, aug_test, from_one, recursive;

static const CliOption options[] = {
    CLI_OPT_TEXT("--out", out_dir, "DIR",
                 "save the pictures with the results drawn on them in DIR, under the same names"),
    CLI_OPT_FLAG("--recursive", recursive,
                 "also read the subfolders of folders; the names of results keep these subfolders"),
    CLI_OPT_TEXT("--json", json_path, "FILE",
                 "write the results as JSON (detectors: COCO's results format, all detections); with `-` to stdout"),
    CLI_OPT_TEXT("--categories", categories, "GT.json",
                 "detectors: the JSON has the category ids of this annotation file, found by the names of the classes"),
    CLI_OPT_TEXT("--names", names, "FILE",
                 "names of the classes in the order of their numbers, one a line, or .json"),
    CLI_OPT_FLOAT("--score-thr", score_thr, "S", 0, 1,
                  "detectors: print, draw and explain detections with a score of at least S, from 0 to 1; default 0.3"),
    CLI_OPT_INT("--quality", quality, "Q", 1, 100, "quality of saved JPEG and WebP files, from 1 to 100; default 92"),
    CLI_OPT_PRECISION,
    CLI_OPT_CHECKPOINT(wrapper, allow_missing),
    CLI_OPT_AT_ONCE(streams, batch),

    CLI_OPT_HEADING("Options for segmentors"),
    CLI_OPT_FLOAT("--opacity", opacity, "A", 0, 1, "opacity of the colours over the picture, from 0 to 1; default 0.5"),
    CLI_OPT_FLAG("--aug-test", aug_test,
                 "test-time augmentation: the config's tta_pipeline, as --tta of mmdet 3 and mmseg 1; else six "
                 "scales, each also flipped, as --aug-test of mmseg"),
    CLI_OPT_FLAG("--from-one", from_one,
                 "number the classes from 1 in label maps, as in the files of ADE20K; default: from 0"),

    CLI_OPT_HEADING("Options for classifiers"),
    CLI_OPT_INT("--topk", topk, "K", 1, 1000,
                "print the K likeliest classes of each picture; default 5"),

    CLI_OPT_HEADING("Options for --explain"),
    CLI_OPT_TEXT("--explain", explain.dir, "DIR",
                 "save the sampling points of the network's attention in DIR, as pictures, as JSON, and as an "
                 "interactive page"),
    CLI_OPT_TEXT("--detections", explain.detections, "N,...",
                 "explain these detections; 0 is the one with the best score; default 0,1,2"),
    CLI_OPT_TEXT("--query", explain.query, "X,Y",
                 "explain this point of the picture, in pixels, instead of detections"),
    CLI_OPT_TEXT("--layers", explain.layers, "NAME,...",
                 "explain the layers with these names or parts of names, or `all`; default: the last layers "
                 "(docs/explain.md)"),
    CLI_OPT_INT("--head", explain.head, "N", 0, 1023,
                "show only this attention head, counted from 0; default: all heads together"),
    CLI_OPT_END
};

typedef struct {
    CliSession session;
    CliPictures pictures;
    CliSegmentOutput segments;
    CliClassOutput classes;
    CliRunProgress progress;
    DfTextbuf json;      /* in memory until the end; empty without --json */
    bool first;
    long found, shown;   /* detections: of the network, and of these with a score of at least score_thr */
    long failed;
} Run;

static bool prints(void)
{
    return !(json_path && strcmp(json_path, "-") == 0);
}

static int open_segments(Run *r)
{
    const int n = df_model_classes(r->session.model);
    const int most = 256 - from_one;
    if (out_dir && n > most)
        return df_fail(DF_EVALUE, "%d classes: label maps of one byte per pixel can hold at most %d", n, most);
    r->segments = (CliSegmentOutput){ .out_dir = out_dir,
                                      .quality = (int)quality,
                                      .opacity = opacity,
                                      .first = from_one,
                                      .prints = prints(),
                                      .detector = r->session.detector };
    return out_dir ? cli_pictures_check_stems(&r->pictures, out_dir) : DF_OK; /* of label maps */
}

static void open_classes(Run *r)
{
    r->classes = (CliClassOutput){ .out_dir = out_dir,
                                   .quality = (int)quality,
                                   .topk = (int)topk,
                                   .prints = prints(),
                                   .json = json_path ? &r->json : NULL,
                                   .detector = r->session.detector };
}

/* ---- one picture ------------------------------------------------------------------------------------------------- */

/* A picture that fails is told and counted, and the others go on; of a single one the sentence is enough. */
static int count_failure(Run *r, int error)
{
    r->failed++;
    if (r->pictures.n == 1)
        return error;
    df_log(DF_LOG_WARNING, "%s", df_error());
    return DF_OK;
}

/* Before anything is drawn over the picture. */
static int explain_sample(Run *r, const DfSample *sample, const DfDetections *found)
{
    return explain.dir ? cli_explain_picture(&explain, &r->session, sample, found, score_thr) : DF_OK;
}

static int give_detections(Run *r, DfSample *sample, const DfDetections *found)
{
    const DfDetector *detector = r->session.detector;
    const int error = prints() ? cli_print_detections(detector, sample->path, found) : DF_OK;
    if (error < 0)
        return error;
    return out_dir ? cli_draw_detections(sample, detector, found, out_dir, (int)quality) : DF_OK;
}

/* The JSON gets all detections of the network; what is shown, those of score_thr and above. */
static int keep_detections(Run *r, const DfSample *sample, DfDetections *found)
{
    int error = DF_OK;
    if (json_path)
        error = cli_write_detections(&r->json, r->session.detector, sample->path, found, r->first);
    r->first = r->first && found->n == 0;
    r->found += (long)found->n;
    df_detections_keep_above(found, score_thr);
    r->shown += (long)found->n;
    return error;
}

/* Who only asks where a classifier looked wants no list of classes. */
static bool gives_classes(void)
{
    return out_dir || json_path || !explain.dir;
}

static int give_result(Run *r, DfSample *sample, DfResult *result)
{
    const bool detects = df_detector_task(r->session.detector) == DF_TASK_DETECTION;
    int error = detects ? keep_detections(r, sample, &result->detections) : DF_OK;
    if (error == DF_OK)
        error = explain_sample(r, sample, detects ? &result->detections : NULL);
    r->segments.json = json_path ? &r->json : NULL;
    if (error == DF_OK && result->label_map)
        error = cli_give_segments(sample, result->label_map, &r->segments);
    if (error == DF_OK && result->class_scores && gives_classes())
        error = cli_give_classes(sample, result->class_scores, &r->classes);
    if (error == DF_OK && detects)
        error = give_detections(r, sample, &result->detections);
    return error < 0 ? count_failure(r, error) : DF_OK;
}

/* What is explained is heard in the pass of the picture, and read before that of the next one. */
static int take_picture(void *run, DfSample *sample, DfResult *result, int error)
{
    Run *r = run;
    if (prints())
        cli_line_erase_for_results();
    error = error < 0 ? count_failure(r, error) : give_result(r, sample, result);
    if (explain.dir)
        cli_explain_listen(&explain, &r->session);
    return error;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

/* A bare backbone has no results to give, but places that it looked at. */
static int check_model(const Run *r, const char *config)
{
    const DfModel *model = r->session.model;
    if (df_detector_task(r->session.detector) != DF_TASK_FEATURES)
        return DF_OK;
    if (!explain.dir)
        return df_fail(DF_EVALUE, "%s describes a %s alone: predict wants a detector, a segmentor or a classifier",
                       config, df_model_type(model));
    if (out_dir || json_path)
        return df_fail(CLI_EUSAGE, "%s describes a %s alone: without a head, predict can only --explain it", config,
                       df_model_type(model));
    return DF_OK;
}

static int open_explain(Run *r)
{
    explain.quality = (int)quality;
    int error = cli_explain_open(&explain, &r->session);
    return error == DF_OK && explain.dir ? cli_pictures_check_stems(&r->pictures, explain.dir) : error;
}

static int open_model(Run *r, const char *config)
{
    int error = aug_test ? cli_aug_test() : DF_OK;
    if (error == DF_OK)
        error = cli_session_open(&r->session, config);
    if (error == DF_OK)
        error = check_model(r, config);
    if (error < 0)
        return error;
    if (df_model_is_segmentor(r->session.model))
        error = open_segments(r);
    open_classes(r);
    if (error == DF_OK)
        error = df_detector_prepare(r->session.detector);
    if (error == DF_OK && names)
        error = df_detector_take_names(r->session.detector, names);
    return error;
}

static int open_run(Run *r, const char *config, const char *checkpoint)
{
    const DfModelLoad load = { .wrapper = wrapper, .allow_missing = allow_missing };
    int error = open_model(r, config);
    if (error == DF_OK)
        error = open_explain(r);
    if (error == DF_OK)
        error = cli_check_output(json_path);
    if (error == DF_OK && out_dir)
        error = cli_pictures_check(&r->pictures, out_dir);
    if (error == DF_OK)
        error = cli_session_load(&r->session, checkpoint, &load);
    if (error == DF_OK && categories)
        error = df_detector_take_categories(r->session.detector, categories);
    if (error == DF_OK && out_dir)
        error = cli_pictures_make_folders(&r->pictures, out_dir);
    if (error == DF_OK && explain.dir)
        error = cli_pictures_make_folders(&r->pictures, explain.dir);
    if (error == DF_OK && cli.precision)
        df_log(DF_LOG_INFO, "precision: %s", df_precision_name(df_detector_precision(r->session.detector)));
    if (error == DF_OK && json_path)
        df_textbuf_add(&r->json, "[");
    return error;
}

static int run_pictures(Run *r)
{
    const CliPictures *pictures = &r->pictures;
    const DfLoading loading = { .pipeline = df_detector_pipeline(r->session.detector),
                                .paths = (const char *const *)pictures->path,
                                .n = (int)pictures->n,
                                .ahead = 2,
                                .keep_images = out_dir || explain.dir };
    DfSequence s = { .detector = r->session.detector,
                     .loading = loading,
                     .streams = (int)streams,
                     .batch = (int)batch,
                     .alone = explain.dir != NULL,
                     .n = (long)pictures->n,
                     .progress = cli_run_progress,
                     .progress_user = &r->progress,
                     .take = take_picture,
                     .take_user = r };
    r->progress =
        (CliRunProgress){ .what = "predict", .silent = pictures->n < 2 || !(out_dir || json_path || explain.dir) };
    if (explain.dir)
        cli_explain_listen(&explain, &r->session);
    int error = df_sequence_run(&s);
    if (error == DF_OK && !r->progress.silent)
        cli_progress_end(&r->progress.shown);
    if (error == DF_OK && s.done < s.n)
        error = df_fail(DF_EINTERRUPT, "stopped after %ld of %ld pictures", s.done, s.n);
    if (error == DF_OK && r->failed)
        error = df_fail(DF_EFORMAT, "%ld of %zu pictures failed", r->failed, pictures->n);
    return error;
}

static void close_run(Run *r)
{
    cli_explain_close(&explain);
    cli_pictures_free(&r->pictures);
    df_free(r->json.at);
    cli_session_done(&r->session);
}

/* The numbers of the JSON and those of the drawing are not the same ones. */
static void tell_threshold(const Run *r)
{
    const bool shows = out_dir || explain.dir || prints();
    if (shows && df_detector_task(r->session.detector) == DF_TASK_DETECTION)
        df_log(DF_LOG_INFO,
               "the JSON has all %ld detections; %ld of them, with a score of at least %g (--score-thr), %s %s", r->found,
               r->shown, score_thr, r->shown == 1 ? "is" : "are", out_dir ? "drawn" : "shown");
}

static int write_results(Run *r)
{
    char *text;
    tell_threshold(r);
    df_textbuf_add(&r->json, "\n]\n");
    int error = df_textbuf_take(&r->json, &text);
    if (error == DF_OK)
        error = cli_write_text(json_path, text);
    df_free(text);
    return error;
}

static int run(int n, const char *const *args)
{
    Run r = { .first = true };
    int error = cli_pictures_add(&r.pictures, n - 2, args + 2, recursive);
    if (error == DF_OK)
        error = open_run(&r, args[0], args[1]);
    if (error == DF_OK)
        error = run_pictures(&r);
    const bool begun = r.json.n || r.json.failed;
    if (begun && (error == DF_OK || error == DF_EINTERRUPT || (r.failed && error != DF_ENOMEM))) {
        const int written = write_results(&r);
        error = error < 0 ? error : written;
    }
    close_run(&r);
    return error;
}

const CliCommand cli_command_predict = {
    .name = "predict",
    .synopsis = "CONFIG CHECKPOINT PICTURE... [OPTION]...",
    .summary = "run a model on pictures and print or draw what it finds",
    .details = "PICTURE is a JPEG, PNG, BMP, TIFF or WebP file, a folder of such files, or `-` for\n"
               "a list on standard input, one path a line. The pixels are those that OpenCV\n"
               "reads, turned by the EXIF orientation. (TIFF and WebP need a program that was\n"
               "built with libtiff and libwebp.) CHECKPOINT is a .pth or .safetensors file, or\n"
               "`random`, or `random:SEED`.\n"
               "\n"
               "In place of CONFIG and CHECKPOINT, give the folder of a model of transformers or\n"
               "timm (config.json, preprocessor_config.json, model.safetensors or\n"
               "pytorch_model.bin), or of detectron2 (config.yaml, model_final.pkl or\n"
               "model_final.pth).\n"
               "\n"
               "Detectors print a line for every detection, with tabs between four columns:\n"
               "    picture  class  score  x1 y1 x2 y2           (corners of the box, in pixels)\n"
               "Class names are those of --names, else those in the checkpoint, else those of\n"
               "data.test.classes in the config, else COCO's names if there are 80 classes, else\n"
               "numbers. Detections with a score of at least --score-thr are printed and drawn.\n"
               "The JSON has all detections of the network: those with a score above\n"
               "model.test_cfg.score_thr of the config. To see more of them, lower both.\n"
               "\n"
               "Segmentors print a line for every class in a picture:\n"
               "    picture  class  pixels  fraction of the picture\n"
               "With --out, DIR/NAME is the picture with a colour for each class and a legend,\n"
               "and DIR/labels/NAME.png is the label map.\n"
               "\n"
               "Classifiers print a line for each of the --topk likeliest classes:\n"
               "    picture  class  probability\n"
               "With --out, DIR/NAME is the picture with these lines below it. Class names are\n"
               "found as for detectors, but the default for 1000 classes is ImageNet's names.\n"
               "\n"
               "Drawings have the file format of the picture. If a picture cannot be read, the\n"
               "others are still processed, and the exit status is 1.\n"
               "\n"
               "JSON of a detector: [{\"image_id\", \"category_id\", \"bbox\": [x, y, width, height],\n"
               "\"score\"}, ...]; networks with masks add \"segmentation\": {\"size\": [height,\n"
               "width], \"counts\"}. image_id is the file name as a number if it is one\n"
               "(000000000139.jpg gives 139), else the name. category_id is that of\n"
               "--categories, else COCO's id for the 80 classes of COCO, else the number of the\n"
               "class, counted from 1. With --precision bf16, every object of the JSON has\n"
               "\"precision\".\n"
               "JSON of a segmentor: [{\"image\", \"height\", \"width\", \"classes\": [{\"id\", \"name\",\n"
               "\"pixels\"}, ...]}, ...].\n"
               "JSON of a classifier: [{\"image\", \"height\", \"width\", \"classes\": [{\"id\", \"name\",\n"
               "\"score\"}, ...]}, ...], the likeliest class first.\n"
               "\n"
               "--explain works for Deformable DETR, and for DAT and deformable convolutions in\n"
               "any network. These sample a few points that the network chooses; --explain draws\n"
               "the points with their weights. See docs/explain.md.",
    .examples = "  deformer predict CONFIG.py weights.pth photos/ --out drawn/ --json boxes.json\n"
                "  find . -name '*.tif' | deformer predict CONFIG.py weights.pth - --json boxes.json\n"
                "  deformer predict CONFIG.py weights.pth photo.jpg --explain seen/",
    .options = options,
    .least = 3,
    .most = -1,
    .run = run,
};
