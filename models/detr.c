/* SPDX-License-Identifier: Apache-2.0
 *
 * models/detr.c -- DETR: Carion et al., "End-to-End Object Detection with Transformers", ECCV 2020. Configs and checkpoints of the
 * official repository (the arguments of its main program), and of mmdet in both its forms: up to 2.11 (TransformerHead) and later
 * (DETRHead). Every query says one class, or that it sees nothing.
 */
#include "models/detr.h"

#include <math.h>
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

/* ---- construction --------------------------------------------------------------------------------------------------- */

static void build(NnScope s, PlainDetr *net, const DfNode *backbone)
{
    const PlainDetrNames *names = net->names;
    const int dim = net->o.dim;
    if (dim % 4)
        nn_fail(s, DF_EVALUE, "%d channels: want a multiple of 4", dim);
    if (!nn_ok(s))
        return;
    df_part_init(nn_at(s, "%s", names->backbone), &net->backbone, PART_BACKBONE, backbone, NULL);
    nn_pointwise_init(nn_at(s, "%s", names->input_proj), &net->input_proj, net->o.channels, dim, true);
    df_detr_positions_init(s, &net->positions, names->row_embed, names->column_embed);
    df_plain_detr_transformer_init(nn_at(s, "%s", names->transformer), net);
    net->query_embed = nn_param(nn_at(s, "%s", names->query_embed), "weight", DF_SHAPE(net->o.queries, dim), NN_AS_IS, nn_normal(1));
    nn_linear_init(nn_at(s, "%s", names->class_head), &net->class_head, dim, net->o.classes + 1, true);
    for (int i = 0; i < 3; i++)
        nn_linear_init(nn_at(s, "%s", names->box_head[i]), &net->box_head.linear[i], dim, i < 2 ? dim : 4, true);
}

/* ---- the official repository ---------------------------------------------------------------------------------------- */

typedef struct {
    PlainDetr net; /* first: all architectures of this file run it */
    bool dilation, pre_norm, masks;
    int backbone, position_embedding, enc_layers, dec_layers, dim_feedforward, hidden_dim, nheads, num_queries;
    double dropout, set_cost_class, set_cost_bbox, set_cost_giou, bbox_loss_coef, giou_loss_coef, eos_coef;
    const char *dataset_file;
} Args;

enum { SINE, LEARNED };

static const DfOpt args_opts[] = {
    DF_OPT_ENUM(Args, backbone, resnet50, DETR_BACKBONES, "the backbone"),
    DF_OPT_BOOL(Args, dilation, False, "DC5: the last stage dilates instead of striding"),
    DF_OPT_ENUM(Args, position_embedding, sine, "sine|learned|v2|v3", "position encoding"),
    DF_OPT_INT(Args, enc_layers, 6, 0, 32, "layers of the encoder"),
    DF_OPT_INT(Args, dec_layers, 6, 1, 32, "layers of the decoder"),
    DF_OPT_INT(Args, dim_feedforward, 2048, 1, 65536, "hidden channels of the layers"),
    DF_OPT_INT(Args, hidden_dim, 256, 4, 8192, "channels of the transformer"),
    DF_OPT_FLOAT(Args, dropout, 0.1, 0, 1, "of the transformer, in training"),
    DF_OPT_INT(Args, nheads, 8, 1, 256, "attention heads"),
    DF_OPT_INT(Args, num_queries, 100, 1, 10000, "queries"),
    DF_OPT_BOOL(Args, pre_norm, False, "norms before the branches, not behind the sums"),
    DF_OPT_FLOAT(Args, set_cost_class, 1, 0, 1e6, "class weight of the matching cost"),
    DF_OPT_FLOAT(Args, set_cost_bbox, 5, 0, 1e6, "L1 weight of the matching cost"),
    DF_OPT_FLOAT(Args, set_cost_giou, 2, 0, 1e6, "GIoU weight of the matching cost"),
    DF_OPT_FLOAT(Args, bbox_loss_coef, 5, 0, 1e6, "weight of the L1 loss"),
    DF_OPT_FLOAT(Args, giou_loss_coef, 2, 0, 1e6, "weight of the GIoU loss"),
    DF_OPT_FLOAT(Args, eos_coef, 0.1, 0, 1e6, "what the class that is nothing counts in the class loss"),
    DF_OPT_BOOL(Args, masks, False, "a segmentation head: not built in"),
    DF_OPT_TEXT(Args, dataset_file, "'coco'", "91 classes for 'coco', 250 for 'coco_panoptic', else 20; num_classes at the top of the config says otherwise"),
    DETR_ARGS_UNUSED,
    DF_OPT_END
};

