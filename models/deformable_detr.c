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

/* ---- running ---------------------------------------------------------------------------------------------------------- */

static void answer(DfCtx *c, const DetrBase *self, const DfMaps *maps, const DfImageMeta *metas, int H, int W, bool all, DetrOutputs *out)
{
    const Detr *net = (const Detr *)self;
    DetrPyramid pyramid;
    const DfMark m = df_enter(c, "transformer", -1);
    df_detr_pyramid(c, net, maps, metas, H, W, &pyramid);
    DfTensor *memory = df_detr_encode(c, net, &pyramid);
    df_observe(c, memory, "memory", -1);
    df_detr_decode(c, net, &pyramid, memory, all, out);
    df_detr_leave(c, m, out);
}

/* ---- construction ---------------------------------------------------------------------------------------------------- */

static void build(NnScope s, Detr *net)
{
    Trunk *trunk = &net->base.trunk;
    const DetrOptions *o = &net->base.o;
    if (o->two_stage && !o->refine)
        nn_fail(s, DF_EVALUE, "two stages without box refinement: want both");
    if (o->levels < o->n_maps)
        nn_fail(s, DF_EVALUE, "%d feature levels of %d maps: want at least as many", o->levels, o->n_maps);
    if (!nn_ok(s))
        return;
    net->base.answer = answer;
    net->base.ignorable = net->names->ignorable;
    df_backbone_part(nn_at(s, "%s", net->names->backbone), &trunk->backbone, trunk->backbone_cfg);
    df_detr_pyramid_init(s, net);
    if (nn_ok(s))
        df_detr_transformer_init(nn_at(s, "%s", net->names->transformer), net);
    if (nn_ok(s))
        df_detr_heads_init(s, net);
}

/* ---- the official repository ------------------------------------------------------------------------------------------ */

typedef struct {
    Detr net; /* first */
    DetrArgs args;
    bool with_box_refine, two_stage;
    int num_feature_levels, dec_n_points, enc_n_points;
    double position_embedding_scale, cls_loss_coef, focal_alpha;
} Args;

static const DfOpt args_opts[] = {
    DETR_ARGS(Args, "1024", 32, "300", "2"),
    DF_OPT_INT(Args, num_feature_levels, 4, 1, 8, "levels of the pyramid; 1: the last map alone"),
    DF_OPT_FLOAT(Args, position_embedding_scale, 6.283185307179586, 0, 1e6, "angle of a whole image"),
    DF_OPT_INT(Args, dec_n_points, 4, 1, 64, "sampling points a level and head, decoder"),
    DF_OPT_INT(Args, enc_n_points, 4, 1, 64, "sampling points a level and head, encoder"),
    DF_OPT_BOOL(Args, with_box_refine, False, "iterative bounding box refinement"),
    DF_OPT_BOOL(Args, two_stage, False, "the encoder proposes the queries"),
    DF_OPT_FLOAT(Args, cls_loss_coef, 2, 0, 1e6, "weight of the class loss"),
    DF_OPT_FLOAT(Args, focal_alpha, 0.25, 0, 1, "of the focal loss"),
    DF_OPT_UNUSED(lr_backbone_names, "of a training run"), DF_OPT_UNUSED(lr_linear_proj_names, "of a training run"),
    DF_OPT_UNUSED(lr_linear_proj_mult, "of a training run"), DF_OPT_UNUSED(lr_drop_epochs, "of a training run"), DF_OPT_UNUSED(sgd, "of a training run"),
    DF_OPT_UNUSED(cache_mode, "of the official program"),
    DETR_ARGS_UNUSED,
    DF_OPT_END
};

static void args_init(NnScope s, void *self, const DfNode *root)
{
    Args *a = self;
    Detr *net = &a->net;
    DetrOptions *o = &net->base.o;
    net->names = &official_names;
    net->base.criterion = df_set_criterion();
    net->base.criterion.weight_ce = a->cls_loss_coef;
    net->base.criterion.alpha = a->focal_alpha;
    df_detr_args(s, &net->base, &a->args, root, a->num_feature_levels > 1 ? 3 : 1);
    net->base.positions.offset = -0.5; /* and the usual scale: the official code does not pass its position_embedding_scale on */
    o->most = 100;
    o->levels = a->num_feature_levels;
    o->encoder_points = a->enc_n_points;
    o->decoder_points = a->dec_n_points;
    o->refine = a->with_box_refine;
    o->two_stage = a->two_stage;
    if (nn_ok(s))
        build(s, net);
}

/* ---- mmdet ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    Detr net; /* first, and in it the trunk */
    const DfNode *bbox_head;
} Mmdet;

