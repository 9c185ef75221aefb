/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_timm.c -- what timm's networks share, and its evaluation transform: the shorter side to
 * floor(size / crop_pct) with Pillow's filter, a centre crop, (x / 255 - mean) / std.
 */
#include "config/dialect/hub_timm.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* How pictures are prepared; before release 0.7 it stood among the other keys. */
static const DfNode *pretrained_cfg(const DfHub *hub)
{
    const DfNode *own = df_node_get(hub->config, "pretrained_cfg");
    return own ? own : hub->config;
}

/* ---- the network's arguments ------------------------------------------------------------------------------------- */

static bool is_usual(const DfNode *value, const char *usual)
{
    char text[64] = "";
    switch (value->kind) {
    case DF_NODE_NONE: return true;
    case DF_NODE_BOOL: snprintf(text, sizeof text, "%s", df_hub_truth(value->boolean)); break;
    case DF_NODE_INT: case DF_NODE_FLOAT: snprintf(text, sizeof text, "%.12g", value->number); break;
    case DF_NODE_TEXT: return strcmp(value->text, usual) == 0;
    default: return value->n == 0;
    }
    return strcmp(text, usual) == 0;
}

static int refuse_unusual(const DfNode *args, const DfTimmUsual *unlike)
{
    for (; unlike->key; unlike++) {
        const DfNode *value = df_node_get(args, unlike->key);
        if (value && !is_usual(value, unlike->usual))
            return df_node_fail(value, DF_EVALUE, "this form of the network is not built in: want %s",
                                unlike->usual[0] ? unlike->usual : "None");
    }
    return DF_OK;
}

static bool read_side(const DfNode *node, int *out)
{
    if (!node || node->kind != DF_NODE_INT || node->integer < 1 || node->integer > 65500)
        return false;
    *out = (int)node->integer;
    return true;
}

/* A number, or height and width. */
static bool read_pair(const DfNode *node, int out[2])
{
    if (read_side(node, &out[0])) {
        out[1] = out[0];
        return true;
    }
    return node && node->kind == DF_NODE_LIST && node->n == 2 && read_side(node->first, &out[0])
        && read_side(node->first->next, &out[1]);
}

/* input_size is [channels, height, width]. */
static int read_sizes(const DfHub *hub, DfTimm *t)
{
    const DfNode *input = df_node_get(pretrained_cfg(hub), "input_size");
    const DfNode *both = df_node_get(pretrained_cfg(hub), "img_size");
    const DfNode *img = df_node_get(t->args, "img_size");
    const DfNode *height = input && input->kind == DF_NODE_LIST && input->n == 3 ? input->first->next : NULL;
    t->picture[0] = t->picture[1] = 224;
    if (!input && both && !read_pair(both, t->picture))
        return df_node_fail(both, DF_EVALUE, "want a side, or height and width, in 1..65500");
    const bool given = input && input->kind != DF_NODE_NONE;
    if (given && !(height && read_side(height, &t->picture[0]) && read_side(height->next, &t->picture[1])))
        return df_node_fail(input, DF_EVALUE, "want [channels, height, width]");
    memcpy(t->img_size, t->picture, sizeof t->img_size);
    if (img && img->kind != DF_NODE_NONE && !read_pair(img, t->img_size))
        return df_node_fail(img, DF_EVALUE, "want a side, or height and width, in 1..65500");
    return DF_OK;
}

static int read_count(const DfNode *node, int fallback, int *out)
{
    *out = fallback;
    if (!node || node->kind == DF_NODE_NONE)
        return DF_OK;
    if (node->kind != DF_NODE_INT || node->integer < 0 || node->integer > 1000000)
        return df_node_fail(node, DF_EVALUE, "want a number in 0..1000000");
    *out = (int)node->integer;
    return DF_OK;
}

static const DfNode *argument(const DfHub *hub, const DfTimm *t, const char *key)
{
    const DfNode *own = df_node_get(t->args, key);
    return own ? own : df_node_get(hub->config, key);
}

static int read_names(DfHub *hub)
{
    const DfNode *names = df_node_get(hub->config, "label_names");
    if (!names)
        names = df_node_get(pretrained_cfg(hub), "label_names");
    if (!names)
        names = df_node_get(hub->config, "labels");
    if (!names || names->kind != DF_NODE_LIST)
        return DF_OK;
    hub->labels = df_tree_copy(hub->tree, names);
    return hub->labels ? DF_OK : DF_EVALUE;
}

int df_timm_read(DfHub *hub, DfTimm *t, const DfTimmUsual *unlike)
{
    const char *architecture = df_node_text(df_node_get(hub->config, "architecture"), "");
    *t = (DfTimm){ .args = df_node_get(hub->config, "model_args") };
    t->name = df_arena_text(hub->tree->arena, "%.*s", (int)strcspn(architecture, "."), architecture);
    int error = t->name ? DF_OK : df_fail_memory("a config");
    if (error == DF_OK)
        error = refuse_unusual(t->args, unlike);
    if (error == DF_OK)
        error = read_count(argument(hub, t, "num_classes"), 1000, &t->num_classes);
    if (error == DF_OK)
        error = read_count(argument(hub, t, "in_chans"), 3, &t->in_chans);
    if (error == DF_OK)
        error = read_sizes(hub, t);
    return error == DF_OK ? read_names(hub) : error;
}

