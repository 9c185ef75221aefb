/* SPDX-License-Identifier: Apache-2.0
 *
 * models/detr.c -- DETR: Carion et al., "End-to-End Object Detection with Transformers", ECCV 2020. Configs and checkpoints of the
 * official repository (the arguments of its main program), and of mmdet in both its forms: up to 2.11 (TransformerHead) and later
 * (DETRHead). Every query says one class, or that it sees nothing.
 */
#include "models/detr.h"

#include <string.h>

/* ---- names ---------------------------------------------------------------------------------------------------------- */

static const char *const official_ignorable[] = { "backbone.0.body.fc.*", NULL };
static const char *const mmdet_ignorable[] = { "backbone.fc.*", NULL };

static const PlainDetrNames official_names = {
    .backbone = "backbone.0.body", .input_proj = "input_proj", .query_embed = "query_embed",
    .row_embed = "backbone.1.row_embed", .column_embed = "backbone.1.col_embed",
    .class_head = "class_embed", .box_head = { "bbox_embed.layers.0", "bbox_embed.layers.1", "bbox_embed.layers.2" },
    .transformer = "transformer", .encoder_layer = "encoder.layers.%d", .decoder_layer = "decoder.layers.%d",
    .encoder_end = "encoder.norm", .decoder_end = "decoder.norm",
    .encoder_self = "self_attn", .decoder_self = "self_attn", .cross = "multihead_attn", .encoder_norm = { "norm1", "norm2" },
    .decoder_norm = { "norm1", "norm2", "norm3" }, .linear1 = "linear1", .linear2 = "linear2", .ignorable = official_ignorable,
};
#define MMDET_HEAD \
    .backbone = "backbone", .input_proj = "bbox_head.input_proj", .query_embed = "bbox_head.query_embedding", \
    .row_embed = "bbox_head.positional_encoding.row_embed", .column_embed = "bbox_head.positional_encoding.col_embed", \
    .class_head = "bbox_head.fc_cls", .box_head = { "bbox_head.reg_ffn.layers.0.0", "bbox_head.reg_ffn.layers.1", "bbox_head.fc_reg" }, \
    .transformer = "bbox_head.transformer", .encoder_layer = "encoder.layers.%d", .decoder_layer = "decoder.layers.%d", \
    .encoder_norm = { "norms.0", "norms.1" }, .decoder_norm = { "norms.0", "norms.1", "norms.2" }, .ignorable = mmdet_ignorable
static const PlainDetrNames transformer_head_names = {
    MMDET_HEAD, .encoder_end = "encoder.norm", .decoder_end = "decoder.norm",
    .encoder_self = "self_attn.attn", .decoder_self = "self_attn.attn", .cross = "multihead_attn.attn",
    .linear1 = "ffn.layers.0.0", .linear2 = "ffn.layers.1",
};
static const PlainDetrNames detr_head_names = {
    MMDET_HEAD, .encoder_end = "encoder.post_norm", .decoder_end = "decoder.post_norm",
    .encoder_self = "attentions.0.attn", .decoder_self = "attentions.0.attn", .cross = "attentions.1.attn",
    .linear1 = "ffns.0.layers.0.0", .linear2 = "ffns.0.layers.1",
};

/* ---- running -------------------------------------------------------------------------------------------------------- */

static PlainDetrMemory flatten(DfCtx *c, const PlainDetr *net, DfTensor *map, const DfImageMeta *metas, int H, int W)
{
    const DfMark m = df_enter(c, "input_proj", -1);
    PlainDetrMemory out = { .tokens = df_leave(c, m, nn_linear(c, &net->input_proj, map)), .positions = &c->nil };
    if (c->err)
        return out;
    const int N = df_dim(out.tokens, 0), h = df_dim(out.tokens, 1), w = df_dim(out.tokens, 2);
    NnField field = { .levels = { .n = 1, .h = { h }, .w = { w } } };
    df_detr_mark_padding(c, &field, metas, N, H, W);
    df_observe(c, out.tokens, "src_", 0);
    df_detr_observe_masks(c, &field, N);
    out.positions = df_detr_positions(c, &net->base.positions, &field, N, 0);
    df_observe(c, out.positions, "pos_", 0);
    out.padding_mask = field.padding_mask;
    out.tokens = df_reshape(c, out.tokens, DF_SHAPE(N, h * w, net->base.o.dim));
    out.positions = df_reshape(c, out.positions, DF_SHAPE(N, h * w, net->base.o.dim));
    return out;
}

