/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/config/test_config_read.c -- files and their bases against what Python
 * makes of them (tests/scripts/config_witness.py).
 */
#include "config/config.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static DfConfig *read_file(const char *path)
{
    DfConfig *config = NULL;
    cr_assert_eq(df_config_read(&config, path, NULL, 0), DF_OK, "%s", df_error());
    return config;
}

static bool is_number(const DfNode *node)
{
    return node->kind == DF_NODE_INT || node->kind == DF_NODE_FLOAT;
}

/* JSON has no tuples, and 4.0 may come back as 4: numbers are compared by value, bit for bit. */
static void expect_equal(const DfNode *got, const DfNode *want, const char *where)
{
    if (is_number(want)) {
        cr_assert(is_number(got), "%s:%d", where, got->line);
        cr_assert(got->number <= want->number && got->number >= want->number, "%s:%d: %.17g, want %.17g", where, got->line,
                  got->number, want->number);
        return;
    }
    cr_assert_eq(got->kind, want->kind, "%s:%d", where, got->line);
    cr_assert_eq(got->boolean, want->boolean, "%s:%d", where, got->line);
    cr_assert_eq(got->n, want->n, "%s:%d: %d children, want %d", where, got->line, got->n, want->n);
    if (want->kind == DF_NODE_TEXT)
        cr_assert_str_eq(got->text, want->text);
    for (got = got->first, want = want->first; want; got = got->next, want = want->next) {
        if (want->key)
            cr_assert_str_eq(got->key, want->key);
        expect_equal(got, want, where);
    }
}

static void compare_to(const char *file, const char *name)
{
    char path[512], expected[512];
    snprintf(path, sizeof path, "%s/config/%s", DF_TEST_DATA, file);
    snprintf(expected, sizeof expected, "%s/config/%s.expected.json", DF_TEST_DATA, name);
    DfConfig *got = read_file(path), *want = read_file(expected);
    expect_equal(df_config_root(got), df_config_root(want), file);
    df_config_free(got);
    df_config_free(want);
}

static void compare(const char *name)
{
    char file[256];
    snprintf(file, sizeof file, "%s.py", name);
    compare_to(file, name);
}

Test(config_read, a_base_is_merged) { compare("child"); }
Test(config_read, yaml_as_pyyaml_and_yacs_read_it) { compare_to("yaml_values.yaml", "yaml_values"); }
Test(config_read, a_base_of_a_base_is_merged) { compare("grandchild"); }
Test(config_read, values_of_bases_in_python) { compare("base_values"); }
Test(config_read, values_of_bases_of_bases) { compare("base_values_again"); }
Test(config_read, values_of_bases_in_json) { compare_to("base_values_json.json", "base_values_json"); }
Test(config_read, windows_line_ends) { compare("windows"); }

Test(config_read, every_form_of_value)
{
    char path[512];
    snprintf(path, sizeof path, "%s/config/values.py", DF_TEST_DATA);
    DfConfig *got = read_file(path);
    const DfNode *root = df_config_root(got);
    cr_expect(df_node_at(root, "tuple_one")->is_tuple);
    cr_expect_not(df_node_at(root, "ints")->is_tuple);
    cr_expect(isinf(df_node_number(df_node_at(root, "floats.5"), 0)));
    cr_expect_eq(df_node_int(df_node_at(root, "ints.9"), 0), INT64_MAX);
    cr_expect_null(df_node_get(root, "__private"));
    cr_expect_null(df_node_get(root, "gone"));
    df_config_free(got);
    compare("values");
}

/* The same after a way through our own writer, as JSON and as Python. */
Test(config_read, what_is_written_reads_back)
{
    static const char *const names[] = { "values", "child" }, *const ends[] = { "json", "py" };
    for (int i = 0; i < 4; i++) {
        char path[512], copy[64];
        snprintf(path, sizeof path, "%s/config/%s.py", DF_TEST_DATA, names[i / 2]);
        snprintf(copy, sizeof copy, "test_config_copy_%d.%s", (int)getpid(), ends[i % 2]);
        DfConfig *config = read_file(path);
        cr_assert_eq(df_config_write(df_config_root(config), copy, i % 2 == 1), DF_OK, "%s", df_error());
        DfConfig *back = read_file(copy);
        expect_equal(df_config_root(back), df_config_root(config), names[i / 2]);
        df_config_free(back);
        df_config_free(config);
        remove(copy);
    }
}

