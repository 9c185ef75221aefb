/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_detr.c -- translates DETR and Deformable DETR of transformers to the arguments of the official
 * programs. transformers' networks are those of the official repositories; its configs may give encoder and decoder
 * different heads and feed-forward networks, and any ResNet as the backbone.
 */
#include <stdio.h>

#include "config/dialect/hub_network.h"

enum { SINE, LEARNED };

/* Keys of both configs, then of one. */
typedef struct {
    int num_queries, d_model, encoder_layers, decoder_layers, num_channels;
    int encoder_attention_heads, decoder_attention_heads, encoder_ffn_dim, decoder_ffn_dim;
    int position_embedding_type;
    const char *activation;
    bool dilation;
    double dropout, attention_dropout, activation_dropout;
    double class_cost, bbox_cost, giou_cost, bbox_loss_coefficient, giou_loss_coefficient;
    double eos_coefficient;
    bool auxiliary_loss;
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
    DF_OPT_ENUM (Detr, position_embedding_type, sine, "sine|learned", ""), \
    DF_OPT_BOOL (Detr, dilation, False, ""), \
    DF_OPT_FLOAT(Detr, dropout, 0.1, 0, 1, ""), \
    DF_OPT_FLOAT(Detr, attention_dropout, 0.0, 0, 1, ""), \
    DF_OPT_FLOAT(Detr, activation_dropout, 0.0, 0, 1, ""), \
    DF_OPT_FLOAT(Detr, class_cost, 1, 0, 1e6, ""), \
    DF_OPT_FLOAT(Detr, bbox_cost, 5, 0, 1e6, ""), \
    DF_OPT_FLOAT(Detr, giou_cost, 2, 0, 1e6, ""), \
    DF_OPT_FLOAT(Detr, bbox_loss_coefficient, 5, 0, 1e6, ""), \
    DF_OPT_FLOAT(Detr, giou_loss_coefficient, 2, 0, 1e6, "")

static const DfOpt detr_opts[] = {
    KEYS_OF_BOTH(100, 2048),
    DF_OPT_FLOAT(Detr, eos_coefficient, 0.1, 0, 1e6, ""),
    DF_OPT_BOOL (Detr, auxiliary_loss, False, ""),
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

static void write_args(DfHub *hub, const Detr *d)
{
    static const char *const positions[] = { [SINE] = "sine", [LEARNED] = "learned" };
    DfTextbuf *out = &hub->out;
    df_textbuf_add(out, "num_classes = %d\n", df_hub_classes(hub));
    df_textbuf_add(out, "args = dict(\n    hidden_dim=%d, enc_layers=%d, dec_layers=%d, nheads=%d, dec_nheads=%d,\n",
                   d->d_model, d->encoder_layers, d->decoder_layers, d->encoder_attention_heads,
                   d->decoder_attention_heads);
    df_textbuf_add(out, "    dim_feedforward=%d, dec_dim_feedforward=%d, activation='%s', position_embedding='%s',\n",
                   d->encoder_ffn_dim, d->decoder_ffn_dim, d->activation,
                   positions[d->position_embedding_type]);
    df_textbuf_add(out, "    dropout=%.17g, attention_dropout=%.17g, activation_dropout=%.17g,\n", d->dropout,
                   d->attention_dropout, d->activation_dropout);
    df_textbuf_add(out, "    set_cost_class=%.17g, set_cost_bbox=%.17g, set_cost_giou=%.17g,\n", d->class_cost,
                   d->bbox_cost, d->giou_cost);
    df_textbuf_add(out, "    bbox_loss_coef=%.17g, giou_loss_coef=%.17g, ", d->bbox_loss_coefficient,
                   d->giou_loss_coefficient);
}

/* ---- do the weights fit? ----------------------------------------------------------------------------------------- */

static const char *prefix_of(const DfHub *hub)
{
    return df_hub_has(hub, "detr.model.query_position_embeddings.weight") ? "detr.model" : "model";
}

/* Of the encoder or the decoder. Release 5 writes fc1 as older ones do, or as mlp.fc1 where a state dict was saved. */
static int layers_agree(const DfHub *hub, const char *part, int layers, int ffn)
{
    const char *prefix = prefix_of(hub);
    char count[32], width[32];
    snprintf(count, sizeof count, "%s_layers", part);
    snprintf(width, sizeof width, "%s_ffn_dim", part);
    const DfHubKey *hidden = DF_HUB_KEY(hub->config, width, 0);
    int error = df_hub_counts(hub, DF_HUB_KEY(hub->config, count, 0), layers,
                              "%s.%s.layers.#.final_layer_norm.weight", prefix, part);
    if (error == DF_OK && layers)
        error = df_hub_agrees(hub, hidden, 0, ffn, "%s.%s.layers.0.fc1.weight", prefix, part);
    if (error == DF_OK && layers)
        error = df_hub_agrees(hub, hidden, 0, ffn, "%s.%s.layers.0.mlp.fc1.weight", prefix, part);
    return error;
}

static int weights_agree(const DfHub *hub, const Detr *d, int queries_width)
{
    const DfNode *config = hub->config;
    const char *prefix = prefix_of(hub);
    int error = df_hub_agrees(hub, DF_HUB_KEY(config, "d_model", 0), 1, (int64_t)queries_width * d->d_model,
                              "%s.query_position_embeddings.weight", prefix);
    if (error == DF_OK)
        error = df_hub_agrees(hub, DF_HUB_KEY(config, "num_queries", 0), 0, d->num_queries,
                              "%s.query_position_embeddings.weight", prefix);
    if (error == DF_OK)
        error = layers_agree(hub, "encoder", d->encoder_layers, d->encoder_ffn_dim);
    if (error == DF_OK)
        error = layers_agree(hub, "decoder", d->decoder_layers, d->decoder_ffn_dim);
    return error;
}

/* Each head of a deformable attention has two numbers for a point on a level. */
static int points_agree(const DfHub *hub, const char *part, const char *attention, int heads, int points, int levels)
{
    char key[32];
    snprintf(key, sizeof key, "%s_n_points", part);
    return df_hub_agrees(hub, DF_HUB_KEY(hub->config, key, 0), 0, 2 * (int64_t)heads * points * levels,
                         "model.%s.layers.0.%s.sampling_offsets.weight", part, attention);
}

static int deformable_weights_agree(const DfHub *hub, const Detr *d)
{
    const int levels = d->num_feature_levels;
    int error = weights_agree(hub, d, 2);
    if (error == DF_OK)
        error = df_hub_agrees(hub, DF_HUB_KEY(hub->config, "num_feature_levels", 0), 0, levels, "model.level_embed");
    if (error == DF_OK)
        error = df_hub_agrees(hub, DF_HUB_KEY(hub->config, "d_model", 0), 1, d->d_model, "model.level_embed");
    if (error == DF_OK)
        error = points_agree(hub, "encoder", "self_attn", d->encoder_attention_heads, d->encoder_n_points, levels);
    if (error == DF_OK)
        error = points_agree(hub, "decoder", "encoder_attn", d->decoder_attention_heads, d->decoder_n_points, levels);
    return error;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static int read_detr(DfHub *hub, const DfOpt *opts, Detr *d)
{
    const int error = df_hub_bind(hub, hub->config, opts, d, "config.json");
    if (error == DF_OK && !(d->activation = df_hub_activation(hub->config, "activation_function", "ReLU")))
        return DF_EVALUE;
    return error;
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
    DfHubMaps maps;
    int error = read_detr(hub, detr_opts, &d);
    if (error == DF_OK)
        error = weights_agree(hub, &d, 1);
    if (error < 0)
        return error;
    write_args(hub, &d);
    df_textbuf_add(&hub->out, "num_queries=%d, eos_coef=%.17g, masks=%s, by_query=True, ", d.num_queries,
                   d.eos_coefficient, df_hub_truth(masks));
    /* transformers' decoder goes on with the normed states that it keeps for the losses. */
    df_textbuf_add(&hub->out, "norms_each_layer=%s)\n", df_hub_truth(d.auxiliary_loss));
    error = df_hub_write_detr_backbone(hub, d.dilation, masks ? 4 : 1, &maps);
    if (error == DF_OK && masks && maps.n != 4)
        error = df_node_fail(df_node_get(hub->config, "backbone_config"), DF_EVALUE,
                             "%d out_features: want 4 stages under DetrForSegmentation", maps.n);
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
    DfHubMaps maps;
    int error = read_detr(hub, deformable_opts, &d);
    if (error == DF_OK)
        error = deformable_weights_agree(hub, &d);
    if (error < 0)
        return error;
    write_args(hub, &d);
    df_textbuf_add(&hub->out, "num_queries=%d,\n    with_box_refine=%s, two_stage=%s, num_feature_levels=%d,\n",
                   d.two_stage ? d.two_stage_num_proposals : d.num_queries, df_hub_truth(d.with_box_refine),
                   df_hub_truth(d.two_stage), d.num_feature_levels);
    df_textbuf_add(&hub->out, "    enc_n_points=%d, dec_n_points=%d, focal_alpha=%.17g)\n", d.encoder_n_points,
                   d.decoder_n_points, d.focal_alpha);
    error = df_hub_write_detr_backbone(hub, d.dilation, d.num_feature_levels > 1 ? 3 : 1, &maps);
    if (error == DF_OK && maps.n > d.num_feature_levels)
        error = df_node_fail(df_node_get(hub->config, "backbone_config"), DF_EVALUE,
                             "%d out_features: want at most num_feature_levels = %d", maps.n, d.num_feature_levels);
    return error == DF_OK ? write_data(hub, "DeformableDetrImageProcessor") : error;
}
