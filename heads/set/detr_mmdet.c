/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_mmdet.c -- DETR and Deformable DETR from mmdet's dicts: TransformerHead (mmdet up to 2.11), DETRHead
 * and DeformableDETRHead (later).
 */
#include "heads/set/detr_mmdet.h"

#include <string.h>

typedef struct {
    int num_classes, in_channels, num_query, num_fcs, num_reg_fcs;
    bool with_box_refine, as_two_stage;
    const DfNode *transformer, *positional_encoding;
    DetrLossDicts losses;
    const DfNode *test_cfg;
} HeadDict;

/* A head and the dict that it is made of. */
typedef struct {
    Detr net; /* first */
    HeadDict dict;
} MmdetDetr;
typedef struct {
    DeformableDetr net; /* first */
    HeadDict dict;
} MmdetDeformableDetr;

#define LOSS_DICT(T, key, fallback, help) DF_OPT_AS(T, key, dict.losses.key, DF_KIND_DICT, fallback, 0, 0, NULL, help)
#define DICT_ROW(T, key, kind, fallback, lo, hi, help) DF_OPT_AS(T, key, dict.key, kind, fallback, lo, hi, NULL, help)

static const DfOpt detr_opts[] = {
    DICT_ROW(MmdetDetr, num_classes, DF_KIND_INT, NULL, 1, 100000, "number of classes, without `no object`"),
    DICT_ROW(MmdetDetr, in_channels, DF_KIND_INT, NULL, 1, 65536, "channels of the backbone's last map"),
    DICT_ROW(MmdetDetr, num_query, DF_KIND_INT, "100", 1, 10000,
             "number of queries; a TransformerHead has as many as test_cfg.max_per_img says"),
    DICT_ROW(MmdetDetr, num_fcs, DF_KIND_INT, "2", 2, 2,
             "linear layers of a feed-forward network; only 2 is supported"),
    DICT_ROW(MmdetDetr, num_reg_fcs, DF_KIND_INT, "2", 2, 16, "hidden layers of the box head"),
    DICT_ROW(MmdetDetr, transformer, DF_KIND_DICT, NULL, 0, 0, "a Transformer, with encoder and decoder"),
    DICT_ROW(MmdetDetr, positional_encoding, DF_KIND_DICT,
             "dict(type='SinePositionalEncoding', num_feats=128, normalize=True)", 0, 0,
             "SinePositionalEncoding or LearnedPositionalEncoding"),
    LOSS_DICT(MmdetDetr, loss_cls,
              "dict(type='CrossEntropyLoss', bg_cls_weight=0.1, loss_weight=1.0, class_weight=1.0)",
              "class loss: CrossEntropyLoss; its use_sigmoid also says whether scores are sigmoids or a softmax"),
    LOSS_DICT(MmdetDetr, loss_bbox, "dict(type='L1Loss', loss_weight=5.0)", "loss of the boxes' L1 distance: L1Loss"),
    LOSS_DICT(MmdetDetr, loss_iou, "dict(type='GIoULoss', loss_weight=2.0)", "loss of the boxes' overlap: GIoULoss"),
    LOSS_DICT(MmdetDetr, train_cfg, "None", "where the model has no train_cfg: assigner, the costs of the matching"),
    DICT_ROW(MmdetDetr, test_cfg, DF_KIND_DICT, "None", 0, 0, "max_per_img, if the model has no test_cfg"),
    DF_OPT_UNUSED(sync_cls_avg_factor, "averages a normaliser over several machines in training"),
    DF_OPT_UNUSED(init_cfg, "how weights are initialised"),
    DF_OPT_END
};

