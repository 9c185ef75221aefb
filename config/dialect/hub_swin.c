/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_swin.c -- translates Swin and Swin v2 of transformers, as classifiers and in UPerNet. Each
 * library has its own rule for the size and shift of windows; here they are set for every stage.
 */
#include "config/dialect/hub_network.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    DfInts image_size, patch_size, depths, num_heads, pretrained_window_sizes;
    int num_channels, embed_dim, window_size;
    const char *activation;
    double mlp_ratio, layer_norm_eps, hidden_dropout_prob, attention_probs_dropout_prob, drop_path_rate;
    bool qkv_bias, use_absolute_embeddings;
    int windows[DF_HUB_STAGES], shifts[DF_HUB_STAGES];
} Swin;

static const DfOpt opts[] = {
    DF_OPT_INTS (Swin, image_size, "[224]", 1, 65536, ""),
    DF_OPT_INTS (Swin, patch_size, "[4]", 1, 64, ""),
    DF_OPT_INT  (Swin, num_channels, 3, 1, 4096, ""),
    DF_OPT_INT  (Swin, embed_dim, 96, 1, 8192, ""),
    DF_OPT_INTS (Swin, depths, "[2, 2, 6, 2]", 0, 1000, ""),
    DF_OPT_INTS (Swin, num_heads, "[3, 6, 12, 24]", 1, 1024, ""),
    DF_OPT_INT  (Swin, window_size, 7, 1, 64, ""),
    DF_OPT_INTS (Swin, pretrained_window_sizes, "[0, 0, 0, 0]", 0, 128, ""),
    DF_OPT_FLOAT(Swin, mlp_ratio, 4.0, 0.01, 64, ""),
    DF_OPT_BOOL (Swin, qkv_bias, True, ""),
    DF_OPT_FLOAT(Swin, hidden_dropout_prob, 0.0, 0, 0.99, ""),
    DF_OPT_FLOAT(Swin, attention_probs_dropout_prob, 0.0, 0, 0.99, ""),
    DF_OPT_FLOAT(Swin, drop_path_rate, 0.1, 0, 0.99, ""),
    DF_OPT_BOOL (Swin, use_absolute_embeddings, False, ""),
    DF_OPT_FLOAT(Swin, layer_norm_eps, 1e-5, 0, 1, ""),
    DF_OPT_END
};

static bool is_pair(DfInts sides)
{
    return sides.n == 1 || sides.n == 2;
}

static int read_swin(DfHub *hub, const DfNode *dict, Swin *s, bool v2)
{
    int error = df_hub_bind(hub, dict, opts, s, "config.json");
    if (error == DF_OK && (s->depths.n < 1 || s->depths.n > DF_HUB_STAGES || s->num_heads.n < s->depths.n))
        error = df_node_fail(dict, DF_EVALUE, "%d depths and %d num_heads: want 1 to %d, with heads for each",
                             s->depths.n, s->num_heads.n, DF_HUB_STAGES);
    if (error == DF_OK && (!is_pair(s->image_size) || !is_pair(s->patch_size)))
        error = df_node_fail(dict, DF_EVALUE, "image_size and patch_size: want a number each, or height and width");
    if (error == DF_OK && v2 && s->use_absolute_embeddings)
        error = df_node_fail(dict, DF_EVALUE, "use_absolute_embeddings: transformers' Swin v2 cannot be run with it");
    if (error == DF_OK && !(s->activation = df_hub_activation(dict, "hidden_act", "GELU")))
        error = DF_EVALUE;
    return error;
}

/* ---- do the weights fit? ----------------------------------------------------------------------------------------- */

static const char *prefix_of(const DfHub *hub)
{
    static const char *const prefixes[] = { "swin.", "swinv2.", "backbone.swin.", "backbone.", "" };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (df_hub_has(hub, "%sembeddings.patch_embeddings.projection.weight", prefixes[i]))
            return prefixes[i];
    return "";
}

static int side(DfInts pair, int axis)
{
    return pair.v[pair.n > 1 ? axis : 0];
}

static int embedding_agrees(const DfHub *hub, const DfNode *dict, const Swin *s, const char *prefix)
{
    static const char weight[] = "embeddings.patch_embeddings.projection.weight";
    int error = df_hub_agrees(hub, DF_HUB_KEY(dict, "embed_dim", 0), 0, s->embed_dim, "%s%s", prefix, weight);
    if (error == DF_OK)
        error = df_hub_agrees(hub, DF_HUB_KEY(dict, "num_channels", 0), 1, s->num_channels, "%s%s", prefix, weight);
    for (int axis = 0; axis < 2 && error == DF_OK; axis++)
        error = df_hub_agrees(hub, DF_HUB_KEY(dict, "patch_size", axis), 2 + axis, side(s->patch_size, axis), "%s%s",
                              prefix, weight);
    return error;
}

