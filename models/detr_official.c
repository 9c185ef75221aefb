/* SPDX-License-Identifier: Apache-2.0
 *
 * models/detr_official.c -- DETR (Carion et al., ECCV 2020) and Deformable DETR (Zhu et al., ICLR 2021) by the
 * arguments of their official main programs: {'args': {..}} at the top of a config. There may also be `num_classes`,
 * which replaces that of the data set, and `resnet`, for a smaller backbone (blocks of each stage, width), or with a
 * type for any other backbone.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/set_detector.h"

/* ---- arguments ------------------------------------------------------------------------------------------------- */

enum { R18, R34, R50, R101, R152 };
enum { SINE, LEARNED };

/* Of both programs, then of one; last what transformers' forms of these networks have beside them. */
typedef struct {
    SetDetector net; /* first */
    bool dilation, masks, aux_loss;
    int backbone, position_embedding, enc_layers, dec_layers, dim_feedforward, hidden_dim, nheads, num_queries;
    double dropout, attention_dropout, activation_dropout;
    double set_cost_class, set_cost_bbox, set_cost_giou, bbox_loss_coef, giou_loss_coef;
    const char *dataset_file;
    const DfNode *of_training;
    /* DETR */
    bool pre_norm;
    double eos_coef;
    /* Deformable DETR */
    bool with_box_refine, two_stage;
    int num_feature_levels, dec_n_points, enc_n_points;
    double position_embedding_scale, cls_loss_coef, focal_alpha;
    /* transformers */
    int dec_nheads, dec_dim_feedforward, segments;
    const char *activation;
    bool by_query, norms_each_layer;
    double threshold, mask_threshold, overlap_mask_area_threshold;
    DfInts label_ids_to_fuse;
} Args;

/* The two programs differ in the defaults of the hidden channels, the queries and the class cost, and in the
 * fewest channels. */
#define ARGS_OF_BOTH(ffn, least_dim, queries, class_cost) \
    DF_OPT_ENUM(Args, backbone, resnet50, "resnet18|resnet34|resnet50|resnet101|resnet152",                 \
                "backbone, a ResNet of torchvision"),                                                       \
    DF_OPT_BOOL(Args, dilation, False, "DC5: the last stage dilates its convolutions instead of striding"), \
    DF_OPT_ENUM(Args, position_embedding, sine, "sine|learned|v2|v3", \
                "positional encoding; v2 is sine, v3 is learned"), \
    DF_OPT_INT(Args, enc_layers, 6, 0, DF_SET_LAYERS, "number of encoder layers"),                          \
    DF_OPT_INT(Args, dec_layers, 6, 1, DF_SET_LAYERS, "number of decoder layers"),                          \
    DF_OPT_INT(Args, dim_feedforward, ffn, 1, 65536,                              \
               "number of hidden channels of the feed-forward networks"),         \
    DF_OPT_INT(Args, hidden_dim, 256, least_dim, 8192,                            \
               "number of channels of the transformer"),                          \
    DF_OPT_FLOAT(Args, dropout, 0.1, 0, 1, "probability of dropout in training"), \
    DF_OPT_FLOAT(Args, attention_dropout, None, 0, 1,                                                \
                 "dropout of attention weights; default: `dropout`"),                                \
    DF_OPT_FLOAT(Args, activation_dropout, None, 0, 1,                                               \
                 "dropout of hidden layers; default: `dropout`"),                                    \
    DF_OPT_INT(Args, nheads, 8, 1, 256, "attention heads"), \
    DF_OPT_INT(Args, num_queries, queries, 1, 10000, "number of queries"), \
    DF_OPT_INT(Args, dec_nheads, None, 0, 256, "attention heads of the decoder; None or 0: nheads"), \
    DF_OPT_INT(Args, dec_dim_feedforward, None, 0, 65536, \
               "hidden channels of the decoder's feed-forward networks; None or 0: dim_feedforward"), \
    DF_OPT_TEXT(Args, activation, "'relu'", "activation of the feed-forward networks"), \
    DF_OPT_FLOAT(Args, set_cost_class, class_cost, 0, 1e6, "weight of the class in the cost of the matching"), \
    DF_OPT_FLOAT(Args, set_cost_bbox, 5, 0, 1e6, "weight of the L1 distance in the cost of the matching"), \
    DF_OPT_FLOAT(Args, set_cost_giou, 2, 0, 1e6, "weight of the GIoU in the cost of the matching"), \
    DF_OPT_FLOAT(Args, bbox_loss_coef, 5, 0, 1e6, "weight of the L1 loss"), \
    DF_OPT_FLOAT(Args, giou_loss_coef, 2, 0, 1e6, "weight of the GIoU loss"), \
    DF_OPT_TEXT(Args, dataset_file, "'coco'", \
                "says the number of classes: 91 for 'coco', 250 for 'coco_panoptic', else 20; " \
                "num_classes at the top of the config replaces it")