static const DfOpt deformable_opts[] = {
    DICT_ROW(MmdetDeformableDetr, num_classes, DF_KIND_INT, "80", 1, 100000, "number of classes"),
    DICT_ROW(MmdetDeformableDetr, num_query, DF_KIND_INT, "100", 1, 10000, "number of queries"),
    DICT_ROW(MmdetDeformableDetr, with_box_refine, DF_KIND_BOOL, "False", 0, 1, "iterative bounding box refinement"),
    DICT_ROW(MmdetDeformableDetr, as_two_stage, DF_KIND_BOOL, "False", 0, 1,
             "the encoder proposes the queries; needs with_box_refine"),
    DICT_ROW(MmdetDeformableDetr, transformer, DF_KIND_DICT, NULL, 0, 0, "a DeformableDetrTransformer"),
    DICT_ROW(MmdetDeformableDetr, positional_encoding, DF_KIND_DICT, "None", 0, 0,
             "SinePositionalEncoding or LearnedPositionalEncoding"),
    LOSS_DICT(MmdetDeformableDetr, loss_cls, "dict(type='FocalLoss', alpha=0.25, loss_weight=2.0)",
              "class loss: FocalLoss; its use_sigmoid, True unless said, as in DETRHead"),
    LOSS_DICT(MmdetDeformableDetr, loss_bbox, "dict(type='L1Loss', loss_weight=5.0)",
              "loss of the boxes' L1 distance: L1Loss"),
    LOSS_DICT(MmdetDeformableDetr, loss_iou, "dict(type='GIoULoss', loss_weight=2.0)",
              "loss of the boxes' overlap: GIoULoss"),
    LOSS_DICT(MmdetDeformableDetr, train_cfg, "None",
              "where the model has no train_cfg: assigner, the costs of the matching"),
    DICT_ROW(MmdetDeformableDetr, test_cfg, DF_KIND_DICT, "None", 0, 0, "max_per_img, if the model has no test_cfg"),
    DF_OPT_UNUSED(in_channels, "the levels come from the neck"),
    DICT_ROW(MmdetDeformableDetr, num_reg_fcs, DF_KIND_INT, "2", 0, 16, "hidden layers of the box head"),
    DF_OPT_UNUSED(sync_cls_avg_factor, "averages a normaliser over several machines in training"),
    DF_OPT_UNUSED(init_cfg, "how weights are initialised"),
    DF_OPT_END
};

/* ---- test_cfg -------------------------------------------------------------------------------------------------- */

typedef struct {
    int max_per_img;
} TestDict;

static const DfOpt test_opts[] = {
    DF_OPT_INT(TestDict, max_per_img, 100, 1, 1000000, "detections of an image; default: as many as queries"),
    DF_OPT_END
};

/* test_cfg.max_per_img, or `usual` where it is not said. */
static int max_per_img(NnScope s, const DfNode *test_cfg, int usual)
{
    TestDict t = { 0 };
    if (!nn_configure(s, test_cfg, test_opts, &t, "test_cfg") || !df_node_get(test_cfg, "max_per_img"))
        return usual;
    return t.max_per_img;
}

/* ---- from dicts to numbers ------------------------------------------------------------------------------------- */

/* The model's dicts come first, as mmdet hands them down. */
static void take_model_dicts(HeadDict *dict, DfHeadSettings settings)
{
    if (settings.train_cfg)
        dict->losses.train_cfg = settings.train_cfg;
    if (settings.test_cfg)
        dict->test_cfg = settings.test_cfg;
}

/* The loss says whether classes exclude each other. FocalLoss is one of sigmoids unless it says something else. */
static bool says_sigmoid(const DfNode *loss_cls)
{
    const bool focal = strcmp(df_node_text(df_node_get(loss_cls, "type"), ""), "FocalLoss") == 0;
    return df_node_bool(df_node_get(loss_cls, "use_sigmoid"), focal);
}

static DfSetCriterion criterion(NnScope s, const HeadDict *dict)
{
    if (says_sigmoid(dict->losses.loss_cls))
        return df_detr_mmdet_sigmoid_criterion(s, &dict->losses);
    return df_detr_mmdet_softmax_criterion(s, &dict->losses, dict->num_classes);
}

