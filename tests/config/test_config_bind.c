/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/config/test_config_bind.c -- dicts into structs: defaults, every kind, and how a wrong key or value is named.
 */
#include "config/config.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

typedef struct {
    int embed_dim, style, version;
    DfInts depths;
    DfFloats rates;
    DfBools flags;
    bool ape;
    double qk_scale, mlp_ratio;
    const char *norm, *pretrained;
    const DfNode *act_cfg, *any;
} Net;

static const DfOpt opts[] = {
    DF_OPT_INT(Net, embed_dim, 96, 1, 4096, "channels"),
    DF_OPT_INTS(Net, depths, "[2, 2, 6, 2]", 1, 1000, "blocks"),
    DF_OPT_FLOATS(Net, rates, "None", 0, 1, "rates"),
    DF_OPT_BOOLS(Net, flags, "[False] * 4", "flags"),
    DF_OPT_BOOL(Net, ape, False, "position embedding"),
    DF_OPT_FLOAT(Net, qk_scale, None, 0, 1e9, "scale"),
    DF_OPT_FLOAT(Net, mlp_ratio, 4.0, 0.1, 64, "width"),
    DF_OPT_TEXT(Net, norm, "'LN'", "norm"),
    DF_OPT_TEXT(Net, pretrained, "None", "weights"),
    DF_OPT_ENUM(Net, style, detection, "detection|classification", "form"),
    DF_OPT_ENUM(Net, version, 2023, "2022|2023|None|False", "code"),
    DF_OPT_DICT(Net, act_cfg, "dict(type='GELU')", "activation"),
    DF_OPT_NODE(Net, any, "[1, 'x']", "anything"),
    DF_OPT_UNUSED(use_checkpoint, "saves memory in training"),
    DF_OPT_END
};

static int bind(const char *text, Net *net, DfArena *arena, DfConfig **config)
{
    cr_assert_eq(df_config_parse(config, text, strlen(text), "net.py", true), DF_OK, "%s", df_error());
    return df_bind(df_node_get(df_config_root(*config), "net"), opts, net, arena, "Swin");
}

Test(config_bind, defaults)
{
    DfArena *arena = df_arena_new();
    Net net;
    memset(&net, 0xff, sizeof net);
    cr_assert_eq(df_bind(NULL, opts, &net, arena, "Swin"), DF_OK, "%s", df_error());
    cr_expect_eq(net.embed_dim, 96);
    cr_assert_eq(net.depths.n, 4);
    cr_expect_eq(net.depths.v[2], 6);
    cr_expect_eq(net.rates.n, 0);
    cr_assert_eq(net.flags.n, 4);
    cr_expect_not(net.flags.v[3]);
    cr_expect_not(net.ape);
    cr_expect(isnan(net.qk_scale));
    cr_expect_float_eq(net.mlp_ratio, 4, 0);
    cr_expect_str_eq(net.norm, "LN");
    cr_expect_null(net.pretrained);
    cr_expect_eq(net.style, 0);
    cr_expect_eq(net.version, 1);
    cr_expect_str_eq(df_node_text(df_node_get(net.act_cfg, "type"), ""), "GELU");
    cr_expect_eq(net.any->n, 2);
    df_arena_free(arena);
}

Test(config_bind, every_kind_from_a_file)
{
    DfArena *arena = df_arena_new();
    DfConfig *config = NULL;
    Net net;
    const char *text = "net = dict(type='Swin', embed_dim=128.0, depths=(1, 2), rates=0.5, flags=True, ape=1, qk_scale=2, mlp_ratio=3,\n"
                       "norm='BN', pretrained='a.pth', style='classification', version=2022, act_cfg=None, any=7, use_checkpoint=[])";
    cr_assert_eq(bind(text, &net, arena, &config), DF_OK, "%s", df_error());
    cr_expect_eq(net.embed_dim, 128);
    cr_assert_eq(net.depths.n, 2);
    cr_assert_eq(net.rates.n, 1);
    cr_expect_float_eq(net.rates.v[0], 0.5, 0);
    cr_assert_eq(net.flags.n, 1);
    cr_expect(net.flags.v[0]);
    cr_expect(net.ape);
    cr_expect_float_eq(net.qk_scale, 2, 0);
    cr_expect_str_eq(net.norm, "BN");
    cr_expect_str_eq(net.pretrained, "a.pth");
    cr_expect_eq(net.style, 1);
    cr_expect_eq(net.version, 0);
    cr_expect_null(net.act_cfg);
    cr_expect_eq(net.any->integer, 7);
    df_config_free(config);
    cr_expect_str_eq(net.norm, "BN", "texts outlive the config");
    df_arena_free(arena);
}