static void decide(DfCtx *c, const PlainDetr *net, DfTensor *const *hidden, int n, DetrOutputs *out)
{
    df_detr_observe_layers(c, hidden, n, "hs");
    for (int i = 0; i < n && !c->err; i++) {
        out->logits[i] = nn_linear(c, &net->class_head, hidden[i]);
        out->boxes[i] = df_sigmoid(c, df_detr_locate(c, &net->box_head, hidden[i]));
        out->n++;
    }
    if (!c->err)
        df_detr_observe_outputs(c, out);
}

static void answer(DfCtx *c, const DetrBase *self, const DfMaps *maps, const DfImageMeta *metas, int H, int W, bool all, DetrOutputs *out)
{
    const PlainDetr *net = (const PlainDetr *)self;
    DfTensor *hidden[DETR_LAYERS], *map = maps->map[maps->n - 1];
    if (df_dim(map, 3) != net->base.o.channels[0]) {
        df_ctx_fail(c, DF_ESHAPE, "the backbone's last map has %d channels: want the head's in_channels, %d", df_dim(map, 3), net->base.o.channels[0]);
        return;
    }
    const DfMark m = df_enter(c, "transformer", -1);
    PlainDetrMemory memory = flatten(c, net, map, metas, H, W);
    memory.tokens = df_plain_detr_encode(c, net, &memory);
    df_observe(c, memory.tokens, "memory", -1);
    const int n = df_plain_detr_decode(c, net, &memory, all, hidden);
    decide(c, net, hidden, n, out);
    df_detr_leave(c, m, out);
}

/* ---- construction --------------------------------------------------------------------------------------------------- */

static void build(NnScope s, PlainDetr *net)
{
    const PlainDetrNames *names = net->names;
    const int dim = net->base.o.dim;
    if (dim % 4)
        nn_fail(s, DF_EVALUE, "%d channels: want a multiple of 4", dim);
    if (!nn_ok(s))
        return;
    net->base.answer = answer;
    net->base.ignorable = names->ignorable;
    df_backbone_part(nn_at(s, "%s", names->backbone), &net->base.trunk.backbone, net->base.trunk.backbone_cfg);
    nn_pointwise_init(nn_at(s, "%s", names->input_proj), &net->input_proj, net->base.o.channels[0], dim, true);
    df_detr_positions_init(s, &net->base.positions, names->row_embed, names->column_embed);
    df_plain_detr_transformer_init(nn_at(s, "%s", names->transformer), net);
    net->query_embed = nn_param(nn_at(s, "%s", names->query_embed), "weight", DF_SHAPE(net->base.o.queries, dim), NN_AS_IS, nn_normal(1));
    nn_linear_init(nn_at(s, "%s", names->class_head), &net->class_head, dim, net->base.o.classes + 1, true);
    for (int i = 0; i < 3; i++)
        nn_linear_init(nn_at(s, "%s", names->box_head[i]), &net->box_head.linear[i], dim, i < 2 ? dim : 4, true);
}

/* ---- the official repository ---------------------------------------------------------------------------------------- */

typedef struct {
    PlainDetr net; /* first */
    DetrArgs args;
    bool pre_norm;
    double eos_coef;
} Args;

static const DfOpt args_opts[] = {
    DETR_ARGS(Args, "2048", 4, "100", "1"),
    DF_OPT_BOOL(Args, pre_norm, False, "norms before the branches, not behind the sums"),
    DF_OPT_FLOAT(Args, eos_coef, 0.1, 0, 1e6, "what the class that is nothing counts in the class loss"),
    DETR_ARGS_UNUSED,
    DF_OPT_END
};

static void args_init(NnScope s, void *self, const DfNode *root)
{
    Args *a = self;
    PlainDetr *net = &a->net;
    net->names = &official_names;
    net->base.criterion = df_set_criterion_softmax();
    net->base.criterion.background = a->eos_coef;
    df_detr_args(s, &net->base, &a->args, root, 1);
    net->base.o.most = net->base.o.queries;
    net->base.o.pre_norm = a->pre_norm;
    build(s, net);
}

/* ---- mmdet ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    PlainDetr net; /* first, and in it the trunk */
    const DfNode *bbox_head;
} Mmdet;

static const DfOpt mmdet_opts[] = {
    DF_OPT_AS(Trunk, backbone, backbone_cfg, DF_KIND_DICT, NULL, 0, 0, NULL, "the backbone, of which the last map is taken"),
    DF_OPT_DICT(Mmdet, bbox_head, NULL, "a TransformerHead (mmdet 2.11) or a DETRHead (later)"),
    TRUNK_SETTINGS("assigner of a training run", "max_per_img"),
    DF_OPT_END
};

typedef struct {
    int num_classes, in_channels, num_query, num_fcs, num_reg_fcs;
    const DfNode *transformer, *positional_encoding, *loss_cls, *loss_bbox, *loss_iou, *train_cfg, *test_cfg;
} Head;