static void expect_refused(const char *name, const char *words)
{
    char path[512];
    snprintf(path, sizeof path, "%s/config/%s", DF_TEST_DATA, name);
    DfConfig *config = NULL;
    cr_assert_lt(df_config_read(&config, path, NULL, 0), 0, "%s was read", name);
    cr_expect_null(config);
    cr_expect_not_null(strstr(df_error(), words), "%s", df_error());
}

Test(config_read, bad_bases_are_refused)
{
    expect_refused("cycle_a.py", "is a base of itself");
    expect_refused("duplicate.py", "the key 'norm_cfg' is in another base too");
    expect_refused("dict_over_list.py", "dict_over_list.py:3: key 'model.neck': a dict, but the base has a list");
    expect_refused("not_there.py", "No such file");
    expect_refused("no_config.toml", "want a config file that ends in .py, .json or .yaml");
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    cr_assert_not_null(file);
    cr_assert_gt(fprintf(file, "_base_ = '%s/config/base_model.py'\n%s\n", DF_TEST_DATA, text), 0);
    cr_assert_eq(fclose(file), 0);
}

Test(config_read, bad_values_of_bases_are_refused)
{
    static const struct { const char *text, *words; } cases[] = {
        { "a = {{ _base_.modle }}", ":2: key 'a': {{ _base_.modle }}: no base has the key 'modle'; did you mean 'model'?" },
        { "\na = dict(b=[{{ _base_.model.nek }}])", ":3: key 'a.b.0': {{ _base_.model.nek }}: no base has the key 'nek'; did you mean 'neck'?" },
        { "a = {{ _base_.model.neck.0 }}", "'0' of a list, want a key of a dict" },
        { "a = {{ _base_.model. }}", "no base has the key ''" },
        { "a = '{{ _base_.model }}'", ":2: key 'a': {{ _base_.model }} inside a string or key, want it alone" },
        { "a = 'x/{{_base_.model.type}}.pth'", "inside a string" },
        { "a = {{ _base_.model.type }} + '.pth'", "cannot compute a value of a base + a string" },
        { "a = {{ _base_.model }}['neck']", "want dict['key'] or list[number]" },
        { "a = dict(**{{ _base_.model }})", "met a value of a base, want a dict" },
        { "a = {{{ _base_.model.type }}: 1}", "a value of a base as a key, want a string" },
        { "a = {'{{ _base_.model }}': 1}", "inside a string or key" },
        { "_base_ = [{{ _base_.model.type }}]", "a value of a base, want the name of a file" },
        { "a = {{ _base_ }}", ":2: " },
        { "del _base_\na = {{ _base_.model }}", ":3: key 'a': {{ _base_.model }}: the file names no _base_" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[64];
        DfConfig *config = NULL;
        snprintf(name, sizeof name, "test_config_base_value_%d.py", (int)getpid());
        write_file(name, cases[i].text);
        cr_expect_lt(df_config_read(&config, name, NULL, 0), 0, "%s was read", cases[i].text);
        cr_expect_not_null(strstr(df_error(), cases[i].words), "%s: %s", cases[i].text, df_error());
        df_config_free(config);
        remove(name);
    }
}

static DfConfig *with_overrides(const char *const *overrides, int n)
{
    char path[512];
    snprintf(path, sizeof path, "%s/config/child.py", DF_TEST_DATA);
    DfConfig *config = NULL;
    cr_assert_eq(df_config_read(&config, path, overrides, n), DF_OK, "%s", df_error());
    return config;
}

Test(config_override, values_reach_their_place)
{
    static const char *const overrides[] = { "model.backbone.depth=152", "model.neck.0.num_outs=7", "optimizer.betas.1=0.95",
                                             "optimizer.name=sgd-like", "data_root=/data/coco", "flag=true", "none=None",
                                             "scales=[(1, 2), 3]", "pair=1,2", "lr=1e-3", "model.test_cfg=dict(score_thr=0.1)",
                                             "model.backbone=dict(_delete_=True, type='Swin')" };
    DfConfig *config = with_overrides(overrides, sizeof overrides / sizeof *overrides);
    const DfNode *root = df_config_root(config);
    cr_expect_str_eq(df_node_text(df_node_at(root, "model.backbone.type"), ""), "Swin");
    cr_expect_eq(df_node_at(root, "model.backbone")->n, 1);
    cr_expect_eq(df_node_int(df_node_at(root, "model.neck.0.num_outs"), 0), 7);
    cr_expect_float_eq(df_node_number(df_node_at(root, "optimizer.betas.1"), 0), 0.95, 0);
    cr_expect_str_eq(df_node_text(df_node_at(root, "optimizer.name"), ""), "sgd-like");
    cr_expect_str_eq(df_node_text(df_node_at(root, "data_root"), ""), "/data/coco");
    cr_expect(df_node_bool(df_node_at(root, "flag"), false));
    cr_expect_eq(df_node_at(root, "none")->kind, DF_NODE_NONE);
    cr_expect_eq(df_node_int(df_node_at(root, "scales.0.1"), 0), 2);
    cr_expect(df_node_at(root, "pair")->is_tuple);
    cr_expect_float_eq(df_node_number(df_node_at(root, "lr"), 0), 1e-3, 0);
    cr_expect_float_eq(df_node_number(df_node_at(root, "model.test_cfg.score_thr"), 0), 0.1, 0);
    cr_expect_str_eq(df_node_text(df_node_at(root, "model.test_cfg.nms.type"), ""), "soft_nms", "the rest of the dict stays");
    df_config_free(config);
}

/* Of the parts that any config may have, those that are missing here are near to other keys. */
Test(config_override, common_parts_are_no_slips)
{
    static const char *const parts[] = { "runner.max_epochs=2", "data.samples_per_gpu=4", "optimizer.lr=0.1",
                                         "lr_config.policy='poly'", "train_cfg.augments=None" };
    char path[512];
    snprintf(path, sizeof path, "%s/config/near_parts.py", DF_TEST_DATA);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        DfConfig *config = NULL;
        cr_assert_eq(df_config_read(&config, path, &parts[i], 1), DF_OK, "%s", df_error());
        df_config_free(config);
    }
}

