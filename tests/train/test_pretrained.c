/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/train/test_pretrained.c -- which weights a config names for which module, in mmengine's order.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "train/train.h"

#define PRETRAINED(file) "init_cfg=dict(type='Pretrained', checkpoint='" file "')"
#define PREFIXED(file, prefix) "init_cfg=dict(type='Pretrained', checkpoint='" file "', prefix='" prefix "')"

/* "FILE:PREFIX>MODULE ..", of what `text` names; or the sentence. */
static void expect(const char *text, const char *want)
{
    char met[512] = "";
    DfConfig *config;
    DfPretrainedList list;
    DfArena *arena = df_arena_new();
    cr_assert_not_null(arena);
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "c.py", true), DF_OK, "%s", df_error());
    if (df_pretrained_read(&list, df_config_root(config), arena) < 0)
        df_snprintf(met, sizeof met, "%s", df_error());
    else
        for (size_t i = 0; i < list.n; i++) {
            const DfPretrained *p = &list.at[i];
            df_snprintf(met + strlen(met), sizeof met - strlen(met), "%s%s%s%s>%s", i ? " " : "", p->file,
                        p->prefix ? ":" : "", p->prefix ? p->prefix : "", p->module);
        }
    cr_expect_str_eq(met, want, "%s\ngives %s", text, met);
    df_pretrained_done(&list);
    df_config_free(config);
    df_arena_free(arena);
}

Test(pretrained, of_older_configs)
{
    expect("model = dict(pretrained='torchvision://resnet50', backbone=dict(depth=50))\n", "torchvision://resnet50>backbone");
    expect("model = dict(backbone=dict(pretrained='b.pth'))\n", "b.pth>backbone");
    expect("model = dict(pretrained=None, backbone=dict())\n", "");
    expect("model = dict(type='ImageClassifier', pretrained='c.pth', backbone=dict())\n", "c.pth>");
    expect("backbone = dict(type='SwinTransformer', pretrained='b.pth')\n", "b.pth>");
}

Test(pretrained, of_modules)
{
    expect("model = dict(pretrained=None, backbone=dict(" PRETRAINED("w.pth") "))\n", "w.pth>backbone");
    expect("model = dict(backbone=dict(" PREFIXED("w.pth", "backbone.") "))\n", "w.pth:backbone.>backbone");
    expect("backbone = dict(" PREFIXED("w.pth", "backbone") ")\n", "w.pth:backbone>");
    expect("model = dict(backbone=dict(init_cfg=dict(type='Kaiming', checkpoint='w.pth')))\n", "");
    expect("model = dict(backbone=dict(init_cfg=[dict(type='Kaiming'), dict(type='Pretrained', checkpoint='w.pth')]))\n",
           "w.pth>backbone");
    expect("model = dict(backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=None)))\n", "");
    expect("model = dict(backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=3)))\n",
           "c.py:1: key 'model.backbone.init_cfg.checkpoint': an integer, want a text");
}

/* A class stands for itself there, under a name that is not that of the registry. */
Test(pretrained, of_configs_in_pure_python)
{
    expect("from mmengine.model.weight_init import PretrainedInit\ndefault_scope = 'mmdet'\n"
           "model = dict(backbone=dict(init_cfg=dict(type=PretrainedInit, checkpoint='w.pth', prefix='backbone')))\n",
           "w.pth:backbone>backbone");
}

/* The whole comes last, since its weights stay. */
Test(pretrained, in_the_order_of_mmengine)
{
    expect("model = dict(" PRETRAINED("all.pth") ", backbone=dict(" PRETRAINED("b.pth") "),\n"
           "             roi_head=dict(" PRETRAINED("r.pth") ", bbox_head=[dict(), dict(" PREFIXED("h.pth", "a.b") ")]))\n",
           "b.pth>backbone h.pth:a.b>roi_head.bbox_head.1 r.pth>roi_head all.pth>");
}
