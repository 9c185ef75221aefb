/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/build.c -- builds the modules of a DAT, under the names of the official checkpoints.
 */
#include <stdio.h>
#include <string.h>

#include "backbone/dat/kinds.h"
#include "backbone/dat/network.h"

/* ---- one block --------------------------------------------------------------------------------------------------- */

static DatBlockOptions block_options(const Dat *dat, int i)
{
    static const int ksizes_2022[DAT_STAGES] = { 9, 7, 5, 3 };
    const bool old = dat->code_version == DAT_CODE_2022;
    const bool detects = dat->style == DAT_DETECTION;
    /* The official detection code looks at the first block and the first stage to decide whether tables are resized. */
    const bool begins_with_slide = strcmp(df_node_text(df_node_at(dat->stage_spec, "0.0"), ""), "E") == 0;
    const bool begins_without_table = dat->dwc_pes.v[0] || dat->log_cpb.v[0];
    return (DatBlockOptions){
        .dim = dat->dims.v[i],
        .heads = dat->heads.v[i],
        .side = (dat->img_size / dat->patch_size) >> i,
        .cell = dat->patch_size << i,
        .code_2022 = old,
        .fixed_size = !detects,
        .drop = (float)dat->drop_rate,
        .attn_drop = (float)dat->attn_drop_rate,
        .window = dat->window_sizes.v[i],
        .nat_ksize = dat->nat_ksizes.v[i],
        .sr_ratio = dat->sr_ratios.v[i],
        .heads_q = dat->heads_q.v[i],
        .qna_ksize = dat->ksize_qnas.v[i],
        .queries = dat->nqs.v[i],
        .groups = dat->groups.v[i],
        .use_pe = dat->use_pes.v[i],
        .no_off = dat->no_offs.v[i],
        .stride = dat->strides.v[i],
        .ksize = old ? ksizes_2022[i] : dat->ksizes.v[i],
        .offset_range_factor = dat->offset_range_factor.v[i],
        .local_ksize = dat->local_orf.v[i],
        .local_kv = dat->local_kv_sizes.v[i],
        .fixed_pe = dat->fixed_pes.v[i],
        .dwc_pe = dat->dwc_pes.v[i],
        .log_cpb = dat->log_cpb.v[i] && !old,
        .resize_windows = !(detects && begins_with_slide),
        .resize_positions = !(detects && begins_without_table),
    };
}

static DatMlpKind mlp_kind(const Dat *dat, int i)
{
    if (!dat->use_dwc_mlps.v[i])
        return DAT_MLP_PLAIN;
    if (dat->code_version == DAT_CODE_2022)
        return DAT_MLP_CONV_2022;
    if (dat->style == DAT_DETECTION && dat->use_cmt_mlps.v[i]) /* the classification code has no CMT form */
        return DAT_MLP_CMT;
    return DAT_MLP_CONV;
}

/* NULL if the stage has none. The two codes give it different names. */
static DfTensor *layer_scale(NnScope s, const Dat *dat, int i, int n)
{
    const double start = dat->layer_scale_values.v[i];
    if (start <= 0)
        return NULL;
    const char *name = dat->style == DAT_CLASSIFICATION ? "weight" : "gamma";
    return nn_param(nn_at(s, "layer_scales.%d", n), name, DF_SHAPE(dat->dims.v[i]), NN_AS_IS, nn_constant(start));
}

static void norms_init(NnScope s, DatBlock *b, int dim, int j)
{
    if (b->kind->single) {
        nn_layer_norm_init(nn_at(s, "ln_cnvnxt.%d.norm", j), &b->norm2, dim, 1e-5);
        return;
    }
    nn_layer_norm_init(nn_at(s, "layer_norms.%d.norm", 2 * j), &b->norm1, dim, 1e-5);
    nn_layer_norm_init(nn_at(s, "layer_norms.%d.norm", 2 * j + 1), &b->norm2, dim, 1e-5);
}

static void block_init(NnScope s, DatBlock *b, const Dat *dat, int i, int j)
{
    const int dim = dat->dims.v[i];
    const DatBlockOptions o = block_options(dat, i);
    b->drop_path = df_transformer_drop_path(dat->drop_path_rate, dat->depths, i, j);
    norms_init(s, b, dim, j);
    df_dat_mlp_init(nn_at(s, "mlps.%d", j), &b->mlp, mlp_kind(dat, i), dim, dim * dat->expansion, o.drop);
    b->scale1 = layer_scale(s, dat, i, 2 * j);
    b->scale2 = layer_scale(s, dat, i, 2 * j + 1);
    if (dat->use_lpus.v[i]) {
        const NnConvShape depthwise = { .kernel = 3, .padding = 1, .groups = dim };
        nn_conv_init(nn_at(s, "local_perception_units.%d", j), &b->lpu, dim, dim, depthwise);
    }
    b->attn = nn_alloc(s, 1, b->kind->size);
    if (b->attn)
        b->kind->init(nn_at(s, "attns.%d", j), b->attn, &o);
}

/* ---- stages ------------------------------------------------------------------------------------------------------ */

static bool kind_fits(const DatBlockKind *kind, int style)
{
    return style == DAT_DETECTION ? !kind->only_classification : !kind->only_detection;
}

