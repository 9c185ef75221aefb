/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/metric.c -- deformer metric: scores files, without a model. Each subcommand is a way of scoring, with a
 * file in this folder.
 */
#include "cli/metric/metric.h"

#include <string.h>

CliMetricOptions cli_metric = {
    .type = "bbox",
    .score_thr = 0.3,
    .num_classes = 150,
    .ignore_index = 255,
    .beta = 1,
    .nan_to_num = -1,
    .group_weight = -1,
    .boundary_ratio = 0.02,
    .gt_suffix = ".png",
    .pred_suffix = ".png",
};

static const CliOption options[] = {
    CLI_OPT_FLAG("--per-class", cli_metric.per_class, "also print the scores of every class"),
    CLI_OPT_TEXT("--json", cli_metric.json, "FILE",
                 "write the scores as JSON in full precision; with `-` to stdout, in place of the table"),

    CLI_OPT_HEADING_OF("coco lvis", "Options for coco and lvis"),
    CLI_OPT_TEXT("--type", cli_metric.type, "TYPE",
                 "bbox, segm, boundary (masks and their boundaries), or several with commas; of coco also keypoints, "
                 "obb (oriented boxes) and proposal (recall of boxes, without classes); default bbox"),
    CLI_OPT_TEXT("--iou-thrs", cli_metric.iou_thrs, "LIST",
                 "IoU thresholds: 0.5,0.75 or START:STOP:STEP; default 0.5:0.95:0.05"),
    CLI_OPT_TEXT("--rec-thrs", cli_metric.rec_thrs, "LIST", "recall thresholds, in the same form; default 0:1:0.01"),
    CLI_OPT_TEXT("--area-rng", cli_metric.area_rng, "LIST",
                 "areas as NAME:LOW:HIGH in square pixels; default "
                 "all:0:1e10,small:0:1024,medium:1024:9216,large:9216:1e10; for keypoints without small"),
    CLI_OPT_TEXT("--img-ids", cli_metric.img_ids, "LIST", "score only these images: 1,5,7 or @FILE with ids in it"),
    CLI_OPT_TEXT("--cat-ids", cli_metric.cat_ids, "LIST", "score only these categories, in the same form"),
    CLI_OPT_FLOAT("--score-thr", cli_metric.score_thr, "S", 0, 1,
                  "the page and --f1 count detections with a score of at least S; default 0.3"),
    CLI_OPT_FLAG("--f1", cli_metric.f1,
                 "also print the best F1 along the precision-recall curves, and TP, FP, FN and F1 at the score of "
                 "--score-thr"),
    CLI_OPT_FLOAT("--boundary-ratio", cli_metric.boundary_ratio, "X", 0, 1,
                  "width of the boundary of a mask as a fraction of the image's diagonal; default 0.02"),
    CLI_OPT_TEXT("--dump", cli_metric.dump, "FILE",
                 "write the arrays precision, recall and scores (float64) as .safetensors"),

    CLI_OPT_HEADING_OF("coco", "Options for coco"),
    CLI_OPT_TEXT("--max-dets", cli_metric.max_dets, "LIST",
                 "limits of detections per image and class; default 1,10,100, for proposals 1,10,100,1000, for "
                 "keypoints 20"),
    CLI_OPT_TEXT("--explain", cli_metric.explain, "FILE.html",
                 "write a page that explains the score: kinds of errors, curves, confused classes, worst images"),
    CLI_OPT_TEXT("--images", cli_metric.images, "DIR", "folder of the pictures, to show them on the page"),
    CLI_OPT_TEXTS("--slice", cli_metric.slice, "KEY,...",
                  "score subsets of the images by these keys of their records in GT.json (scene,camera.id), on the "
                  "page and in the JSON; area, aspect and crowding are always included; may be repeated"),
    CLI_OPT_TEXT("--sigmas", cli_metric.sigmas, "LIST",
                 "sigmas of the keypoints, as fractions of the person's size: 0.026,0.025,...; default: the 17 of "
                 "COCO"),
    CLI_OPT_FLAG("--crowdpose", cli_metric.crowdpose,
                 "keypoints by CrowdPose's rules: 14 sigmas, areas from boxes, AP of easy, medium and hard images; "
                 "default if the images have a crowdIndex and the annotations have no area"),
    CLI_OPT_FLAG("--no-cats", cli_metric.no_cats, "treat all categories as one, like useCats=0 in pycocotools"),

    CLI_OPT_HEADING_OF("lvis", "Options for lvis"),
    CLI_OPT_TEXT("--max-dets", cli_metric.max_dets, "N",
                 "the best N detections of an image count, whatever their class; -1: all; default 300"),
    CLI_OPT_FLAG("--fixed-ap", cli_metric.fixed_ap,
                 "fixed AP: the best 10000 detections of each class over all images count, with no limit per image"),
    CLI_OPT_INT("--dets-per-class", cli_metric.dets_per_class, "N", 1, INT32_MAX,
                "fixed AP with another number than 10000"),

    CLI_OPT_HEADING_OF("voc dota", "Options for voc and dota"),
    CLI_OPT_TEXT("--image-set", cli_metric.image_set, "FILE",
                 "names of the pictures to score, the first word of each line; default: all that have labels"),
    CLI_OPT_TEXT("--iou-thrs", cli_metric.iou_thrs, "LIST",
                 "IoU thresholds, 0.5,0.75 or START:STOP:STEP; a match needs a larger IoU; default 0.5"),

    CLI_OPT_HEADING_OF("openimages", "Options for openimages"),
    CLI_OPT_TEXT("--labels", cli_metric.labels, "FILE.csv",
                 "image labels: a detection does not count if its image has neither a label nor a box of its class"),
    CLI_OPT_TEXT("--hierarchy", cli_metric.hierarchy, "FILE.json",
                 "class hierarchy: boxes and labels also count for the parent classes; default: the tables already "
                 "contain these"),
    CLI_OPT_TEXT("--segments", cli_metric.segments, "FILE.csv",
                 "score masks: those of the boxes with the same coordinates"),
    CLI_OPT_TEXT("--class-names", cli_metric.class_names, "FILE",
                 "list of the classes: JSON {\"/m/01g317\": 1, ...}, a label map (.pbtxt), or lines NAME or "
                 "NAME,WORDS"),
    CLI_OPT_FLAG("--v2", cli_metric.v2, "the older metric: all detections count, groups do not"),
    CLI_OPT_FLOAT("--group-of-weight", cli_metric.group_weight, "W", 0, 1e6,
                  "weight of a detected group of objects; default 1, with --v2 0"),
    CLI_OPT_TEXT("--iou-thrs", cli_metric.iou_thrs, "T", "the IoU threshold; default 0.5"),

    CLI_OPT_HEADING_OF("check", "Options for check"),
    CLI_OPT_TEXT("--images", cli_metric.images, "DIR", "also read the pictures in DIR and compare their sizes"),

    CLI_OPT_HEADING_OF("ade20k check", "Options for ade20k, and for check of label maps"),
    CLI_OPT_INT("--num-classes", cli_metric.num_classes, "N", 1, DF_MIOU_CLASSES, "number of classes; default 150"),
    CLI_OPT_INT("--ignore-index", cli_metric.ignore_index, "N", -1, 255,
                "pixels with this label are not scored; the label is compared after --reduce-zero-label; -1: score all "
                "pixels; default 255"),
    CLI_OPT_FLAG("--no-reduce-zero-label", cli_metric.no_reduce, "take the labels as they are: label n is class n"),
    CLI_OPT_FLAG("--reduce-zero-label", cli_metric.reduce_zero_label,
                 "label 0 is not scored and label n is class n - 1; this is the default"),
    CLI_OPT_TEXT("--class-names", cli_metric.class_names, "FILE",
                 "names of the classes, one per line; default on the page: classes.txt beside the labels, or ADE20K's "
                 "150"),
    CLI_OPT_TEXT("--gt-suffix", cli_metric.gt_suffix, "SUFFIX", "end of the names of label files in GT_DIR; default "
                                                                ".png"),
    CLI_OPT_TEXT("--pred-suffix", cli_metric.pred_suffix, "SUFFIX",
                 "the same for PRED_DIR; default .png"),

    CLI_OPT_HEADING_OF("ade20k", "Options for ade20k"),
    CLI_OPT_TEXT("--explain", cli_metric.explain, "FILE.html",
                 "write a page that explains the score: confused classes, worst images"),
    CLI_OPT_FLAG("--confusion", cli_metric.confusion, "add the confusion matrix to the JSON"),
    CLI_OPT_FLAG("--boundary", cli_metric.boundary, "also compute Boundary IoU"),
    CLI_OPT_FLOAT("--boundary-ratio", cli_metric.boundary_ratio, "X", 0, 1,
                  "width of the boundary as a fraction of the image's diagonal; default 0.02"),
    CLI_OPT_FLOAT("--beta", cli_metric.beta, "X", 0, 1e6, "beta of mFscore; default 1"),
    CLI_OPT_FLOAT("--nan-to-num", cli_metric.nan_to_num, "X", 0, 1,
                  "value of a score that is 0/0, such as that of a class without pixels; default: leave it out of "
                  "the mean"),
    CLI_OPT_FLAG("--histc", cli_metric.histc,
                 "count as mmseg from 0.14 on, where, with N classes, a predicted value N is no class; default: as "
                 "before 0.14, where it counts as class N - 1"),

    CLI_OPT_HEADING_OF("imagenet", "Options for imagenet"),
    CLI_OPT_TEXT("--labels", cli_metric.labels, "FILE",
                 "correct class of each row of the logits, one per line; default: the array `labels`"),
    CLI_OPT_TEXT("--real-labels", cli_metric.real_labels, "FILE",
                 "ReaL labels: JSON with a list of all correct classes for each image"),

    CLI_OPT_HEADING_OF("panoptic", "Options for panoptic"),
    CLI_OPT_TEXT("--gt-folder", cli_metric.gt_folder, "DIR",
                 "folder of the PNG maps of GT.json; default: its path without .json"),
    CLI_OPT_TEXT("--pred-folder", cli_metric.pred_folder, "DIR",
                 "folder of the PNG maps of the results; default: the path of each file without .json"),

    CLI_OPT_HEADING_OF("ade20k imagenet", "Options for ade20k and imagenet"),
    CLI_OPT_TEXT("--per-image", cli_metric.per_image, "FILE",
                 "write the scores of every image as JSON, for `deformer compare`"),
    CLI_OPT_END
};

