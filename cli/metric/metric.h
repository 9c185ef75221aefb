/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/metric.h -- private: the subcommands of `deformer metric`, and the options that they share.
 */
#ifndef DF_CLI_METRIC_METRIC_H
#define DF_CLI_METRIC_METRIC_H

#include "cli/common/subcommands.h"
#include "eval/eval.h"

/* Each reads what the headings in metric.c say. */
typedef struct {
    const char *json;                        /* all    */
    bool per_class;                          /* all    */
    const char *per_image;                   /* ade20k, imagenet */
    const char *type, *explain, *images; /* coco   */
    CliTexts slice;
    const char *iou_thrs, *rec_thrs, *max_dets, *area_rng, *img_ids, *cat_ids, *dump;
    const char *sigmas;
    bool no_cats, crowdpose, f1;
    bool fixed_ap;                           /* lvis   */
    const char *image_set;                   /* voc, dota */
    const char *hierarchy, *segments;        /* openimages */
    double group_weight;
    bool v2;
    long dets_per_class;
    long num_classes, ignore_index;          /* ade20k */
    bool reduce_zero_label, no_reduce, histc, confusion, boundary;
    double score_thr;                        /* coco   */
    double beta, nan_to_num, boundary_ratio;
    const char *class_names, *gt_suffix, *pred_suffix;
    const char *labels, *real_labels;        /* imagenet */
    const char *gt_folder, *pred_folder;     /* panoptic */
} CliMetricOptions;
extern CliMetricOptions cli_metric;

/* The ways of scoring: the first word after `deformer metric`. */
extern const CliCommand cli_command_metric;
extern const CliSubcommand cli_metric_coco;
extern const CliSubcommand cli_metric_lvis;
extern const CliSubcommand cli_metric_voc, cli_metric_dota;
extern const CliSubcommand cli_metric_openimages;
extern const CliSubcommand cli_metric_ade20k;
extern const CliSubcommand cli_metric_imagenet;
extern const CliSubcommand cli_metric_panoptic;
extern const CliSubcommand cli_metric_cityscapes;
extern const CliSubcommand cli_metric_check;

/* Numbers of an option: with commas, or START:STOP:STEP. */
int cli_read_numbers(DfArena *, const char *option, const char *text, const double **out, size_t *n);

/* What the options of coco say, over what *p has: thresholds, limits, areas,
 * images and classes. Lists live in the arena. */
int cli_metric_params(DfArena *, DfCocoParams *p);
/* Scores args[1 ..] against args[0] by COCO's rules, or by those of LVIS, and
 * prints and writes what the options say. */
int cli_metric_score(const DfCocoParams *, bool federated, int n, const char *const *args);

/* False: --json - takes the place of the table. */
bool cli_metric_wants_table(void);
/* Prints the table and writes the JSON, each unless it is NULL or the error is one;
 * both are freed. Returns the error, or its own. */
int cli_metric_tell(int error, char *table, char *json);

/* Does `one` for i = 0, 1, ... n - 1 on all threads of the pool; `thread` counts them, for what each has of its own.
 * Fails as the first i that fails does; after Ctrl-C with DF_EINTERRUPT and "stopped after 5 of 9 ITEMS". */
typedef struct {
    void *arg;
    const char *items; /* their plural noun for messages */
    int (*one)(void *arg, size_t thread, size_t i);
} CliEach;
int cli_each(DfPool *, size_t n, const CliEach *);

/* Looks through the label maps of two folders, as metric ade20k would read them. */
int cli_check_maps(DfCheck *, const char *labels, const char *preds);

/* Sorted regular files below a folder whose names end in `suffix`, as paths relative to it. */
typedef struct {
    char **name;
    size_t n, capacity;
} CliFiles;
int cli_files_list(CliFiles *, const char *folder, const char *suffix);
void cli_files_free(CliFiles *);

/* The lines of a small text file, without line ends; empty lines at the end are dropped. */
typedef struct {
    char *text, **line;
    size_t n, capacity;
} CliLines;
int cli_lines_read(CliLines *, const char *path);
void cli_lines_free(CliLines *);

#endif
