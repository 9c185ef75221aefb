/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat.c -- DAT, the Vision Transformer with Deformable Attention. Xia et al., CVPR 2022.
 *
 * A stage is a row of blocks, each named by a letter: L attends within windows, S within shifted windows, D to samples that
 * the queries choose (dat_attention.c). Two codes were published, and the same checkpoint loads into either: `code_version`
 * 2022 has the arithmetic that the paper's weights were trained with, 2023 that of the DAT++ release and of DAT-Detection.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backbone/dat_block.h"
#include "backbone/transformer.h"

enum { STAGES = 4 };
enum { DETECTION, CLASSIFICATION };
enum { CODE_2022, CODE_2023 };

typedef struct {
    const DatBlockKind *kind;
    void *attn;                  /* what the kind's init() made          */
    NnConv lpu;                  /* local perception unit: x + dwconv(x) */
    NnLayerNorm norm1, norm2;
    DatMlp mlp;
    DfTensor *scale1, *scale2;
    float drop_path;
} Block;

typedef struct {
    int depth;
    NnLinear proj;               /* only where the channels change */
    Block *blocks;
    NnConv down;                 /* to the next stage */
    NnLayerNorm down_norm, norm; /* norm: of the detection output */
} Stage;

typedef struct {
    /* options */
    int img_size, patch_size, num_classes, expansion, dim_stem, style, code_version;
    DfInts dims, depths, heads, window_sizes, strides, groups, ksizes, nat_ksizes, sr_ratios, out_indices;
    DfInts heads_q, ksize_qnas, nqs, local_orf, local_kv_sizes;
    DfFloats offset_range_factor, layer_scale_values;
    DfBools use_pes, dwc_pes, fixed_pes, no_offs, use_dwc_mlps, use_lpus, log_cpb, use_cmt_mlps;
    double drop_rate, attn_drop_rate, drop_path_rate;
    bool use_conv_patches;
    const DfNode *stage_spec;
    /* modules */
    NnConv stem[2];
    NnLayerNorm stem_norm[2];
    Stage stages[STAGES];
    NnLayerNorm cls_norm;
    NnLinear cls_head;
} Dat;

