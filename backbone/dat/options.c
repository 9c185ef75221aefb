/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/options.c -- the arguments of the official constructors, and the rules between them. Letters name kinds
 * of blocks (kinds.h): an option that begins with a letter applies only to blocks of this kind.
 */
#include <string.h>

#include "backbone/dat/network.h"

#define FALSE_4 "[False, False, False, False]"
#define SPEC "[['L', 'D'], ['L', 'D'], ['L', 'D', 'L', 'D', 'L', 'D'], ['L', 'D']]"

const DfOpt df_dat_opts[] = {
    /* the whole network */
    DF_OPT_ENUM(Dat, style, detection, "detection|classification",
                "detection: maps, for images of any size; classification: logits, for any that divide into windows"),
    DF_OPT_ENUM(Dat, code_version, 2023, "2022|2023",
                "2022: the arithmetic of the CVPR 2022 checkpoints; 2023: that of the DAT++ release"),
    DF_OPT_INT(Dat, img_size, 224, 1, 65536, "side of the image that position tables are made for, in pixels"),
    DF_OPT_INT(Dat, patch_size, 4, 1, 64, "side of a patch, in pixels"),
    DF_OPT_INT(Dat, num_classes, 1000, 1, 1000000, "classification: number of classes"),
    DF_OPT_INTS(Dat, out_indices, "[0, 1, 2, 3]", 0, 3,
                "detection: stages whose maps are normalised; the maps of all four stages are output"),

    /* stages */
    DF_OPT_NODE(Dat, stage_spec, SPEC, "kind of each block, stage by stage: L, S, D, N, P, X, E, A or Q"),
    DF_OPT_INT(Dat, dim_stem, 96, 1, 8192, "number of channels of the patch embedding"),
    DF_OPT_INTS(Dat, dims, "[96, 192, 384, 768]", 1, 8192,
                "number of channels of each stage; each stage has twice those of the one before"),
    DF_OPT_INTS(Dat, depths, "[2, 2, 6, 2]", 1, 1000, "number of blocks of each stage"),
    DF_OPT_INTS(Dat, heads, "[3, 6, 12, 24]", 1, 1024, "number of attention heads of each stage"),
    DF_OPT_BOOL(Dat, use_conv_patches, False, "patches overlap: 3x3 convolutions in the stem and between stages"),
    DF_OPT_BOOLS(Dat, use_lpus, FALSE_4, "each block begins with x + dwconv3x3(x), a local perception unit"),
    DF_OPT_FLOATS(Dat, layer_scale_values, "[-1, -1, -1, -1]", -1e6, 1e6,
                  "starting value of the layer scale; 0 or less: no layer scale"),

    /* MLPs */
    DF_OPT_INT(Dat, expansion, 4, 1, 64, "hidden width of a block's MLP, in multiples of its channels"),
    DF_OPT_BOOLS(Dat, use_dwc_mlps, FALSE_4, "the MLP has a depthwise 3x3 convolution"),
    DF_OPT_BOOLS(Dat, use_cmt_mlps, FALSE_4, "detection, with use_dwc_mlps: the MLP of CMT, which has batch norms"),

    /* training */
    DF_OPT_FLOAT(Dat, drop_rate, 0.0, 0, 0.99, "training: dropout after the projections and in the MLPs"),
    DF_OPT_FLOAT(Dat, attn_drop_rate, 0.0, 0, 0.99, "training: dropout of attention weights"),
    DF_OPT_FLOAT(Dat, drop_path_rate, 0.0, 0, 0.99,
                 "training: probability that the last block is skipped (stochastic depth); it grows linearly from 0"),
    DF_OPT_BOOL(Dat, use_checkpoint, False, "training: recompute stages in the backward pass, to save memory"),

    /* D: deformable attention */
    DF_OPT_INTS(Dat, groups, "[-1, -1, 3, 6]", -1, 1024,
                "D, A: number of groups of channels; each group has offsets of its own"),
    DF_OPT_INTS(Dat, strides, "[-1, -1, -1, -1]", -1, 64, "D: distance of the reference points, in tokens"),
    DF_OPT_INTS(Dat, ksizes, "[9, 7, 5, 3]", 1, 63,
                "D: kernel of the offset network's convolution; code_version 2022 always has the default"),
    DF_OPT_FLOATS(Dat, offset_range_factor, "[1, 2, 3, 4]", -1e6, 1e6,
                  "D: largest offset, in cells of the sampling grid; below 0: any offset, clamped to the map"),
    DF_OPT_BOOLS(Dat, no_offs, FALSE_4,
                 "D, A: samples stay at their reference points; D of code_version 2023: keys are average-pooled"),
    DF_OPT_BOOLS(Dat, use_pes, FALSE_4, "D, A: add a position bias to the scores"),
    DF_OPT_BOOLS(Dat, dwc_pes, FALSE_4, "D: this bias is a depthwise convolution of the queries, added to the result"),
    DF_OPT_BOOLS(Dat, fixed_pes, FALSE_4, "D: this bias is a table with an entry for each pair of query and sample"),
    DF_OPT_BOOLS(Dat, log_cpb, FALSE_4, "D: this bias is a small network of the log-spaced distance, as in Swin v2"),

    /* the other kinds */
    DF_OPT_INTS(Dat, window_sizes, "[7, 7, 7, 7]", 1, 64,
                "L, S: side of a window, in tokens; X: kernel of its convolution"),
    DF_OPT_INTS(Dat, nat_ksizes, "[3, 3, 3, 3]", -1, 63, "N: side of the neighborhood, in tokens"),
    DF_OPT_INTS(Dat, sr_ratios, "[8, 4, 2, 1]", -1, 64, "P: factor by which each side of the map of keys is reduced"),
    DF_OPT_INTS(Dat, local_orf, "[-1, -1, -1, -1]", -1, 63, "A: kernel of the offset network's convolution"),
    DF_OPT_INTS(Dat, local_kv_sizes, "[-1, -1, -1, -1]", -1, 63, "A: side of the neighborhood, in tokens"),
    DF_OPT_INTS(Dat, heads_q, "[6, 12, 24, 48]", -1, 1024, "Q: number of attention heads of each stage"),
    DF_OPT_INTS(Dat, ksize_qnas, "[3, 3, 3, 3]", -1, 63,
                "Q: side of the neighborhood, in tokens; only 1 is supported, because the official code fails with any "
                "other"),
    DF_OPT_INTS(Dat, nqs, "[2, 2, 2, 2]", -1, 64, "Q: number of learned queries"),

    DF_OPT_UNUSED(offset_pes, "has no effect in the official code"),
    DF_OPT_UNUSED(ns_per_pts, "has no effect in the official code"),
    DF_OPT_UNUSED(deform_groups, "has no effect in the official code"),
    DF_OPT_UNUSED(qna_activation, "activation of Q blocks; it has no effect with a neighborhood of 1"),
    DF_OPT_UNUSED(lower_lr_kvs, "parameters with a lower learning rate in training"),
    DF_OPT_UNUSED(pretrained, "in training: weights to begin with, if they are a file"),
    DF_OPT_UNUSED(init_cfg, "in training: weights to begin with, if they are a file"),
    DF_OPT_UNUSED(pretrain_config, "describes a checkpoint, not the network"),
    DF_OPT_END
};

