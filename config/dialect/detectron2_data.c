/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/detectron2_data.c -- DATASETS.TEST: converts the datasets that detectron2 knows by name to ours, and
 * how their pictures are prepared.
 */
#include "config/dialect/detectron2.h"

#include <string.h>

/* ---- the sets ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name, *type, *ann_file, *folder; /* paths below data/ */
    const char *more;
} Known;

#define COCO(name, file, folder) \
    { name, "CocoDataset", "coco/annotations/instances_" file ".json", "coco/" folder "/", "" }
#define PERSONS(name, file, folder)                                                                    \
    { name, "CocoDataset", "coco/annotations/person_keypoints_" file ".json", "coco/" folder "/",      \
      ", classes=['person']" }
#define LVIS(name, type, file) { name, type, "lvis/" file ".json", "coco/", "" }
#define VOC(name, year, split) \
    { name, "VOCDataset", "VOC" year "/ImageSets/Main/" split ".txt", "VOC" year "/", "" }
#define CITYSCAPES(split)                                                                              \
    { "cityscapes_fine_instance_seg_" split, "CityscapesDataset",                                      \
      "cityscapes/annotations/instancesonly_filtered_gtFine_" split ".json",                           \
      "cityscapes/leftImg8bit/" split "/", "" }

static const Known known[] = {
    COCO("coco_2014_train", "train2014", "train2014"),
    COCO("coco_2014_val", "val2014", "val2014"),
    COCO("coco_2014_minival", "minival2014", "val2014"),
    COCO("coco_2014_valminusminival", "valminusminival2014", "val2014"),
    COCO("coco_2017_train", "train2017", "train2017"),
    COCO("coco_2017_val", "val2017", "val2017"),
    COCO("coco_2017_val_100", "val2017_100", "val2017"),
    PERSONS("keypoints_coco_2014_train", "train2014", "train2014"),
    PERSONS("keypoints_coco_2014_val", "val2014", "val2014"),
    PERSONS("keypoints_coco_2014_minival", "minival2014", "val2014"),
    PERSONS("keypoints_coco_2014_valminusminival", "valminusminival2014", "val2014"),
    PERSONS("keypoints_coco_2017_train", "train2017", "train2017"),
    PERSONS("keypoints_coco_2017_val", "val2017", "val2017"),
    PERSONS("keypoints_coco_2017_val_100", "val2017_100", "val2017"),
    LVIS("lvis_v1_train", "LVISV1Dataset", "lvis_v1_train"),
    LVIS("lvis_v1_val", "LVISV1Dataset", "lvis_v1_val"),
    LVIS("lvis_v0.5_train", "LVISV05Dataset", "lvis_v0.5_train"),
    LVIS("lvis_v0.5_val", "LVISV05Dataset", "lvis_v0.5_val"),
    LVIS("lvis_v0.5_val_rand_100", "LVISV05Dataset", "lvis_v0.5_val_rand_100"),
    CITYSCAPES("train"),
    CITYSCAPES("val"),
    CITYSCAPES("test"),
    VOC("voc_2007_trainval", "2007", "trainval"),
    VOC("voc_2007_train", "2007", "train"),
    VOC("voc_2007_val", "2007", "val"),
    VOC("voc_2007_test", "2007", "test"),
    VOC("voc_2012_trainval", "2012", "trainval"),
    VOC("voc_2012_train", "2012", "train"),
    VOC("voc_2012_val", "2012", "val"),
    { NULL, "CocoDataset", NULL, "", "" }, /* somebody's own, or not of objects: only --data DIR says where it is */
};

static const Known *find(const char *name)
{
    const Known *set = known;
    while (set->name && strcmp(set->name, name) != 0)
        set++;
    return set;
}

/* ---- pictures ---------------------------------------------------------------------------------------------------- */

static void write_normalize(D2 *d)
{
    double mean[3], std[3];
    df_d2_numbers(d, "MODEL.PIXEL_MEAN", 3, mean);
    df_d2_numbers(d, "MODEL.PIXEL_STD", 3, std);
    df_textbuf_add(&d->out,
                   "    dict(type='Normalize', mean=[%.17g, %.17g, %.17g], std=[%.17g, %.17g, %.17g], to_rgb=%s),\n",
                   mean[0], mean[1], mean[2], std[0], std[1], std[2],
                   df_d2_is(d, "INPUT.FORMAT", "RGB") ? "True" : "False");
}

/* A MIN_SIZE_TEST of 0 leaves pictures as they are. */
static void write_pipeline(D2 *d)
{
    const int side = df_d2_int(d, "INPUT.MIN_SIZE_TEST", 0, DF_D2_MOST_SIDE);
    const int longest = df_d2_int(d, "INPUT.MAX_SIZE_TEST", 1, DF_D2_MOST_SIDE);
    df_textbuf_add(&d->out, "pipeline = [\n    dict(type='LoadImageFromFile', imdecode_backend='pillow'),\n");
    if (side)
        df_textbuf_add(&d->out, "    dict(type='ResizeShortestEdge', scale=%d, max_size=%d, backend='pillow'),\n",
                       side, longest);
    write_normalize(d);
    df_textbuf_add(&d->out, "    dict(type='Pad', size_divisor=32)]\n");
}

/* ---- data -------------------------------------------------------------------------------------------------------- */

static void write_set(D2 *d, const Known *set)
{
    df_textbuf_add(&d->out, "dict(type='%s', ", set->type);
    if (set->name)
        df_textbuf_add(&d->out, "ann_file='data/%s', img_prefix='data/%s', pipeline=pipeline%s)", set->ann_file,
                       set->folder, set->more);
    else
        df_textbuf_add(&d->out, "ann_file=None, pipeline=pipeline)");
}

/* Without a name COCO's: whoever only predicts needs none. */
void df_d2_write_data(D2 *d, bool masks)
{
    const DfNode *names = df_node_at(d->config, "DATASETS.TEST");
    const Known *set = find(names->n ? df_node_text(names->first, "") : "coco_2017_val");
    write_pipeline(d);
    df_textbuf_add(&d->out, "data = dict(test=%s", names->n > 1 ? "[" : "");
    write_set(d, set);
    for (const DfNode *name = names->n > 1 ? names->first->next : NULL; name; name = name->next) {
        df_textbuf_add(&d->out, ", ");
        write_set(d, find(df_node_text(name, "")));
    }
    df_textbuf_add(&d->out, "%s)\n", names->n > 1 ? "]" : "");
    const char *metric = masks ? "['bbox', 'segm']" : "'bbox'";
    df_textbuf_add(&d->out, "evaluation = dict(metric=%s)\n", strcmp(set->type, "VOCDataset") ? metric : "'mAP'");
}