#define FALSE_4 "[False, False, False, False]"
static const DfOpt opts[] = {
    DF_OPT_INT(Dat, img_size, 224, 1, 65536, "image side that position tables are made for"),
    DF_OPT_INT(Dat, patch_size, 4, 1, 64, "side of a patch, in pixels"),
    DF_OPT_INT(Dat, num_classes, 1000, 1, 1000000, "classification: number of classes"),
    DF_OPT_INT(Dat, expansion, 4, 1, 64, "hidden width of a block's MLP over its channels"),
    DF_OPT_INT(Dat, dim_stem, 96, 1, 8192, "channels of the patch embedding"),
    DF_OPT_INTS(Dat, dims, "[96, 192, 384, 768]", 1, 8192, "channels of each stage; each twice the one before"),
    DF_OPT_INTS(Dat, depths, "[2, 2, 6, 2]", 1, 1000, "blocks of each stage"),
    DF_OPT_INTS(Dat, heads, "[3, 6, 12, 24]", 1, 1024, "attention heads of each stage"),
    DF_OPT_INTS(Dat, window_sizes, "[7, 7, 7, 7]", 1, 64, "L, S: side of a window, in tokens; X: kernel of its convolution"),
    DF_OPT_FLOAT(Dat, drop_rate, 0.0, 0, 0.99, "training: dropout after projections"),
    DF_OPT_FLOAT(Dat, attn_drop_rate, 0.0, 0, 0.99, "training: dropout of attention weights"),
    DF_OPT_FLOAT(Dat, drop_path_rate, 0.0, 0, 0.99, "training: stochastic depth of the last block, growing linearly from 0"),
    DF_OPT_INTS(Dat, strides, "[-1, -1, -1, -1]", -1, 64, "D: queries per sample along each side"),
    DF_OPT_FLOATS(Dat, offset_range_factor, "[1, 2, 3, 4]", -1e6, 1e6, "D: largest offset in cells; < 0: free offsets, clamped to the map"),
    DF_OPT_NODE(Dat, stage_spec, "[['L', 'D'], ['L', 'D'], ['L', 'D', 'L', 'D', 'L', 'D'], ['L', 'D']]", "the letters of the blocks, stage by stage: L, S, D, N, P, X, E, A, Q"),
    DF_OPT_INTS(Dat, groups, "[-1, -1, 3, 6]", -1, 1024, "D, A: groups of channels, each with samples of its own"),
    DF_OPT_BOOLS(Dat, use_pes, FALSE_4, "D, A: add a position bias"),
    DF_OPT_BOOLS(Dat, dwc_pes, FALSE_4, "D: that bias is a depthwise convolution of the queries"),
    DF_OPT_BOOLS(Dat, fixed_pes, FALSE_4, "D: that bias is a table of every query and sample"),
    DF_OPT_BOOLS(Dat, log_cpb, FALSE_4, "D: that bias is a small network of the log-spaced displacement"),
    DF_OPT_BOOLS(Dat, no_offs, FALSE_4, "D, A: samples stay on their grid; D of code_version 2023: average pooling, no position bias"),
    DF_OPT_BOOLS(Dat, use_dwc_mlps, FALSE_4, "the MLP has a depthwise 3x3 convolution"),
    DF_OPT_BOOL(Dat, use_conv_patches, False, "overlapping convolutions between stages"),
    DF_OPT_INTS(Dat, ksizes, "[9, 7, 5, 3]", 1, 63, "D: kernel of the offset network"),
    DF_OPT_INTS(Dat, nat_ksizes, "[3, 3, 3, 3]", -1, 63, "N: side of the neighborhood, in tokens"),
    DF_OPT_INTS(Dat, sr_ratios, "[8, 4, 2, 1]", -1, 64, "P: by how much the map of keys is smaller, along each side"),
    DF_OPT_INTS(Dat, heads_q, "[6, 12, 24, 48]", -1, 1024, "Q: attention heads of each stage"),
    DF_OPT_INTS(Dat, ksize_qnas, "[3, 3, 3, 3]", -1, 63, "Q: side of the neighborhood; only 1 runs in the official code"),
    DF_OPT_INTS(Dat, nqs, "[2, 2, 2, 2]", -1, 64, "Q: learned queries"),
    DF_OPT_INTS(Dat, local_orf, "[-1, -1, -1, -1]", -1, 63, "A: kernel of the offset network"),
    DF_OPT_INTS(Dat, local_kv_sizes, "[-1, -1, -1, -1]", -1, 63, "A: side of the neighborhood, in tokens"),
    DF_OPT_FLOATS(Dat, layer_scale_values, "[-1, -1, -1, -1]", -1e6, 1e6, "start of the layer scale; <= 0: none"),
    DF_OPT_BOOLS(Dat, use_lpus, FALSE_4, "each block begins with x + dwconv3x3(x)"),
    DF_OPT_BOOLS(Dat, use_cmt_mlps, FALSE_4, "detection, with use_dwc_mlps: the MLP of CMT, with batch norms"),
    DF_OPT_INTS(Dat, out_indices, "[0, 1, 2, 3]", 0, 3, "detection: stages whose output has a norm; all four maps are given"),
    DF_OPT_ENUM(Dat, style, detection, "detection|classification", "maps of any input size, or logits of a fixed one"),
    DF_OPT_ENUM(Dat, code_version, 2023, "2022|2023", "arithmetic of the CVPR 2022 checkpoints, or of the DAT++ release"),
    DF_OPT_UNUSED(offset_pes, "without effect in the official code"),
    DF_OPT_UNUSED(lower_lr_kvs, "learning rates of a training run"),
    DF_OPT_UNUSED(ns_per_pts, "without effect in the official code"),
    DF_OPT_UNUSED(qna_activation, "of Q blocks; cancels where the official code runs"),
    DF_OPT_UNUSED(deform_groups, "without effect in the official code"),
    DF_OPT_UNUSED(use_checkpoint, "trades time for memory in PyTorch training"),
    DF_OPT_UNUSED(pretrained, "weights to start a training run from"),
    DF_OPT_UNUSED(init_cfg, "weights to start a training run from"),
    DF_OPT_UNUSED(pretrain_config, "describes a checkpoint, not the network"),
    DF_OPT_END
};