/* What a run reads, in train/. */
#define OF_TRAINING(key, help) DF_OPT_AS(Args, key, of_training, DF_KIND_NODE, "None", 0, 0, NULL, "training: " help)

/* Both programs have these: settings of training, and what is not needed here. */
#define ARGS_OF_TRAINING \
    DF_OPT_BOOL(Args, aux_loss, True, "training: all layers of the decoder have losses, and not the last one alone"), \
    OF_TRAINING(lr, "learning rate, except of the backbone"),                                                         \
    OF_TRAINING(lr_backbone, "learning rate of the backbone"), \
    OF_TRAINING(batch_size, "batch size"),                                                                            \
    OF_TRAINING(weight_decay, "weight decay"),                          \
    OF_TRAINING(epochs, "number of epochs"),                                   \
    OF_TRAINING(lr_drop, "the learning rate drops to a tenth every N epochs"), \
    OF_TRAINING(clip_max_norm,                                                 \
                "largest norm of the gradient; longer ones are scaled down "   \
                "to it"),                                                      \
    DF_OPT_UNUSED(frozen_weights, "for the segmentation head"), \
    DF_OPT_UNUSED(mask_loss_coef, "for the segmentation head"), \
    DF_OPT_UNUSED(dice_loss_coef, "for the segmentation head"), \
    DF_OPT_UNUSED(coco_path,                                         \
                  "path of COCO; give the data as data.test"),       \
    DF_OPT_UNUSED(coco_panoptic_path, "for the segmentation head"), \
    DF_OPT_UNUSED(remove_difficult, "for the official data loader"), \
    DF_OPT_UNUSED(output_dir,                                        \
                  "output folder of the official program"),          \
    DF_OPT_UNUSED(device, "output folder of the official program"),  \
    DF_OPT_UNUSED(seed, "output folder of the official program"),    \
    DF_OPT_UNUSED(resume, "output folder of the official program"),  \
    DF_OPT_UNUSED(start_epoch, "output folder of the official program"),                                               \
    DF_OPT_UNUSED(eval, "output folder of the official program"),                                                      \
    DF_OPT_UNUSED(num_workers, "output folder of the official program"),                                               \
    DF_OPT_UNUSED(world_size, "output folder of the official program"),                                                \
    DF_OPT_UNUSED(dist_url, "output folder of the official program"),                                                  \
    DF_OPT_UNUSED(distributed, "output folder of the official program"),                                               \
    DF_OPT_UNUSED(rank, "output folder of the official program"),                                                      \
    DF_OPT_UNUSED(gpu, "output folder of the official program"),                                                       \
    DF_OPT_UNUSED(dist_backend, "output folder of the official program")

static const DfOpt detr_opts[] = {
    ARGS_OF_BOTH(2048, 4, 100, 1),
    DF_OPT_BOOL(Args, masks, False,
                "a mask for each query; parameters stand under `detr.` then, as in the official files"),
    DF_OPT_ENUM(Args, segments, instance, "instance|semantic",
                "masks=True: instance: masks of detections; semantic: a class for every pixel"),
    DF_OPT_FLOAT(Args, threshold, 0.5, 0, 1, "instance_i and panoptic_i of `forward`: score from which a query counts"),
    DF_OPT_FLOAT(Args, mask_threshold, 0.5, 0, 1, "smallest mask score of a pixel in the segments of `forward`"),
    DF_OPT_FLOAT(Args, overlap_mask_area_threshold, 0.8, 0, 1,
                 "smallest share of its pixels that a segment keeps, in `forward`"),
    DF_OPT_INTS(Args, label_ids_to_fuse, "None", 0, 1000000, "classes whose segments are merged, in panoptic_i"),
    DF_OPT_BOOL(Args, by_query, False, "list detections in the order of their queries; False: the best first"),
    DF_OPT_BOOL(Args, pre_norm, False, "pre-norm: a norm stands before each branch; False: after each sum"),
    DF_OPT_BOOL(Args, norms_each_layer, False,
                "the norm behind the decoder also stands behind each of its layers: transformers with auxiliary_loss"),
    DF_OPT_FLOAT(Args, eos_coef, 0.1, 0, 1e6, "weight of the no-object class in the class loss"),
    ARGS_OF_TRAINING,
    DF_OPT_END
};

