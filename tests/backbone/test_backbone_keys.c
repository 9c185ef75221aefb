/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/backbone/test_backbone_keys.c -- the ready classification configs have the parameters of the official networks: every name
 * and shape of their state_dict (tests/data/keys, by `bench/peers/torch_backbones.py CLONES keys NAME`), and no other.
 */
#include <criterion/criterion.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "backbone/backbone.h"

static const char *const names[] = {
    "swin_tiny", "dat_tiny", "dat_pp_tiny", "pvt_tiny", "pvt_v2_b1", "pvt_v2_b2_li", "focal_tiny", "focal_tiny_useconv", "resnet50",
};

static bool ignored(const DfBackbone *backbone, const char *key)
{
    static const char *const always[] = { "*num_batches_tracked", "*relative_position_index", "*attn_mask" };
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (fnmatch(always[i], key, 0) == 0)
            return true;
    for (int i = 0; backbone->ignorable[i]; i++)
        if (fnmatch(backbone->ignorable[i], key, 0) == 0)
            return true;
    return false;
}

static DfShape shape_of(const char *text)
{
    DfShape shape = { 0 };
    for (int used; shape.n < DF_DIMS && sscanf(text, "%d%n", &shape.d[shape.n], &used) == 1; text += used)
        shape.n++;
    return shape;
}

/* Every line of the file is a parameter, or known and not needed; how many were parameters. */
static int compare(const char *name, const DfBackbone *backbone, const NnModel *weights)
{
    char path[512], line[512], key[256];
    int used, found = 0;
    snprintf(path, sizeof path, DF_TEST_DATA "/keys/%s.txt", name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    while (fgets(line, sizeof line, file) && sscanf(line, "%255s%n", key, &used) == 1) {
        const NnParam *param = nn_model_find(weights, key);
        if (!param) {
            cr_expect(ignored(backbone, key), "%s: no parameter %s", name, key);
            continue;
        }
        found++;
        cr_expect(df_same_shape(shape_of(line + used), param->shape), "%s has another shape of %s", name, line);
    }
    fclose(file);
    return found;
}

static void check(const char *name)
{
    char path[512];
    DfConfig *config;
    NnModel *weights;
    snprintf(path, sizeof path, DF_ROOT "/configs/classification/%s_224.py", name);
    cr_assert_eq(df_config_read(&config, path, NULL, 0), DF_OK, "%s", df_error());
    const DfNode *dict = df_node_get(df_config_root(config), "backbone");
    const DfBackbone *backbone = df_backbone_find(df_node_text(df_node_get(dict, "type"), ""));
    cr_assert_not_null(backbone, "%s", df_error());
    cr_assert_eq(nn_model_new(&weights), DF_OK);
    void *self = nn_alloc(nn_root(weights), 1, backbone->size);
    if (nn_configure(nn_root(weights), dict, backbone->opts, self, backbone->name))
        backbone->init(nn_root(weights), self);
    cr_assert_eq(nn_model_error(weights), DF_OK, "%s: %s", name, df_error());
    cr_expect_eq(compare(name, backbone, weights), nn_model_count(weights), "%s has parameters that the official network has not", name);
    nn_model_free(weights);
    df_config_free(config);
}

Test(backbone_keys, are_the_official_ones)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check(names[i]);
}
