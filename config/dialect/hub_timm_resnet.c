/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_timm_resnet.c -- translates timm's ResNets, with the stems and shortcuts of He et al., "Bag of
 * Tricks", CVPR 2019: resnet50, resnet50c (a deep stem), resnet50d (shortcuts that pool, too), resnet50s (a wide deep
 * stem), resnet50t (a narrow one); resnet50_gn (group norms), wide_resnet50_2 and resnext50_32x4d.
 */
#include "config/dialect/hub_timm.h"

#include <stdio.h>
#include <string.h>

enum { STAGES = 4 };
enum { PLAIN, DEEP, TIERED };

typedef struct {
    int stem_type, stem_width, base_width, cardinality, output_stride;
    DfInts layers, channels;
    bool avg_down, bottleneck, group_norms;
    const char *activation, *pool;
} ResNet;

static const DfOpt opts[] = {
    DF_OPT_INTS(ResNet, layers, "None", 1, 1000, ""),
    DF_OPT_INTS(ResNet, channels, "[64, 128, 256, 512]", 1, 65536, ""),
    DF_OPT_INT (ResNet, stem_width, None, 0, 65536, ""),
    DF_OPT_INT (ResNet, base_width, None, 0, 65536, ""),
    DF_OPT_INT (ResNet, cardinality, None, 0, 1024, ""),
    DF_OPT_INT (ResNet, output_stride, 32, 8, 32, ""),
    DF_OPT_END
};

static const DfTimmUsual usual[] = {
    { "replace_stem_pool", "False" }, { "block_reduce_first", "1" },
    { "down_kernel_size", "1" }, { "aa_layer", "" },
    { "block_args", "" }, { NULL, NULL },
};

/* ---- the name ---------------------------------------------------------------------------------------------------- */

static const struct {
    int depth;
    bool bottleneck;
    int blocks[STAGES];
} depths[] = {
    {  10, false, { 1, 1,  1, 1 } },
    {  14, true,  { 1, 1,  1, 1 } },
    {  18, false, { 2, 2,  2, 2 } },
    {  26, true,  { 2, 2,  2, 2 } },
    {  34, false, { 3, 4,  6, 3 } },
    {  50, true,  { 3, 4,  6, 3 } },
    { 101, true,  { 3, 4, 23, 3 } },
    { 152, true,  { 3, 8, 36, 3 } },
    { 200, true,  { 3, 24, 36, 3 } },
};

/* What stands behind the depth: "", "c", "d", "s", "t", Gluon's "_v1b" to "_v1s", and "_gn". */
static bool read_form(const char *form, ResNet *r)
{
    r->group_norms = strcmp(form, "_gn") == 0;
    if (r->group_norms)
        form = "";
    const char letter = df_starts_with(form, "_v1") ? form[3] : form[0];
    const char *end = df_starts_with(form, "_v1") ? form + 4 : form + (letter != 0);
    if (letter && (!strchr("bcdst", letter) || *end))
        return false;
    r->stem_width = letter == 's' || letter == 0 || letter == 'b' ? 64 : 32;
    if (letter == 't')
        r->stem_type = TIERED;
    else if (letter && letter != 'b')
        r->stem_type = DEEP;
    r->avg_down = letter == 'd' || letter == 't';
    return true;
}

/* "50d" */
static const int *read_depth(const char *at, ResNet *r)
{
    int depth = 0, used = 0;
    if (sscanf(at, "%3d%n", &depth, &used) != 1 || !read_form(at + used, r))
        return NULL;
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
        if (depths[i].depth == depth) {
            r->bottleneck = depths[i].bottleneck;
            return depths[i].blocks;
        }
    return NULL;
}

/* "50d_32x4d": groups and the width of one. */
static const int *read_resnext(const char *at, ResNet *r)
{
    char depth[16];
    const size_t n = strcspn(at, "_");
    char d = 0;
    int used = 0;
    if (n >= sizeof depth || sscanf(at + n, "_%dx%d%c%n", &r->cardinality, &r->base_width, &d, &used) != 3 || d != 'd'
        || at[n + (size_t)used])
        return NULL;
    snprintf(depth, sizeof depth, "%.*s", (int)n, at);
    return read_depth(depth, r);
}

/* Older releases had names that begin with who trained the weights. */
static const char *without_trainer(const char *name)
{
    static const char *const trainers[] = { "tv_", "gluon_", "ssl_", "swsl_", "ig_" };
    for (size_t i = 0; i < sizeof trainers / sizeof *trainers; i++)
        if (df_starts_with(name, trainers[i]))
            return name + strlen(trainers[i]);
    return name;
}

/* Blocks of each stage; NULL for a name that is not known. */
static const int *read_name(const char *name, ResNet *r)
{
    *r = (ResNet){ .cardinality = 1, .base_width = 64 };
    name = without_trainer(name);
    if (df_starts_with(name, "resnext"))
        return read_resnext(name + strlen("resnext"), r);
    if (df_starts_with(name, "wide_resnet") && df_ends_with(name, "_2")) {
        char depth[16];
        const char *at = name + strlen("wide_resnet");
        snprintf(depth, sizeof depth, "%.*s", (int)strcspn(at, "_"), at);
        const int *blocks = read_depth(depth, r);
        r->base_width = 128;
        return blocks;
    }
    return df_starts_with(name, "resnet") ? read_depth(name + strlen("resnet"), r) : NULL;
}

/* ---- the arguments ----------------------------------------------------------------------------------------------- */