static const DfOpt deformable_opts[] = {
    ARGS_OF_BOTH(1024, 32, 300, 2),
    DF_OPT_BOOL(Args, masks, False, "train a segmentation head; only False is supported"),
    DF_OPT_INT(Args, num_feature_levels, 4, 1, 8, "number of feature levels; 1: only the last map"),
    DF_OPT_FLOAT(Args, position_embedding_scale, 6.283185307179586, 0, 1e6,
                 "scale of positions; the official code does not use it"),
    DF_OPT_INT(Args, dec_n_points, 4, 1, 64, "sampling points of a head on a level, in the decoder"),
    DF_OPT_INT(Args, enc_n_points, 4, 1, 64, "sampling points of a head on a level, in the encoder"),
    DF_OPT_BOOL(Args, with_box_refine, False, "iterative bounding box refinement"),
    DF_OPT_BOOL(Args, two_stage, False, "the encoder proposes the queries; needs with_box_refine"),
    DF_OPT_FLOAT(Args, cls_loss_coef, 2, 0, 1e6, "weight of the class loss"),
    DF_OPT_FLOAT(Args, focal_alpha, 0.25, 0, 1, "weight of positive examples in the focal loss"),
    OF_TRAINING(lr_backbone_names, "parts of the names of the parameters that learn at lr_backbone"),
    OF_TRAINING(lr_linear_proj_names, "parts of the names of those that learn slower"),
    OF_TRAINING(lr_linear_proj_mult, "factor of the learning rate of these parameters"),
    DF_OPT_UNUSED(lr_drop_epochs, "epochs at which the official program drops the rate"),
    OF_TRAINING(sgd, "use SGD instead of AdamW"),
    DF_OPT_UNUSED(cache_mode, "for the official data loader"),
    ARGS_OF_TRAINING,
    DF_OPT_END
};

/* ---- backbone -------------------------------------------------------------------------------------------------- */

static void free_config(void *config)
{
    df_config_free(config);
}

/* The dict that `text` assigns to the key `backbone`. It lives as long as the model; NULL after a failure. */
static const DfNode *parse_backbone(NnScope s, const char *text)
{
    DfConfig *config = NULL;
    const int error = df_config_parse(&config, text, strlen(text), "args.backbone", true);
    if (error < 0) {
        nn_fail(s, error, "%s", df_error());
        return NULL;
    }
    nn_at_end(s, free_config, config);
    return df_node_get(df_config_root(config), "backbone");
}

/* "stage_blocks=[1, 2, ..], ", or nothing where the depth says it. */
static void write_stage_blocks(const DfNode *blocks, char *out, size_t size)
{
    out[0] = '\0';
    if (!blocks || !blocks->first)
        return;
    size_t used = (size_t)snprintf(out, size, "stage_blocks=[");
    for (const DfNode *n = blocks->first; n && used < size - 32; n = n->next)
        used += (size_t)snprintf(out + used, size - used, "%d, ", (int)df_node_int(n, 1));
    snprintf(out + used, size - used, "], ");
}

/* torchvision's ResNet with frozen batch norms, as a dict: `n_maps` of its last maps, whose channels it gives.
 * NULL after a failure. */
static const DfNode *resnet(NnScope s, const Args *a, const DfNode *root, int n_maps, int *channels)
{
    static const int depths[] = { [R18] = 18, [R34] = 34, [R50] = 50, [R101] = 101, [R152] = 152 };
    const DfNode *smaller = df_node_get(root, "resnet");
    const int width = (int)df_node_int(df_node_get(smaller, "base_width"), 64);
    const int expansion = a->backbone < R50 ? 1 : 4;
    if (width < 1 || width > 8192)
        nn_fail(s, DF_EVALUE, "resnet.base_width = %d: want 1 to 8192", width);
    if (a->dilation && a->backbone < R50)
        nn_fail(s, DF_EVALUE, "args.dilation = True: want a resnet50 or deeper, "
                              "torchvision's basic blocks do not dilate");
    if (!nn_ok(s))
        return NULL;
    static const char *const last[] = { "", "[3]", "[2, 3]", "[1, 2, 3]", "[0, 1, 2, 3]" };
    char text[512], blocks[96];
    write_stage_blocks(df_node_get(smaller, "layers"), blocks, sizeof blocks);
    snprintf(text, sizeof text,
             "backbone = dict(type='ResNet', depth=%d, %sbase_channels=%d, style='torchvision',\n"
             "    num_classes=0, frozen_stages=1, norm_cfg=dict(type='BN', requires_grad=False),\n"
             "    out_indices=%s, replace_stride_with_dilation=[False, False, %s])\n",
             depths[a->backbone], blocks, width, last[n_maps], a->dilation ? "True" : "False");
    for (int i = 0; i < n_maps; i++)
        channels[i] = expansion * width << (4 - n_maps + i);
    return parse_backbone(s, text);
}