static const DfOpt head_opts[] = {
    DF_OPT_ROW(Head, num_classes, DF_KIND_INT, NULL, 1, 100000, NULL, "classes, without the one that is nothing"),
    DF_OPT_ROW(Head, in_channels, DF_KIND_INT, NULL, 1, 65536, NULL, "channels of the backbone's last map"),
    DF_OPT_INT(Head, num_query, 100, 1, 10000, "queries; a TransformerHead has test_cfg.max_per_img"),
    DF_OPT_INT(Head, num_fcs, 2, 2, 2, "2"), DF_OPT_INT(Head, num_reg_fcs, 2, 2, 2, "2"),
    DF_OPT_DICT(Head, transformer, NULL, "a Transformer"),
    DF_OPT_DICT(Head, positional_encoding, "dict(type='SinePositionalEncoding', num_feats=128, normalize=True)", "SinePositionalEncoding or LearnedPositionalEncoding"),
    DF_OPT_DICT(Head, loss_cls, "dict(type='CrossEntropyLoss', bg_cls_weight=0.1, loss_weight=1.0, class_weight=1.0)", "CrossEntropyLoss: bg_cls_weight, loss_weight"),
    DF_OPT_DICT(Head, loss_bbox, "dict(type='L1Loss', loss_weight=5.0)", "L1Loss: loss_weight"),
    DF_OPT_DICT(Head, loss_iou, "dict(type='GIoULoss', loss_weight=2.0)", "GIoULoss: loss_weight"),
    DF_OPT_DICT(Head, train_cfg, "None", "stands in the model's train_cfg"),
    DF_OPT_DICT(Head, test_cfg, "None", "stands in the model's test_cfg"),
    DF_OPT_UNUSED(sync_cls_avg_factor, "of a training run"), DF_OPT_UNUSED(init_cfg, "how weights are drawn"),
    DF_OPT_END
};

static double weight(const DfNode *dict, const char *path, double fallback)
{
    return df_node_number(df_node_at(dict, path), fallback);
}

/* Up to mmdet 2.11: all numbers in one dict. */
typedef struct {
    const char *type;
    int embed_dims, num_heads, num_encoder_layers, num_decoder_layers, feedforward_channels, num_fcs;
    double dropout;
    const DfNode *act_cfg, *norm_cfg;
    bool pre_norm;
} Transformer;

static const DfOpt transformer_opts[] = {
    DF_OPT_ROW(Transformer, embed_dims, DF_KIND_INT, NULL, 4, 8192, NULL, "channels"),
    DF_OPT_INT(Transformer, num_heads, 8, 1, 256, "attention heads"),
    DF_OPT_INT(Transformer, num_encoder_layers, 6, 0, 32, "layers of the encoder"),
    DF_OPT_INT(Transformer, num_decoder_layers, 6, 1, 32, "layers of the decoder"),
    DF_OPT_INT(Transformer, feedforward_channels, 2048, 1, 65536, "hidden channels of the layers"),
    DF_OPT_INT(Transformer, num_fcs, 2, 2, 2, "2"),
    DF_OPT_FLOAT(Transformer, dropout, 0, 0, 1, "in training"),
    DF_OPT_DICT(Transformer, act_cfg, "None", "ReLU"),
    DF_OPT_DICT(Transformer, norm_cfg, "None", "LN"),
    DF_OPT_BOOL(Transformer, pre_norm, False, "norms before the branches"),
    DF_OPT_UNUSED(return_intermediate_dec, "the decoder's layers answer when they are asked"),
    DF_OPT_END
};

static void read_transformer(NnScope s, DetrOptions *o, const DfNode *dict)
{
    Transformer t = { 0 };
    if (!nn_configure(s, dict, transformer_opts, &t, "Transformer"))
        return;
    if (strcmp(df_node_text(df_node_get(t.act_cfg, "type"), "ReLU"), "ReLU") != 0 || strcmp(df_node_text(df_node_get(t.norm_cfg, "type"), "LN"), "LN") != 0)
        nn_fail(s, DF_EVALUE, "want act_cfg=dict(type='ReLU') and norm_cfg=dict(type='LN')");
    o->dim = t.embed_dims;
    o->heads = t.num_heads;
    o->encoder_layers = t.num_encoder_layers;
    o->decoder_layers = t.num_decoder_layers;
    o->ffn = t.feedforward_channels;
    o->dropout = t.dropout;
    o->pre_norm = t.pre_norm;
}

static bool norm_first(const DetrStack *stack)
{
    return strcmp(df_node_text(df_node_at(stack->layer, "operation_order.0"), "self_attn"), "norm") == 0;
}