static int read_stem(const DfNode *args, ResNet *r)
{
    const DfNode *type = df_node_get(args, "stem_type");
    const char *text = df_node_text(type, NULL);
    const DfNode *avg = df_node_get(args, "avg_down");
    r->avg_down = df_node_bool(avg, r->avg_down);
    if (!text)
        return DF_OK;
    if (strcmp(text, "deep_tiered") == 0)
        r->stem_type = TIERED;
    else if (strcmp(text, "deep") == 0)
        r->stem_type = DEEP;
    else if (text[0] == 0)
        r->stem_type = PLAIN;
    else
        return df_node_fail(type, DF_EVALUE, "want '', 'deep' or 'deep_tiered'");
    return DF_OK;
}

static int read_norm(const DfNode *args, ResNet *r)
{
    const DfNode *layer = df_node_get(args, "norm_layer");
    const char *name = df_node_text(layer, "");
    if (!layer || layer->kind == DF_NODE_NONE)
        return DF_OK;
    r->group_norms = strcmp(name, "groupnorm") == 0;
    if (!r->group_norms && strcmp(name, "batchnorm") != 0 && strcmp(name, "batchnorm2d") != 0)
        return df_node_fail(layer, DF_EVALUE, "norm_layer '%s' is not built in: want batchnorm2d or groupnorm", name);
    return DF_OK;
}

static int check(const DfTimm *t, const ResNet *r)
{
    if (r->channels.n != STAGES || (r->layers.n && r->layers.n != STAGES))
        return df_node_fail(t->args, DF_EVALUE, "%d channels and %d layers, want %d of each", r->channels.n,
                            r->layers.n, STAGES);
    if (!r->bottleneck && (r->cardinality != 1 || r->base_width != 64))
        return df_node_fail(t->args, DF_EVALUE, "basic blocks with cardinality = %d, base_width = %d: want 1 and 64",
                            r->cardinality, r->base_width);
    if (r->output_stride != 8 && r->output_stride != 16 && r->output_stride != 32)
        return df_node_fail(df_node_get(t->args, "output_stride"), DF_EVALUE, "want 8, 16 or 32");
    return DF_OK;
}

static int read_args(const DfHub *hub, const DfTimm *t, ResNet *r)
{
    const ResNet named = *r;
    int error = df_bind_known(t->args, opts, r, hub->tree->arena, "model_args");
    r->stem_type = named.stem_type;
    r->avg_down = named.avg_down;
    r->bottleneck = named.bottleneck;
    r->group_norms = named.group_norms;
    r->stem_width = r->stem_width ? r->stem_width : named.stem_width;
    r->base_width = r->base_width ? r->base_width : named.base_width;
    r->cardinality = r->cardinality ? r->cardinality : named.cardinality;
    if (error == DF_OK)
        error = read_stem(t->args, r);
    if (error == DF_OK)
        error = read_norm(t->args, r);
    if (error == DF_OK && !(r->pool = df_timm_pool(hub, t)))
        error = DF_EVALUE;
    if (error == DF_OK && !(r->activation = df_timm_activation(t->args, "ReLU")))
        error = DF_EVALUE;
    return error == DF_OK ? check(t, r) : error;
}

/* ---- our config -------------------------------------------------------------------------------------------------- */

static void write_resnet(DfHub *hub, const DfTimm *t, const ResNet *r, const int *blocks)
{
    DfTextbuf *out = &hub->out;
    int channels[STAGES];
    for (int i = 0; i < STAGES; i++)
        channels[i] = r->channels.v[i] * (r->bottleneck ? 4 : 1);
    df_textbuf_add(out, "backbone = dict(type='ResNet', style='torchvision', depth=%d, in_channels=%d, num_classes=%d",
                   r->bottleneck ? 50 : 18, t->in_chans, t->num_classes);
    df_hub_write_list(hub, "stage_channels", channels, STAGES);
    df_hub_write_list(hub, "stage_blocks", r->layers.n ? r->layers.v : blocks, STAGES);
    df_textbuf_add(out, ",\n    groups=%d, width_per_group=%d, stem_channels=%d, avg_down=%s", r->cardinality,
                   r->base_width, r->stem_type == PLAIN ? 64 : 2 * r->stem_width, df_hub_truth(r->avg_down));
    df_textbuf_add(out, ", deep_stem=%s, tiered_stem=%s", df_hub_truth(r->stem_type != PLAIN),
                   df_hub_truth(r->stem_type == TIERED));
    df_textbuf_add(out, ",\n    hidden_act='%s', inner_act='%s', global_pool='%s'", r->activation, r->activation, r->pool);
    if (r->group_norms)
        df_textbuf_add(out, ",\n    norm_cfg=dict(type='GN', num_groups=32)");
    if (r->output_stride != 32)
        df_textbuf_add(out, ",\n    dilated_basic=True, replace_stride_with_dilation=[False, %s, True]",
                       df_hub_truth(r->output_stride == 8));
    df_textbuf_add(out, ")\n");
}

int df_hub_timm_resnet(DfHub *hub)
{
    DfTimm t;
    ResNet r;
    const int *blocks = NULL;
    int error = df_timm_read(hub, &t, usual);
    if (error == DF_OK && !(blocks = read_name(t.name, &r)))
        error = df_timm_fail(hub, "swin, swinv2, pvt_v2, or a resnet such as resnet50, resnet50d, resnext50_32x4d");
    if (error == DF_OK)
        error = read_args(hub, &t, &r);
    if (error < 0)
        return error;
    write_resnet(hub, &t, &r, blocks);
    return df_timm_write_data(hub, &t);
}