/* ---- construction ------------------------------------------------------------------------------------------------ */

/* The official detection loader judges whether to resize tables by the first stage alone. */
static DatBlockOptions block_options(const Dat *dat, int i)
{
    static const int ksizes_2022[STAGES] = { 9, 7, 5, 3 };
    const bool old = dat->code_version == CODE_2022, detection = dat->style == DETECTION;
    const bool slide = strcmp(df_node_text(df_node_at(dat->stage_spec, "0.0"), ""), "E") == 0;
    return (DatBlockOptions){
        .dim = dat->dims.v[i], .heads = dat->heads.v[i], .side = (dat->img_size / dat->patch_size) >> i, .cell = dat->patch_size << i,
        .code_2022 = old, .fixed_size = !detection, .drop = (float)dat->drop_rate,
        .window = dat->window_sizes.v[i], .nat_ksize = dat->nat_ksizes.v[i],
        .sr_ratio = dat->sr_ratios.v[i], .heads_q = dat->heads_q.v[i], .qna_ksize = dat->ksize_qnas.v[i], .queries = dat->nqs.v[i],
        .groups = dat->groups.v[i], .use_pe = dat->use_pes.v[i], .no_off = dat->no_offs.v[i],
        .stride = dat->strides.v[i], .ksize = old ? ksizes_2022[i] : dat->ksizes.v[i],
        .offset_range_factor = dat->offset_range_factor.v[i], .local_ksize = dat->local_orf.v[i], .local_kv = dat->local_kv_sizes.v[i],
        .fixed_pe = dat->fixed_pes.v[i], .dwc_pe = dat->dwc_pes.v[i], .log_cpb = dat->log_cpb.v[i] && !old,
        .resize_windows = !(detection && slide), .resize_positions = !(detection && (dat->dwc_pes.v[0] || dat->log_cpb.v[0])),
    };
}

static DatMlpKind mlp_kind(const Dat *dat, int i)
{
    if (!dat->use_dwc_mlps.v[i])
        return DAT_MLP_PLAIN;
    return dat->code_version == CODE_2022 ? DAT_MLP_CONV_2022 : dat->use_cmt_mlps.v[i] && dat->style == DETECTION ? DAT_MLP_CMT : DAT_MLP_CONV;
}

static DfTensor *layer_scale(NnScope s, const Dat *dat, int i, int n)
{
    const double start = dat->layer_scale_values.v[i];
    if (start <= 0)
        return NULL;
    const char *name = dat->style == CLASSIFICATION ? "weight" : "gamma";
    return nn_param(nn_at(s, "layer_scales.%d", n), name, DF_SHAPE(dat->dims.v[i]), NN_AS_IS, nn_constant(start));
}

static void block_init(NnScope s, Block *b, const Dat *dat, int i, int j)
{
    const int dim = dat->dims.v[i];
    const DatBlockOptions o = block_options(dat, i);
    if (b->kind->single) {
        nn_layer_norm_init(nn_at(s, "ln_cnvnxt.%d.norm", j), &b->norm2, dim, 1e-5);
    } else {
        nn_layer_norm_init(nn_at(s, "layer_norms.%d.norm", 2 * j), &b->norm1, dim, 1e-5);
        nn_layer_norm_init(nn_at(s, "layer_norms.%d.norm", 2 * j + 1), &b->norm2, dim, 1e-5);
    }
    df_dat_mlp_init(nn_at(s, "mlps.%d", j), &b->mlp, mlp_kind(dat, i), dim, dim * dat->expansion, (float)dat->drop_rate);
    b->scale1 = layer_scale(s, dat, i, 2 * j);
    b->scale2 = layer_scale(s, dat, i, 2 * j + 1);
    if (dat->use_lpus.v[i])
        nn_conv_init(nn_at(s, "local_perception_units.%d", j), &b->lpu, dim, dim, (NnConvShape){ .kernel = 3, .padding = 1, .groups = dim });
    b->attn = nn_alloc(s, 1, b->kind->size);
    if (b->attn)
        b->kind->init(nn_at(s, "attns.%d", j), b->attn, &o);
}

