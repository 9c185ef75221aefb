/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/segmentation_types.c -- the table of datasets of label maps.
 */
#include "datasets/segmentation_types.h"

#include <string.h>

#include "datasets/names/names.h"
#include "datasets/segmentation.h"

typedef DfSegmentationOptions Options;

/* The types differ in the endings of their files and in the default of reduce_zero_label. */
#define OPTIONS(pictures, maps, reduce)                                                                         \
    DF_OPT_NODE(Options, img_dir, "None", "folder of the pictures, or a list of them"),                         \
    DF_OPT_NODE(Options, ann_dir, "None",                                                                       \
                "folder of the label maps, PNG files named as the pictures; None: no scores"),                  \
    DF_OPT_NODE(Options, split, "None",                                                                         \
                "file with the names of the pictures, without suffix, one per line; None: all"),                \
    DF_OPT_TEXT(Options, data_root, "None", "folder that img_dir, ann_dir and split are relative to"),          \
    DF_OPT_TEXT(Options, img_suffix, pictures, "file suffix of the pictures"),                                  \
    DF_OPT_TEXT(Options, seg_map_suffix, maps, "file suffix of the label maps"),                                \
    DF_OPT_INT(Options, ignore_index, 255, 0, 255, "label of pixels that are not scored"),                      \
    DF_OPT_BOOL(Options, reduce_zero_label, reduce, "label 0 is not scored, and label k means class k - 1"),    \
    DF_OPT_NODE(Options, classes, "None",                                                                       \
                "class names, as a list or a file with one per line; "                                          \
                "of a dataset with classes of its own: some of them, in any order"),                            \
    DF_OPT_NODE(Options, palette, "None", "colours of the classes: a list of [r, g, b], 0..255"),               \
    DF_OPT_NODE(Options, pipeline, "None", "list of transforms, applied to each picture"),                      \
    DF_OPT_UNUSED(test_mode, "keep every picture; in testing they are always kept"),                            \
    DF_OPT_UNUSED(separate_eval, "score each part and all parts together"),                                     \
    DF_OPT_UNUSED(samples_per_gpu, "batch size; pictures are tested one by one"),                               \
    DF_OPT_UNUSED(gt_seg_map_loader_cfg, "how label maps are decoded; they are read as stored"),                \
    DF_OPT_UNUSED(file_client_args, "storage service; files are always read from disk"),                        \
    DF_OPT_UNUSED(backend_args, "storage service; files are always read from disk"),                            \
    DF_OPT_END

static const DfClasses ade = { DF_ADE_CLASSES, df_ade_classes, df_ade_palette };

