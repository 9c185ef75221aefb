/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_config_json.c -- any bytes as a JSON config.
 */
#include "config/tree.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count(const DfNode *node)
{
    int n = 1;
    for (const DfNode *child = node->first; child; child = child->next) {
        if (child->parent != node)
            abort();
        n += count(child);
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DfConfig *config = NULL;
    if (df_config_parse(&config, (const char *)data, size, "fuzz.json", false) < 0)
        return 0;
    if ((size_t)count(df_config_root(config)) > config->nodes)
        abort();
    (void)df_node_at(df_config_root(config), "model.backbone.depths.2");
    df_config_free(config);
    return 0;
}