/* The tables of v1 tell its heads, and its windows unless they shrank; the scales of v2 tell its heads. */
static int stage_agrees(const DfHub *hub, const DfNode *dict, const Swin *s, const char *prefix, int i)
{
    const int hidden = (int)(s->mlp_ratio * (s->embed_dim << i));
    const int64_t window = 2 * s->windows[i] - 1;
    const int n_heads = s->num_heads.v[i];
    const DfHubKey *heads = DF_HUB_KEY(dict, "num_heads", i);
    char block[64];
    snprintf(block, sizeof block, "%sencoder.layers.%d.blocks", prefix, i);
    int error = df_hub_counts(hub, DF_HUB_KEY(dict, "depths", i), s->depths.v[i], "%s.#.layernorm_before.weight", block);
    if (error == DF_OK)
        error = df_hub_agrees(hub, DF_HUB_KEY(dict, "mlp_ratio", 0), 0, hidden, "%s.0.intermediate.dense.weight", block);
    if (error == DF_OK)
        error = df_hub_agrees(hub, heads, 0, n_heads, "%s.0.attention.self.logit_scale", block);
    if (error == DF_OK)
        error = df_hub_agrees(hub, heads, 1, n_heads, "%s.0.attention.self.relative_position_bias_table", block);
    if (error == DF_OK)
        error = df_hub_agrees(hub, DF_HUB_KEY(dict, "window_size", 0), 0, window * window,
                              "%s.0.attention.self.relative_position_bias_table", block);
    return error;
}

static int weights_agree(const DfHub *hub, const DfNode *dict, const Swin *s)
{
    const char *prefix = prefix_of(hub);
    int error = embedding_agrees(hub, dict, s, prefix);
    if (error == DF_OK)
        error = df_hub_counts(hub, DF_HUB_KEY(dict, "depths", 0), s->depths.n,
                              "%sencoder.layers.#.blocks.0.layernorm_before.weight", prefix);
    for (int i = 0; i < s->depths.n && error == DF_OK; i++)
        error = stage_agrees(hub, dict, s, prefix, i);
    return error;
}

/* ---- windows ----------------------------------------------------------------------------------------------------- */

static int divided(int a, int b)
{
    return (a + b - 1) / b;
}

/* A window as large as the map is not shifted. */
static void set_window(Swin *s, int i, int map)
{
    const bool whole = map <= s->window_size;
    s->windows[i] = whole ? map : s->window_size;
    s->shifts[i] = whole ? 0 : s->window_size / 2;
}

/* Swin looks at the maps of the picture at hand, and fails where one is smaller than the window. Pictures of any size
 * have windows of the size that the config says. */
static int plan_windows(const DfHub *hub, Swin *s, const int picture[2])
{
    int map[2] = { 0, 0 };
    for (int axis = 0; axis < 2; axis++)
        map[axis] = divided(picture[axis], side(s->patch_size, axis));
    for (int i = 0; i < s->depths.n; i++) {
        const int smaller = map[0] < map[1] ? map[0] : map[1];
        set_window(s, i, picture[0] ? smaller : s->window_size + 1);
        if (picture[0] && smaller < s->window_size)
            return df_fail(DF_EVALUE, "%s: window_size = %d in stage %d, whose map is %d x %d: transformers' Swin "
                                      "wants pictures whose maps are at least a window, "
                                      "%d x %d is too small", hub->file, s->window_size,
                           i, map[1], map[0], picture[1], picture[0]);
        for (int axis = 0; axis < 2; axis++)
            map[axis] = divided(map[axis], 2);
    }
    return DF_OK;
}

/* Swin v2 looks at the height of the maps for image_size, whatever the picture is. */
static int plan_windows_v2(const DfHub *hub, Swin *s)
{
    const int rows = side(s->image_size, 0) / side(s->patch_size, 0);
    for (int i = 0; i < s->depths.n; i++) {
        if (rows >> i < 1)
            return df_fail(DF_EVALUE, "%s: image_size = %d is too small for %d stages", hub->file,
                           side(s->image_size, 0), s->depths.n);
        set_window(s, i, rows >> i);
    }
    return DF_OK;
}

