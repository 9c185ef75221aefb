/* SPDX-License-Identifier: Apache-2.0
 *
 * models/deformable_detr.c -- Deformable DETR: Zhu et al., "Deformable DETR: Deformable Transformers for End-to-End Object Detection",
 * ICLR 2021. Configs and checkpoints of the official repository (the arguments of its main program) and of mmdet.
 */
#include <string.h>

#include "models/deformable_detr.h"

/* ---- names ---------------------------------------------------------------------------------------------------------- */

static const char *const official_ignorable[] = { "backbone.0.body.fc.*", NULL };
static const char *const mmdet_ignorable[] = { "backbone.fc.*", NULL };

static const DetrNames official_names = {
    .backbone = "backbone.0.body", .proj = "input_proj.%d", .extra_proj = "input_proj.%d", .conv = "0", .group_norm = "1",
    .transformer = "transformer", .level_embed = "level_embed", .query_embed = "query_embed",
    .row_embed = "backbone.1.row_embed", .column_embed = "backbone.1.col_embed",
    .encoder_layer = "encoder.layers.%d", .encoder_attention = "self_attn", .encoder_norm = { "norm1", "norm2" },
    .decoder_layer = "decoder.layers.%d", .self_attention = "self_attn", .cross_attention = "cross_attn",
    .self_norm = "norm2", .cross_norm = "norm1", .ffn_norm = "norm3", .linear1 = "linear1", .linear2 = "linear2",
    .class_head = "class_embed.%d", .box_heads = "bbox_embed.%d", .box_linear = "layers.%d", .box_step = 1, .held = "transformer.decoder",
    .ignorable = official_ignorable,
};
static const DetrNames mmdet_names = {
    .backbone = "backbone", .proj = "neck.convs.%d", .extra_proj = "neck.extra_convs.%d", .conv = "conv", .group_norm = "gn",
    .transformer = "bbox_head.transformer", .level_embed = "level_embeds", .query_embed = "bbox_head.query_embedding",
    .row_embed = "bbox_head.positional_encoding.row_embed", .column_embed = "bbox_head.positional_encoding.col_embed",
    .encoder_layer = "encoder.layers.%d", .encoder_attention = "attentions.0", .encoder_norm = { "norms.0", "norms.1" },
    .decoder_layer = "decoder.layers.%d", .self_attention = "attentions.0.attn", .cross_attention = "attentions.1",
    .self_norm = "norms.0", .cross_norm = "norms.1", .ffn_norm = "norms.2", .linear1 = "ffns.0.layers.0.0", .linear2 = "ffns.0.layers.1",
    .class_head = "bbox_head.cls_branches.%d", .box_heads = "bbox_head.reg_branches.%d", .box_linear = "%d", .box_step = 2,
    .ignorable = mmdet_ignorable,
};

/* ---- construction ---------------------------------------------------------------------------------------------------- */

static void build(NnScope s, Detr *net, const DfNode *backbone)
{
    const DetrOptions *o = &net->o;
    if (o->two_stage && !o->refine)
        nn_fail(s, DF_EVALUE, "two stages without box refinement: want both");
    if (o->levels < o->n_maps)
        nn_fail(s, DF_EVALUE, "%d feature levels of %d maps: want at least as many", o->levels, o->n_maps);
    if (!nn_ok(s))
        return;
    df_part_init(nn_at(s, "%s", net->names->backbone), &net->backbone, PART_BACKBONE, backbone, NULL);
    df_detr_pyramid_init(s, net);
    if (nn_ok(s))
        df_detr_transformer_init(nn_at(s, "%s", net->names->transformer), net);
    if (nn_ok(s))
        df_detr_heads_init(s, net);
}

/* ---- the official repository ------------------------------------------------------------------------------------------ */

typedef struct {
    Detr net; /* first: both architectures run it */
    bool with_box_refine, two_stage, dilation;
    int position_embedding, num_feature_levels, enc_layers, dec_layers, dim_feedforward, hidden_dim, nheads, num_queries, dec_n_points, enc_n_points, backbone;
    double position_embedding_scale, dropout, set_cost_class, set_cost_bbox, set_cost_giou, cls_loss_coef, bbox_loss_coef, giou_loss_coef, focal_alpha;
    bool masks;
    const char *dataset_file;
} Args;