/* Old files, and pretrained_cfg, say it too; what new files say beside pretrained_cfg is for people. */
static const DfNode *pool_of(const DfHub *hub, const DfTimm *t)
{
    const DfNode *own = df_node_get(t->args, "global_pool");
    return own ? own : df_node_get(pretrained_cfg(hub), "global_pool");
}

const char *df_timm_pool(const DfHub *hub, const DfTimm *t)
{
    static const char *const pools[] = { "avg", "max", "avgmax", "catavgmax" };
    const DfNode *node = pool_of(hub, t);
    const char *name = !node || node->kind == DF_NODE_NONE ? "avg" : df_node_text(node, "");
    if (df_starts_with(name, "fast")) /* by other means */
        name = name[4] ? name + 4 : "avg";
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++)
        if (strcmp(name, pools[i]) == 0)
            return pools[i];
    df_node_fail(node, DF_EVALUE, "global_pool '%s': want avg, max, avgmax or catavgmax", name);
    return NULL;
}

int df_timm_wants_mean(const DfHub *hub, const DfTimm *t)
{
    const char *pool = df_timm_pool(hub, t);
    if (!pool || strcmp(pool, "avg") == 0)
        return pool ? DF_OK : DF_EVALUE;
    return df_node_fail(pool_of(hub, t), DF_EVALUE, "this form of the network is not built in: want avg");
}

int df_timm_fail(const DfHub *hub, const char *want)
{
    const DfNode *name = df_node_get(hub->config, "architecture");
    return df_node_fail(name, DF_EVALUE, "timm's '%s' is not built in: want %s", df_node_text(name, ""), want);
}

/* timm's names of layers, where they are the functions that we have. */
static const struct {
    const char *theirs, *ours;
} activations[] = {
    { "relu",       "ReLU"      },
    { "relu6",      "ReLU6"     },
    { "leaky_relu", "LeakyReLU" },
    { "gelu",       "GELU"      },
    { "gelu_tanh",  "GELUTanh"  },
    { "quick_gelu", "QuickGELU" },
    { "silu",       "SiLU"      },
    { "swish",      "SiLU"      },
    { "mish",       "Mish"      },
    { "hard_swish", "Hardswish" },
    { "sigmoid",    "Sigmoid"   },
    { "tanh",       "Tanh"      },
    { "identity",   "Identity"  },
};

const char *df_timm_activation(const DfNode *args, const char *usual)
{
    const DfNode *node = df_node_get(args, "act_layer");
    const char *name = df_node_text(node, NULL);
    if (!node || node->kind == DF_NODE_NONE)
        return usual;
    for (size_t i = 0; name && i < sizeof activations / sizeof *activations; i++)
        if (strcmp(activations[i].theirs, name) == 0)
            return activations[i].ours;
    df_node_fail(node, DF_EVALUE, "act_layer '%s' is not built in: want relu, gelu, silu or another without weights of its own",
                 name ? name : "(no text)");
    return NULL;
}

/* ---- args.json --------------------------------------------------------------------------------------------------- */

/* An argument that was not given is null, or empty. */
static int take(DfHub *hub, DfNode *to, const char *key, const DfNode *args, const char *name)
{
    const DfNode *value = df_node_get(args, name);
    if (!value || value->kind == DF_NODE_NONE || (value->kind == DF_NODE_TEXT && !value->text[0]))
        return DF_OK;
    DfNode *copy = df_tree_copy(hub->tree, value);
    return copy ? df_tree_set(hub->tree, to, key, copy) : DF_EVALUE;
}

static int take_transform(DfHub *hub, DfNode *to, const DfNode *args)
{
    static const char *const keys[] = { "input_size", "img_size", "crop_pct", "crop_mode", "interpolation", "mean",
                                        "std", "label_names" };
    int error = DF_OK;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && error == DF_OK; i++)
        error = take(hub, to, keys[i], args, keys[i]);
    return error;
}

int df_hub_timm_args(DfHub *hub, DfNode *args)
{
    DfNode *config = df_tree_new(hub->tree, DF_NODE_DICT, hub->file, 1);
    DfNode *transform = df_tree_new(hub->tree, DF_NODE_DICT, hub->file, 1);
    if (!config || !transform)
        return DF_EVALUE;
    int error = take(hub, config, "architecture", args, "architecture");
    if (error == DF_OK)
        error = take(hub, config, "architecture", args, "model");
    if (error == DF_OK)
        error = take(hub, config, "num_classes", args, "num_classes");
    if (error == DF_OK)
        error = take(hub, config, "in_chans", args, "in_chans");
    if (error == DF_OK)
        error = take(hub, config, "model_args", args, "model_kwargs");
    if (error == DF_OK)
        error = take(hub, config, "model_args", args, "model_args");
    if (error == DF_OK)
        error = take_transform(hub, transform, args);
    if (error == DF_OK)
        error = df_tree_set(hub->tree, config, "pretrained_cfg", transform);
    hub->config = config;
    return error;
}

