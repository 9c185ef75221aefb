/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/data/data.c -- deformer data: inspects, converts and selects datasets, without a model. Each subcommand has a
 * file in this folder.
 */
#include "cli/data/data.h"

CliDataOptions cli_data = { .share = -1, .number = -1 };

static const CliOption options[] = {
    CLI_OPT_TEXT("--from", cli_data.from, "FORM",
                 "format of IN: coco, lvis, yolo, voc or maps; default: detected"),
    CLI_OPT_TEXT("--to", cli_data.to, "FORM", "format of OUT; default: that of IN"),
    CLI_OPT_TEXT("--images", cli_data.images, "DIR",
                 "folder of the pictures of IN; default: where the format has it, or beside the file"),
    CLI_OPT_TEXTS("--part", cli_data.parts, "NAME",
                  "read only this part of IN, such as train; may be repeated; default: all"),
    CLI_OPT_FLAG("--copy", cli_data.copy, "copy the pictures into OUT; default: they stay where they are"),
    CLI_OPT_FLAG("--link", cli_data.link, "make symbolic links to the pictures in OUT"),
    CLI_OPT_INT("--seed", cli_data.seed, "N", 0, 9e18, "seed of the random numbers; default 0"),
    CLI_OPT_TEXT("--json", cli_data.json, "FILE",
                 "write the statistics or the report as JSON; with `-` to stdout, in place of the table"),

    CLI_OPT_HEADING_OF("stats", "Options for stats"),
    CLI_OPT_FLAG("--files", cli_data.files, "also read the pictures, and count duplicate and missing files"),

    CLI_OPT_HEADING_OF("convert filter split merge sample", "Options for the format of OUT"),
    CLI_OPT_TEXT("--task", cli_data.task, "TASK",
                 "YOLO: detect (boxes), segment (polygons), pose (keypoints) or obb (oriented boxes); default: segment "
                 "if there are masks, else pose if there are keypoints, else detect"),
    CLI_OPT_FLAG("--boxes-only", cli_data.boxes_only, "VOC: write no masks"),
    CLI_OPT_FLAG("--whole-pixels", cli_data.whole_pixels, "VOC: round boxes to whole pixels; default: decimals"),
    CLI_OPT_FLAG("--compact", cli_data.compact,
                 "label maps: number the classes 1, 2, ...; default: their ids, if these are 0 to 254"),
    CLI_OPT_FLAG("--whole", cli_data.whole,
                 "label maps as IN: all pixels of a class in a picture are one object; default: each connected "
                 "region is one"),

    CLI_OPT_HEADING_OF("filter", "Options for filter"),
    CLI_OPT_TEXTS("--class", cli_data.classes, "LIST",
                  "keep these classes: names or ids with commas, or @FILE with one a line; may be repeated"),
    CLI_OPT_TEXTS("--without-class", cli_data.without_classes, "LIST", "drop these classes, in the same form"),
    CLI_OPT_TEXTS("--name", cli_data.names, "GLOB",
                  "keep pictures whose file name matches, as 'night/*.jpg'; may be repeated"),
    CLI_OPT_TEXTS("--image-ids", cli_data.ids, "LIST", "keep these pictures: ids with commas, or @FILE"),
    CLI_OPT_TEXT("--area", cli_data.area, "LOW:HIGH", "keep objects with an area in this range, in square pixels"),
    CLI_OPT_TEXT("--side", cli_data.side, "LOW:HIGH",
                 "keep objects whose box has a shorter side in this range, in pixels"),
    CLI_OPT_TEXT("--crowd", cli_data.crowd, "only|none", "keep only crowds, or no crowds"),
    CLI_OPT_TEXT("--picture-side", cli_data.picture, "LOW:HIGH",
                 "keep pictures with a shorter side in this range, in pixels"),
    CLI_OPT_TEXT("--objects", cli_data.objects, "LOW:HIGH", "keep pictures with LOW to HIGH remaining objects"),
    CLI_OPT_FLAG("--keep-empty", cli_data.keep_empty,
                 "also keep pictures that lost all their objects; pictures that never had objects always stay"),
    CLI_OPT_FLAG("--only-empty", cli_data.only_empty, "keep only pictures without objects"),

    CLI_OPT_HEADING_OF("split", "Options for split"),
    CLI_OPT_TEXT("--ratio", cli_data.ratio, "A:B[:C]",
                 "shares of train, val and test; or NAME=SHARE with commas; default 8:2"),
    CLI_OPT_TEXT("--group", cli_data.group, "KEY",
                 "keep pictures in the same part that have the same folder (`folder`), the same value of a key of "
                 "their COCO record (video_id), or the same match of /REGEX/ (of its group, if it has one) in their "
                 "name"),

    CLI_OPT_HEADING_OF("sample draw", "Options for sample and draw"),
    CLI_OPT_INT("--number", cli_data.number, "N", 1, 1e9, "take N pictures"),
    CLI_OPT_FLOAT("--share", cli_data.share, "X", 0, 1, "sample: take this fraction of the pictures"),

    CLI_OPT_HEADING_OF("split sample draw", "Options for split, sample and draw"),
    CLI_OPT_FLAG("--stratify", cli_data.stratify, "each part or sample has about the same share of every class"),

    CLI_OPT_HEADING_OF("merge", "Options for merge"),
    CLI_OPT_FLAG("--prefix", cli_data.prefix,
                 "with --copy or --link: put the pictures of the n-th dataset into a folder n/"),

    CLI_OPT_HEADING_OF("draw", "Options for draw"),
    CLI_OPT_FLAG("--no-masks", cli_data.no_masks, "draw boxes and names only"),
    CLI_OPT_END
};

