/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_config_python.c -- any bytes as a Python config; what follows
 * a zero byte is an override on top of it.
 */
#include "config/tree.h"
#include "config/merge.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    int depth;
    DfInts dims;
    DfFloats rates;
    DfBools flags;
    double scale;
    bool ape;
    int style;
    const char *name;
    const DfNode *neck;
} Options;

static const DfOpt opts[] = {
    DF_OPT_INT(Options, depth, 4, 1, 100, "an integer"),
    DF_OPT_INTS(Options, dims, "[1, 2]", -1, 1000, "integers"),
    DF_OPT_FLOATS(Options, rates, "None", 0, 1, "numbers"),
    DF_OPT_BOOLS(Options, flags, "[False]", "bools"),
    DF_OPT_FLOAT(Options, scale, None, 0, 1e9, "a number"),
    DF_OPT_BOOL(Options, ape, False, "a bool"),
    DF_OPT_ENUM(Options, style, b, "a|b|None|7", "a choice"),
    DF_OPT_TEXT(Options, name, "'x'", "a text"),
    DF_OPT_DICT(Options, neck, "None", "a dict"),
    DF_OPT_END
};

static void bind(const DfNode *root)
{
    Options options;
    DfArena *arena = df_arena_new();
    if (arena)
        (void)df_bind(root, opts, &options, arena, "Options");
    df_arena_free(arena);
}

/* Every child knows its place: n counts them, last is the last, parent is the parent. */
static void check(const DfNode *node)
{
    int n = 0;
    const DfNode *last = NULL;
    for (const DfNode *child = node->first; child; child = child->next, n++) {
        if (child->parent != node || (node->kind == DF_NODE_DICT) != (child->key != NULL))
            abort();
        check(child);
        last = child;
    }
    if (n != node->n || last != node->last)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    const size_t length = zero ? (size_t)(zero - data) : size;
    DfConfig *config = NULL;
    if (df_config_parse(&config, (const char *)data, length, "fuzz.py", true) < 0)
        return 0;
    if (zero) {
        char *override = malloc(size - length);
        if (!override)
            abort();
        memcpy(override, zero + 1, size - length - 1);
        override[size - length - 1] = '\0';
        (void)df_override(config, config->root, override);
        free(override);
    }
    check(df_config_root(config));
    bind(df_config_root(config));
    (void)df_node_at(df_config_root(config), "model.backbone.depths.2");
    df_config_free(config);
    return 0;
}