/* Under a segmentor Swin's windows never shrink. */
static void plan_windows_of_maps(Swin *s)
{
    for (int i = 0; i < s->depths.n; i++)
        set_window(s, i, s->window_size + 1);
}

/* ---- our config -------------------------------------------------------------------------------------------------- */

static void write_swin(DfHub *hub, const Swin *s, bool v2)
{
    DfTextbuf *out = &hub->out;
    df_textbuf_add(out, "dict(type='SwinTransformer%s', in_chans=%d, embed_dim=%d, mlp_ratio=%.17g, qkv_bias=%s",
                   v2 ? "V2" : "", s->num_channels, s->embed_dim, s->mlp_ratio, df_hub_truth(s->qkv_bias));
    df_hub_write_list(hub, "patch_size", s->patch_size.v, s->patch_size.n);
    df_hub_write_list(hub, "depths", s->depths.v, s->depths.n);
    df_hub_write_list(hub, "num_heads", s->num_heads.v, s->depths.n);
    df_hub_write_list(hub, "stage_windows", s->windows, s->depths.n);
    df_hub_write_list(hub, "stage_shifts", s->shifts, s->depths.n);
    if (v2)
        df_hub_write_list(hub, "pretrained_window_sizes", s->pretrained_window_sizes.v, s->pretrained_window_sizes.n);
    df_textbuf_add(out, ",\n    hidden_act='%s'", s->activation);
    df_textbuf_add(out, ", layer_norm_eps=%.17g, drop_rate=%.17g, attn_drop_rate=%.17g, drop_path_rate=%.17g, ",
                   s->layer_norm_eps, s->hidden_dropout_prob, s->attention_probs_dropout_prob, s->drop_path_rate);
    if (s->use_absolute_embeddings)
        df_textbuf_add(out, "ape=True, ");
}

static int classifier(DfHub *hub, bool v2)
{
    static const char processor[] = "ViTImageProcessor";
    Swin s = { 0 };
    int picture[2] = { 0, 0 };
    int error = read_swin(hub, hub->config, &s, v2);
    if (error == DF_OK)
        error = df_hub_picture(hub, processor, picture);
    if (error == DF_OK)
        error = v2 ? plan_windows_v2(hub, &s) : plan_windows(hub, &s, picture);
    if (error == DF_OK)
        error = weights_agree(hub, hub->config, &s);
    if (error < 0)
        return error;
    df_textbuf_add(&hub->out, "backbone = ");
    write_swin(hub, &s, v2);
    df_textbuf_add(&hub->out, "style='classification', num_classes=%d, img_size=",
                   df_hub_classifier_classes(hub, "classifier.weight"));
    if (s.use_absolute_embeddings)
        df_hub_write_ints(hub, s.image_size.v, s.image_size.n);
    else
        df_textbuf_add(&hub->out, "[]");
    df_textbuf_add(&hub->out, ")\n");
    return df_hub_write_classifier_data(hub, processor);
}

int df_hub_swin(DfHub *hub)
{
    return classifier(hub, false);
}

int df_hub_swin_v2(DfHub *hub)
{
    return classifier(hub, true);
}

/* ---- under a segmentor ------------------------------------------------------------------------------------------- */

/* Swin's maps are normalised, those of Swin v2 are not. */
static int backbone(DfHub *hub, const DfNode *dict, DfHubMaps *maps, bool v2)
{
    Swin s = { 0 };
    int error = read_swin(hub, dict, &s, v2);
    if (error == DF_OK && v2)
        error = plan_windows_v2(hub, &s);
    if (error == DF_OK)
        error = df_hub_maps(dict, maps, s.depths.n);
    if (error < 0)
        return error;
    if (!v2)
        plan_windows_of_maps(&s);
    if ((error = weights_agree(hub, dict, &s)) < 0)
        return error;
    for (int i = 0; i < maps->n; i++)
        maps->channels[i] = s.embed_dim << maps->stage[i];
    write_swin(hub, &s, v2);
    df_textbuf_add(&hub->out, "out_norm=%s, pretrain_img_size=", df_hub_truth(!v2));
    df_hub_write_ints(hub, s.image_size.v, s.image_size.n);
    df_hub_write_list(hub, "out_indices", maps->stage, maps->n);
    df_textbuf_add(&hub->out, ")");
    return DF_OK;
}

int df_hub_swin_backbone(DfHub *hub, const DfNode *dict, DfHubMaps *maps)
{
    return backbone(hub, dict, maps, false);
}

int df_hub_swin_v2_backbone(DfHub *hub, const DfNode *dict, DfHubMaps *maps)
{
    return backbone(hub, dict, maps, true);
}
