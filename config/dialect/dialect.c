/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/dialect.c -- translates a tree by each dialect in turn.
 */
#include "config/dialect/dialect.h"

#define DF_DIALECT(x) extern const DfDialect df_dialect_##x;
#include "config/dialect/list.def"
#undef DF_DIALECT

#define DF_DIALECT(x) &df_dialect_##x,
static const DfDialect *const dialects[] = {
#include "config/dialect/list.def"
};
#undef DF_DIALECT

int df_dialect_translate(DfConfig *tree)
{
    int error = DF_OK;
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects && error == DF_OK; i++)
        if (dialects[i]->tells(tree->root))
            error = dialects[i]->translate(tree);
    return error;
}

bool df_dialect_is_foreign(const DfNode *root)
{
    bool foreign = false;
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
        foreign = foreign || dialects[i]->tells(root);
    return foreign;
}