bool cli_metric_wants_table(void)
{
    return !cli_metric.json || strcmp(cli_metric.json, "-") != 0;
}

int cli_metric_tell(int error, char *table, char *json)
{
    if (error == DF_OK && table)
        fputs(table, stdout);
    if (error == DF_OK && json)
        error = cli_write_text(cli_metric.json, json);
    df_free(table);
    df_free(json);
    return error;
}

static const CliSubcommand *const metrics[] = {
    &cli_metric_coco, &cli_metric_lvis,       &cli_metric_panoptic, &cli_metric_cityscapes, &cli_metric_voc,
    &cli_metric_dota, &cli_metric_openimages, &cli_metric_ade20k,   &cli_metric_imagenet,   &cli_metric_check,
    NULL
};

static int run(int n, const char *const *args)
{
    return cli_run_subcommand(&cli_command_metric, metrics, n, args);
}

const CliCommand cli_command_metric = {
    .name = "metric",
    .synopsis = "coco|lvis|panoptic|cityscapes|voc|dota|openimages|ade20k|imagenet|check FILE... [OPTION]...",
    .summary = "score the result files of any tool; needs no model",
    .details = "deformer metric coco GT.json DT.json...\n"
               "    COCO's AP and AR, equal to pycocotools. Several result files are shards of\n"
               "    one run; an image that is in two of them counts once. The same holds for\n"
               "    lvis and panoptic, and for the folders of cityscapes and ade20k.\n"
               "    The JSON is {\"bbox\": {\"stats\": [AP, AP50, AP75, APs, APm, APl, AR1, AR10,\n"
               "    AR100, ARs, ARm, ARl], \"ar_at\": {\"1\": AR1, ...}, \"per_class\": [{\"id\",\n"
               "    \"name\", \"ap\", \"ap50\", \"ap75\", \"ap_small\", \"ap_medium\", \"ap_large\",\n"
               "    \"ar\", \"ar_small\", \"ar_medium\", \"ar_large\"}, ...]}}, and the same under the\n"
               "    name of every other type, from 0 to 1; -1: there is no ground truth.\n"
               "deformer metric lvis GT.json DT.json...\n"
               "    LVIS's AP, also of rare, common and frequent classes, and AR with 300\n"
               "    detections an image, equal to lvis-api; also fixed AP.\n"
               "deformer metric voc ANNOTATIONS RESULTS...\n"
               "    mAP of PASCAL VOC by the rules of 2007 and of 2012. ANNOTATIONS is a folder of\n"
               "    XML files; RESULTS are files of the devkit, comp4_det_val_CLASS.txt or\n"
               "    CLASS.txt, or a folder of them.\n"
               "deformer metric dota LABELS RESULTS...\n"
               "    mAP of DOTA's task 1, oriented boxes. LABELS is a folder of labelTxt files;\n"
               "    RESULTS are files Task1_CLASS.txt.\n"
               "deformer metric openimages BOXES.csv PREDICTIONS.csv...\n"
               "    mAP of Open Images and its challenges, from the published tables, with the\n"
               "    class hierarchy, groups of objects, image labels and masks.\n"
               "deformer metric panoptic GT.json DT.json...\n"
               "    Panoptic quality (PQ, SQ, RQ), equal to panopticapi. The PNG maps of X.json\n"
               "    are in the folder X, or in the folder given after it: GT.json MAPS/ DT.json\n"
               "    OTHER_MAPS/.\n"
               "deformer metric cityscapes GT_DIR PRED_DIR...\n"
               "    AP of instances by the rules of Cityscapes' scripts. GT_DIR has files\n"
               "    CITY_1_2_gtFine_instanceIds.png; PRED_DIR has files CITY_1_2*.txt with lines\n"
               "    `MASK.png LABEL SCORE`, as mmdet writes them.\n"
               "deformer metric ade20k GT_DIR PRED_DIR...\n"
               "    mIoU, mAcc, aAcc, ... of label maps, equal to mmsegmentation. Label maps are\n"
               "    PNG, BMP or TIFF files with one value per pixel, and have the same names in\n"
               "    both folders. By default 0 is unlabelled in GT_DIR and the classes are 1 to\n"
               "    150; in PRED_DIR the classes are 0 to 149.\n"
               "deformer metric imagenet LOGITS.safetensors\n"
               "deformer metric imagenet PREDICTIONS.txt DIR\n"
               "    Top-1 and top-5 accuracy. The first form reads the arrays `logits` [images,\n"
               "    classes] and `labels` [images]. The second reads lines `NAME CLASS CLASS\n"
               "    ...`, best class first, for pictures DIR/CLASS/NAME.\n"
               "deformer metric check GT.json [DT.json...]\n"
               "deformer metric check GT_DIR PRED_DIR\n"
               "    Finds mistakes in the files that lower a score silently: wrong ids, boxes\n"
               "    given as corners or in pixels of the network's input, shuffled classes, masks\n"
               "    of the wrong size, ...; in label maps, grey levels in place of classes,\n"
               "    classes counted from 1, ... Every finding names the file and the record.\n"
               "    The exit status is 1 if there is an error.\n"
               "\n"
               "`deformer metric coco --help` shows only what concerns coco, and so on.\n"
               "docs/metrics.md describes all numbers and the keys of the JSON files.",
    .examples = "  deformer metric coco instances_val2017.json results.json --type bbox,segm\n"
                "  deformer metric coco GT.json DT.json --explain page.html --images val2017/\n"
                "  deformer metric panoptic panoptic_val2017.json results.json --per-class\n"
                "  deformer metric ade20k annotations/validation/ predictions/ --per-class\n"
                "  deformer metric check GT.json DT.json",
    .options = options,
    .least = 1,
    .most = -1,
    .run = run,
};