static const DatBlockKind *kind_of(NnScope s, const Dat *dat, int i, int j)
{
    char path[32];
    snprintf(path, sizeof path, "%d.%d", i, j);
    const DfNode *node = df_node_at(dat->stage_spec, path);
    const char *letter = df_node_text(node, "");
    const DatBlockKind *kind = df_dat_block_kind(letter);
    if (!node)
        nn_fail(s, DF_EVALUE, "stage_spec has no letter for block %d of stage %d: depths wants %d", j, i, dat->depths.v[i]);
    else if (!kind)
        nn_fail(s, DF_EVALUE, "stage_spec has block '%s' in stage %d: want L, S, D, N, P, X, E, A or Q", letter, i);
    else if (dat->code_version == CODE_2022 && !strchr("LSD", kind->letter))
        nn_fail(s, DF_EVALUE, "stage_spec has block '%s' in stage %d: it came with the 2023 code, want code_version 2023", letter, i);
    else if (dat->style == DETECTION ? kind->only_classification : kind->only_detection)
        nn_fail(s, DF_EVALUE, "stage_spec has block '%s' in stage %d: only the %s form has such a block", letter, i,
                kind->only_detection ? "detection" : "classification");
    return nn_ok(s) ? kind : NULL;
}

static void stage_init(NnScope s, Dat *dat, int i, int before, int blocks)
{
    Stage *stage = &dat->stages[i];
    const int dim = dat->dims.v[i], in = i ? 2 * dat->dims.v[i - 1] : dat->dim_stem;
    stage->depth = dat->depths.v[i];
    if (dim % dat->heads.v[i] || (i && in != dim)) {
        nn_fail(s, DF_EVALUE, "dims[%d] = %d: want a multiple of %d heads%s", i, dim, dat->heads.v[i], i ? " and twice the stage before" : "");
        return;
    }
    if (in != dim)
        nn_pointwise_init(nn_at(s, "proj"), &stage->proj, in, dim, true);
    stage->blocks = nn_alloc(s, (size_t)stage->depth, sizeof *stage->blocks);
    for (int j = 0; nn_ok(s) && j < stage->depth; j++) {
        Block *b = &stage->blocks[j];
        b->kind = kind_of(s, dat, i, j);
        b->drop_path = df_transformer_drop_path(dat->drop_path_rate, before + j, blocks);
        if (b->kind)
            block_init(s, b, dat, i, j);
    }
}

static void stem_init(NnScope s, Dat *dat)
{
    const int dim = dat->dim_stem, patch = dat->patch_size;
    if (!dat->use_conv_patches || dat->code_version == CODE_2022) {
        const NnConvShape shape = dat->use_conv_patches ? (NnConvShape){ .kernel = 7, .stride = patch, .padding = 3 }
                                                        : (NnConvShape){ .kernel = patch, .stride = patch };
        nn_conv_init(nn_at(s, "0"), &dat->stem[0], 3, dim, shape);
        nn_layer_norm_init(nn_at(s, "1.norm"), &dat->stem_norm[0], dim, 1e-5);
        return;
    }
    if (patch < 2 || dim < 2) {
        nn_fail(s, DF_EVALUE, "use_conv_patches with patch_size = %d and dim_stem = %d: want at least 2", patch, dim);
        return;
    }
    const NnConvShape half = { .kernel = 3, .stride = patch / 2, .padding = 1 };
    nn_conv_init(nn_at(s, "0"), &dat->stem[0], 3, dim / 2, half);
    nn_layer_norm_init(nn_at(s, "1.norm"), &dat->stem_norm[0], dim / 2, 1e-5);
    nn_conv_init(nn_at(s, "3"), &dat->stem[1], dim / 2, dim, half);
    nn_layer_norm_init(nn_at(s, "4.norm"), &dat->stem_norm[1], dim, 1e-5);
}