static void args_init(NnScope s, void *self, const DfNode *root)
{
    Args *a = self;
    PlainDetr *net = &a->net;
    if (a->masks)
        nn_fail(s, DF_EVALUE, "args.masks = True: want False, the segmentation head is not built in");
    net->o = (PlainDetrOptions){
        .dim = a->hidden_dim, .heads = a->nheads, .ffn = a->dim_feedforward, .encoder_layers = a->enc_layers, .decoder_layers = a->dec_layers,
        .queries = a->num_queries, .most = a->num_queries, .pre_norm = a->pre_norm, .dropout = a->dropout,
        .classes = df_detr_classes(s, root, a->dataset_file),
    };
    net->names = &official_names;
    net->positions = df_detr_sine(a->hidden_dim);
    net->positions.learned = a->position_embedding % 2 == LEARNED;
    net->criterion = df_set_criterion_softmax();
    net->criterion.matcher.cost_class = a->set_cost_class;
    net->criterion.matcher.cost_bbox = a->set_cost_bbox;
    net->criterion.matcher.cost_giou = a->set_cost_giou;
    net->criterion.weight_bbox = a->bbox_loss_coef;
    net->criterion.weight_giou = a->giou_loss_coef;
    net->criterion.background = a->eos_coef;
    build(s, net, df_detr_resnet(s, root, a->backbone, a->dilation, 1, &net->o.channels));
}