/* ---- the transform ----------------------------------------------------------------------------------------------- */

enum { CENTER, SQUASH, BORDER };
typedef struct {
    double crop_pct;
    int crop_mode, interpolation;
    DfFloats mean, std;
} Transform;

static const char *const filters[] = { "bicubic", "bilinear", "nearest", "box", "hamming", "lanczos" };
static const DfOpt opts[] = {
    DF_OPT_FLOAT (Transform, crop_pct, None, 0.01, 100, ""),
    DF_OPT_ENUM  (Transform, crop_mode, center, "center|squash|border", ""),
    DF_OPT_ENUM  (Transform, interpolation, bicubic, "bicubic|bilinear|nearest|box|hamming|lanczos", ""),
    DF_OPT_FLOATS(Transform, mean, "None", -1e6, 1e6, ""),
    DF_OPT_FLOATS(Transform, std, "None", -1e6, 1e6, ""),
    DF_OPT_END
};

/* ImageNet's where nothing is said. */
static const double usual_mean[3] = { 0.485, 0.456, 0.406 };
static const double usual_std[3] = { 0.229, 0.224, 0.225 };

static int read_transform(DfHub *hub, Transform *x)
{
    const int error = df_hub_bind(hub, pretrained_cfg(hub), opts, x, "pretrained_cfg");
    if (!x->mean.n)
        x->mean = (DfFloats){ .n = 3, .v = usual_mean };
    if (!x->std.n)
        x->std = (DfFloats){ .n = 3, .v = usual_std };
    return error;
}

static void write_floats(DfHub *hub, const char *key, DfFloats list)
{
    df_textbuf_add(&hub->out, "%s=[", key);
    for (int i = 0; i < list.n; i++)
        df_textbuf_add(&hub->out, i ? ", %.17g" : "%.17g", list.v[i]);
    df_textbuf_add(&hub->out, "]");
}

/* The border of a picture that is too small has the colour that is 0 for the network. */
static void write_crop(DfHub *hub, const Transform *x, const int picture[2])
{
    df_textbuf_add(&hub->out, "    dict(type='CenterCrop', crop_size=(%d, %d)", picture[0], picture[1]);
    if (x->crop_mode == BORDER && x->mean.n == 3)
        df_textbuf_add(&hub->out, ", fill=[%g, %g, %g]", nearbyint(255 * x->mean.v[0]), nearbyint(255 * x->mean.v[1]),
                       nearbyint(255 * x->mean.v[2]));
    df_textbuf_add(&hub->out, "),\n");
}

static void write_resize(DfHub *hub, const Transform *x, const int picture[2])
{
    const double pct = x->crop_pct > 0 ? x->crop_pct : 0.875;
    const int height = (int)floor(picture[0] / pct);
    const int width = (int)floor(picture[1] / pct);
    const char *filter = filters[x->interpolation];
    DfTextbuf *out = &hub->out;
    if (x->crop_mode == SQUASH)
        df_textbuf_add(out, "    dict(type='Resize', scale=(%d, %d), keep_ratio=False, backend='pillow13', "
                            "interpolation='%s'),\n", width, height, filter);
    else if (x->crop_mode == BORDER || height != width)
        df_textbuf_add(out, "    dict(type='ResizeKeepRatio', size=(%d, %d), longest=%d, backend='pillow13', "
                            "interpolation='%s'),\n", height, width, x->crop_mode == BORDER, filter);
    else
        df_textbuf_add(out, "    dict(type='ResizeEdge', scale=%d, backend='pillow13', interpolation='%s'),\n", height,
                       filter);
    write_crop(hub, x, picture);
}

int df_timm_write_data(DfHub *hub, const DfTimm *t)
{
    Transform x = { 0 };
    DfTextbuf *out = &hub->out;
    const int error = read_transform(hub, &x);
    if (error < 0)
        return error;
    df_textbuf_add(out, "data = dict(test=dict(type='ImageNet', pipeline=[\n    dict(type='LoadImageFromFile', "
                        "imdecode_backend='pillow', color_type='color_ignore_orientation'),\n");
    write_resize(hub, &x, t->picture);
    df_textbuf_add(out, "    dict(type='DetrNormalize', ");
    write_floats(hub, "mean", x.mean);
    df_textbuf_add(out, ", ");
    write_floats(hub, "std", x.std);
    df_textbuf_add(out, "),\n    dict(type='PackInputs')]))\n");
    return DF_OK;
}