static void down_init(NnScope s, Stage *stage, const Dat *dat, int i)
{
    const NnConvShape shape = dat->use_conv_patches ? (NnConvShape){ .kernel = 3, .stride = 2, .padding = 1, .no_bias = true }
                                                    : (NnConvShape){ .kernel = 2, .stride = 2, .no_bias = true };
    nn_conv_init(nn_at(s, "%d.0", i), &stage->down, dat->dims.v[i], dat->dims.v[i + 1], shape);
    nn_layer_norm_init(nn_at(s, "%d.1.norm", i), &stage->down_norm, dat->dims.v[i + 1], 1e-5);
}

static bool has_output_norm(const Dat *dat, int i)
{
    for (int k = 0; k < dat->out_indices.n; k++)
        if (dat->out_indices.v[k] == i)
            return true;
    return false;
}

static void outputs_init(NnScope s, Dat *dat)
{
    for (int i = 0; nn_ok(s) && dat->style == DETECTION && i < STAGES; i++) {
        if (!has_output_norm(dat, i))
            continue;
        const NnScope at = nn_at(s, "norms.%d.norm", i);
        nn_layer_norm_init(at, &dat->stages[i].norm, dat->dims.v[i], 1e-5);
        nn_optional(at); /* a classification checkpoint has none; the official loader leaves them as they are */
    }
    if (dat->style == DETECTION)
        return;
    nn_layer_norm_init(nn_at(s, "cls_norm.norm"), &dat->cls_norm, dat->dims.v[STAGES - 1], 1e-5);
    nn_linear_init(nn_at(s, "cls_head"), &dat->cls_head, dat->dims.v[STAGES - 1], dat->num_classes, true);
}

/* Every list has an entry per stage; what the chosen code does not know must not be asked for. */
static bool options_fit(NnScope s, const Dat *dat)
{
    for (const DfOpt *o = opts; o->name; o++) {
        if ((o->kind != DF_KIND_INTS && o->kind != DF_KIND_FLOATS && o->kind != DF_KIND_BOOLS) || strcmp(o->name, "out_indices") == 0)
            continue;
        int n;
        memcpy(&n, (const char *)dat + o->offset, sizeof n); /* a list begins with its length */
        if (n != STAGES)
            nn_fail(s, DF_EVALUE, "%s has %d entries: want %d, one a stage", o->name, n, STAGES);
    }
    for (int i = 0; nn_ok(s) && i < STAGES; i++)
        if (dat->code_version == CODE_2022 && (dat->use_lpus.v[i] || dat->layer_scale_values.v[i] > 0 || dat->log_cpb.v[i]))
            nn_fail(s, DF_EVALUE, "use_lpus, layer_scale_values and log_cpb came with the 2023 code: want code_version 2023");
    return nn_ok(s);
}

