/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_pvt.c -- translates PVT and PVT v2 of transformers. All their norms have the same eps,
 * layer_norm_eps.
 */
#include "config/dialect/hub_network.h"

#include <stdio.h>

enum { STAGES = 4 };

typedef struct {
    int image_size, num_channels, num_encoder_blocks;
    const char *activation;
    DfInts hidden_sizes, depths, num_attention_heads, sr_ratios, patch_sizes, strides;
    DfFloats mlp_ratios;
    double layer_norm_eps, hidden_dropout_prob, attention_probs_dropout_prob, drop_path_rate;
    bool qkv_bias, linear_attention;
} Pvt;

#define COMMON_KEYS \
    DF_OPT_INT   (Pvt, num_channels, 3, 1, 4096, ""), \
    DF_OPT_INT   (Pvt, num_encoder_blocks, 4, 1, STAGES, ""), \
    DF_OPT_INTS  (Pvt, depths, "[2, 2, 2, 2]", 0, 1000, ""), \
    DF_OPT_INTS  (Pvt, num_attention_heads, "[1, 2, 5, 8]", 1, 1024, ""), \
    DF_OPT_FLOATS(Pvt, mlp_ratios, "[8, 8, 4, 4]", 0.01, 64, ""), \
    DF_OPT_INTS  (Pvt, strides, "[4, 2, 2, 2]", 1, 64, ""), \
    DF_OPT_BOOL  (Pvt, qkv_bias, True, ""), \
    DF_OPT_FLOAT (Pvt, layer_norm_eps, 1e-6, 0, 1, ""), \
    DF_OPT_FLOAT (Pvt, hidden_dropout_prob, 0.0, 0, 0.99, ""), \
    DF_OPT_FLOAT (Pvt, attention_probs_dropout_prob, 0.0, 0, 0.99, ""), \
    DF_OPT_FLOAT (Pvt, drop_path_rate, 0.0, 0, 0.99, "")

static const DfOpt opts[] = {
    DF_OPT_INT (Pvt, image_size, 224, 4, 65536, ""),
    DF_OPT_INTS(Pvt, hidden_sizes, "[64, 128, 320, 512]", 1, 8192, ""),
    DF_OPT_INTS(Pvt, patch_sizes, "[4, 2, 2, 2]", 1, 64, ""),
    DF_OPT_AS  (Pvt, sequence_reduction_ratios, sr_ratios, DF_KIND_INTS, "[8, 4, 2, 1]", 1, 64, NULL, ""),
    COMMON_KEYS,
    DF_OPT_END
};
static const DfOpt v2_opts[] = {
    DF_OPT_INTS(Pvt, hidden_sizes, "[32, 64, 160, 256]", 1, 8192, ""),
    DF_OPT_INTS(Pvt, patch_sizes, "[7, 3, 3, 3]", 1, 64, ""),
    DF_OPT_INTS(Pvt, sr_ratios, "[8, 4, 2, 1]", 1, 64, ""),
    DF_OPT_BOOL(Pvt, linear_attention, False, ""),
    COMMON_KEYS,
    DF_OPT_END
};

static bool are(DfInts list, int n, int first, int others)
{
    bool same = list.n >= n && list.v[0] == first;
    for (int i = 1; same && i < n; i++)
        same = list.v[i] == others;
    return same;
}

static int check(const DfNode *dict, const Pvt *p, bool v2)
{
    const int n = p->num_encoder_blocks;
    if (p->hidden_sizes.n < n || p->depths.n < n || p->num_attention_heads.n < n || p->mlp_ratios.n < n
        || p->sr_ratios.n < n || p->patch_sizes.n < n || p->strides.n < n)
        return df_node_fail(dict, DF_EVALUE, "a list is shorter than num_encoder_blocks = %d", n);
    const int first = v2 ? 4 : p->patch_sizes.v[0];
    const bool patches = v2 ? are(p->patch_sizes, n, 7, 3) : are(p->patch_sizes, n, first, 2);
    if (!patches || !are(p->strides, n, first, 2))
        return df_node_fail(dict, DF_EVALUE, "want patch_sizes %s: others are not built in",
                            v2 ? "7, 3, 3, 3 and strides 4, 2, 2, 2" : "equal to strides, and 2 after the first");
    return DF_OK;
}

/* ---- do the weights fit? ----------------------------------------------------------------------------------------- */

static const char *prefix_of(const DfHub *hub, bool v2)
{
    static const char *const prefixes[] = { "pvt.", "pvt_v2.", "backbone.", "" };
    const char *first = v2 ? "layers.0.patch_embedding.proj.weight" : "patch_embeddings.0.projection.weight";
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (df_hub_has(hub, "%sencoder.%s", prefixes[i], first))
            return prefixes[i];
    return "";
}