enum { SINE, LEARNED };

static const DfOpt args_opts[] = {
    DF_OPT_ENUM(Args, backbone, resnet50, DETR_BACKBONES, "the backbone"),
    DF_OPT_BOOL(Args, dilation, False, "DC5: the last stage dilates instead of striding"),
    DF_OPT_INT(Args, num_feature_levels, 4, 1, 8, "levels of the pyramid; 1: the last map alone"),
    DF_OPT_ENUM(Args, position_embedding, sine, "sine|learned|v2|v3", "position encoding"),
    DF_OPT_FLOAT(Args, position_embedding_scale, 6.283185307179586, 0, 1e6, "angle of a whole image"),
    DF_OPT_INT(Args, enc_layers, 6, 0, 32, "layers of the encoder"),
    DF_OPT_INT(Args, dec_layers, 6, 1, 32, "layers of the decoder"),
    DF_OPT_INT(Args, dim_feedforward, 1024, 1, 65536, "hidden channels of the layers"),
    DF_OPT_INT(Args, hidden_dim, 256, 32, 8192, "channels of the transformer"),
    DF_OPT_FLOAT(Args, dropout, 0.1, 0, 1, "of the transformer, in training"),
    DF_OPT_INT(Args, nheads, 8, 1, 256, "attention heads"),
    DF_OPT_INT(Args, num_queries, 300, 1, 10000, "queries"),
    DF_OPT_INT(Args, dec_n_points, 4, 1, 64, "sampling points a level and head, decoder"),
    DF_OPT_INT(Args, enc_n_points, 4, 1, 64, "sampling points a level and head, encoder"),
    DF_OPT_BOOL(Args, with_box_refine, False, "iterative bounding box refinement"),
    DF_OPT_BOOL(Args, two_stage, False, "the encoder proposes the queries"),
    DF_OPT_FLOAT(Args, set_cost_class, 2, 0, 1e6, "class weight of the matching cost"),
    DF_OPT_FLOAT(Args, set_cost_bbox, 5, 0, 1e6, "L1 weight of the matching cost"),
    DF_OPT_FLOAT(Args, set_cost_giou, 2, 0, 1e6, "GIoU weight of the matching cost"),
    DF_OPT_FLOAT(Args, cls_loss_coef, 2, 0, 1e6, "weight of the class loss"),
    DF_OPT_FLOAT(Args, bbox_loss_coef, 5, 0, 1e6, "weight of the L1 loss"),
    DF_OPT_FLOAT(Args, giou_loss_coef, 2, 0, 1e6, "weight of the GIoU loss"),
    DF_OPT_FLOAT(Args, focal_alpha, 0.25, 0, 1, "of the focal loss"),
    DF_OPT_BOOL(Args, masks, False, "a segmentation head: not built in"),
    DF_OPT_TEXT(Args, dataset_file, "'coco'", "91 classes for 'coco', 250 for 'coco_panoptic', else 20; num_classes at the top of the config says otherwise"),
    DF_OPT_UNUSED(lr_backbone_names, "of a training run"), DF_OPT_UNUSED(lr_linear_proj_names, "of a training run"),
    DF_OPT_UNUSED(lr_linear_proj_mult, "of a training run"), DF_OPT_UNUSED(lr_drop_epochs, "of a training run"), DF_OPT_UNUSED(sgd, "of a training run"),
    DF_OPT_UNUSED(cache_mode, "of the official program"),
    DETR_ARGS_UNUSED,
    DF_OPT_END
};

static void args_options(DetrOptions *o, const Args *a)
{
    *o = (DetrOptions){
        .dim = a->hidden_dim, .heads = a->nheads, .ffn = a->dim_feedforward, .levels = a->num_feature_levels, .encoder_layers = a->enc_layers,
        .decoder_layers = a->dec_layers, .encoder_points = a->enc_n_points, .decoder_points = a->dec_n_points, .queries = a->num_queries,
        .n_maps = a->num_feature_levels > 1 ? 3 : 1, .most = 100, .refine = a->with_box_refine, .two_stage = a->two_stage, .dropout = a->dropout,
    };
}