/* Later: a dict for each layer and each attention, which must agree here. */
static void read_nested_transformer(NnScope s, DetrOptions *o, const DfNode *dict)
{
    const DetrStack e = df_detr_stack(dict, "encoder", 2048), d = df_detr_stack(dict, "decoder", 2048);
    if (!e.attention || !d.attention) {
        nn_fail(s, DF_EVALUE, "transformer: want encoder and decoder, each with transformerlayers that have attn_cfgs");
        return;
    }
    if (e.heads != d.heads || e.ffn != d.ffn || norm_first(&e) != norm_first(&d))
        nn_fail(s, DF_EVALUE, "encoder and decoder differ in num_heads, feedforward_channels or operation_order: want the same");
    o->dim = df_detr_number(e.attention, "embed_dims", 256);
    o->dropout = weight(e.attention, "dropout", 0);
    o->pre_norm = norm_first(&e);
    df_detr_in_range(s, "embed_dims", o->dim, 4, 8192);
    df_detr_take_stacks(s, o, &e, &d);
}

static DfSetCriterion mmdet_criterion(NnScope s, const Head *head, const DfNode *assigner)
{
    DfSetCriterion k = df_set_criterion_softmax();
    k.weight_ce = weight(head->loss_cls, "loss_weight", 1);
    k.weight_bbox = weight(head->loss_bbox, "loss_weight", 1);
    k.weight_giou = weight(head->loss_iou, "loss_weight", 1);
    k.background = weight(head->loss_cls, "bg_cls_weight", 1);
    if (weight(head->loss_cls, "class_weight", 1) != 1)
        nn_fail(s, DF_EVALUE, "loss_cls.class_weight: want 1.0");
    k.matcher.cost_class = weight(assigner, "cls_cost.weight", 1);
    k.matcher.cost_bbox = weight(assigner, "reg_cost.weight", assigner ? 1 : 5);
    k.matcher.cost_giou = weight(assigner, "iou_cost.weight", assigner ? 1 : 2);
    k.matcher.corners = strcmp(df_node_text(df_node_at(assigner, "reg_cost.box_format"), "xyxy"), "xyxy") == 0;
    return k;
}

static void mmdet_init(NnScope s, void *self, const DfNode *root)
{
    Mmdet *m = self;
    PlainDetr *net = &m->net;
    DetrOptions *o = &net->base.o;
    Head head = { 0 };
    const NnScope at = nn_at(s, "bbox_head");
    const char *type = df_node_text(df_node_get(m->bbox_head, "type"), "(none)");
    const bool old = strcmp(type, "TransformerHead") == 0;
    if (!old && strcmp(type, "DETRHead") != 0)
        nn_fail(at, DF_EVALUE, "the type is '%s': want TransformerHead or DETRHead", type);
    if (!nn_ok(s) || !nn_configure(at, m->bbox_head, head_opts, &head, type))
        return;
    const Trunk *trunk = &net->base.trunk;
    const DfNode *test = trunk->test_cfg ? trunk->test_cfg : head.test_cfg ? head.test_cfg : df_node_get(root, "test_cfg");
    const DfNode *train = trunk->train_cfg ? trunk->train_cfg : head.train_cfg ? head.train_cfg : df_node_get(root, "train_cfg");
    (old ? read_transformer : read_nested_transformer)(at, o, head.transformer);
    o->classes = head.num_classes;
    o->n_maps = 1;
    o->channels[0] = head.in_channels;
    o->queries = old ? df_detr_number(test, "max_per_img", 100) : head.num_query;
    o->most = df_detr_number(test, "max_per_img", o->queries);
    o->clip = true;
    df_detr_in_range(at, "test_cfg.max_per_img", o->most, 1, 1000000);
    df_detr_in_range(at, "queries", o->queries, 1, 10000);
    net->names = old ? &transformer_head_names : &detr_head_names;
    net->base.criterion = mmdet_criterion(at, &head, df_node_get(train, "assigner"));
    if (nn_ok(s))
        net->base.positions = df_detr_positions_mmdet(at, head.positional_encoding, o->dim);
    build(s, net);
}

/* ---- records -------------------------------------------------------------------------------------------------------- */

const DfArchitecture df_architecture_detr = {
    .name = "DETR",
    .help = "detector without anchors or NMS, by full attention over the last map (Carion et al., ECCV 2020)",
    .size = sizeof(Mmdet),
    .opts = mmdet_opts,
    .init = mmdet_init,
    DETR_FUNCTIONS,
};

const DfArchitecture df_architecture_detr_args = {
    .name = "args of DETR",
    .help = "DETR by the arguments of its official program: {'args': {..}} with eos_coef or pre_norm at the top of a config",
    .size = sizeof(Args),
    .opts = args_opts,
    .init = args_init,
    DETR_FUNCTIONS,
};