/* ---- head ------------------------------------------------------------------------------------------------------ */

static int count_classes(NnScope s, const DfNode *root, const char *dataset_file)
{
    int usual = 20;
    if (strcmp(dataset_file, "coco") == 0)
        usual = 91;
    else if (strcmp(dataset_file, "coco_panoptic") == 0)
        usual = 250;
    const int classes = (int)df_node_int(df_node_get(root, "num_classes"), usual);
    if (classes < 1 || classes > 100000)
        nn_fail(s, DF_EVALUE, "num_classes = %d: want 1 to 100000", classes);
    return classes;
}

/* The programs have one dropout for all; that of transformers' models is told apart. */
static DfDetrDropout dropout_of(const Args *a)
{
    DfDetrDropout d = df_detr_dropout(a->dropout);
    if (!isnan(a->attention_dropout))
        d.self_weights = d.cross_weights = a->attention_dropout;
    if (!isnan(a->activation_dropout))
        d.hidden = a->activation_dropout;
    return d;
}

/* What both programs' arguments say of the head; `k` has the program's own part of the criterion. */
static DfDetrOptions options_of_both(NnScope s, const Args *a, const DfNode *root, DfSetCriterion k)
{
    DfDetrOptions o = {
        .naming = DF_DETR_OFFICIAL,
        .classes = count_classes(s, root, a->dataset_file),
        .queries = a->num_queries,
        .dim = a->hidden_dim,
        .heads = a->nheads,
        .ffn = a->dim_feedforward,
        .encoder_layers = a->enc_layers,
        .decoder_layers = a->dec_layers,
        .decoder_heads = a->dec_nheads,
        .decoder_ffn = a->dec_dim_feedforward,
        .activation = nn_act_named(s, a->activation),
        .dropout = dropout_of(a),
        .decoder_dropout = dropout_of(a),
        .positional_encoding = df_positional_encoding(),
    };
    o.positional_encoding.learned = a->position_embedding % 2 == LEARNED;
    k.matcher.cost_class = a->set_cost_class;
    k.matcher.cost_bbox = a->set_cost_bbox;
    k.matcher.cost_giou = a->set_cost_giou;
    k.weight_bbox = a->bbox_loss_coef;
    k.weight_giou = a->giou_loss_coef;
    o.criterion = k;
    return o;
}

/* A backbone that the config describes as a whole, a ResNet with stage_channels: those of its maps, *given of them. */
static const DfNode *described(NnScope s, const DfNode *resnet, int *given, int *channels)
{
    const DfNode *list = df_node_get(resnet, "stage_channels");
    const DfNode *maps = df_node_get(resnet, "out_indices");
    const DfNode *map = maps && maps->kind == DF_NODE_LIST ? maps->first : NULL;
    *given = map ? maps->n : 0;
    if (*given < 1 || *given > DF_LEVELS || !list || list->kind != DF_NODE_LIST)
        nn_fail(s, DF_EVALUE, "resnet: want stage_channels, and out_indices with 1 to %d stages", DF_LEVELS);
    for (int i = 0; nn_ok(s) && map; i++, map = map->next) {
        const int64_t stage = df_node_int(map, -1);
        const DfNode *item = list->first;
        for (int64_t j = 0; j < stage && item; j++)
            item = item->next;
        channels[i] = stage < 0 ? 0 : (int)df_node_int(item, 0);
        if (channels[i] < 1)
            nn_fail(s, DF_EVALUE, "resnet.out_indices has %lld: want stages that stage_channels has", (long long)stage);
    }
    return resnet;
}

/* The backbone and the memory of the head, which reads o->n_maps of its last maps; channels[] of all that it gives. A
 * Deformable DETR reads all that a described one gives. */