static void args_init(NnScope s, void *self, const DfNode *root)
{
    Args *a = self;
    DetrOptions *o = &a->net.o;
    if (a->masks)
        nn_fail(s, DF_EVALUE, "args.masks = True: want False, the segmentation head is not built in");
    args_options(o, a);
    o->classes = df_detr_classes(s, root, a->dataset_file);
    const DfNode *backbone = df_detr_resnet(s, root, a->backbone, a->dilation, o->n_maps, o->channels);
    a->net.positions = df_detr_sine(o->dim); /* the official code does not pass its position_embedding_scale on */
    a->net.positions.learned = a->position_embedding % 2 == LEARNED;
    a->net.positions.offset = -0.5;
    if (!backbone)
        return;
    a->net.names = &official_names;
    a->net.criterion = df_set_criterion();
    DfSetCriterion *k = &a->net.criterion;
    k->matcher.cost_class = a->set_cost_class;
    k->matcher.cost_bbox = a->set_cost_bbox;
    k->matcher.cost_giou = a->set_cost_giou;
    k->weight_ce = a->cls_loss_coef;
    k->weight_bbox = a->bbox_loss_coef;
    k->weight_giou = a->giou_loss_coef;
    k->alpha = a->focal_alpha;
    build(s, &a->net, backbone);
}

