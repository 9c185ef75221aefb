/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_detr.c -- DETR and Deformable DETR of transformers as the arguments of the papers' programs.
 * transformers' networks are those of the official repositories; its configs may give encoder and decoder different
 * heads and feed-forward networks, and any ResNet as the backbone.
 */
#include <string.h>

#include "config/dialect/hub.h"

enum { RELU, GELU };
enum { SINE, LEARNED };

/* Keys of both configs, then of one. */
typedef struct {
    int num_queries, d_model, encoder_layers, decoder_layers, num_channels;
    int encoder_attention_heads, decoder_attention_heads, encoder_ffn_dim, decoder_ffn_dim;
    int activation_function, position_embedding_type;
    bool dilation;
    double dropout, class_cost, bbox_cost, giou_cost, bbox_loss_coefficient, giou_loss_coefficient;
    double eos_coefficient;
    bool with_box_refine, two_stage;
    int num_feature_levels, encoder_n_points, decoder_n_points, two_stage_num_proposals;
    double focal_alpha;
} Detr;

#define KEYS_OF_BOTH(queries, ffn) \
    DF_OPT_INT  (Detr, num_queries, queries, 1, 10000, ""), \
    DF_OPT_INT  (Detr, d_model, 256, 4, 8192, ""), \
    DF_OPT_INT  (Detr, encoder_layers, 6, 0, 64, ""), \
    DF_OPT_INT  (Detr, decoder_layers, 6, 1, 64, ""), \
    DF_OPT_INT  (Detr, num_channels, 3, 1, 64, ""), \
    DF_OPT_INT  (Detr, encoder_attention_heads, 8, 1, 256, ""), \
    DF_OPT_INT  (Detr, decoder_attention_heads, 8, 1, 256, ""), \
    DF_OPT_INT  (Detr, encoder_ffn_dim, ffn, 1, 65536, ""), \
    DF_OPT_INT  (Detr, decoder_ffn_dim, ffn, 1, 65536, ""), \
    DF_OPT_ENUM (Detr, activation_function, relu, "relu|gelu", ""), \
    DF_OPT_ENUM (Detr, position_embedding_type, sine, "sine|learned", ""), \
    DF_OPT_BOOL (Detr, dilation, False, ""), \
    DF_OPT_FLOAT(Detr, dropout, 0.1, 0, 1, ""), \
    DF_OPT_FLOAT(Detr, class_cost, 1, 0, 1e6, ""), \
    DF_OPT_FLOAT(Detr, bbox_cost, 5, 0, 1e6, ""), \
    DF_OPT_FLOAT(Detr, giou_cost, 2, 0, 1e6, ""), \
    DF_OPT_FLOAT(Detr, bbox_loss_coefficient, 5, 0, 1e6, ""), \
    DF_OPT_FLOAT(Detr, giou_loss_coefficient, 2, 0, 1e6, "")

static const DfOpt detr_opts[] = {
    KEYS_OF_BOTH(100, 2048),
    DF_OPT_FLOAT(Detr, eos_coefficient, 0.1, 0, 1e6, ""),
    DF_OPT_END
};

static const DfOpt deformable_opts[] = {
    KEYS_OF_BOTH(300, 1024),
    DF_OPT_BOOL (Detr, with_box_refine, False, ""),
    DF_OPT_BOOL (Detr, two_stage, False, ""),
    DF_OPT_INT  (Detr, num_feature_levels, 4, 1, 8, ""),
    DF_OPT_INT  (Detr, encoder_n_points, 4, 1, 64, ""),
    DF_OPT_INT  (Detr, decoder_n_points, 4, 1, 64, ""),
    DF_OPT_INT  (Detr, two_stage_num_proposals, 300, 1, 10000, ""),
    DF_OPT_FLOAT(Detr, focal_alpha, 0.25, 0, 1, ""),
    DF_OPT_END
};

/* ---- our config -------------------------------------------------------------------------------------------------- */

static const char *truth(bool value)
{
    return value ? "True" : "False";
}

static void write_args(DfHub *hub, const Detr *d)
{
    static const char *const activations[] = { [RELU] = "relu", [GELU] = "gelu" };
    static const char *const positions[] = { [SINE] = "sine", [LEARNED] = "learned" };
    DfTextbuf *out = &hub->out;
    df_textbuf_add(out, "num_classes = %d\n", df_hub_classes(hub));
    df_textbuf_add(out, "args = dict(\n    hidden_dim=%d, enc_layers=%d, dec_layers=%d, nheads=%d, dec_nheads=%d,\n",
                   d->d_model, d->encoder_layers, d->decoder_layers, d->encoder_attention_heads,
                   d->decoder_attention_heads);
    df_textbuf_add(out, "    dim_feedforward=%d, dec_dim_feedforward=%d, activation='%s', position_embedding='%s',\n",
                   d->encoder_ffn_dim, d->decoder_ffn_dim, activations[d->activation_function],
                   positions[d->position_embedding_type]);
    df_textbuf_add(out, "    dropout=%.17g, set_cost_class=%.17g, set_cost_bbox=%.17g, set_cost_giou=%.17g,\n",
                   d->dropout, d->class_cost, d->bbox_cost, d->giou_cost);
    df_textbuf_add(out, "    bbox_loss_coef=%.17g, giou_loss_coef=%.17g, ", d->bbox_loss_coefficient,
                   d->giou_loss_coefficient);
}

static int write_data(DfHub *hub, const char *processor)
{
    df_textbuf_add(&hub->out, "data = dict(test=dict(type='CocoDataset', "
                              "ann_file='data/coco/annotations/instances_val2017.json',\n"
                              "    img_prefix='data/coco/val2017/', pipeline=");
    const int error = df_hub_write_pipeline(hub, processor);
    df_textbuf_add(&hub->out, "))\n");
    return error;
}

static int write_detr(DfHub *hub, bool masks)
{
    Detr d = { 0 };
    int error = df_hub_bind(hub, hub->config, detr_opts, &d, "config.json");
    if (error < 0)
        return error;
    write_args(hub, &d);
    df_textbuf_add(&hub->out, "num_queries=%d, eos_coef=%.17g, masks=%s, by_query=True)\n", d.num_queries,
                   d.eos_coefficient, truth(masks));
    error = df_hub_write_detr_backbone(hub, d.dilation, masks ? 4 : 1);
    return error == DF_OK ? write_data(hub, "DetrImageProcessor") : error;
}

int df_hub_detr(DfHub *hub)
{
    return write_detr(hub, false);
}

int df_hub_detr_segmentation(DfHub *hub)
{
    return write_detr(hub, true);
}

int df_hub_deformable_detr(DfHub *hub)
{
    Detr d = { 0 };
    int error = df_hub_bind(hub, hub->config, deformable_opts, &d, "config.json");
    if (error < 0)
        return error;
    write_args(hub, &d);
    df_textbuf_add(&hub->out, "num_queries=%d,\n    with_box_refine=%s, two_stage=%s, num_feature_levels=%d,\n",
                   d.two_stage ? d.two_stage_num_proposals : d.num_queries, truth(d.with_box_refine),
                   truth(d.two_stage), d.num_feature_levels);
    df_textbuf_add(&hub->out, "    enc_n_points=%d, dec_n_points=%d, focal_alpha=%.17g)\n", d.encoder_n_points,
                   d.decoder_n_points, d.focal_alpha);
    error = df_hub_write_detr_backbone(hub, d.dilation, d.num_feature_levels > 1 ? 3 : 1);
    return error == DF_OK ? write_data(hub, "DeformableDetrImageProcessor") : error;
}
