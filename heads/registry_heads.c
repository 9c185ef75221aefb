/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/registry_heads.c -- the heads of list.def as tables, one for each kind and one of all.
 */
#include "heads/heads.h"

#include <string.h>

#define DF_DENSE_HEAD(name) extern const DfDenseHead df_head_##name;
#define DF_REGION_HEAD(name) extern const DfRegionHead df_head_##name;
#define DF_BOX_HEAD(name) extern const DfBoxHead df_head_##name;
#define DF_MASK_HEAD(name) extern const DfMaskHead df_head_##name;
#define DF_PIXEL_HEAD(name) extern const DfPixelHead df_head_##name;
#define DF_SET_HEAD(name) extern const DfSetHead df_head_##name;
#include "heads/list.def"

const DfDenseHead *const df_dense_heads[] = {
#define DF_DENSE_HEAD(name) &df_head_##name,
#include "heads/list.def"
    NULL
};

const DfRegionHead *const df_region_heads[] = {
#define DF_REGION_HEAD(name) &df_head_##name,
#include "heads/list.def"
    NULL
};

const DfBoxHead *const df_box_heads[] = {
#define DF_BOX_HEAD(name) &df_head_##name,
#include "heads/list.def"
    NULL
};

const DfMaskHead *const df_mask_heads[] = {
#define DF_MASK_HEAD(name) &df_head_##name,
#include "heads/list.def"
    NULL
};

const DfPixelHead *const df_pixel_heads[] = {
#define DF_PIXEL_HEAD(name) &df_head_##name,
#include "heads/list.def"
    NULL
};

const DfSetHead *const df_set_heads[] = {
#define DF_SET_HEAD(name) &df_head_##name,
#include "heads/list.def"
    NULL
};

const void *const df_heads[] = {
#define DF_DENSE_HEAD(name) &df_head_##name,
#define DF_REGION_HEAD(name) &df_head_##name,
#define DF_BOX_HEAD(name) &df_head_##name,
#define DF_MASK_HEAD(name) &df_head_##name,
#define DF_PIXEL_HEAD(name) &df_head_##name,
#define DF_SET_HEAD(name) &df_head_##name,
#include "heads/list.def"
    NULL
};

/* ---- by name ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const void *table;
} kinds[] = {
    { "dense head", df_dense_heads }, { "region head", df_region_heads }, { "box head", df_box_heads },
    { "mask head", df_mask_heads },   { "pixel head", df_pixel_heads },   { "set head", df_set_heads },
};

static bool has(const void *table, const char *type)
{
    DfPlugin p;
    for (int i = 0; df_plugin_at(table, i, &p); i++)
        if (strcmp(p.name, type) == 0)
            return true;
    return false;
}

/* A head of another kind is named as such: its name is not misspelt, it stands in the wrong place. */
static const void *find(const char *kind, const char *type, const void *table)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].table != table && has(kinds[i].table, type)) {
            df_fail(DF_EVALUE, "%s is a %s: want a %s", type, kinds[i].name, kind);
            return NULL;
        }
    return df_plugin_find(kind, type, table);
}

const DfDenseHead *df_dense_head_find(const char *type)
{
    return find("dense head", type, df_dense_heads);
}

const DfRegionHead *df_region_head_find(const char *type)
{
    return find("region head", type, df_region_heads);
}

const DfBoxHead *df_box_head_find(const char *type)
{
    return find("box head", type, df_box_heads);
}

const DfMaskHead *df_mask_head_find(const char *type)
{
    return find("mask head", type, df_mask_heads);
}

const DfPixelHead *df_pixel_head_find(const char *type)
{
    return find("pixel head", type, df_pixel_heads);
}

const DfSetHead *df_set_head_find(const char *type)
{
    return find("set head", type, df_set_heads);
}