/* ---- mmdet ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    Detr net;
    const DfNode *backbone, *neck, *bbox_head, *train_cfg, *test_cfg;
} Mmdet;

static const DfOpt mmdet_opts[] = {
    { "backbone", DF_KIND_DICT, offsetof(Mmdet, backbone), NULL, 0, 0, NULL, "the backbone" },
    { "neck", DF_KIND_DICT, offsetof(Mmdet, neck), NULL, 0, 0, NULL, "a ChannelMapper" },
    { "bbox_head", DF_KIND_DICT, offsetof(Mmdet, bbox_head), NULL, 0, 0, NULL, "a DeformableDETRHead" },
    DF_OPT_DICT(Mmdet, train_cfg, "None", "assigner of a training run"),
    DF_OPT_DICT(Mmdet, test_cfg, "None", "max_per_img"),
    DF_OPT_UNUSED(pretrained, "weights to start a training run from"),
    DF_OPT_UNUSED(init_cfg, "weights to start a training run from"),
    DF_OPT_END
};

typedef struct {
    DfInts in_channels;
    int kernel_size, out_channels, num_outs;
    const DfNode *conv_cfg, *norm_cfg, *act_cfg;
} Mapper;

static const DfOpt mapper_opts[] = {
    DF_OPT_INTS(Mapper, in_channels, NULL, 1, 65536, "channels of the backbone's maps"),
    DF_OPT_INT(Mapper, kernel_size, 3, 1, 1, "1: other kernels are not built in"),
    DF_OPT_INT(Mapper, out_channels, 256, 32, 8192, "channels of every level"),
    DF_OPT_INT(Mapper, num_outs, 4, 1, 8, "levels"),
    DF_OPT_DICT(Mapper, norm_cfg, "None", "GN of 32 groups"),
    DF_OPT_DICT(Mapper, act_cfg, "None", "none"),
    DF_OPT_DICT(Mapper, conv_cfg, "None", "none"),
    DF_OPT_UNUSED(init_cfg, "how weights are drawn"),
    DF_OPT_END
};

typedef struct {
    int num_classes, num_query;
    bool with_box_refine, as_two_stage;
    const DfNode *transformer, *positional_encoding;
} Head;

static const DfOpt head_opts[] = {
    DF_OPT_INT(Head, num_classes, 80, 1, 100000, "classes"),
    DF_OPT_INT(Head, num_query, 100, 1, 10000, "queries"),
    DF_OPT_BOOL(Head, with_box_refine, False, "iterative bounding box refinement"),
    DF_OPT_BOOL(Head, as_two_stage, False, "the encoder proposes the queries"),
    DF_OPT_DICT(Head, transformer, NULL, "a DeformableDetrTransformer"),
    DF_OPT_DICT(Head, positional_encoding, "None", "SinePositionalEncoding or LearnedPositionalEncoding"),
    DF_OPT_UNUSED(in_channels, "says nothing here: queries come from the neck"), DF_OPT_UNUSED(num_reg_fcs, "2"), DF_OPT_UNUSED(sync_cls_avg_factor, "of a training run"),
    DF_OPT_UNUSED(loss_cls, "of a training run"), DF_OPT_UNUSED(loss_bbox, "of a training run"), DF_OPT_UNUSED(loss_iou, "of a training run"),
    DF_OPT_UNUSED(train_cfg, "of a training run"), DF_OPT_UNUSED(test_cfg, "stands in the model's test_cfg"), DF_OPT_UNUSED(init_cfg, "how weights are drawn"),
    DF_OPT_END
};

static int number(const DfNode *dict, const char *path, int fallback)
{
    return (int)df_node_int(df_node_at(dict, path), fallback);
}

static bool is_type(NnScope s, const DfNode *dict, const char *type)
{
    const char *met = df_node_text(df_node_get(dict, "type"), "(none)");
    if (strcmp(met, type) != 0)
        nn_fail(s, DF_EVALUE, "the type is '%s': want %s", met, type);
    return nn_ok(s);
}

static bool in_range(NnScope s, const char *what, int value, int least, int most)
{
    if (value < least || value > most)
        nn_fail(s, DF_EVALUE, "%s = %d: want %d to %d", what, value, least, most);
    return nn_ok(s);
}

/* mmdet spreads the numbers over nested dicts; an attention's own defaults are 8 heads and 4 points. */
static bool mmdet_transformer(NnScope s, DetrOptions *o, const DfNode *t)
{
    const DfNode *encoder = df_node_get(t, "encoder"), *decoder = df_node_get(t, "decoder");
    const DfNode *e = df_node_get(encoder, "transformerlayers"), *d = df_node_get(decoder, "transformerlayers");
    if (!e || !d) {
        nn_fail(s, DF_EVALUE, "transformer: want encoder and decoder, each with transformerlayers");
        return false;
    }
    o->encoder_layers = number(encoder, "num_layers", 6);
    o->decoder_layers = number(decoder, "num_layers", 6);
    const DfNode *ea = df_node_get(e, "attn_cfgs");
    if (ea && ea->kind == DF_NODE_LIST)
        ea = ea->first;
    o->heads = number(ea, "num_heads", 8);
    o->encoder_points = number(ea, "num_points", 4);
    o->decoder_points = number(d, "attn_cfgs.1.num_points", 4);
    const int decoder_heads = number(d, "attn_cfgs.1.num_heads", 8), self_heads = number(d, "attn_cfgs.0.num_heads", 8);
    o->ffn = number(e, "ffn_cfgs.feedforward_channels", number(e, "feedforward_channels", 1024));
    o->dropout = df_node_number(df_node_get(e, "ffn_dropout"), 0.1);
    if (o->heads != decoder_heads || o->heads != self_heads)
        nn_fail(s, DF_EVALUE, "attentions of %d, %d and %d heads: want as many in each", o->heads, self_heads, decoder_heads);
    if (number(d, "ffn_cfgs.feedforward_channels", number(d, "feedforward_channels", 1024)) != o->ffn)
        nn_fail(s, DF_EVALUE, "encoder and decoder of different feedforward_channels: want the same");
    return nn_ok(s) && in_range(s, "encoder.num_layers", o->encoder_layers, 0, DETR_LAYERS) && in_range(s, "decoder.num_layers", o->decoder_layers, 1, DETR_LAYERS) &&
           in_range(s, "num_heads", o->heads, 1, 256) && in_range(s, "num_points", o->encoder_points, 1, 64) &&
           in_range(s, "num_points", o->decoder_points, 1, 64) && in_range(s, "feedforward_channels", o->ffn, 1, 65536);
}