/* ---- mmdet ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    PlainDetr net;
    const DfNode *backbone, *bbox_head, *train_cfg, *test_cfg;
} Mmdet;

static const DfOpt mmdet_opts[] = {
    { "backbone", DF_KIND_DICT, offsetof(Mmdet, backbone), NULL, 0, 0, NULL, "the backbone, of which the last map is taken" },
    { "bbox_head", DF_KIND_DICT, offsetof(Mmdet, bbox_head), NULL, 0, 0, NULL, "a TransformerHead (mmdet 2.11) or a DETRHead (later)" },
    DF_OPT_DICT(Mmdet, train_cfg, "None", "assigner of a training run"),
    DF_OPT_DICT(Mmdet, test_cfg, "None", "max_per_img"),
    DF_OPT_UNUSED(pretrained, "weights to start a training run from"),
    DF_OPT_UNUSED(init_cfg, "weights to start a training run from"),
    DF_OPT_END
};

typedef struct {
    int num_classes, in_channels, num_query, num_fcs, num_reg_fcs;
    const DfNode *transformer, *positional_encoding, *loss_cls, *loss_bbox, *loss_iou, *train_cfg, *test_cfg;
} Head;

static const DfOpt head_opts[] = {
    { "num_classes", DF_KIND_INT, offsetof(Head, num_classes), NULL, 1, 100000, NULL, "classes, without the one that is nothing" },
    { "in_channels", DF_KIND_INT, offsetof(Head, in_channels), NULL, 1, 65536, NULL, "channels of the backbone's last map" },
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

static int number(const DfNode *dict, const char *path, int fallback)
{
    return (int)df_node_int(df_node_at(dict, path), fallback);
}

static double weight(const DfNode *dict, const char *path, double fallback)
{
    return df_node_number(df_node_at(dict, path), fallback);
}

static void in_range(NnScope s, const char *what, int value, int least, int most)
{
    if (value < least || value > most)
        nn_fail(s, DF_EVALUE, "%s = %d: want %d to %d", what, value, least, most);
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
    { "embed_dims", DF_KIND_INT, offsetof(Transformer, embed_dims), NULL, 4, 8192, NULL, "channels" },
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

static void read_transformer(NnScope s, PlainDetrOptions *o, const DfNode *dict)
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

/* Later: a dict for each layer and each attention, which must agree here. */
static void read_nested_transformer(NnScope s, PlainDetrOptions *o, const DfNode *dict)
{
    const DfNode *encoder = df_node_get(dict, "encoder"), *decoder = df_node_get(dict, "decoder");
    const DfNode *e = df_node_get(encoder, "transformerlayers"), *d = df_node_get(decoder, "transformerlayers");
    const DfNode *a = df_node_get(e, "attn_cfgs"), *b = df_node_get(d, "attn_cfgs");
    a = a && a->kind == DF_NODE_LIST ? a->first : a;
    b = b && b->kind == DF_NODE_LIST ? b->first : b;
    if (!a || !b) {
        nn_fail(s, DF_EVALUE, "transformer: want encoder and decoder, each with transformerlayers that have attn_cfgs");
        return;
    }
    o->dim = number(a, "embed_dims", 256);
    o->heads = number(a, "num_heads", 8);
    o->encoder_layers = number(encoder, "num_layers", 6);
    o->decoder_layers = number(decoder, "num_layers", 6);
    o->ffn = number(e, "ffn_cfgs.feedforward_channels", number(e, "feedforward_channels", 2048));
    o->dropout = weight(a, "dropout", 0);
    o->pre_norm = strcmp(df_node_text(df_node_at(e, "operation_order.0"), "self_attn"), "norm") == 0;
    if (o->heads != number(b, "num_heads", 8) || o->ffn != number(d, "ffn_cfgs.feedforward_channels", number(d, "feedforward_channels", 2048)) ||
        o->pre_norm != (strcmp(df_node_text(df_node_at(d, "operation_order.0"), "self_attn"), "norm") == 0))
        nn_fail(s, DF_EVALUE, "encoder and decoder differ in num_heads, feedforward_channels or operation_order: want the same");
    in_range(s, "embed_dims", o->dim, 4, 8192);
    in_range(s, "num_heads", o->heads, 1, 256);
    in_range(s, "encoder.num_layers", o->encoder_layers, 0, DETR_LAYERS);
    in_range(s, "decoder.num_layers", o->decoder_layers, 1, DETR_LAYERS);
    in_range(s, "feedforward_channels", o->ffn, 1, 65536);
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
    Head head = { 0 };
    const NnScope at = nn_at(s, "bbox_head");
    const char *type = df_node_text(df_node_get(m->bbox_head, "type"), "(none)");
    const bool old = strcmp(type, "TransformerHead") == 0;
    if (!old && strcmp(type, "DETRHead") != 0)
        nn_fail(at, DF_EVALUE, "the type is '%s': want TransformerHead or DETRHead", type);
    if (!nn_ok(s) || !nn_configure(at, m->bbox_head, head_opts, &head, type))
        return;
    const DfNode *test = m->test_cfg ? m->test_cfg : head.test_cfg ? head.test_cfg : df_node_get(root, "test_cfg");
    const DfNode *train = m->train_cfg ? m->train_cfg : head.train_cfg ? head.train_cfg : df_node_get(root, "train_cfg");
    (old ? read_transformer : read_nested_transformer)(at, &net->o, head.transformer);
    net->o.classes = head.num_classes;
    net->o.channels = head.in_channels;
    net->o.queries = old ? number(test, "max_per_img", 100) : head.num_query;
    net->o.most = number(test, "max_per_img", net->o.queries);
    net->o.clip = true;
    in_range(at, "test_cfg.max_per_img", net->o.most, 1, 1000000);
    in_range(at, "queries", net->o.queries, 1, 10000);
    net->names = old ? &transformer_head_names : &detr_head_names;
    net->criterion = mmdet_criterion(at, &head, df_node_get(train, "assigner"));
    if (nn_ok(s))
        net->positions = df_detr_positions_mmdet(at, head.positional_encoding, net->o.dim);
    build(s, net, m->backbone);
}

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
    out.positions = df_detr_positions(c, &net->positions, &field, N, 0);
    df_observe(c, out.positions, "pos_", 0);
    out.off = field.off;
    out.tokens = df_reshape(c, out.tokens, DF_SHAPE(N, h * w, net->o.dim));
    out.positions = df_reshape(c, out.positions, DF_SHAPE(N, h * w, net->o.dim));
    return out;
}

static void answer(DfCtx *c, const PlainDetr *net, DfTensor *const *hidden, int n, DetrOutputs *out)
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

static void run(DfCtx *c, const PlainDetr *net, DfTensor *image, const DfImageMeta *metas, bool all, DetrOutputs *out)
{
    DfMaps maps;
    DfTensor *hidden[DETR_LAYERS];
    *out = (DetrOutputs){ 0 };
    df_part_backbone(c, &net->backbone, "backbone", image, &maps);
    if (!c->err && df_dim(maps.map[maps.n - 1], 3) != net->o.channels)
        df_ctx_fail(c, DF_ESHAPE, "the backbone's last map has %d channels: want the head's in_channels, %d", df_dim(maps.map[maps.n - 1], 3), net->o.channels);
    if (c->err)
        return;
    const DfMark m = df_enter(c, "transformer", -1);
    PlainDetrMemory memory = flatten(c, net, maps.map[maps.n - 1], metas, df_dim(image, 1), df_dim(image, 2));
    memory.tokens = df_plain_detr_encode(c, net, &memory);
    df_observe(c, memory.tokens, "memory", -1);
    const int n = df_plain_detr_decode(c, net, &memory, all || df_listens(c), hidden);
    answer(c, net, hidden, n, out);
    df_detr_leave(c, m, out);
}