/* What stage_spec says of block j of stage i. NULL poisons the model. */
static const DatBlockKind *kind_of(NnScope s, const Dat *dat, int i, int j)
{
    char path[32];
    snprintf(path, sizeof path, "%d.%d", i, j);
    const DfNode *node = df_node_at(dat->stage_spec, path);
    const char *letter = df_node_text(node, "");
    const DatBlockKind *kind = df_dat_block_kind(letter);
    if (!node)
        nn_fail(s, DF_EVALUE, "stage_spec has no letter for block %d of stage %d: depths wants %d",
                j, i, dat->depths.v[i]);
    else if (!kind)
        nn_fail(s, DF_EVALUE, "stage_spec has block '%s' in stage %d: want L, S, D, N, P, X, E, A or Q", letter, i);
    else if (dat->code_version == DAT_CODE_2022 && !strchr("LSD", kind->letter))
        nn_fail(s, DF_EVALUE, "stage_spec has block '%s' in stage %d: it came with the 2023 code, "
                "want code_version 2023", letter, i);
    else if (!kind_fits(kind, dat->style))
        nn_fail(s, DF_EVALUE, "stage_spec has block '%s' in stage %d: only the %s form has such a block", letter, i,
                kind->only_detection ? "detection" : "classification");
    return nn_ok(s) ? kind : NULL;
}

static void stage_init(NnScope s, Dat *dat, int i)
{
    DatStage *stage = &dat->stages[i];
    const int dim = dat->dims.v[i];
    const int in = i ? 2 * dat->dims.v[i - 1] : dat->dim_stem;
    stage->depth = dat->depths.v[i];
    if (dim % dat->heads.v[i] || (i && in != dim)) {
        nn_fail(s, DF_EVALUE, "dims[%d] = %d: want a multiple of %d heads%s", i, dim, dat->heads.v[i],
                i ? " and twice the stage before" : "");
        return;
    }
    if (in != dim)
        nn_pointwise_init(nn_at(s, "proj"), &stage->proj, in, dim, true);
    stage->blocks = nn_alloc(s, (size_t)stage->depth, sizeof *stage->blocks);
    for (int j = 0; nn_ok(s) && j < stage->depth; j++) {
        stage->blocks[j].kind = kind_of(s, dat, i, j);
        if (stage->blocks[j].kind)
            block_init(s, &stage->blocks[j], dat, i, j);
    }
}

static void down_init(NnScope s, DatStage *stage, const Dat *dat, int i)
{
    NnConvShape shape = { .kernel = 2, .stride = 2, .no_bias = true };
    if (dat->use_conv_patches) {
        shape.kernel = 3;
        shape.padding = 1;
    }
    nn_conv_init(nn_at(s, "%d.0", i), &stage->down, dat->dims.v[i], dat->dims.v[i + 1], shape);
    nn_layer_norm_init(nn_at(s, "%d.1.norm", i), &stage->down_norm, dat->dims.v[i + 1], 1e-5);
}

/* ---- the ends ---------------------------------------------------------------------------------------------------- */

static void one_conv_stem_init(NnScope s, Dat *dat, NnConvShape shape)
{
    nn_conv_init(nn_at(s, "0"), &dat->stem[0], 3, dat->dim_stem, shape);
    nn_layer_norm_init(nn_at(s, "1.norm"), &dat->stem_norm[0], dat->dim_stem, 1e-5);
}

/* DAT++: two convolutions of half the stride, norm and GELU between. */
static void two_convs_stem_init(NnScope s, Dat *dat)
{
    const int dim = dat->dim_stem, patch = dat->patch_size;
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

static void stem_init(NnScope s, Dat *dat)
{
    const int patch = dat->patch_size;
    if (!dat->use_conv_patches)
        one_conv_stem_init(s, dat, (NnConvShape){ .kernel = patch, .stride = patch });
    else if (dat->code_version == DAT_CODE_2022)
        one_conv_stem_init(s, dat, (NnConvShape){ .kernel = 7, .stride = patch, .padding = 3 });
    else
        two_convs_stem_init(s, dat);
}

static void map_norms_init(NnScope s, Dat *dat)
{
    for (int i = 0; nn_ok(s) && i < DAT_STAGES; i++) {
        if (!df_ints_have(dat->out_indices, i))
            continue;
        const NnScope at = nn_at(s, "norms.%d.norm", i);
        nn_layer_norm_init(at, &dat->stages[i].norm, dat->dims.v[i], 1e-5);
        nn_optional(at); /* a classification checkpoint has none; the official loader leaves them as they are */
    }
}

static void classifier_init(NnScope s, Dat *dat)
{
    const int dim = dat->dims.v[DAT_STAGES - 1];
    nn_layer_norm_init(nn_at(s, "cls_norm.norm"), &dat->cls_norm, dim, 1e-5);
    nn_linear_init(nn_at(s, "cls_head"), &dat->cls_head, dim, dat->num_classes, true);
}

void df_dat_init(NnScope s, void *self)
{
    Dat *dat = self;
    if (!df_dat_options_fit(s, dat))
        return;
    stem_init(nn_at(s, "patch_proj"), dat);
    for (int i = 0; nn_ok(s) && i < DAT_STAGES; i++)
        stage_init(nn_at(s, "stages.%d", i), dat, i);
    for (int i = 0; nn_ok(s) && i < DAT_STAGES - 1; i++)
        down_init(nn_at(s, "down_projs"), &dat->stages[i], dat, i);
    if (dat->style == DAT_DETECTION)
        map_norms_init(s, dat);
    else
        classifier_init(s, dat);
}