static int stage_agrees(const DfHub *hub, const DfNode *dict, const Pvt *p, bool v2, int i)
{
    const char *reduction = v2 ? "attention.spatial_reduction" : "attention.self.sequence_reduction";
    const char *prefix = prefix_of(hub, v2);
    const int dim = p->hidden_sizes.v[i];
    char embedding[64], blocks[64];
    snprintf(embedding, sizeof embedding, v2 ? "encoder.layers.%d.patch_embedding.proj" : "encoder.patch_embeddings.%d.projection",
             i);
    snprintf(blocks, sizeof blocks, v2 ? "encoder.layers.%d.blocks" : "encoder.block.%d", i);
    const DfHubKey *ratios = DF_HUB_KEY(dict, v2 ? "sr_ratios" : "sequence_reduction_ratios", i);
    int error = df_hub_agrees(hub, DF_HUB_KEY(dict, "hidden_sizes", i), 0, dim, "%s%s.weight", prefix, embedding);
    if (error == DF_OK)
        error = df_hub_agrees(hub, DF_HUB_KEY(dict, "patch_sizes", i), 2, p->patch_sizes.v[i], "%s%s.weight", prefix,
                              embedding);
    if (error == DF_OK)
        error = df_hub_counts(hub, DF_HUB_KEY(dict, "depths", i), p->depths.v[i], "%s%s.#.layer_norm_1.weight", prefix,
                              blocks);
    if (error == DF_OK)
        error = df_hub_agrees(hub, DF_HUB_KEY(dict, "mlp_ratios", i), 0, (int64_t)(dim * p->mlp_ratios.v[i]),
                              "%s%s.0.mlp.dense1.weight", prefix, blocks);
    if (error == DF_OK && !p->linear_attention)
        error = df_hub_agrees(hub, ratios, 2, p->sr_ratios.v[i], "%s%s.0.%s.weight", prefix, blocks, reduction);
    return error;
}

static int weights_agree(const DfHub *hub, const DfNode *dict, const Pvt *p, bool v2)
{
    int error = df_hub_agrees(hub, DF_HUB_KEY(dict, "num_channels", 0), 1, p->num_channels,
                              v2 ? "%sencoder.layers.0.patch_embedding.proj.weight"
                                 : "%sencoder.patch_embeddings.0.projection.weight", prefix_of(hub, v2));
    for (int i = 0; i < p->num_encoder_blocks && error == DF_OK; i++)
        error = stage_agrees(hub, dict, p, v2, i);
    return error;
}

static int read_pvt(DfHub *hub, const DfNode *dict, Pvt *p, bool v2)
{
    const int error = df_hub_bind(hub, dict, v2 ? v2_opts : opts, p, "config.json");
    if (error == DF_OK && !(p->activation = df_hub_activation(dict, "hidden_act", "GELU")))
        return DF_EVALUE;
    if (error < 0 || check(dict, p, v2) < 0)
        return DF_EVALUE;
    return weights_agree(hub, dict, p, v2);
}

/* ---- our config -------------------------------------------------------------------------------------------------- */

static void write_pvt(DfHub *hub, const Pvt *p, bool v2)
{
    const int n = p->num_encoder_blocks;
    DfTextbuf *out = &hub->out;
    df_textbuf_add(out, "dict(type='%s', in_chans=%d, num_stages=%d, qkv_bias=%s", v2 ? "PyramidVisionTransformerV2"
                   : "PyramidVisionTransformer", p->num_channels, n, df_hub_truth(p->qkv_bias));
    df_hub_write_list(hub, "embed_dims", p->hidden_sizes.v, n);
    df_hub_write_list(hub, "depths", p->depths.v, n);
    df_hub_write_list(hub, "num_heads", p->num_attention_heads.v, n);
    df_hub_write_list(hub, "sr_ratios", p->sr_ratios.v, n);
    df_textbuf_add(out, ",\n    mlp_ratios=[");
    for (int i = 0; i < n; i++)
        df_textbuf_add(out, i ? ", %.17g" : "%.17g", p->mlp_ratios.v[i]);
    df_textbuf_add(out, "], hidden_act='%s', layer_norm_eps=%.17g", p->activation, p->layer_norm_eps);
    df_textbuf_add(out, ", drop_rate=%.17g, attn_drop_rate=%.17g, drop_path_rate=%.17g, ", p->hidden_dropout_prob,
                   p->attention_probs_dropout_prob, p->drop_path_rate);
    if (v2)
        df_textbuf_add(out, "linear=%s, ", df_hub_truth(p->linear_attention));
    else
        df_textbuf_add(out, "img_size=%d, patch_size=%d, ", p->image_size, p->patch_sizes.v[0]);
}

static int classifier(DfHub *hub, bool v2)
{
    Pvt p = { 0 };
    const int error = read_pvt(hub, hub->config, &p, v2);
    if (error < 0)
        return error;
    df_textbuf_add(&hub->out, "backbone = ");
    write_pvt(hub, &p, v2);
    df_textbuf_add(&hub->out, "style='classification', num_classes=%d)\n",
                   df_hub_classifier_classes(hub, "classifier.weight"));
    return df_hub_write_classifier_data(hub, "PvtImageProcessor");
}

int df_hub_pvt(DfHub *hub)
{
    return classifier(hub, false);
}

int df_hub_pvt_v2(DfHub *hub)
{
    return classifier(hub, true);
}

int df_hub_pvt_v2_backbone(DfHub *hub, const DfNode *dict, DfHubMaps *maps)
{
    Pvt p = { 0 };
    int error = read_pvt(hub, dict, &p, true);
    if (error == DF_OK)
        error = df_hub_maps(dict, maps, p.num_encoder_blocks);
    if (error < 0)
        return error;
    for (int i = 0; i < maps->n; i++) {
        maps->channels[i] = p.hidden_sizes.v[maps->stage[i]];
        maps->index[i] = maps->stage[i]; /* ours gives the maps of all stages */
    }
    write_pvt(hub, &p, true);
    df_textbuf_add(&hub->out, "style='detection')");
    return DF_OK;
}
