/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_timm_networks.c -- translates timm's Swin, Swin v2 and PVT v2.
 */
#include "config/dialect/hub_timm.h"

#include <stdio.h>
#include <string.h>

/* ---- Swin -------------------------------------------------------------------------------------------------------- */

typedef struct {
    int embed_dim, patch_size;
    DfInts depths, num_heads, window_size, pretrained_window_sizes;
    double mlp_ratio, drop_rate, proj_drop_rate, attn_drop_rate, drop_path_rate;
    bool qkv_bias, always_partition;
    const char *activation;
    int windows[DF_HUB_STAGES], shifts[DF_HUB_STAGES];
} Swin;

#define SWIN_OPTS(dim, depth, heads) { \
    DF_OPT_INT  (Swin, patch_size, 4, 1, 64, ""), \
    DF_OPT_INT  (Swin, embed_dim, dim, 1, 8192, ""), \
    DF_OPT_INTS (Swin, depths, depth, 0, 1000, ""), \
    DF_OPT_INTS (Swin, num_heads, heads, 1, 1024, ""), \
    DF_OPT_INTS (Swin, window_size, "None", 1, 64, ""), \
    DF_OPT_INTS (Swin, pretrained_window_sizes, "None", 0, 128, ""), \
    DF_OPT_FLOAT(Swin, mlp_ratio, 4.0, 0.01, 64, ""), \
    DF_OPT_BOOL (Swin, qkv_bias, True, ""), \
    DF_OPT_BOOL (Swin, always_partition, False, ""), \
    DF_OPT_FLOAT(Swin, proj_drop_rate, 0.0, 0, 0.99, ""), \
    DF_OPT_FLOAT(Swin, attn_drop_rate, 0.0, 0, 0.99, ""), \
    DF_OPT_FLOAT(Swin, drop_path_rate, 0.1, 0, 0.99, ""), \
    DF_OPT_END }

#define HEADS_96 "[3, 6, 12, 24]"
static const DfOpt tiny[] = SWIN_OPTS(96, "[2, 2, 6, 2]", HEADS_96);
static const DfOpt small[] = SWIN_OPTS(96, "[2, 2, 18, 2]", HEADS_96);
static const DfOpt s3_base[] = SWIN_OPTS(96, "[2, 2, 30, 2]", HEADS_96);
static const DfOpt base[] = SWIN_OPTS(128, "[2, 2, 18, 2]", "[4, 8, 16, 32]");
static const DfOpt large[] = SWIN_OPTS(192, "[2, 2, 18, 2]", "[6, 12, 24, 48]");

/* The name goes on with the window: "swin_tiny_patch4_window7_224", "swinv2_base_window12to16_192to256". */
static const struct {
    const char *stem;
    const DfOpt *opts;
    int windows[4];      /* where the name does not say it */
} swins[] = {
    { "swin_tiny_",    tiny,    { 0 } },
    { "swin_small_",   small,   { 0 } },
    { "swin_base_",    base,    { 0 } },
    { "swin_large_",   large,   { 0 } },
    { "swin_s3_tiny_", tiny,    {  7,  7, 14, 7 } },
    { "swin_s3_small_", small,  { 14, 14, 14, 7 } },
    { "swin_s3_base_", s3_base, {  7,  7, 14, 7 } },
    { "swinv2_tiny_",  tiny,    { 0 } },
    { "swinv2_small_", small,   { 0 } },
    { "swinv2_base_",  base,    { 0 } },
    { "swinv2_large_", large,   { 0 } },
};

static const DfTimmUsual usual_swin[] = {
    { "head_dim", "" }, { "norm_layer", "" },
    { "patch_norm", "True" }, { NULL, NULL },
};

/* What the name says: the window, and of "12to16" the one that was before. */
static void read_window(const char *name, int *now, int *before)
{
    const char *at = strstr(name, "window");
    *now = 7;
    *before = 0;
    if (at && sscanf(at, "window%d", now) == 1)
        at += strspn(at, "window0123456789");
    if (at && sscanf(at, "to%*d") == 0 && df_starts_with(at, "to")) {
        *before = *now;
        sscanf(at, "to%d", now);
    }
}

/* One window for all, height and width of one, or one for each stage. */
static int window_of(const Swin *s, int i)
{
    const int n = s->window_size.n;
    return s->window_size.v[n >= s->depths.n ? i : 0];
}

static int plan_stage(const DfHub *hub, const DfTimm *t, Swin *s, int i, int window)
{
    int w[2], shift[2];
    for (int axis = 0; axis < 2; axis++) {
        const int grid = t->img_size[axis] / s->patch_size;
        const int map = (grid + (1 << i) - 1) >> i;
        const bool whole = map <= window && !s->always_partition;
        w[axis] = whole ? map : window;
        shift[axis] = whole ? 0 : window / 2;
    }
    if (w[0] < 1 || w[0] != w[1] || shift[0] != shift[1])
        return df_fail(DF_EVALUE, "%s: img_size %d x %d makes windows of %d x %d, shifted by %d x %d, in stage %d: want "
                       "the same in both directions", hub->file, t->img_size[1], t->img_size[0], w[1], w[0], shift[1],
                       shift[0], i);
    s->windows[i] = w[0];
    s->shifts[i] = shift[0];
    return DF_OK;
}