static const CliSubcommand *const subcommands[] = {
    &cli_data_stats, &cli_data_convert, &cli_data_filter, &cli_data_split,
    &cli_data_merge, &cli_data_sample,  &cli_data_draw,   NULL,
};

static int run(int n, const char *const *args)
{
    return cli_run_subcommand(&cli_command_data, subcommands, n, args);
}

const CliCommand cli_command_data = {
    .name = "data",
    .synopsis = "stats|convert|filter|split|merge|sample|draw IN... [OUT] [OPTION]...",
    .summary = "inspect, convert, filter, split and merge datasets",
    .details = "deformer data stats IN\n"
               "    Counts classes, sizes, shapes, crowding, empty pictures, duplicates.\n"
               "deformer data convert IN OUT --to FORM\n"
               "    Converts between COCO, LVIS, YOLO, PASCAL VOC and label maps, with masks, and\n"
               "    says what the new format cannot hold. If nothing was lost, converting back\n"
               "    gives the same file.\n"
               "deformer data filter IN OUT\n"
               "    Keeps classes, objects and pictures by names, ids, areas, sizes.\n"
               "deformer data split IN OUT\n"
               "    Divides the pictures into train, val and test.\n"
               "deformer data merge IN IN... OUT\n"
               "    Merges datasets: joins classes by name, gives pictures and objects new ids.\n"
               "deformer data sample IN OUT\n"
               "    Takes some of the pictures.\n"
               "deformer data draw IN OUT\n"
               "    Draws boxes, masks and names on the pictures, into a folder.\n"
               "\n"
               "IN is a folder, an annotation file of COCO or LVIS, or YOLO's data.yaml; OUT is\n"
               "a folder, or for COCO and LVIS a .json file. Pictures stay where they are,\n"
               "unless --copy or --link is given. Equal seeds give equal files.\n"
               "\n"
               "`deformer data split --help` shows only what concerns split, and so on.\n"
               "docs/datasets.md describes the formats, and what a conversion loses.",
    .examples = "  deformer data stats coco/annotations/instances_val2017.json\n"
                "  deformer data convert coco/ yolo/ --to yolo --link\n"
                "  deformer data filter all.json cats.json --class cat,dog --area 1024:\n"
                "  deformer data split photos/ parts/ --ratio 8:1:1 --stratify --seed 1\n"
                "  deformer data draw photos/ drawn/ --number 50",
    .options = options,
    .least = 1,
    .most = -1,
    .run = run,
};
