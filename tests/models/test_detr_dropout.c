/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_detr_dropout.c -- every dropout that a config of DETR or Deformable DETR names is obeyed, in its place.
 */
#include "tests/models/detr_networks.h"

static float training_loss(const char *text)
{
    Run r;
    open_run(&r, text);
    r.c->training = true;
    DfLosses *losses = losses_of(&r);
    const float total = losses->total->data[0];
    df_free(losses);
    close_run(&r);
    return total;
}

#define SELF(more) "dict(type='MultiheadAttention', embed_dims=32, num_heads=2" more ")"
#define SAMPLED(more) "dict(type='MultiScaleDeformableAttention', embed_dims=32, num_heads=2" more ")"
#define LAYERS(name, layers, attention, ffn) \
    name "=dict(num_layers=" layers ", transformerlayers=dict(attn_cfgs=" attention ", feedforward_channels=16" ffn "))"
#define DROPPING(encoder, encoder_ffn, self, cross, ffn) \
    DETR("type='DETRHead', num_query=9, transformer=dict(" LAYERS("encoder", "2", SELF(encoder), encoder_ffn) ", " \
         LAYERS("decoder", "3", "[" SELF(self) ", " SELF(cross) "]", ffn) ")", "")
#define DROPPING_SAMPLED(encoder, encoder_ffn, self, cross, ffn) \
    "model = dict(type='DeformableDETR',\n" BACKBONE("(1, 2, 3)") \
    "    neck=dict(" MAPPER "),\n" \
    "    bbox_head=dict(type='DeformableDETRHead', num_query=9, num_classes=7, transformer=dict(\n" \
    "        " LAYERS("encoder", "2", SAMPLED(encoder), encoder_ffn) ",\n" \
    "        " LAYERS("decoder", "3", "[" SELF(self) ", " SAMPLED(cross) "]", ffn) "),\n" \
    "        positional_encoding=dict(type='SinePositionalEncoding', normalize=True, offset=-0.5)))\n"
#define LAYER(p) ", dropout_layer=dict(type='Dropout', drop_prob=" p ")"
#define FFN_CFGS(more) ", ffn_cfgs=dict(type='FFN', embed_dims=32" more ")"

/* Every place has a probability of its own: each changes the loss, and no two in the same way. */
static void tell_apart(const char *const *texts, int n)
{
    float loss[8];
    for (int i = 0; i < n; i++) {
        loss[i] = training_loss(texts[i]);
        for (int j = 0; j < i; j++)
            cr_expect_neq(loss[i], loss[j], "%d and %d give the same loss", i, j);
    }
}

Test(detr_dropout, dropout_of_each_place)
{
    tell_apart((const char *[]){ DROPPING("", "", "", "", ""), DROPPING(", dropout=0.3", "", "", "", ""), DROPPING("", ", ffn_dropout=0.3", "", "", ""),
                                 DROPPING("", "", ", dropout=0.3", "", ""), DROPPING("", "", "", ", dropout=0.3", ""),
                                 DROPPING("", "", "", "", ", ffn_dropout=0.3"), DROPPING(", attn_drop=0.3", "", "", "", ""),
                                 DROPPING(", proj_drop=0.3", "", "", "", "") }, 8);
    tell_apart((const char *[]){ DROPPING_SAMPLED("", "", "", "", ""), DROPPING_SAMPLED(", dropout=0.0", "", "", "", ""),
                                 DROPPING_SAMPLED("", ", ffn_dropout=0.3", "", "", ""), DROPPING_SAMPLED("", "", ", dropout=0.3", "", ""),
                                 DROPPING_SAMPLED("", "", "", ", dropout=0.0", ""), DROPPING_SAMPLED("", "", "", "", ", ffn_dropout=0.3") }, 6);
}

static void same_training(const char *a, const char *b)
{
    cr_expect_eq(training_loss(a), training_loss(b), "%s\nand\n%s", a, b);
}

/* Older and newer keys of mmcv, what it takes for a key that is not there, and two dropouts one behind the other. */
Test(detr_dropout, dropout_by_other_keys)
{
    same_training(DROPPING(", dropout=0.3", "", "", "", ""), DROPPING(", attn_drop=0.3" LAYER("0.3"), "", "", "", ""));
    same_training(DROPPING(", proj_drop=0.3", "", "", "", ""), DROPPING(LAYER("0.3"), "", "", "", ""));
    same_training(DROPPING(", proj_drop=0.75", "", "", "", ""), DROPPING(", proj_drop=0.5" LAYER("0.5"), "", "", "", ""));
    same_training(DROPPING("", ", ffn_dropout=0.3", "", "", ""), DROPPING("", FFN_CFGS(", ffn_drop=0.3"), "", "", ""));
    same_training(DROPPING("", ", ffn_dropout=0.3", "", "", ""), DROPPING("", ", ffn_dropout=0.3" FFN_CFGS(", ffn_drop=0.9"), "", "", ""));
    same_training(DROPPING("", "", "", "", ""), DROPPING(", dropout=0.0", ", ffn_dropout=0.0", "", ", attn_drop=0.0", FFN_CFGS("")));
    same_training(DROPPING_SAMPLED("", "", "", "", ""), DROPPING_SAMPLED(", dropout=0.1", "", ", dropout=0.0", ", dropout=0.1", ", ffn_dropout=0.0"));
    refused(DROPPING("", FFN_CFGS(", dropout_layer=dict(type='DropPath', drop_prob=0.1)"), "", "", ""), "dropout_layer: want type='Dropout'");
}

/* The official programs have one probability for all; the models of transformers tell three apart. */
Test(detr_dropout, dropout_of_the_official_arguments)
{
    tell_apart((const char *[]){ OFFICIAL("dropout=0.3"), OFFICIAL("dropout=0.3, attention_dropout=0.0"), OFFICIAL("dropout=0.3, activation_dropout=0.0"),
                                 OFFICIAL("dropout=0.0") }, 4);
    same_training(OFFICIAL("dropout=0.3"), OFFICIAL("dropout=0.3, attention_dropout=0.3, activation_dropout=0.3"));
    same_training(OFFICIAL(""), OFFICIAL("dropout=0.1"));
}