static int plan(const DfHub *hub, const DfTimm *t, Swin *s, const int *usual)
{
    const int n = s->depths.n;
    int now, before, error = DF_OK;
    read_window(t->name, &now, &before);
    if (n < 1 || n > DF_HUB_STAGES || s->num_heads.n < n)
        return df_fail(DF_EVALUE, "%s: %d depths and %d num_heads: want 1 to %d, with heads for each", hub->file, n,
                       s->num_heads.n, DF_HUB_STAGES);
    const bool pair = s->window_size.n == 2 && n != 2;
    if (pair && s->window_size.v[0] != s->window_size.v[1])
        return df_fail(DF_EVALUE, "%s: window_size %d x %d: want a square", hub->file, s->window_size.v[1],
                       s->window_size.v[0]);
    for (int i = 0; i < n && error == DF_OK; i++) {
        const int named = usual[0] && i < 4 ? usual[i] : now;
        error = plan_stage(hub, t, s, i, s->window_size.n ? window_of(s, i) : named);
    }
    return error;
}

static void write_pretrained(DfHub *hub, const DfTimm *t, const Swin *s)
{
    int now, before;
    read_window(t->name, &now, &before);
    const int usual[4] = { before, before, before, before / 2 };
    if (s->pretrained_window_sizes.n)
        df_hub_write_list(hub, "pretrained_window_sizes", s->pretrained_window_sizes.v, s->pretrained_window_sizes.n);
    else
        df_hub_write_list(hub, "pretrained_window_sizes", usual, 4);
}

static void write_swin(DfHub *hub, const DfTimm *t, const Swin *s, bool v2)
{
    DfTextbuf *out = &hub->out;
    df_textbuf_add(out, "backbone = dict(type='SwinTransformer%s', style='classification', in_chans=%d, num_classes=%d",
                   v2 ? "V2" : "", t->in_chans, t->num_classes);
    df_textbuf_add(out, ", patch_size=%d, embed_dim=%d, mlp_ratio=%.17g, qkv_bias=%s", s->patch_size, s->embed_dim,
                   s->mlp_ratio, df_hub_truth(s->qkv_bias));
    df_hub_write_list(hub, "img_size", t->img_size, 2);
    df_hub_write_list(hub, "depths", s->depths.v, s->depths.n);
    df_hub_write_list(hub, "num_heads", s->num_heads.v, s->depths.n);
    df_hub_write_list(hub, "stage_windows", s->windows, s->depths.n);
    df_hub_write_list(hub, "stage_shifts", s->shifts, s->depths.n);
    if (v2)
        write_pretrained(hub, t, s);
    df_textbuf_add(out, ",\n    hidden_act='%s'", s->activation);
    df_textbuf_add(out, ", pad_after_shift=True, drop_rate=%.17g, attn_drop_rate=%.17g, drop_path_rate=%.17g)\n",
                   s->proj_drop_rate, s->attn_drop_rate, s->drop_path_rate);
}

int df_hub_timm_swin(DfHub *hub)
{
    static const char want[] = "swin_tiny, swin_small, swin_base, swin_large, swin_s3 or swinv2";
    DfTimm t;
    Swin s = { 0 };
    int error = df_timm_read(hub, &t, usual_swin);
    if (error == DF_OK)
        error = df_timm_wants_mean(hub, &t);
    size_t i = 0;
    while (i < sizeof swins / sizeof *swins && error == DF_OK && !df_starts_with(t.name, swins[i].stem))
        i++;
    if (error == DF_OK && i == sizeof swins / sizeof *swins)
        error = df_timm_fail(hub, want);
    if (error == DF_OK)
        error = df_hub_bind(hub, t.args, swins[i].opts, &s, "model_args");
    if (error == DF_OK)
        error = plan(hub, &t, &s, swins[i].windows);
    if (error == DF_OK && !(s.activation = df_timm_activation(t.args, "GELU")))
        error = DF_EVALUE;
    if (error < 0)
        return error;
    write_swin(hub, &t, &s, df_starts_with(t.name, "swinv2_"));
    return df_timm_write_data(hub, &t);
}

/* ---- PVT v2 ------------------------------------------------------------------------------------------------------ */

typedef struct {
    DfInts embed_dims, depths, num_heads, sr_ratios;
    DfFloats mlp_ratios;
    bool qkv_bias, linear;
    double proj_drop_rate, attn_drop_rate, drop_path_rate;
} Pvt;

