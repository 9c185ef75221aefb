/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/transformers_swin.c -- names of Swin and Swin v2 in transformers, as classifiers and in UPerNet; our
 * names are the official ones, and mmseg's for UPerNet.
 */
#include "nn/dialects/transformers.h"

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

#define NORMS_AND_MLP \
    NN_ROW("layernorm_before.*", "norm1.*"), \
    NN_ROW("layernorm_after.*", "norm2.*"), \
    NN_ROW("attention.output.dense.*", "attn.proj.*"), \
    NN_ROW("intermediate.dense.*", "mlp.fc1.*"), \
    NN_ROW("output.dense.*", "mlp.fc2.*"), \
    NN_ROW_NEEDLESS("attention.self.relative_position_index"), \
    NN_ROW_NEEDLESS("attention.self.relative_coords_table")

/* Release 5 has other names in memory, which files written by torch.save() contain. */
static const NnRow block[] = {
    NN_ROW("attention.self.{query|key|value}.*", "attn.qkv.*"),
    NN_ROW("attention.self.relative_position_bias_table", "attn.relative_position_bias_table"),
    NORMS_AND_MLP,
    NN_ROW_OLD("attention.{q_proj|k_proj|v_proj}.*", "attn.qkv.*"),
    NN_ROW_OLD("attention.o_proj.*", "attn.proj.*"),
    NN_ROW_OLD("attention.relative_position_bias.relative_position_bias_table", "attn.relative_position_bias_table"),
    NN_ROW_NEEDLESS("attention.relative_position_bias.relative_position_index"),
    NN_ROW_OLD("mlp.*", "mlp.*"),
    NN_ROWS_END
};

/* Keys have no bias. */
static const NnRow block_v2[] = {
    NN_ROW("attention.self.query.bias", "attn.q_bias"),
    NN_ROW("attention.self.value.bias", "attn.v_bias"),
    NN_ROW("attention.self.{query|key|value}.weight", "attn.qkv.weight"),
    NN_ROW("attention.self.logit_scale", "attn.logit_scale"),
    NN_ROW("attention.self.continuous_position_bias_mlp.*", "attn.cpb_mlp.*"),
    NORMS_AND_MLP,
    NN_ROWS_END
};

/* ---- the network ------------------------------------------------------------------------------------------------- */

#define BODY(of_block) \
    NN_ROW("embeddings.patch_embeddings.projection.*", "patch_embed.proj.*"), \
    NN_ROW("embeddings.norm.*", "patch_embed.norm.*"), \
    NN_ROW("embeddings.position_embeddings", "absolute_pos_embed"), \
    NN_ROW_NEEDLESS("embeddings.mask_token"), \
    NN_ROW_TABLE("encoder.layers.{s}.blocks.{b}.*", "layers.{s}.blocks.{b}.*", of_block), \
    NN_ROW("encoder.layers.{s}.downsample.*", "layers.{s}.downsample.*"), \
    NN_ROWS_END

static const NnRow body[] = { BODY(block) };
static const NnRow body_v2[] = { BODY(block_v2) };

static const NnRow swin[] = {
    NN_ROW("swin.layernorm.*", "norm.*"),
    NN_ROW_TABLE("swin.*", "*", body),
    NN_ROW("classifier.*", "head.*"),
    NN_ROWS_END
};
static const NnRow swin_v2[] = {
    NN_ROW("swinv2.layernorm.*", "norm.*"),
    NN_ROW_TABLE("swinv2.*", "*", body_v2),
    NN_ROW("classifier.*", "head.*"),
    NN_ROWS_END
};

const NnDialect nn_dialect_transformers_swin = {
    .package = "transformers",
    .what = "Swin",
    .ours = "official",
    .is_backbone = true,
    .signs = (const char *const[]){ "swin.embeddings.patch_embeddings.projection.weight",
                                    "swin.encoder.layers.0.blocks.0.layernorm_before.weight", NULL },
    .rows = swin,
};
const NnDialect nn_dialect_transformers_swin_v2 = {
    .package = "transformers",
    .what = "Swin v2",
    .ours = "official",
    .is_backbone = true,
    .signs = (const char *const[]){ "swinv2.embeddings.patch_embeddings.projection.weight",
                                    "swinv2.encoder.layers.0.blocks.0.layernorm_before.weight", NULL },
    .rows = swin_v2,
};

/* ---- UPerNet ----------------------------------------------------------------------------------------------------- */

/* A backbone does not use the last norm. */
static const NnRow backbone[] = {
    NN_ROW("hidden_states_norms.stage{n+1}.*", "norm{n}.*"),
    NN_ROW_NEEDLESS("layernorm.*"),
    NN_ROW_NEEDLESS("swin.layernorm.*"),
    NN_ROW_TABLE("*", "*", body),
    NN_ROWS_END
};
static const NnRow backbone_v2[] = {
    NN_ROW_NEEDLESS("layernorm.*"),
    NN_ROW_TABLE("*", "*", body_v2),
    NN_ROWS_END
};
static const NnRow upernet[] = {
    NN_ROW_TABLE("backbone.*", "backbone.*", backbone),
    TRANSFORMERS_UPER_HEADS,
    NN_ROWS_END
};
/* The names that torch.save() writes with release 5. */
static const NnRow upernet_saved[] = {
    NN_ROW("backbone.hidden_states_norms.stage{n+1}.*", "backbone.norm{n}.*"),
    NN_ROW_NEEDLESS("backbone.swin.layernorm.*"),
    NN_ROW_TABLE("backbone.swin.*", "backbone.*", body),
    TRANSFORMERS_UPER_HEADS,
    NN_ROWS_END
};
static const NnRow upernet_v2[] = {
    NN_ROW_TABLE("backbone.*", "backbone.*", backbone_v2),
    TRANSFORMERS_UPER_HEADS,
    NN_ROWS_END
};

const NnDialect nn_dialect_transformers_upernet_swin = {
    .package = "transformers",
    .what = "UPerNet with Swin",
    .ours = "mmseg",
    .signs = (const char *const[]){ "decode_head.classifier.weight", "backbone.hidden_states_norms.*.weight", NULL },
    .rows = upernet,
};
const NnDialect nn_dialect_transformers_upernet_swin_saved = {
    .package = "transformers",
    .what = "UPerNet with Swin, as torch.save() has it",
    .ours = "mmseg",
    .signs = (const char *const[]){ "decode_head.classifier.weight", "backbone.swin.embeddings.norm.weight", NULL },
    .rows = upernet_saved,
};
const NnDialect nn_dialect_transformers_upernet_swin_v2 = {
    .package = "transformers",
    .what = "UPerNet with Swin v2",
    .ours = "mmseg",
    .signs = (const char *const[]){ "decode_head.classifier.weight",
                                    "backbone.encoder.layers.0.blocks.0.attention.self.logit_scale", NULL },
    .rows = upernet_v2,
};