/* name, its classes, endings, reduce_zero_label, help */
#define TYPES(T)                                                                                                      \
    T(CustomDataset, NULL, "'.jpg'", "'.png'", False,                                                                 \
      "with img_dir: a folder of pictures and one of label PNGs, with a list of classes; with ann_file and "          \
      "img_prefix: objects in mmdet's middle format")                                                                 \
    T(ADE20KDataset, &ade, "'.jpg'", "'.png'", True,                                                                  \
      "the 150 classes of ADE20K's scene parsing (Zhou et al., CVPR 2017)")                                           \
    T(CityscapesDataset, &df_names_cityscapes, "'_leftImg8bit.png'", "'_gtFine_labelTrainIds.png'", False,            \
      "Cityscapes (Cordts et al., CVPR 2016): with img_dir its 19 classes as label maps; with ann_file and "          \
      "img_prefix its 8 kinds of objects in COCO's format")                                                           \
    T(DarkZurichDataset, &df_names_cityscapes, "'_rgb_anon.png'", "'_gt_labelTrainIds.png'", False,                   \
      "the classes of Cityscapes at night (Sakaridis, Dai and Van Gool, ICCV 2019)")                                  \
    T(NightDrivingDataset, &df_names_cityscapes, "'_leftImg8bit.png'", "'_gtCoarse_labelTrainIds.png'", False,        \
      "the classes of Cityscapes at night (Dai and Van Gool, ITSC 2018)")                                             \
    T(PascalVOCDataset, &df_names_voc_segments, "'.jpg'", "'.png'", False,                                            \
      "PASCAL VOC's 20 classes and background as label maps (Everingham et al., IJCV 2010)")                          \
    T(PascalContextDataset, &df_names_pascal_context, "'.jpg'", "'.png'", False,                                      \
      "59 classes of PASCAL Context and background (Mottaghi et al., CVPR 2014)")                                     \
    T(PascalContextDataset59, &df_names_pascal_context_59, "'.jpg'", "'.png'", True,                                  \
      "59 classes of PASCAL Context without background (Mottaghi et al., CVPR 2014)")                                 \
    T(COCOStuffDataset, &df_names_coco_stuff, "'.jpg'", "'_labelTrainIds.png'", False,                                \
      "the 171 classes of COCO-Stuff (Caesar, Uijlings and Ferrari, CVPR 2018)")                                      \
    T(LoveDADataset, &df_names_loveda, "'.png'", "'.png'", True, "land cover from above (Wang et al., NeurIPS 2021)") \
    T(PotsdamDataset, &df_names_isprs, "'.png'", "'.png'", True, "ISPRS Potsdam, from above")                         \
    T(ISPRSDataset, &df_names_isprs, "'.png'", "'.png'", True, "ISPRS Vaihingen, from above")                         \
    T(iSAIDDataset, &df_names_isaid, "'.png'", "'_instance_color_RGB.png'", False,                                    \
      "objects from above as label maps (Waqas Zamir et al., CVPRW 2019)")                                            \
    T(DRIVEDataset, &df_names_vessels, "'.png'", "'_manual1.png'", False, "vessels of the retina")                    \
    T(ChaseDB1Dataset, &df_names_vessels, "'.png'", "'_1stHO.png'", False, "vessels of the retina")                   \
    T(HRFDataset, &df_names_vessels, "'.png'", "'.png'", False, "vessels of the retina")                              \
    T(STAREDataset, &df_names_vessels, "'.png'", "'.ah.png'", False, "vessels of the retina")                         \
    T(FaceOccludedDataset, &df_names_occluded_face, "'.jpg'", "'.png'", False, "faces with occlusions")

#define RECORD(type, classes, pictures, maps, reduce, text)                             \
    static const DfOpt type##_opts[] = { OPTIONS(pictures, maps, reduce) };            \
    const DfDatasetType df_dataset_##type = { .name = #type, .help = text, .opts = type##_opts };
TYPES(RECORD)

/* Cityscapes numbers 34 kinds of things, of which these 19 are classes, in this order. */
static int class_in_cityscapes(int id)
{
    static const uint8_t ids[] = { 7,  8,  11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33 };
    for (int i = 0; i < (int)sizeof ids; i++)
        if (ids[i] == id)
            return i;
    return -1;
}

/* COCO-Stuff counts 182 kinds from 0, of which eleven were given up. */
static int class_in_coco_stuff(int id)
{
    static const uint8_t unused[] = { 11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90 };
    int before = 0;
    for (size_t i = 0; i < sizeof unused; i++) {
        if (unused[i] == id)
            return -1;
        before += unused[i] < id;
    }
    return id < 182 ? id - before : -1;
}

static const struct {
    const DfDatasetType *record;
    const char *map_suffix, *id_suffix;
    int (*class_of_id)(int id);
} published[] = {
    { &df_dataset_CityscapesDataset,   "_gtFine_labelTrainIds.png",   "_gtFine_labelIds.png",   class_in_cityscapes },
    { &df_dataset_NightDrivingDataset, "_gtCoarse_labelTrainIds.png", "_gtCoarse_labelIds.png", class_in_cityscapes },
    { &df_dataset_DarkZurichDataset,   "_gt_labelTrainIds.png",       "_gt_labelIds.png",       class_in_cityscapes },
    { &df_dataset_COCOStuffDataset,    "_labelTrainIds.png",          ".png",                   class_in_coco_stuff },
};

#define ROW(type, own, pictures, maps, reduce, text) { .record = &df_dataset_##type, .classes = (own) },
static const DfSegmentationType types[] = { TYPES(ROW) };

bool df_segmentation_type(DfSegmentationType *out, const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].record->name, name) != 0)
            continue;
        *out = types[i];
        for (size_t k = 0; k < sizeof published / sizeof *published; k++)
            if (published[k].record == out->record) {
                out->map_suffix = published[k].map_suffix;
                out->id_suffix = published[k].id_suffix;
                out->class_of_id = published[k].class_of_id;
            }
        return true;
    }
    return false;
}