static bool is_per_stage(const DfOpt *o)
{
    const bool is_list = o->kind == DF_KIND_INTS || o->kind == DF_KIND_FLOATS || o->kind == DF_KIND_BOOLS;
    return is_list && strcmp(o->name, "out_indices") != 0;
}

static void lists_fit(NnScope s, const Dat *dat)
{
    for (const DfOpt *o = df_dat_opts; o->name; o++) {
        if (!is_per_stage(o))
            continue;
        int n;
        memcpy(&n, (const char *)dat + o->offset, sizeof n); /* a list begins with its length, whatever it holds */
        if (n != DAT_STAGES)
            nn_fail(s, DF_EVALUE, "%s has %d entries: want %d, one a stage", o->name, n, DAT_STAGES);
    }
}

static bool asks_for_later_code(const Dat *dat, int stage)
{
    return dat->use_lpus.v[stage] || dat->layer_scale_values.v[stage] > 0 || dat->log_cpb.v[stage];
}

bool df_dat_options_fit(NnScope s, const Dat *dat)
{
    lists_fit(s, dat);
    for (int i = 0; nn_ok(s) && i < DAT_STAGES; i++)
        if (dat->code_version == DAT_CODE_2022 && asks_for_later_code(dat, i))
            nn_fail(s, DF_EVALUE, "use_lpus, layer_scale_values and log_cpb came with the 2023 code: "
                    "want code_version 2023");
    return nn_ok(s);
}