#define PVT_OPTS(dims, depth, ratios, pooled) { \
    DF_OPT_INTS  (Pvt, embed_dims, dims, 1, 8192, ""), \
    DF_OPT_INTS  (Pvt, depths, depth, 0, 1000, ""), \
    DF_OPT_INTS  (Pvt, num_heads, "[1, 2, 5, 8]", 1, 1024, ""), \
    DF_OPT_INTS  (Pvt, sr_ratios, "[8, 4, 2, 1]", 1, 64, ""), \
    DF_OPT_FLOATS(Pvt, mlp_ratios, ratios, 0.01, 64, ""), \
    DF_OPT_BOOL  (Pvt, qkv_bias, True, ""), \
    DF_OPT_BOOL  (Pvt, linear, pooled, ""), \
    DF_OPT_FLOAT (Pvt, proj_drop_rate, 0.0, 0, 0.99, ""), \
    DF_OPT_FLOAT (Pvt, attn_drop_rate, 0.0, 0, 0.99, ""), \
    DF_OPT_FLOAT (Pvt, drop_path_rate, 0.0, 0, 0.99, ""), \
    DF_OPT_END }

#define WIDE "[64, 128, 320, 512]"
static const DfOpt b0[] = PVT_OPTS("[32, 64, 160, 256]", "[2, 2, 2, 2]", "[8, 8, 4, 4]", False);
static const DfOpt b1[] = PVT_OPTS(WIDE, "[2, 2, 2, 2]", "[8, 8, 4, 4]", False);
static const DfOpt b2[] = PVT_OPTS(WIDE, "[3, 4, 6, 3]", "[8, 8, 4, 4]", False);
static const DfOpt b2_li[] = PVT_OPTS(WIDE, "[3, 4, 6, 3]", "[8, 8, 4, 4]", True);
static const DfOpt b3[] = PVT_OPTS(WIDE, "[3, 4, 18, 3]", "[8, 8, 4, 4]", False);
static const DfOpt b4[] = PVT_OPTS(WIDE, "[3, 8, 27, 3]", "[8, 8, 4, 4]", False);
static const DfOpt b5[] = PVT_OPTS(WIDE, "[3, 6, 40, 3]", "[4, 4, 4, 4]", False);

static const struct {
    const char *name;
    const DfOpt *opts;
} pvts[] = {
    { "pvt_v2_b0", b0 }, { "pvt_v2_b1", b1 }, { "pvt_v2_b2", b2 }, { "pvt_v2_b2_li", b2_li }, { "pvt_v2_b3", b3 },
    { "pvt_v2_b4", b4 }, { "pvt_v2_b5", b5 },
};

static const DfTimmUsual usual_pvt[] = { { "norm_layer", "" }, { NULL, NULL } };

static void write_pvt(DfHub *hub, const DfTimm *t, const Pvt *p)
{
    DfTextbuf *out = &hub->out;
    const int n = p->depths.n;
    df_textbuf_add(out, "backbone = dict(type='PyramidVisionTransformerV2', style='classification', in_chans=%d, "
                        "num_classes=%d, num_stages=%d, qkv_bias=%s, linear=%s", t->in_chans, t->num_classes, n,
                   df_hub_truth(p->qkv_bias), df_hub_truth(p->linear));
    df_hub_write_list(hub, "embed_dims", p->embed_dims.v, p->embed_dims.n);
    df_hub_write_list(hub, "depths", p->depths.v, n);
    df_hub_write_list(hub, "num_heads", p->num_heads.v, p->num_heads.n);
    df_hub_write_list(hub, "sr_ratios", p->sr_ratios.v, p->sr_ratios.n);
    df_textbuf_add(out, ", mlp_ratios=[");
    for (int i = 0; i < p->mlp_ratios.n; i++)
        df_textbuf_add(out, i ? ", %.17g" : "%.17g", p->mlp_ratios.v[i]);
    df_textbuf_add(out, "],\n    norm_layer=dict(type='LayerNorm', eps=1e-6), drop_rate=%.17g, attn_drop_rate=%.17g, "
                        "drop_path_rate=%.17g)\n", p->proj_drop_rate, p->attn_drop_rate, p->drop_path_rate);
}

int df_hub_timm_pvt_v2(DfHub *hub)
{
    DfTimm t;
    Pvt p = { 0 };
    const DfOpt *opts = NULL;
    int error = df_timm_read(hub, &t, usual_pvt);
    if (error == DF_OK)
        error = df_timm_wants_mean(hub, &t);
    for (size_t i = 0; error == DF_OK && i < sizeof pvts / sizeof *pvts; i++)
        if (strcmp(t.name, pvts[i].name) == 0)
            opts = pvts[i].opts;
    if (error == DF_OK && !opts)
        error = df_timm_fail(hub, "pvt_v2_b0 to pvt_v2_b5 or pvt_v2_b2_li");
    if (error == DF_OK)
        error = df_hub_bind(hub, t.args, opts, &p, "model_args");
    if (error < 0)
        return error;
    write_pvt(hub, &t, &p);
    return df_timm_write_data(hub, &t);
}