Test(config_override, slips_are_refused)
{
    static const struct { const char *text, *words; } cases[] = {
        { "modle.backbone.depth=1", "--set: key 'modle': there is no such key; did you mean 'model'?" },
        { "model.backbon.depth=1", "did you mean 'backbone'?" },
        { "lod_from='w.pth'", "--set: key 'lod_from': there is no such key; did you mean 'load_from'?" },
        { "data.sample_per_gpu=8", "key 'data.sample_per_gpu': there is no such key; did you mean 'samples_per_gpu'?" },
        { "model.neck.4.num_outs=1", "want a number below 1" },
        { "model.neck.first=1", "want a number below 1" },
        { "model", "want key=value" },
        { "=1", "want keys separated by dots" },
        { "model..depth=1", "want keys separated by dots" },
        { "scales=[1, 2", "the text ends here, want ',' or ']'" },
        { "scales=[{{ _base_.model }}]", "there are no bases here" },
        { "total_epochs.max=1", "the base has an integer here" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/config/child.py", DF_TEST_DATA);
        DfConfig *config = NULL;
        cr_assert_lt(df_config_read(&config, path, &cases[i].text, 1), 0, "%s", cases[i].text);
        cr_expect_not_null(strstr(df_error(), cases[i].words), "%s: %s", cases[i].text, df_error());
    }
}

/* Each allocation fails once: an error, and nothing is left behind. */
Test(config_read, running_out_of_memory)
{
    char path[512];
    snprintf(path, sizeof path, "%s/config/base_values_again.py", DF_TEST_DATA);
    const char *override = "model.backbone.depth=18";
    const size_t before = df_memory().now;
    int error = DF_ENOMEM;
    for (size_t n = 1; error != DF_OK; n++) {
        cr_assert_lt(n, 1000);
        DfConfig *config = NULL;
        df_memory_fail_at(n, true);
        error = df_config_read(&config, path, &override, 1);
        df_memory_fail_at(0, false);
        df_config_free(config);
        cr_expect(error == DF_OK || error == DF_ENOMEM, "allocation %zu: %d %s", n, error, df_error());
        cr_expect_eq(df_memory().now, before);
    }
}
