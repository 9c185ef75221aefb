/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/predict/predict.h -- private to predict: lists pictures (pictures.c) and handles the results of one: detections
 * (detect.c), the points that attention read (layers.c, explain.c), the classes of a segmentor (segment.c) or a
 * classifier (classify.c).
 */
#ifndef DF_CLI_PREDICT_PREDICT_H
#define DF_CLI_PREDICT_PREDICT_H

#include "cli/cli.h"
#include "datasets/datasets.h"

/* ---- pictures.c -------------------------------------------------------------------------------------------------- */

typedef struct {
    char **path;
    size_t n, capacity;
} CliPictures;
/* Files, folders of them (recursive: and folders in these), "-" for a list on standard input. `args` stay in use. */
int cli_pictures_add(CliPictures *, int n, const char *const *args, bool recursive);
int cli_pictures_make_folders(const CliPictures *, const char *dir);         /* DIR, and in it those of the names */
/* drawings under their names would replace nothing, and no other */
int cli_pictures_check(const CliPictures *, const char *out_dir);
int cli_pictures_check_stems(const CliPictures *, const char *dir); /* the same of names without their endings */
void cli_pictures_free(CliPictures *);
const char *cli_name_of(const char *path); /* behind the last slash, or below the folder that was looked through */
size_t cli_stem_length(const char *name);                                    /* up to the last dot     */

/* ---- detect.c ---------------------------------------------------------------------------------------------------- */

int cli_print_detections(const DfDetector *, const char *path, const DfDetections *);
int cli_write_detections(DfTextbuf *json, const DfDetector *, const char *path, const DfDetections *, bool first);
int cli_draw_detections(DfSample *, const DfDetector *, const DfDetections *, const char *out_dir, int quality);
/* ", \"precision\": \"bf16\"" where products are not float32. */
void cli_write_precision(DfTextbuf *json, const DfDetector *);
DfDrawnBox cli_drawn_box(const DfDetections *, size_t i);

/* ---- segment.c --------------------------------------------------------------------------------------------------- */

/* One picture: a line a class on stdout, an overlay and a label map into a folder, JSON. */
typedef struct {
    const char *out_dir;           /* or NULL                          */
    int quality;                   /* of JPEG                          */
    double opacity;
    int first;                     /* the number of the first class in label maps */
    bool prints;
    DfTextbuf *json;                    /* or NULL                          */
    const DfDetector *detector;
} CliSegmentOutput;
int cli_give_segments(DfSample *, const uint16_t *labels, const CliSegmentOutput *);

/* ---- classify.c -------------------------------------------------------------------------------------------------- */

/* One picture: a line for each of its likeliest classes on stdout, their names under the picture, JSON. */
typedef struct {
    const char *out_dir;           /* or NULL      */
    int quality;                   /* of JPEG      */
    int topk;                      /* how many     */
    bool prints;
    DfTextbuf *json;               /* or NULL      */
    const DfDetector *detector;
} CliClassOutput;
int cli_give_classes(DfSample *, const float *scores, const CliClassOutput *);

/* ---- layers.c, explain.c ----------------------------------------------------------------------------------------- */

enum { CLI_EXPLAIN_RANKS = 64 };
typedef struct {
    const char *dir, *detections, *query, *layers; /* of the command line; NULL: not given */
    long head;                                     /* -1: all                              */
    int quality;
    int rank[CLI_EXPLAIN_RANKS], n_ranks;          /* which detections, best first         */
    float at[2];                                   /* the place that was asked for         */
    DfPoints *points;
    int *layer, n_layers;                          /* which of them                        */
    const DfDetector *detector;
} CliExplain;
/* Reads the options and finds the layers. An error if the network has none, or none of that name. */
int cli_explain_open(CliExplain *, const CliSession *);
void cli_explain_close(CliExplain *);
/* Around the pass of a picture; then its figures and numbers. `found` are its detections of at least `score_thr`, or
 * NULL. */
void cli_explain_listen(CliExplain *, CliSession *);
int cli_explain_picture(CliExplain *, CliSession *, const DfSample *, const DfDetections *found, double score_thr);
/* explain_page.c: the page of a picture, whose points are still those of its pass. */
int cli_explain_page(const CliExplain *, const DfSample *, const DfDetections *found);
/* DIR/NAME.ending; df_free() it. */
int cli_explain_path(const CliExplain *, const char *picture, const char *ending, char **path);

#endif