static void init(NnScope s, void *self)
{
    Dat *dat = self;
    if (!options_fit(s, dat))
        return;
    int blocks = 0, before = 0;
    for (int i = 0; i < STAGES; i++)
        blocks += dat->depths.v[i];
    stem_init(nn_at(s, "patch_proj"), dat);
    for (int i = 0; nn_ok(s) && i < STAGES; before += dat->depths.v[i++])
        stage_init(nn_at(s, "stages.%d", i), dat, i, before, blocks);
    for (int i = 0; nn_ok(s) && i < STAGES - 1; i++)
        down_init(nn_at(s, "down_projs"), &dat->stages[i], dat, i);
    outputs_init(s, dat);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static DfTensor *attend(DfCtx *c, const Block *b, DfTensor *x, int j)
{
    const DfMark m = df_enter(c, "attns", j);
    const NnResidual r = { .residual = x, .scale = b->scale1, .drop_path = b->drop_path };
    DfTensor *y = b->kind->single ? b->kind->forward(c, b->attn, x, (NnResidual){ 0 })
                                  : b->kind->forward(c, b->attn, nn_layer_norm(c, &b->norm1, x), r);
    return df_leave(c, m, y);
}

static DfTensor *perceive(DfCtx *c, const Block *b, DfTensor *x, DfTensor *residual, int j)
{
    const DfMark m = df_enter(c, "mlps", j);
    const NnResidual r = { .residual = residual, .scale = b->kind->single ? NULL : b->scale2, .drop_path = b->drop_path };
    return df_leave(c, m, df_dat_mlp_add(c, &b->mlp, nn_layer_norm(c, &b->norm2, x), r));
}

static DfTensor *run_block(DfCtx *c, const Block *b, DfTensor *x, int j)
{
    const DfMark m = df_enter(c, NULL, -1);
    if (b->lpu.weight)
        x = nn_conv_fused(c, &b->lpu, x, (DfFuse){ .residual = x });
    DfTensor *y = attend(c, b, x, j);
    return df_leave(c, m, perceive(c, b, y, b->kind->single ? x : y, j));
}

static DfTensor *run_stage(DfCtx *c, const Dat *dat, int i, DfTensor *x)         /* B H W C -> B H W C */
{
    const Stage *stage = &dat->stages[i];
    const DfMark m = df_enter(c, "stages", i);
    if (stage->proj.weight)
        x = nn_linear(c, &stage->proj, x);
    x = run_block(c, &stage->blocks[0], x, 0); /* its input is the caller's */
    for (int j = 1; j < stage->depth; j++)
        df_next(c, &x, run_block(c, &stage->blocks[j], x, j));
    return df_leave(c, m, x);
}

static DfTensor *stem(DfCtx *c, const Dat *dat, DfTensor *image)                 /* N H W 3 -> N H/4 W/4 C */
{
    const DfMark m = df_enter(c, "patch_proj", -1);
    DfTensor *x = nn_layer_norm(c, &dat->stem_norm[0], nn_conv(c, &dat->stem[0], image));
    if (dat->stem[1].weight)
        x = nn_layer_norm(c, &dat->stem_norm[1], nn_conv(c, &dat->stem[1], df_gelu(c, x)));
    return df_leave(c, m, x);
}

static DfTensor *down(DfCtx *c, const Stage *stage, DfTensor *x, int i)
{
    const DfMark m = df_enter(c, "down_projs", i);
    return df_leave(c, m, nn_layer_norm(c, &stage->down_norm, nn_conv(c, &stage->down, x)));
}

static void forward(DfCtx *c, const void *self, DfTensor *image, DfMaps *out)
{
    const Dat *dat = self;
    *out = (DfMaps){ 0 };
    df_transformer_check(c, image, dat->style == CLASSIFICATION ? dat->img_size : 0, dat->attn_drop_rate);
    DfTensor *x = stem(c, dat, image);
    for (int i = 0; i < STAGES; i++) {
        DfTensor *y = run_stage(c, dat, i, x);
        if (dat->style == DETECTION)
            out->map[out->n++] = dat->stages[i].norm.weight ? nn_layer_norm(c, &dat->stages[i].norm, y) : y;
        x = i < STAGES - 1 ? down(c, &dat->stages[i], y, i) : y;
    }
    if (dat->style == CLASSIFICATION)
        out->logits = nn_linear(c, &dat->cls_head, df_mean_tokens(c, nn_layer_norm(c, &dat->cls_norm, x)));
}

static const char *const ignorable[] = {
    "*.relative_position_index", "*.attn_mask", "*.q_grid", "*.reference", "cls_norm.norm.weight", "cls_norm.norm.bias", "cls_head.weight", "cls_head.bias", NULL
};

const DfBackbone df_backbone_dat = {
    .name = "DAT",
    .help = "Vision Transformer with Deformable Attention (Xia et al., CVPR 2022)",
    .size = sizeof(Dat),
    .opts = opts,
    .init = init,
    .forward = forward,
    .ignorable = ignorable,
};