static bool build_trunk(NnScope s, Args *a, const DfNode *root, const DfSetHead *head, DfDetrOptions *o, int *channels)
{
    int given = a->masks ? 4 : o->n_maps;
    static const char *const ignorable[] = { "backbone.0.body.fc.*", "detr.backbone.0.body.fc.*", NULL };
    SetDetector *net = &a->net;
    net->ignorable = ignorable;
    net->last_alone = !a->aux_loss;
    net->head = (SetPart){ head, nn_alloc(s, 1, head->size) };
    const DfNode *whole = df_node_get(root, "resnet");
    net->trunk.backbone_cfg = df_node_get(whole, "type") ? described(s, whole, &given, channels)
                                                         : resnet(s, a, root, given, channels);
    if (nn_ok(s) && a->masks && given != 4)
        nn_fail(s, DF_EVALUE, "args.masks = True with %d maps of the backbone: want 4", given);
    if (o->levels > 1)
        o->n_maps = given;
    if (o->levels && o->n_maps > o->levels)
        nn_fail(s, DF_EVALUE, "%d maps of the backbone: want at most num_feature_levels = %d", o->n_maps, o->levels);
    for (int i = 0; nn_ok(s) && i < o->n_maps; i++)
        o->channels[i] = channels[given - o->n_maps + i];
    if (nn_ok(s))
        df_backbone_part(nn_at(s, "backbone.0.body"), &net->trunk.backbone, net->trunk.backbone_cfg);
    return nn_ok(s);
}

/* channels[] of C2 to C5 */
static void build_masks(NnScope s, Args *a, const int *channels)
{
    SetDetector *net = &a->net;
    net->masks = nn_alloc(s, 1, sizeof *net->masks);
    net->segmenting = (DfSegmenting){ a->threshold, a->mask_threshold, a->overlap_mask_area_threshold,
                                      a->label_ids_to_fuse.v, a->label_ids_to_fuse.n };
    if (net->masks)
        df_detr_masks_init(s, net->masks, a->hidden_dim, a->nheads, (int[]){ channels[2], channels[1], channels[0] });
}

static void detr_init(NnScope s, void *self, const DfNode *root)
{
    Args *a = self;
    DfSetCriterion k = df_set_criterion_softmax();
    k.background = a->eos_coef;
    DfDetrOptions o = options_of_both(s, a, root, k);
    o.n_maps = 1;
    o.max_per_img = a->num_queries;
    o.pre_norm = a->pre_norm;
    o.by_query = a->by_query;
    o.norms_each_layer = a->norms_each_layer;
    o.keeps_states = a->masks;
    int channels[DF_LEVELS] = { 0 };
    const NnScope detr = a->masks ? nn_at(s, "detr") : s;
    if (build_trunk(detr, a, root, &df_head_detr, &o, channels))
        df_detr_init(detr, a->net.head.self, &o);
    if (nn_ok(s) && a->masks)
        build_masks(s, a, channels);
}

static void deformable_init(NnScope s, void *self, const DfNode *root)
{
    Args *a = self;
    DfSetCriterion k = df_set_criterion();
    k.weight_ce = a->cls_loss_coef;
    k.alpha = a->focal_alpha;
    DfDetrOptions o = options_of_both(s, a, root, k);
    o.n_maps = a->num_feature_levels > 1 ? 3 : 1;
    o.max_per_img = 100;
    o.positional_encoding.offset = -0.5; /* the centre of a cell */
    o.levels = a->num_feature_levels;
    o.encoder_points = a->enc_n_points;
    o.decoder_points = a->dec_n_points;
    o.refine = a->with_box_refine;
    o.two_stage = a->two_stage;
    int channels[DF_LEVELS] = { 0 };
    if (a->masks)
        nn_fail(s, DF_EVALUE, "args.masks = True: want False, Deformable DETR has no segmentation head built in");
    if (nn_ok(s) && build_trunk(s, a, root, &df_head_deformable_detr, &o, channels))
        df_deformable_detr_init(s, a->net.head.self, &o);
}

/* ---- records --------------------------------------------------------------------------------------------------- */

const DfArchitecture df_architecture_detr_args = {
    .name = "args of DETR",
    .help = "DETR by the arguments of its official program: "
            "{'args': {..}} with eos_coef or pre_norm at the top of a config",
    .size = sizeof(Args),
    .opts = detr_opts,
    .init = detr_init,
    SET_DETECTOR_FUNCTIONS,
};

const DfArchitecture df_architecture_detr_segments = {
    .name = "args of DETR for segments",
    .help = "the same with masks=True and segments='semantic': a class for every pixel",
    .size = sizeof(Args),
    .opts = detr_opts,
    .init = detr_init,
    .classes = df_set_detector_classes,
    .ignorable = df_set_detector_ignorable,
    .forward = df_set_detector_forward,
    .segment = df_set_detector_segment,
};

const DfArchitecture df_architecture_deformable_detr_args = {
    .name = "args",
    .help = "Deformable DETR by the arguments of its official program: {'args': {..}} at the top of a config",
    .size = sizeof(Args),
    .opts = deformable_opts,
    .init = deformable_init,
    SET_DETECTOR_FUNCTIONS,
};