Test(config_bind, words_for_choices)
{
    DfArena *arena = df_arena_new();
    DfConfig *config = NULL;
    Net net;
    cr_assert_eq(bind("net = dict(version=None)", &net, arena, &config), DF_OK, "%s", df_error());
    cr_expect_eq(net.version, 2);
    df_config_free(config);
    cr_assert_eq(bind("net = dict(version=False)", &net, arena, &config), DF_OK, "%s", df_error());
    cr_expect_eq(net.version, 3);
    df_config_free(config);
    df_arena_free(arena);
}

Test(config_bind, wrong_keys_and_values_are_named)
{
    static const struct { const char *text, *words; } cases[] = {
        { "net = dict(\n  depht=3)", "net.py:2: key 'net.depht': Swin has no option 'depht'; did you mean 'depths'?" },
        { "net = dict(zzzzzzzz=3)", "Swin has no option 'zzzzzzzz'" },
        { "net = dict(embed_dim=0)", "key 'net.embed_dim': Swin has embed_dim = 0, want 1 to 4096" },
        { "net = dict(embed_dim=4097)", "want 1 to 4096" },
        { "net = dict(embed_dim=-9223372036854775807)", "want 1 to 4096" },
        { "net = dict(embed_dim=1.5)", "Swin has 'embed_dim' as a float, want an integer" },
        { "net = dict(embed_dim=float('nan'))", "want an integer" },
        { "net = dict(embed_dim=float('inf'))", "want 1 to 4096" },
        { "net = dict(embed_dim='96')", "as a string, want an integer" },
        { "net = dict(embed_dim=True)", "as a bool, want an integer" },
        { "net = dict(embed_dim=None)", "as None" },
        { "net = dict(depths=[2, 2, 0])", "key 'net.depths.2': Swin has depths = 0, want 1 to 1000" },
        { "net = dict(depths=[[2]])", "key 'net.depths.0': Swin has 'depths' as a list, want an integer" },
        { "net = dict(depths=None)", "as None" },
        { "net = dict(rates=[0.5, float('nan')])", "want 0 to 1" },
        { "net = dict(flags=[2])", "want True or False" },
        { "net = dict(mlp_ratio=float('inf'))", "want 0.1 to 64" },
        { "net = dict(mlp_ratio=-1)", "want 0.1 to 64" },
        { "net = dict(mlp_ratio=None)", "as None" },
        { "net = dict(norm=5)", "as an integer, want a string" },
        { "net = dict(norm=None)", "as None, want a string" },
        { "net = dict(style='detektion')", "Swin has style = 'detektion', want one of detection|classification" },
        { "net = dict(style='')", "want one of" },
        { "net = dict(style='detection|classification')", "want one of" },
        { "net = dict(act_cfg='GELU')", "as a string, want a dict" },
        { "net = [1]", "a list for Swin, want a dict" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        DfArena *arena = df_arena_new();
        DfConfig *config = NULL;
        Net net;
        cr_expect_eq(bind(cases[i].text, &net, arena, &config), DF_EVALUE, "%s", cases[i].text);
        cr_expect_not_null(strstr(df_error(), cases[i].words), "%s: %s", cases[i].text, df_error());
        df_config_free(config);
        df_arena_free(arena);
    }
}

Test(config_bind, a_key_that_must_be_given)
{
    typedef struct { const char *ann_file; } Data;
    static const DfOpt data_opts[] = { DF_OPT_TEXT(Data, ann_file, NULL, "the annotations"), DF_OPT_END };
    DfArena *arena = df_arena_new();
    DfConfig *config = NULL;
    Data data;
    cr_assert_eq(df_config_parse(&config, "\ndata = dict()", 14, "d.py", true), DF_OK);
    cr_expect_eq(df_bind(df_node_get(df_config_root(config), "data"), data_opts, &data, arena, "CocoDataset"), DF_EVALUE);
    cr_expect_str_eq(df_error(), "d.py:2: key 'data': CocoDataset requires the key 'ann_file'");
    df_config_free(config);
    df_arena_free(arena);
}
