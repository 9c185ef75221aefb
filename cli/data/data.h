/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/data/data.h -- private: the subcommands of `deformer data`, and what they share.
 */
#ifndef DF_CLI_DATA_DATA_H
#define DF_CLI_DATA_DATA_H

#include "cli/common/subcommands.h"
#include "datasets/datasets.h"

/* Each reads what the headings in data.c say. */
typedef struct {
    const char *from, *to, *images, *task, *json;        /* all that read or write       */
    bool copy, link, whole, boxes_only, whole_pixels, compact;
    CliTexts parts;
    CliTexts classes, without_classes, names, ids;       /* filter                       */
    const char *area, *side, *picture, *objects, *crowd;
    bool keep_empty, only_empty;
    const char *ratio, *group;                           /* split                        */
    bool stratify;
    double share;                                        /* sample                       */
    long number, seed;
    bool prefix;                                         /* merge                        */
    bool no_masks;                                       /* draw                         */
    bool files;                                          /* stats                        */
} CliDataOptions;
extern CliDataOptions cli_data;

/* What can be done: the first word after `deformer data`. */
extern const CliCommand cli_command_data;
extern const CliSubcommand cli_data_stats, cli_data_convert, cli_data_filter, cli_data_split, cli_data_merge,
    cli_data_sample, cli_data_draw;

/* Reads a dataset as --from, --images and --part say. df_labelled_done() it. */
int cli_data_read(DfLabelled *, const char *path);
/* Writes it as --to, --copy, --link and so on say, tells what was written and what is lost, and writes --json. */
int cli_data_write(const DfLabelled *, const char *path);
/* --to is known, --copy and --link are not both given, and OUT is not IN. */
int cli_data_check(const char *in, const char *out);

/* The numbers of "LOW:HIGH"; ":HIGH" and "LOW:" leave one open. NULL: -inf and inf. */
int cli_data_range(const char *option, const char *text, double range[2]);
/* The pictures of one choice alone. */
int cli_data_choose(DfLabelled *, const int *part_of, int part);

#endif