static void forward(DfCtx *c, const void *self, DfTensor *image)
{
    DetrOutputs out;
    run(c, self, image, NULL, c->recording, &out);
}

/* The likeliest class of a query, which is not the last, and its share of the softmax. */
static float best_class(const float *logits, size_t classes, int *label)
{
    size_t best = 0;
    float top = logits[classes], sum = 0;
    for (size_t i = 0; i < classes; i++) {
        best = logits[i] > logits[best] ? i : best;
        top = fmaxf(top, logits[i]);
    }
    for (size_t i = 0; i <= classes; i++)
        sum += expf(logits[i] - top);
    *label = (int)best;
    return expf(logits[best] - top) / sum;
}

/* One detection a query, best first. */
static int detections(const PlainDetr *net, const DetrOutputs *outputs, int n, const DfImageMeta *meta, bool rescale, DfDetections *out)
{
    const DfTensor *logits = outputs->logits[outputs->n - 1], *boxes = outputs->boxes[outputs->n - 1];
    const size_t Q = (size_t)net->o.queries, classes = (size_t)net->o.classes, first = (size_t)n * Q;
    const size_t most = (size_t)net->o.most < Q ? (size_t)net->o.most : Q;
    float *scores = df_malloc(Q * sizeof *scores);
    int *labels = df_malloc(Q * sizeof *labels);
    uint32_t *index = df_malloc(Q * sizeof *index);
    out->v = df_calloc(most, sizeof *out->v);
    int error = scores && labels && index && out->v ? DF_OK : df_fail_memory("detections");
    for (size_t q = 0; error == DF_OK && q < Q; q++)
        scores[q] = best_class(logits->data + (first + q) * (classes + 1), classes, &labels[q]);
    if (error == DF_OK)
        error = df_top_k(Q, scores, most, index);
    for (size_t i = 0; error == DF_OK && i < most; i++) {
        DfDetection *d = &out->v[out->n++];
        *d = (DfDetection){ .score = scores[index[i]], .label = labels[index[i]], .index = index[i] };
        df_detr_place(boxes->data + (first + index[i]) * 4, meta, rescale, net->o.clip, d->box);
    }
    df_free(scores);
    df_free(labels);
    df_free(index);
    return error;
}

static int detect(DfCtx *c, const void *self, DfTensor *image, const DfImageMeta *metas, int n, bool rescale, DfDetections *results)
{
    DetrOutputs out;
    run(c, self, image, metas, false, &out);
    int error = df_ctx_error(c);
    for (int i = 0; error == DF_OK && i < n; i++)
        error = detections(self, &out, i, &metas[i], rescale, &results[i]);
    return error;
}

static void losses(DfCtx *c, const void *self, DfTensor *image, const DfImageMeta *metas, const DfTargets *targets, DfLosses *out)
{
    const PlainDetr *net = self;
    DetrOutputs outputs;
    run(c, net, image, metas, true, &outputs);
    df_detr_losses(c, &net->criterion, &outputs, targets, out);
}

static const char *const *ignorable(const void *self)
{
    const PlainDetr *net = self;
    return net->names->ignorable;
}

static int classes(const void *self)
{
    const PlainDetr *net = self;
    return net->o.classes;
}

const DfArchitecture df_architecture_detr = {
    .name = "DETR",
    .help = "detector without anchors or NMS, by full attention over the last map (Carion et al., ECCV 2020)",
    .size = sizeof(Mmdet),
    .opts = mmdet_opts,
    .init = mmdet_init,
    .forward = forward,
    .detect = detect,
    .losses = losses,
    .ignorable = ignorable,
    .classes = classes,
};

const DfArchitecture df_architecture_detr_args = {
    .name = "args of DETR",
    .help = "DETR by the arguments of its official program: {'args': {..}} with eos_coef or pre_norm at the top of a config",
    .size = sizeof(Args),
    .opts = args_opts,
    .init = args_init,
    .forward = forward,
    .detect = detect,
    .losses = losses,
    .ignorable = ignorable,
    .classes = classes,
};