static const DfOpt mmdet_opts[] = {
    DF_OPT_AS(Trunk, backbone, backbone_cfg, DF_KIND_DICT, NULL, 0, 0, NULL, "the backbone"),
    DF_OPT_AS(Trunk, neck, neck_cfg, DF_KIND_DICT, NULL, 0, 0, NULL, "a ChannelMapper"),
    DF_OPT_DICT(Mmdet, bbox_head, NULL, "a DeformableDETRHead"),
    TRUNK_SETTINGS("assigner of a training run", "max_per_img"),
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

static bool is_type(NnScope s, const DfNode *dict, const char *type)
{
    const char *met = df_node_text(df_node_get(dict, "type"), "(none)");
    if (strcmp(met, type) != 0)
        nn_fail(s, DF_EVALUE, "the type is '%s': want %s", met, type);
    return nn_ok(s);
}

/* mmdet spreads the numbers over nested dicts; an attention's own defaults are 8 heads and 4 points. */
static bool mmdet_transformer(NnScope s, DetrOptions *o, const DfNode *t)
{
    const DetrStack e = df_detr_stack(t, "encoder", 1024), d = df_detr_stack(t, "decoder", 1024);
    if (!e.layer || !d.layer) {
        nn_fail(s, DF_EVALUE, "transformer: want encoder and decoder, each with transformerlayers");
        return false;
    }
    const int self_heads = df_detr_number(d.layer, "attn_cfgs.0.num_heads", 8), cross_heads = df_detr_number(d.layer, "attn_cfgs.1.num_heads", 8);
    if (e.heads != cross_heads || e.heads != self_heads)
        nn_fail(s, DF_EVALUE, "attentions of %d, %d and %d heads: want as many in each", e.heads, self_heads, cross_heads);
    if (e.ffn != d.ffn)
        nn_fail(s, DF_EVALUE, "encoder and decoder of different feedforward_channels: want the same");
    o->encoder_points = df_detr_number(e.attention, "num_points", 4);
    o->decoder_points = df_detr_number(d.layer, "attn_cfgs.1.num_points", 4);
    o->dropout = df_node_number(df_node_get(e.layer, "ffn_dropout"), 0.1);
    df_detr_take_stacks(s, o, &e, &d);
    df_detr_in_range(s, "num_points", o->encoder_points, 1, 64);
    return df_detr_in_range(s, "num_points", o->decoder_points, 1, 64);
}

static void mmdet_init(NnScope s, void *self, const DfNode *root)
{
    Mmdet *m = self;
    Mapper mapper = { 0 };
    Head head = { 0 };
    Detr *net = &m->net;
    DetrOptions *o = &net->base.o;
    const DfNode *neck_cfg = net->base.trunk.neck_cfg;
    const NnScope neck = nn_at(s, "neck"), box = nn_at(s, "bbox_head");
    if (!is_type(neck, neck_cfg, "ChannelMapper") || !nn_configure(neck, neck_cfg, mapper_opts, &mapper, "ChannelMapper") ||
        !is_type(box, m->bbox_head, "DeformableDETRHead") || !nn_configure(box, m->bbox_head, head_opts, &head, "DeformableDETRHead"))
        return;
    if (strcmp(nn_norm_name(mapper.norm_cfg), "gn") != 0 || mapper.act_cfg || mapper.conv_cfg || df_detr_number(mapper.norm_cfg, "num_groups", 32) != 32)
        nn_fail(neck, DF_EVALUE, "want norm_cfg=dict(type='GN', num_groups=32) and no act_cfg or conv_cfg");
    if (!df_detr_in_range(neck, "maps in in_channels", mapper.in_channels.n, 1, DF_LEVELS - 1))
        return;
    *o = (DetrOptions){ .dim = mapper.out_channels, .levels = mapper.num_outs, .n_maps = mapper.in_channels.n, .queries = head.num_query, .classes = head.num_classes,
                        .refine = head.with_box_refine, .two_stage = head.as_two_stage, .clip = true };
    o->most = df_detr_number(df_trunk_test_cfg(&net->base.trunk, root), "max_per_img", head.num_query);
    memcpy(o->channels, mapper.in_channels.v, (size_t)o->n_maps * sizeof *o->channels);
    if (!df_detr_in_range(s, "test_cfg.max_per_img", o->most, 1, 1000000) || !mmdet_transformer(box, o, head.transformer))
        return;
    net->base.positions = df_detr_positions_mmdet(box, head.positional_encoding, o->dim);
    net->base.criterion = df_set_criterion();
    net->names = &mmdet_names;
    build(s, net);
}

/* ---- records ---------------------------------------------------------------------------------------------------------- */

const DfArchitecture df_architecture_deformable_detr = {
    .name = "DeformableDETR",
    .help = "detector without anchors or NMS, by deformable attention (Zhu et al., ICLR 2021)",
    .size = sizeof(Mmdet),
    .opts = mmdet_opts,
    .init = mmdet_init,
    DETR_FUNCTIONS,
};

const DfArchitecture df_architecture_deformable_detr_args = {
    .name = "args",
    .help = "Deformable DETR by the arguments of its official program: {'args': {..}} at the top of a config",
    .size = sizeof(Args),
    .opts = args_opts,
    .init = args_init,
    DETR_FUNCTIONS,
};