/* DETR reads the backbone's last map. */
static DfDetrOptions last_map_options(const HeadDict *dict, DfDetrNaming naming)
{
    return (DfDetrOptions){
        .naming = naming,
        .classes = dict->num_classes,
        .n_maps = 1,
        .channels = { dict->in_channels },
        .activation = DF_ACT_RELU,
        .box_layers = dict->num_reg_fcs + 1,
        .clip = true,
    };
}

static void transformer_head_init(NnScope s, void *self, DfHeadSettings settings)
{
    HeadDict *dict = &((MmdetDetr *)self)->dict;
    take_model_dicts(dict, settings);
    DfDetrOptions o = last_map_options(dict, DF_DETR_MMDET_211);
    o.queries = max_per_img(s, dict->test_cfg, 100); /* the test configuration has the number of queries as well */
    o.max_per_img = o.queries;
    if (o.queries > 10000)
        nn_fail(s, DF_EVALUE, "queries = %d: want 1 to 10000", o.queries);
    df_detr_mmdet_transformer_211(s, dict->transformer, &o);
    o.criterion = criterion(s, dict);
    df_detr_mmdet_positional_encoding(s, dict->positional_encoding, &o);
    df_detr_init(s, self, &o);
}

static void detr_head_init(NnScope s, void *self, DfHeadSettings settings)
{
    HeadDict *dict = &((MmdetDetr *)self)->dict;
    take_model_dicts(dict, settings);
    DfDetrOptions o = last_map_options(dict, DF_DETR_MMDET);
    o.queries = dict->num_query;
    o.max_per_img = max_per_img(s, dict->test_cfg, o.queries);
    df_detr_mmdet_transformer(s, dict->transformer, &o);
    o.criterion = criterion(s, dict);
    df_detr_mmdet_positional_encoding(s, dict->positional_encoding, &o);
    df_detr_init(s, self, &o);
}

static void deformable_head_init(NnScope s, void *self, DfHeadSettings settings)
{
    HeadDict *dict = &((MmdetDeformableDetr *)self)->dict;
    take_model_dicts(dict, settings);
    DfDetrOptions o = {
        .naming = DF_DETR_MMDET,
        .classes = dict->num_classes,
        .queries = dict->num_query,
        .refine = dict->with_box_refine,
        .two_stage = dict->as_two_stage,
        .activation = DF_ACT_RELU,
        .box_layers = dict->num_reg_fcs + 1,
        .clip = true,
    };
    o.max_per_img = max_per_img(s, dict->test_cfg, o.queries);
    df_detr_mmdet_deformable_transformer(s, dict->transformer, &o);
    o.criterion = criterion(s, dict);
    df_detr_mmdet_positional_encoding(s, dict->positional_encoding, &o);
    df_deformable_detr_init(s, self, &o);
}

/* ---- records --------------------------------------------------------------------------------------------------- */

const DfSetHead df_head_detr = {
    .name = "DETRHead",
    .help = "DETR (Carion et al., ECCV 2020), in mmdet since 2.12",
    .size = sizeof(MmdetDetr),
    .opts = detr_opts,
    .init = detr_head_init,
    .forward = df_detr_forward,
    .losses = df_detr_losses,
    .decode = df_detr_decode,
    .classes = df_detr_classes,
};

const DfSetHead df_head_transformer = {
    .name = "TransformerHead",
    .help = "DETR (Carion et al., ECCV 2020), in mmdet up to 2.11",
    .size = sizeof(MmdetDetr),
    .opts = detr_opts,
    .init = transformer_head_init,
    .forward = df_detr_forward,
    .losses = df_detr_losses,
    .decode = df_detr_decode,
    .classes = df_detr_classes,
};

const DfSetHead df_head_deformable_detr = {
    .name = "DeformableDETRHead",
    .help = "Deformable DETR (Zhu et al., ICLR 2021)",
    .size = sizeof(MmdetDeformableDetr),
    .opts = deformable_opts,
    .init = deformable_head_init,
    .forward = df_deformable_detr_forward,
    .losses = df_detr_losses,
    .decode = df_detr_decode,
    .classes = df_detr_classes,
};
