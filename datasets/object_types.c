/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/object_types.c -- the table of datasets of objects.
 */
#include "datasets/object_types.h"

#include <string.h>

#include "datasets/names/names.h"

typedef DfObjectOptions Options;

#define COMMON                                                                                                        \
    DF_OPT_TEXT(Options, data_root, "None", "folder that ann_file and img_prefix are relative to"),                   \
    DF_OPT_NODE(Options, pipeline, "None", "list of transforms that prepare each picture"),                           \
    DF_OPT_BOOL(Options, filter_empty_gt, True, "in training, leave out pictures without boxes"),                     \
    DF_OPT_NODE(Options, filter_cfg, "None",                                                                          \
                "dict(filter_empty_gt=BOOL, min_size=PIXELS), which pictures training leaves out, and no others"),    \
    DF_OPT_BOOL(Options, test_mode, False, "keep every picture, also in training"),                                   \
    DF_OPT_UNUSED(separate_eval, "score each part and all parts together"),                                           \
    DF_OPT_UNUSED(seg_prefix, "folder of segmentation maps, for networks that learn both"),                           \
    DF_OPT_UNUSED(seg_suffix, "file suffix of the segmentation maps"),                                                \
    DF_OPT_UNUSED(proposal_file, "precomputed proposals for Fast R-CNN"),                                             \
    DF_OPT_UNUSED(samples_per_gpu, "batch size of testing; pictures are tested one at a time"),                       \
    DF_OPT_UNUSED(file_client_args, "storage service; files are always read from disk"),                              \
    DF_OPT_UNUSED(backend_args, "storage service; files are always read from disk"),                                  \
    DF_OPT_END

const DfOpt df_coco_opts[] = {
    DF_OPT_NODE(Options, ann_file, NULL, "annotation file, in COCO's JSON format, or a list of them"),
    DF_OPT_NODE(Options, img_prefix, "''", "folder of the pictures, or a list of them"),
    DF_OPT_NODE(Options, classes, "None",
                "class names: a list, or a file with one name per line; None: those of the dataset"),
    DF_OPT_INT(Options, id_classes, 0, 0, 100000,
               "if not 0, a label is the id of its category, below this number (91 for DETR); 0: labels are positions "
               "in the list of classes"),
    DF_OPT_BOOL(Options, by_name, False,
                "labels are places in `classes`, found in the file by name, and a class that the file lacks is not "
                "scored; False: labels follow the file, as in mmdet, or its ids, by id_classes"),
    DF_OPT_UNUSED(img_subdir, "only for XML files; unused if a folder replaces them"),
    DF_OPT_UNUSED(ann_subdir, "only for XML files; unused if a folder replaces them"),
    DF_OPT_UNUSED(min_size, "only for XML files; unused if a folder replaces them"),
    COMMON
};

static const DfOpt xml_opts[] = {
    DF_OPT_NODE(Options, ann_file, NULL, "file with the names of the pictures, one a line, or a list of such files"),
    DF_OPT_NODE(Options, img_prefix, "''",
                "folder of the dataset, or a list of them; VOC2007 or VOC2012 in it says the year"),
    DF_OPT_NODE(Options, classes, "None", "class names: a list, or a file with one name per line; None: VOC's"),
    DF_OPT_TEXT(Options, img_subdir, "'JPEGImages'", "folder of the pictures in img_prefix"),
    DF_OPT_TEXT(Options, ann_subdir, "'Annotations'", "folder of the XML files in img_prefix"),
    DF_OPT_NODE(Options, min_size, "None", "in training, objects with a side below it are not learnt, in pixels"),
    COMMON
};

/* In one folder with the dataset of label maps, whose record it shares. */
static const DfOpt middle_opts[] = {
    DF_OPT_NODE(Options, ann_file, NULL, "annotation file in mmdet's middle format, .json or .pkl, or a list of them"),
    DF_OPT_NODE(Options, img_prefix, "''", "folder of the pictures, or a list of them"),
    DF_OPT_NODE(Options, classes, NULL, "class names: a list, or a file with one name per line"),
    COMMON
};

#define RECORD(type, options, text) \
    const DfDatasetType df_dataset_##type = { .name = #type, .help = text, .opts = options };
RECORD(CocoDataset, df_coco_opts, "pictures and an annotation file in COCO's format")
RECORD(LVISDataset, df_coco_opts, "LVIS v0.5 (Gupta, Dollar and Girshick, CVPR 2019)")
RECORD(LVISV05Dataset, df_coco_opts, "LVIS v0.5 (Gupta, Dollar and Girshick, CVPR 2019)")
RECORD(LVISV1Dataset, df_coco_opts, "LVIS v1 (Gupta, Dollar and Girshick, CVPR 2019)")
RECORD(Objects365V1Dataset, df_coco_opts, "Objects365 v1 (Shao et al., ICCV 2019)")
RECORD(Objects365V2Dataset, df_coco_opts, "Objects365 v2 (Shao et al., ICCV 2019)")
RECORD(DeepFashionDataset, df_coco_opts, "parts of clothes (Liu et al., CVPR 2016)")
RECORD(VOCDataset, xml_opts, "PASCAL VOC 2007 or 2012 (Everingham et al., IJCV 2010)")
RECORD(XMLDataset, xml_opts, "pictures with PASCAL VOC's XML files, and a list of classes")
RECORD(WIDERFaceDataset, xml_opts, "faces, as XML files (Yang et al., CVPR 2016)")

/* Those whose other half is label maps: only the options are their own. */
static const DfDatasetType cityscapes = { .name = "CityscapesDataset", .opts = df_coco_opts };
static const DfDatasetType middle = { .name = "CustomDataset", .opts = middle_opts };

#define COCO(record, ...) { &df_dataset_##record, DF_OBJECTS_JSON, .scoring = DF_SCORED_COCO, __VA_ARGS__ }
#define LVIS(record, ...) { &df_dataset_##record, DF_OBJECTS_JSON, .scoring = DF_SCORED_LVIS, .own = true, __VA_ARGS__ }
static const DfObjectType types[] = {
    COCO(CocoDataset, .classes = NULL),
    COCO(Objects365V1Dataset, .classes = &df_names_objects365_v1, .by_id = true),
    COCO(Objects365V2Dataset, .classes = &df_names_objects365_v2),
    COCO(DeepFashionDataset, .classes = &df_names_deepfashion),
    { &cityscapes, DF_OBJECTS_JSON, .classes = &df_names_cityscapes_things, .scoring = DF_SCORED_COCO },
    LVIS(LVISDataset, .classes = &df_names_lvis_v05),
    LVIS(LVISV05Dataset, .classes = &df_names_lvis_v05),
    LVIS(LVISV1Dataset, .classes = &df_names_lvis_v1, .from_url = true),
    { &df_dataset_VOCDataset, DF_OBJECTS_XML, .classes = &df_names_voc, .scoring = DF_SCORED_VOC },
    { &df_dataset_WIDERFaceDataset, DF_OBJECTS_XML, .classes = &df_names_wider_face, .scoring = DF_SCORED_MAP,
      .in_folders = true },
    { &df_dataset_XMLDataset, DF_OBJECTS_XML, .scoring = DF_SCORED_MAP },
    { &middle, DF_OBJECTS_MIDDLE, .scoring = DF_SCORED_MAP },
};

bool df_object_type(DfObjectType *out, const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].record->name, name) == 0) {
            *out = types[i];
            return true;
        }
    return false;
}