static void mmdet_init(NnScope s, void *self, const DfNode *root)
{
    Mmdet *m = self;
    Mapper mapper = { 0 };
    Head head = { 0 };
    DetrOptions *o = &m->net.o;
    const NnScope neck = nn_at(s, "neck"), box = nn_at(s, "bbox_head");
    if (!is_type(neck, m->neck, "ChannelMapper") || !nn_configure(neck, m->neck, mapper_opts, &mapper, "ChannelMapper") ||
        !is_type(box, m->bbox_head, "DeformableDETRHead") || !nn_configure(box, m->bbox_head, head_opts, &head, "DeformableDETRHead"))
        return;
    const DfNode *test = m->test_cfg ? m->test_cfg : df_node_get(root, "test_cfg");
    if (strcmp(nn_norm_name(mapper.norm_cfg), "gn") != 0 || mapper.act_cfg || mapper.conv_cfg || number(mapper.norm_cfg, "num_groups", 32) != 32)
        nn_fail(neck, DF_EVALUE, "want norm_cfg=dict(type='GN', num_groups=32) and no act_cfg or conv_cfg");
    if (!in_range(neck, "maps in in_channels", mapper.in_channels.n, 1, DF_LEVELS - 1))
        return;
    *o = (DetrOptions){ .dim = mapper.out_channels, .levels = mapper.num_outs, .n_maps = mapper.in_channels.n, .queries = head.num_query, .classes = head.num_classes,
                        .refine = head.with_box_refine, .two_stage = head.as_two_stage, .clip = true, .most = number(test, "max_per_img", head.num_query) };
    for (int i = 0; i < o->n_maps; i++)
        o->channels[i] = mapper.in_channels.v[i];
    if (!in_range(s, "test_cfg.max_per_img", o->most, 1, 1000000) || !mmdet_transformer(box, o, head.transformer))
        return;
    m->net.positions = df_detr_positions_mmdet(box, head.positional_encoding, o->dim);
    m->net.names = &mmdet_names;
    m->net.criterion = df_set_criterion();
    build(s, &m->net, m->backbone);
}

/* ---- running ---------------------------------------------------------------------------------------------------------- */

static void run(DfCtx *c, const Detr *net, DfTensor *image, const DfImageMeta *metas, bool all, DetrOutputs *out)
{
    DfMaps maps;
    DetrPyramid pyramid;
    const int H = df_dim(image, 1), W = df_dim(image, 2);
    df_part_backbone(c, &net->backbone, "backbone", image, &maps);
    *out = (DetrOutputs){ 0 };
    if (c->err)
        return;
    const DfMark m = df_enter(c, "transformer", -1);
    df_detr_pyramid(c, net, &maps, metas, H, W, &pyramid);
    DfTensor *memory = df_detr_encode(c, net, &pyramid);
    df_observe(c, memory, "memory", -1);
    df_detr_decode(c, net, &pyramid, memory, all || df_listens(c), out);
    df_detr_leave(c, m, out);
}

static void forward(DfCtx *c, const void *self, DfTensor *image)
{
    DetrOutputs out;
    run(c, self, image, NULL, c->recording, &out);
}

static int detect(DfCtx *c, const void *self, DfTensor *image, const DfImageMeta *metas, int n, bool rescale, DfDetections *results)
{
    DetrOutputs out;
    run(c, self, image, metas, false, &out);
    int error = df_ctx_error(c);
    for (int i = 0; error == DF_OK && i < n; i++)
        error = df_detr_detections(self, &out, i, &metas[i], rescale, &results[i]);
    return error;
}

static const char *const *ignorable(const void *self)
{
    const Detr *net = self;
    return net->names->ignorable;
}

static int classes(const void *self)
{
    const Detr *net = self;
    return net->o.classes;
}

static void losses(DfCtx *c, const void *self, DfTensor *image, const DfImageMeta *metas, const DfTargets *targets, DfLosses *out)
{
    const Detr *net = self;
    DetrOutputs outputs;
    run(c, net, image, metas, true, &outputs);
    df_detr_losses(c, &net->criterion, &outputs, targets, out);
}

const DfArchitecture df_architecture_deformable_detr = {
    .name = "DeformableDETR",
    .help = "detector without anchors or NMS, by deformable attention (Zhu et al., ICLR 2021)",
    .size = sizeof(Mmdet),
    .opts = mmdet_opts,
    .init = mmdet_init,
    .forward = forward,
    .detect = detect,
    .losses = losses,
    .ignorable = ignorable,
    .classes = classes,
};

const DfArchitecture df_architecture_deformable_detr_args = {
    .name = "args",
    .help = "Deformable DETR by the arguments of its official program: {'args': {..}} at the top of a config",
    .size = sizeof(Args),
    .opts = args_opts,
    .init = args_init,
    .forward = forward,
    .detect = detect,
    .losses = losses,
    .ignorable = ignorable,
    .classes = classes,
};
