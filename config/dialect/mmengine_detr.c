/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/mmengine_detr.c -- translates DETR and Deformable DETR of mmdetection 3.x. There their parts are at
 * the top of the model; in 2.x they are in a transformer of the head:
 *     num_queries=100, encoder=dict(num_layers=6, layer_cfg=dict(self_attn_cfg=A, ffn_cfg=F)), positional_encoding=P
 *     bbox_head=dict(num_query=100, positional_encoding=P, transformer=dict(encoder=dict(num_layers=6,
 *         transformerlayers=dict(attn_cfgs=[A], ffn_cfgs=F, operation_order=('self_attn', 'norm', 'ffn', 'norm')))))
 */
#include "config/dialect/mmengine.h"

#include <string.h>

static void set_type(DfRewrite *r, DfNode *dict, const char *type)
{
    if (dict && r->error == DF_OK && !df_node_get(dict, "type"))
        df_rewrite_set(r, dict, "type", df_rewrite_text(r, dict, type));
}

/* An attention of a layer, at the end of attn_cfgs. */
static void attention(DfRewrite *r, DfNode *layer, const char *key, DfNode *list, const char *type)
{
    DfNode *dict = df_rewrite_dict(r, layer, key);
    set_type(r, dict, type);
    if (r->error == DF_OK) {
        df_tree_remove(dict);
        df_tree_append(list, dict);
    }
}

/* layer_cfg of a stack becomes transformerlayers. */
static void layers(DfRewrite *r, DfNode *stack, bool decoder, bool deformable)
{
    static const char full[] = "MultiheadAttention";
    const char *sampled = deformable ? "MultiScaleDeformableAttention" : full;
    DfNode *layer = df_rewrite_dict(r, stack, "layer_cfg");
    DfNode *list = df_rewrite_value(r, stack, "[]");
    if (r->error < 0)
        return;
    attention(r, layer, "self_attn_cfg", list, decoder ? full : sampled);
    if (decoder)
        attention(r, layer, "cross_attn_cfg", list, sampled);
    df_rewrite_set(r, layer, "attn_cfgs", list);
    df_rewrite_rename(r, layer, "ffn_cfg", "ffn_cfgs");
    set_type(r, df_tree_get(layer, "ffn_cfgs"), "FFN");
    set_type(r, layer, decoder ? "DetrTransformerDecoderLayer" : "BaseTransformerLayer");
    df_rewrite_set(r, layer, "operation_order",
                   df_rewrite_value(r, layer, decoder ? "('self_attn', 'norm', 'cross_attn', 'norm', 'ffn', 'norm')"
                                                      : "('self_attn', 'norm', 'ffn', 'norm')"));
    df_rewrite_rename(r, stack, "layer_cfg", "transformerlayers");
    df_rewrite_drop(stack, "num_cp");            /* layers that are computed again on the way back */
}

static void transformer(DfRewrite *r, DfNode *model, DfNode *head, bool deformable)
{
    DfNode *encoder = df_rewrite_dict(r, model, "encoder");
    DfNode *decoder = df_rewrite_dict(r, model, "decoder");
    DfNode *whole = df_rewrite_dict(r, head, "transformer");
    if (r->error < 0)
        return;
    layers(r, encoder, false, deformable);
    layers(r, decoder, true, deformable);
    set_type(r, encoder, "DetrTransformerEncoder");
    set_type(r, decoder, deformable ? "DeformableDetrTransformerDecoder" : "DetrTransformerDecoder");
    df_rewrite_move(r, model, "encoder", whole, "encoder");
    df_rewrite_move(r, model, "decoder", whole, "decoder");
    df_rewrite_move(r, model, "num_feature_levels", whole, "num_feature_levels");
    set_type(r, whole, deformable ? "DeformableDetrTransformer" : "Transformer");
}

/* A neck that is one 1x1 convolution: DETR's head has that itself. */
static void projection(DfRewrite *r, DfNode *model, DfNode *head)
{
    DfNode *neck = df_rewrite_take(model, "neck");
    const DfNode *channels = df_node_get(neck, "in_channels");
    if (!neck)
        return;
    const DfNode *norm = df_node_get(neck, "norm_cfg");
    const bool plain = df_node_int(df_node_get(neck, "kernel_size"), 3) == 1 && (!norm || norm->kind == DF_NODE_NONE);
    if (!df_rewrite_is(neck, "ChannelMapper") || !plain || !channels || channels->n != 1) {
        r->error = df_node_fail(model, DF_EVALUE,
                                "neck of DETR: want a ChannelMapper of one 1x1 convolution, without norm");
        return;
    }
    df_rewrite_set(r, head, "in_channels", df_tree_copy(r->tree, channels->first));
}

/* train_cfg.assigner.match_costs: a list; before, each cost had its key. */
static void costs(DfRewrite *r, DfNode *model)
{
    static const char *const keys[][2] = {
        { "ClassificationCost", "cls_cost" }, { "FocalLossCost", "cls_cost" },
        { "BBoxL1Cost",         "reg_cost" }, { "IoUCost",       "iou_cost" },
    };
    DfNode *assigner = df_tree_get(df_tree_get(model, "train_cfg"), "assigner");
    DfNode *list = df_rewrite_take(assigner, "match_costs");
    for (DfNode *cost = list ? list->first : NULL, *next; cost; cost = next) {
        next = cost->next;
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (df_rewrite_is(cost, keys[i][0])) {
                df_tree_remove(cost);
                df_rewrite_set(r, assigner, keys[i][1], cost);
                break;
            }
    }
}

void df_mmengine_detr(DfRewrite *r, DfNode *model)
{
    const bool deformable = df_rewrite_is(model, "DeformableDETR");
    if (!deformable && !df_rewrite_is(model, "DETR"))
        return;
    if (!df_node_get(model, "num_queries") && !df_node_get(model, "encoder"))
        return;
    DfNode *head = df_rewrite_dict(r, model, "bbox_head");
    if (r->error < 0)
        return;
    transformer(r, model, head, deformable);
    const DfNode *queries = df_node_get(model, "num_queries");
    if (deformable && queries && r->error == DF_OK)
        df_rewrite_set(r, df_tree_get(head, "transformer"), "two_stage_num_proposals", df_tree_copy(r->tree, queries));
    df_rewrite_move(r, model, "num_queries", head, "num_query");
    df_rewrite_move(r, model, "with_box_refine", head, "with_box_refine");
    df_rewrite_move(r, model, "as_two_stage", head, "as_two_stage");
    df_rewrite_drop(head, "embed_dims");
    df_rewrite_move(r, model, "positional_encoding", head, "positional_encoding");
    set_type(r, df_tree_get(head, "positional_encoding"), "SinePositionalEncoding");
    if (!deformable)
        projection(r, model, head);
    costs(r, model);
}
